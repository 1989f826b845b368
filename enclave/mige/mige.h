// SPDX-License-Identifier: MIT
/* The Migration Enclave: what this process is. main.c holds the only one; the modules beside it work on it.
 *   main.c         calls of the host, requests of vTPMs on this platform
 *   net.c          connections: numbers, bytes in and out, which side handles a message
 *   source.c       this platform gives: judges who asks, decides, grants; hears that it arrived
 *   destination.c  this platform takes: asks, proves itself, hands the key to its vTPM
 *   custody.c      the hand-over's record, and the proof of our key; custody_fold.c: old records become a summary
 *   tidy.c         the journal shrinks: sources are told what arrived, entries that say nothing any more go
 *   rehearse.c     a first session, with ourselves, when we start
 *   judge.c        what a peer must be (memory.c: what was judged before)      channel.c, ratls.c  TLS 1.3      journal.c  what is decided */
#ifndef TCBIND_ENCLAVE_MIGE_MIGE_H
#define TCBIND_ENCLAVE_MIGE_MIGE_H

#include <openssl/types.h>

#include "core/ids.h"
#include "core/limits.h"
#include "edge/mige.h"
#include "edge/wan.h"
#include "enclave/lib/session.h"
#include "enclave/mige/channel.h"
#include "enclave/mige/journal.h"
#include "enclave/mige/judge.h"

#define MIGE_CONNECTIONS 32 /* open at once, both ways */

enum connection_stage {
	CONNECTION_FREE = 0,
	CONNECTION_HANDSHAKE,
	CONNECTION_ATTEST,     /* both certificates are there; the peer's WAN_ATTEST is awaited */
	CONNECTION_READY,      /* the peer is judged; nothing is under way */
	CONNECTION_ASKED,      /* destination: WAN_CHALLENGE is awaited */
	CONNECTION_PROVED,     /* destination: WAN_GRANT is awaited */
	CONNECTION_CONFIRMING, /* destination: WAN_CONFIRMED is awaited */
	CONNECTION_RETURNING,  /* destination: WAN_RETURNED is awaited */
	CONNECTION_CHALLENGED, /* source: WAN_REDEEM is awaited */
	CONNECTION_BROKEN,     /* the host is to close it and say so */
};

/* What is asked of a source. */
enum request_kind {
	REQUEST_REDEEM,  /* a vTPM waits for the key */
	REQUEST_CONFIRM, /* our own: `handover` has arrived. Nobody waits */
	REQUEST_RETURN,  /* `handover` cannot be adopted. A vTPM waits, or nobody */
};

/* A request that waits for what a connection brings. */
struct mige_request {
	bool waiting;
	enum request_kind kind;
	bool cancelled; /* the hand-over was renounced meanwhile: its grant is refused */
	bool reused; /* the connection served before: if it is dead, a new one is tried */
	uint64_t session, serial; /* of the vTPM; session 0: our own */
	struct handover_id handover;
	struct uuid id;
	struct digest256 lineage;
	uint64_t generation;
	struct enclave_identity enclave; /* of the vTPM, from its REPORT */
};

struct mige_connection {
	enum connection_stage stage;
	uint64_t number;
	uint64_t last_used; /* counts calls */
	size_t address_size; /* outbound */
	uint8_t address[LIMIT_ADDRESS];
	struct mige_request request;   /* destination */
	struct wan_ask asked;          /* source: from WAN_ASK to WAN_REDEEM */
	uint8_t nonce[SHA256_SIZE];    /* source */
	struct channel channel;
	struct judged_peer peer;
};

struct mige {
	bool started;
	size_t address_size;
	uint8_t address[LIMIT_ADDRESS];
	EVP_PKEY *key; /* of this start of this enclave: TLS, custody records */
	struct p256_point public;
	SSL_CTX *tls;
	struct judge judge; /* who we are, and so who peers must be */
	struct session_server sessions; /* vTPMs of this platform */
	struct session pse;
	size_t certified_ak_size;
	uint8_t certified_ak[JUDGE_CERTIFIED_AK_MAX];
	size_t custody_proof_size; /* 0: to be made */
	uint8_t custody_proof[LIMIT_CUSTODY_PROOF];
	struct journal journal;
	uint64_t round; /* of CALL_MIGE_TIDY: the newest */
	uint64_t last_number; /* of an outbound connection */
	uint64_t calls;
	struct mige_connection connections[MIGE_CONNECTIONS];
};

/* What a call returns besides: filled by the functions below, encoded by main.c. Bytes are borrowed until the next call. */
struct mige_answer {
	bool ready;
	enum tcb_error error;
	struct span body; /* edge/local.h; on error `d` says why */
	struct diagnosis d;
};

