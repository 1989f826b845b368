// SPDX-License-Identifier: MIT
/* Messages between two Migration Enclaves, inside their mutually attested TLS 1.3 session (RA-TLS: each
 * certificate is self-signed and carries a QUOTE over its key in an extension). Each message is
 * u32 size | u8 kind | body. D is the destination (opens the connection), S the source.
 *
 *   both    WAN_ATTEST   certified AK, collateral   first message of each side; judged before any other
 *   D -> S  WAN_ASK      handover id, vtpm id, generation, identity of the vTPM enclave that asks
 *   S -> D  WAN_CHALLENGE  32-byte nonce
 *   D -> S  WAN_REDEEM   platform quote over wan_commitment(nonce, D's TLS key), event log
 *   S -> D  WAN_GRANT    key, custody record, custody proof   or WAN_REFUSE  diagnosis
 * WAN_ASK again after a lost answer starts over; the same destination platform gets the same grant. Later, once the vTPM is durable there:
 *   D -> S  WAN_CONFIRM    handover id: it has arrived, S need keep nothing for it
 *   S -> D  WAN_CONFIRMED  the same: nothing is kept   or WAN_REFUSE
 * WAN_CONFIRM may be repeated; a WAN_ASK after it is refused. A destination that cannot adopt what it was granted:
 *   D -> S  WAN_RETURN     handover id: no enclave of D will ever adopt it; S may go on
 *   S -> D  WAN_RETURNED   the same   or WAN_REFUSE
 * WAN_RETURN may be repeated. */
#ifndef TCBIND_EDGE_WAN_H
#define TCBIND_EDGE_WAN_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/reader.h"
#include "core/wipe.h"
#include "core/writer.h"

enum wan_kind {
	WAN_ATTEST = 1,
	WAN_ASK = 2,
	WAN_CHALLENGE = 3,
	WAN_REDEEM = 4,
	WAN_GRANT = 5,
	WAN_REFUSE = 6,
	WAN_CONFIRM = 7,
	WAN_CONFIRMED = 8,
	WAN_RETURN = 9,
	WAN_RETURNED = 10,
};

struct wan_attest {
	struct span certified_ak; /* edge/certified_ak.h */
	struct span collateral;   /* edge/collateral.h */
};

struct wan_ask {
	struct handover_id handover;
	struct uuid id;
	uint64_t generation;
	struct enclave_identity enclave; /* from the REPORT of the vTPM enclave that asks */
};

struct wan_redeem {
	struct span platform_quote; /* edge/tpm_quote.h */
	struct span event_log;
};

struct wan_grant {
	struct span key_bytes;      /* 32 bytes */
	struct span custody_record;
	struct span custody_proof; /* of the key that signed the record */
};

void wan_attest_encode(struct writer *w, const struct wan_attest *m);
enum tcb_error wan_attest_decode(struct span bytes, struct wan_attest *ret_m) MUST_USE;
void wan_ask_encode(struct writer *w, const struct wan_ask *m);
enum tcb_error wan_ask_decode(struct span bytes, struct wan_ask *ret_m) MUST_USE;
void wan_redeem_encode(struct writer *w, const struct wan_redeem *m);
enum tcb_error wan_redeem_decode(struct span bytes, struct wan_redeem *ret_m) MUST_USE;
void wan_grant_encode(struct writer *w, const struct wan_grant *m);
enum tcb_error wan_grant_decode(struct span bytes, struct wan_grant *ret_m) MUST_USE;

#endif
