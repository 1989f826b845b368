// SPDX-License-Identifier: MIT
/* Host -> vTPM enclave. */
#ifndef TCBIND_EDGE_VTPM_H
#define TCBIND_EDGE_VTPM_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "edge/data_channel.h"

/* What the vTPM is, as `tcbind vtpm show` names it. */
enum vtpm_state {
	VTPM_NEW = 0,      /* manufactured, never initialised */
	VTPM_INCOMING = 1, /* an empty place that a migration fills */
	VTPM_RUNNING = 2,
	VTPM_STOPPED = 3,
	VTPM_ESCROWED = 4, /* handed to the MigE for a hand-over that is not decided */
	VTPM_MOVED = 5,    /* granted to another platform: never runs here again with this generation */
};

/* Where a vTPM's seeds come from. Those of an imported one were once outside of any enclave: whoever had its former state knows them. */
enum vtpm_origin { ORIGIN_MANUFACTURED = 1, ORIGIN_IMPORTED = 2 };

/* CALL_VTPM_INIT. */
enum vtpm_init_flag {
	INIT_DELETE_VOLATILE = 1, /* the volatile state that it resumes from is not resumed from again */
	INIT_NO_SHUTDOWN = 2,     /* at its end no TPM2_Shutdown is sent in place of a guest that sent none */
};

/* CALL_VTPM_CREATE: manufactures a TPM (EPS, EK, AK, NV indices) and stores it, or an empty place. */
struct vtpm_create {
	struct uuid id;
	bool incoming;
	struct span policy;       /* the owner's migration policy, JSON; empty: the built-in default */
	struct span recovery_key; /* P-256 point, 64 bytes, or empty */
	struct span tpm_state;    /* libtpms' permanent state of a TPM that becomes this vTPM, or empty: a new one */
	struct span tpm_volatile; /* its volatile state, or empty */
	uint16_t keys;            /* more endorsement keys to make with it: 1 << enum vtpm_key */
	uint8_t pcr_banks;        /* the only ones to be active: enum pcr_bank; 0: those that are */
};

enum pcr_bank { BANK_SHA1 = 1, BANK_SHA256 = 2, BANK_SHA384 = 4, BANK_SHA512 = 8, BANKS_ALL = 15 };

void vtpm_create_encode(struct writer *w, const struct vtpm_create *m);
enum tcb_error vtpm_create_decode(struct span bytes, struct vtpm_create *ret_m) MUST_USE;

/* CALL_VTPM_LOAD */
struct vtpm_load {
	struct uuid id;     /* the place the host means; a state of another vTPM is refused */
	struct span sealed; /* what STORE_VTPM_STATE last held */
	struct span volatile_sealed; /* what STORE_VTPM_VOLATILE last held; may be empty */
};

void vtpm_load_encode(struct writer *w, const struct vtpm_load *m);
enum tcb_error vtpm_load_decode(struct span bytes, struct vtpm_load *ret_m) MUST_USE;

/* CALL_VTPM_SERVE */
struct vtpm_serve {
	uint8_t locality;    /* of commands without a prefix */
	bool prefixes;       /* a TCG prefix is taken: struct data_channel */
	struct span pending; /* what was read of the channel already and is not a whole command; at most DATA_PENDING_MAX */
};

void vtpm_serve_encode(struct writer *w, const struct vtpm_serve *m);
enum tcb_error vtpm_serve_decode(struct span bytes, struct vtpm_serve *ret_m) MUST_USE;

/* Its return. */
struct vtpm_served {
	bool closed; /* the other end closed the channel */
	uint8_t locality;
	struct span pending;
};

void vtpm_served_encode(struct writer *w, const struct vtpm_served *m);
enum tcb_error vtpm_served_decode(struct span bytes, struct vtpm_served *ret_m) MUST_USE;

/* What most calls return. */
struct vtpm_status {
	enum vtpm_state state;
	uint64_t generation; /* of the current residence; 0 while incoming */
	struct digest256 digest; /* SHA-256 of the sealed state that was stored last */
};

#define VTPM_STATUS_SIZE (1 + 8 + SHA256_SIZE) /* encoded */

void vtpm_status_encode(struct writer *w, const struct vtpm_status *m);
enum tcb_error vtpm_status_decode(struct span bytes, struct vtpm_status *ret_m) MUST_USE;

/* The keys of a vTPM, from its seeds. The first two are made with it, the others by CALL_VTPM_ADD_KEY (RSA takes its time). */
enum vtpm_key {
	KEY_EK_P256 = 0,    /* template L-2 of the TCG EK Credential Profile */
	KEY_AK = 1,         /* restricted signing, ECDSA P-256 with SHA-256 */
	KEY_EK_P384 = 2,    /* template H-3, as swtpm_setup makes it */
	KEY_EK_RSA2048 = 3, /* template L-1 */
	KEY_EK_RSA3072 = 4, /* template H-6 */
	/* In the same places, no standard EKs: what swtpm_setup makes with --allow-signing, without and with --decryption */
	KEY_EK_P384_SIGNS = 5, KEY_EK_P384_BOTH = 6,
	KEY_EK_RSA2048_SIGNS = 7, KEY_EK_RSA2048_BOTH = 8,
	KEY_EK_RSA3072_SIGNS = 9, KEY_EK_RSA3072_BOTH = 10,
	KEY_COUNT,
};

/* Blob types of GET_BLOB and SET_BLOB: the numbers of swtpm's CMD_GET_STATEBLOB. */
enum vtpm_blob { BLOB_PERMANENT = 1, BLOB_VOLATILE = 2, BLOB_SAVESTATE = 3 };

#endif