/* The PSE takes the arrival of what was granted, and of nothing else. */
enum tcb_error mige_note_granted(struct mige *m, const struct ledger_handover *granted, struct diagnosis *d) MUST_USE;
/* This platform's certified AK, as its PSE gave it when we started. */
struct span mige_certified_ak(const struct mige *m);

/* ---- net.c ---- */

/* CALL_MIGE_NET, decoded. What goes to the network is put into `step`; a request that is decided by it, into `ret_answer` with the
 * session that it belongs to. */
void net_receive(struct mige *m, const struct mige_net *net, struct mige_step *step, struct mige_answer *ret_answer,
		 struct mige_request *ret_request);
/* Sends a vTPM's request to the MigE at `address`: on an idle connection, or on a new one. Code: mige.connections.full. */
enum tcb_error net_ask(struct mige *m, struct span address, const struct mige_request *request, struct mige_step *step,
		       struct diagnosis *d) MUST_USE;

/* A grant of this hand-over that is still under way comes to nothing. */
void net_cancel(struct mige *m, const struct handover_id *handover);

/* ---- source.c, destination.c: one message of a peer. An error ends the connection; its diagnosis is told to the peer. ---- */

/* A hand-over that begins and ends on this platform (a machine saved and restored, or moved to another place): no network and nobody to judge,
 * but the same decision, once. Appends a local_redeemed. */
enum tcb_error source_redeem_here(struct mige *m, const struct local_redeem *asked,
				  const struct enclave_identity *asker, struct writer *reply, struct diagnosis *d) MUST_USE;
/* What was granted on this platform itself is given back. */
enum tcb_error source_take_back(struct mige *m, struct journal_entry *entry, struct diagnosis *d) MUST_USE;
enum tcb_error source_receive(struct mige *m, struct mige_connection *c, enum wan_kind kind, struct span body,
			      struct diagnosis *d) MUST_USE;
/* What decides the request comes in `answer`; an error does, too. */
enum tcb_error destination_receive(struct mige *m, struct mige_connection *c, enum wan_kind kind, struct span body,
				   struct mige_answer *answer, struct diagnosis *d) MUST_USE;
/* WAN_ASK, WAN_CONFIRM or WAN_RETURN for c->request; the peer has been judged. */
enum tcb_error destination_ask(struct mige_connection *c) MUST_USE;

/* ---- custody.c, custody_fold.c (edge/custody.h) ---- */

/* Makes the proof of our key where there is none yet: the PSE endorses the key, the physical TPM quotes the endorsement. To be called
 * before a hand-over is decided. Code: mige.custody.proof. */
enum tcb_error custody_prepare(struct mige *m, struct diagnosis *d) MUST_USE;
/* The proof that custody_prepare() has made. */
struct span mige_custody_proof(const struct mige *m);
/* Appends the signed record of a hand-over that is decided now. `peer` NULL: to this platform itself. */
enum tcb_error custody_sign(const struct mige *m, const struct judged_peer *peer, const struct journal_entry *entry, uint64_t now_s,
			    struct writer *out) MUST_USE;
/* Appends a record that was signed before. If a MigE before us signed it, it is signed anew, by the key that our proof is of. */
enum tcb_error custody_sign_again(const struct mige *m, struct span record, struct writer *out) MUST_USE;
/* The grant's record is of this hand-over, from the peer to us (`own_ak`), by a key that the peer's PSE and TPM prove. Code:
 * mige.grant.record. */
enum tcb_error custody_check_grant(const struct mige_connection *c, const struct wan_grant *grant, const struct tpm_name *own_ak,
				   struct diagnosis *d) MUST_USE;
/* Makes room for one more record in the chain of a vTPM that is to be handed over: the oldest record goes into the summary, which we
 * sign. `ret_chain` is the new chain, borrowed until the next call; empty: there is room. Code: mige.custody.chain. */
enum tcb_error custody_fold(struct mige *m, const struct local_escrow *escrow, struct span *ret_chain, struct diagnosis *d) MUST_USE;

/* ---- rehearse.c ---- */

/* At the start, before there are connections. How it ends is of no consequence: what stands against this platform is said where it matters. */
void mige_rehearse(struct mige *m);

/* ---- tidy.c ---- */

/* CALL_MIGE_TIDY, decoded. Codes: mige.journal.full, mige.connections.full. */
enum tcb_error tidy_step(struct mige *m, uint64_t round, struct mige_step *step, struct diagnosis *d) MUST_USE;
/* A request of its own came to this end. */
void tidy_ended(struct mige *m, const struct mige_request *request, enum tcb_error error);

#endif
