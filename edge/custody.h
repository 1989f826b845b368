// SPDX-License-Identifier: MIT
/* The custody chain of a vTPM: who gave it to whom.
 *   chain = [bstr summary (empty: nothing is folded), [* bstr record], [* bstr proof]]
 * Records stand oldest first, at most LIMIT_CUSTODY_RECORDS. Record k gives up generation k. Older
 * records are folded into the summary (edge/custody_summary.h). A proof (edge/custody_proof.h)
 * shows that the key of a record or of the summary is a Migration Enclave's on the platform that it
 * names. Proofs stand newest first, at most LIMIT_CUSTODY_PROOFS.
 *
 * A record is one hand-over, signed by the source's MigE when it grants: COSE_Sign1 (ES256).
 *   payload = {1: bstr vTPM id, 2: uint generation given up, 3: tstr from name, 4: bstr from AK
 * name, 5: tstr to name, 6: bstr to AK name, 7: uint time (Unix seconds, the source host's clock),
 * 8: bstr SHA-256 of the record before (zeros: none), 9: bstr key of the signing MigE, 10: bstr
 * PPID of the destination's processor (zeros: the source's)} */
#ifndef TCBIND_EDGE_CUSTODY_H
#define TCBIND_EDGE_CUSTODY_H

#include "core/cbor.h"
#include "core/ids.h"
#include "core/limits.h"

#define CUSTODY_TYPE "application/vnd.tcbind.custody+cbor"

struct custody_record {
	struct uuid id;
	uint64_t generation;
	struct span from_name, to_name;
	struct tpm_name from_ak, to_ak;
	uint64_t time_s;
	struct digest256 previous;
	struct p256_point mige_key;
	uint8_t to_ppid[PPID_SIZE];
};

void custody_record_encode(struct writer *w, const struct custody_record *c);
enum tcb_error custody_record_decode(struct span payload, struct custody_record *ret_c) MUST_USE;
/* What a signed record says. Its signature is not checked: that is custody_appraise(). */
enum tcb_error custody_record_read(struct span signed_record, struct custody_record *ret_c) MUST_USE;

struct custody_chain {
	struct span summary; /* empty: none */
	size_t record_count, proof_count;
	struct span records[LIMIT_CUSTODY_RECORDS];
	struct span proofs[LIMIT_CUSTODY_PROOFS];
};

void custody_chain_encode(struct writer *w, const struct custody_chain *c);
/* The members are not looked into; their sizes are within their limits. */
enum tcb_error custody_chain_decode(struct span bytes, struct custody_chain *ret_c) MUST_USE;
/* Puts a proof first. If there is no room, the last one goes. */
void custody_chain_put_proof(struct custody_chain *c, struct span proof);

#endif
