// SPDX-License-Identifier: MIT
/* Messages between two enclaves of one processor, through the host, which sees only ciphertext.
 *
 * Session (initiator I asks, responder R serves; all points are ephemeral P-256):
 *   1  I -> R   LOCAL_HELLO:   u8 kind | point I | TARGETINFO of I (512)
 *   2  R -> I                  point R | TARGETINFO of R (512) | REPORT of R for I (432)
 *   3  I -> R   LOCAL_PROVE:   u8 kind | REPORT of I for R (432) | sealed request
 *   4  R -> I                  sealed reply
 *   n  I -> R   LOCAL_DATA:    u8 kind | sealed request          R -> I  sealed reply
 * T = SHA-256("tcbind local session v1" || point I || point R || TARGETINFO I || TARGETINFO R).
 * REPORT data = SHA-256(label || T) || 32 zero bytes, label "tcbind local responder" or "tcbind local initiator".
 * Keys: HKDF-SHA256(ECDH, salt T), info "tcbind local I to R" and "tcbind local R to I"; AES-256-GCM with a counter as
 * IV: a message repeated, dropped or reordered does not open, and the session is over.
 * Each side checks the peer's REPORT: MAC (same processor), MRSIGNER equal to its own, ISVPRODID the role it
 * expects, DEBUG clear, ISVSVN not below its own minimum.
 *
 * A request's plaintext is: u8 enum local_request | body. A reply's: u8 error class | body or diagnosis. */
#ifndef TCBIND_EDGE_LOCAL_H
#define TCBIND_EDGE_LOCAL_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/reader.h"
#include "core/wipe.h"
#include "core/writer.h"
#include "edge/ledger.h"
#include "edge/vtpm.h"

enum local_kind { LOCAL_HELLO = 1, LOCAL_PROVE = 2, LOCAL_DATA = 3 };

enum local_request {
	/* ---- to the PSE; bodies of the ledger's requests stand in edge/ledger.h ---- */
	LOCAL_GET_CERTIFIED_AK = 1, /* nothing -> certified AK document */
	LOCAL_ENDORSE = 2,          /* local_endorse -> endorsement document (COSE); only for the lease's holder */
	LOCAL_LEDGER_OPEN = 3,      /* ledger_entry -> ledger_lease: the asker takes the lease */
	LOCAL_LEDGER_COMMIT = 4,    /* ledger_entry -> nothing; durable when answered */
	LOCAL_CERTIFY = 6,          /* local_certify -> X.509 certificate, DER */
	LOCAL_ISSUER = 7,           /* nothing -> X.509 certificate of LOCAL_CERTIFY's issuer, DER */
	LOCAL_LEDGER_CREATE = 8,    /* ledger_entry of a TPM that was made here -> nothing; takes the lease */
	LOCAL_LEDGER_HAS = 9,       /* uuid | lineage, repeated -> for each u8 0 or 1: its register is there, u64 its generation */
	LOCAL_LEDGER_CHECK = 10,    /* uuid -> ledger_lease; refused unless the asker holds the lease */
	LOCAL_LEDGER_OFFER = 11,    /* ledger_offer -> nothing; only for the holder, and its newest state */
	LOCAL_LEDGER_EXPECT = 12,   /* ledger_arrival -> nothing; refused where it could not arrive */
	LOCAL_LEDGER_ARRIVE = 13,   /* ledger_entry -> nothing: what was granted acts here from now on */
	LOCAL_JOURNAL_OPEN = 14,    /* journal_version -> u8 1: it is one ahead; takes the journal's lease */
	LOCAL_JOURNAL_COMMIT = 15,  /* journal_version -> nothing; durable when answered */
	LOCAL_ENDORSE_MIGE = 25,    /* P-256 point: the asker's key -> MigE endorsement (COSE, edge/endorsement.h) */
	LOCAL_JOURNAL_CHECK = 26,   /* nothing -> nothing; refused unless the asker holds the journal's lease */
	LOCAL_LEDGER_GRANTED = 22,  /* ledger_handover: this one may arrive -> nothing */
	LOCAL_LEDGER_RENOUNCE = 23, /* ledger_handover: this one may not arrive any more -> nothing */
	/* ---- to the MigE ---- */
	LOCAL_ESCROW = 17,       /* local_escrow -> local_escrowed */
	LOCAL_REVOKE = 18,       /* ledger_handover, u64 generation -> u8 enum revoke_outcome */
	LOCAL_REDEEM = 19,       /* local_redeem -> local_redeemed */
	LOCAL_HAS_MOVED = 20,    /* uuid, lineage, u64 generation: was it handed over from here? -> u8 0 or 1 */
	LOCAL_ESCROW_AGAIN = 21, /* local_escrow (id, generation, key) of a grant that has not come -> local_escrowed */
	LOCAL_RENOUNCE = 24,     /* ledger_handover: granted, cannot be adopted -> nothing; durable when answered */
};

