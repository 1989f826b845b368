// SPDX-License-Identifier: MIT
/* Host -> PSE. */
#ifndef TCBIND_EDGE_PSE_H
#define TCBIND_EDGE_PSE_H

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

/* CALL_PSE_START. Returns the certified AK (edge/certified_ak.h). Refused with "pse.bank.unlocked" while
 * the MSR bank is not locked. */
struct pse_start {
	struct span platform_name; /* text, a label chosen by the host; at most LIMIT_NAME */
	struct span stored_ledger; /* (u8 slot, sized bytes) each: STORE_PSE_LEDGER, then STORE_PSE_LEDGER_STEP in order; empty on first boot */
};

void pse_start_encode(struct writer *w, const struct pse_start *m);
enum tcb_error pse_start_decode(struct span bytes, struct pse_start *ret_m) MUST_USE;

/* CALL_MIGE_PEER: a message of another enclave, on a session that the host numbers. CALL_PSE_PEER: 1 to PSE_TOGETHER_MAX of them, so that
 * what many vTPMs wrote at once is committed by one call. */
struct peer_message {
	uint64_t session; /* chosen by the host; one for each pair of enclave processes */
	struct span message; /* edge/local.h */
};

#define PSE_TOGETHER_MAX 32u

void peer_message_encode(struct writer *w, const struct peer_message *m);
enum tcb_error peer_message_read(struct reader *r, struct peer_message *ret_m) MUST_USE;
enum tcb_error peer_message_decode(struct span bytes, struct peer_message *ret_m) MUST_USE;

/* What CALL_PSE_PEER returns for each, in their order. */
struct peer_reply {
	enum tcb_error error; /* of the session; a refusal of the PSE is in its reply */
	struct span bytes;    /* the reply (edge/local.h); or an encoded diagnosis */
};

void peer_reply_encode(struct writer *w, const struct peer_reply *m);
enum tcb_error peer_reply_read(struct reader *r, struct peer_reply *ret_m) MUST_USE;
enum tcb_error peer_reply_decode(struct span bytes, struct peer_reply *ret_m) MUST_USE; /* the only one */

#endif