/* Only the MigE's own answer ends a hand-over for its source. An error of LOCAL_REVOKE decides nothing. */
enum revoke_outcome { REVOKE_DONE = 0, REVOKE_GRANTED = 1 };

enum certify_kind { CERTIFY_EK = 1, CERTIFY_AK = 2, CERTIFY_PLATFORM = 3 /* that an EK's vTPM is on this platform */ };

/* The PSE puts the caller's measurement in from its REPORT; the rest is the vTPM's word. */
struct local_endorse {
	struct uuid id;
	uint64_t generation;
	struct p256_point residence_key;
	struct tpm_name ek_name, ak_name;
	struct digest256 policy_digest; /* of the owner's policy; zeros where there is none */
	enum vtpm_origin origin;
};

void local_endorse_encode(struct writer *w, const struct local_endorse *m);
enum tcb_error local_endorse_decode(struct span bytes, struct local_endorse *ret_m) MUST_USE;

/* A key of the caller, and what its certificate says of the vTPM: the caller's word, as in local_endorse. */
struct local_certify {
	enum certify_kind kind;
	struct uuid id;
	uint64_t generation;
	uint32_t level, revision; /* of the TPM 2.0 library specification that the TPM implements (TPM_PT_LEVEL, TPM_PT_REVISION) */
	struct span tpmt_public;
};

void local_certify_encode(struct writer *w, const struct local_certify *m);
enum tcb_error local_certify_decode(struct span bytes, struct local_certify *ret_m) MUST_USE;

/* What a source vTPM leaves with its MigE. */
struct local_escrow {
	struct handover_id handover;
	struct uuid id;
	struct digest256 lineage;
	uint64_t generation;
	struct span key_bytes; /* 32 bytes: opens the blobs */
	struct digest256 last_custody; /* SHA-256 of the newest custody record; zeros if none */
	struct span custody;   /* its custody chain (edge/custody.h); empty: it was never handed over */
	struct span policy;    /* the owner's migration policy, JSON */
};

void local_escrow_encode(struct writer *w, const struct local_escrow *m);
enum tcb_error local_escrow_decode(struct span bytes, struct local_escrow *ret_m) MUST_USE;

/* What is to be named in the blobs' header. */
struct local_escrowed {
	struct handover_id handover;     /* the one asked for; again: the one that was granted */
	struct span address;             /* HOST:PORT of this MigE */
	struct p256_point mige_key;      /* its TLS key */
	struct span custody;             /* the chain, folded: it replaces the vTPM's; empty: the chain stays as it is */
};

void local_escrowed_encode(struct writer *w, const struct local_escrowed *m);
enum tcb_error local_escrowed_decode(struct span bytes, struct local_escrowed *ret_m) MUST_USE;

/* What a destination vTPM asks for: the header of its blobs, in short. */
struct local_redeem {
	struct handover_id handover;
	struct uuid id;
	uint64_t generation;        /* the source's */
	struct digest256 lineage;
	struct span source_address; /* HOST:PORT */
	struct p256_point source_mige_key;
};

void local_redeem_encode(struct writer *w, const struct local_redeem *m);
enum tcb_error local_redeem_decode(struct span bytes, struct local_redeem *ret_m) MUST_USE;

struct local_redeemed {
	struct span key_bytes;      /* 32 bytes */
	struct span custody_record; /* the newest, signed by the source's MigE (edge/custody.h) */
	struct span custody_proof;  /* of that MigE's key (edge/custody_proof.h) */
	struct span certified_ak;   /* this platform's */
};

void local_redeemed_encode(struct writer *w, const struct local_redeemed *m);
enum tcb_error local_redeemed_decode(struct span bytes, struct local_redeemed *ret_m) MUST_USE;

#endif
