// SPDX-License-Identifier: MIT
/* What a policy wants of a custody chain whose form, signatures and order are good
 * (verify/appraise/custody.c). */
#ifndef TCBIND_VERIFY_APPRAISE_CUSTODY_RULES_H
#define TCBIND_VERIFY_APPRAISE_CUSTODY_RULES_H

#include "edge/custody.h"
#include "edge/custody_summary.h"
#include "verify/appraise/custody_proof.h"
#include "verify/appraise/evidence.h"

/* A chain with its members decoded. Borrowed from the evidence. */
struct custody_view {
	struct custody_chain chain;
	bool has_summary;
	struct custody_summary summary;
	struct custody_record records[LIMIT_CUSTODY_RECORDS];
	struct proven_mige proofs[LIMIT_CUSTODY_PROOFS];
};

struct custody_judge {
	struct span collateral[2]; /* what former platforms can be judged by; empty: none */
	const struct policy *policy;
	uint64_t now_s;
	struct checks *checks;
};

/* The proof of this key, or NULL. */
const struct proven_mige *custody_proof_of(const struct custody_view *v,
					   const struct p256_point *mige_key);
/* PPID of the processor that the vTPM was on when record `i` was signed (`i` the number of records:
 * now). NULL: not known. */
const uint8_t *custody_processor_before(const struct custody_view *v, size_t i);
/* `known` NULL: any is. */
bool custody_is_processor(const uint8_t *known, const uint8_t ppid[PPID_SIZE]);

/* Number of hand-overs, listed platforms, and whether an unlisted platform may answer. Returns as
 * quote_appraise() does. */
enum tcb_error custody_judge_rules(const struct custody_judge *judge, const struct custody_view *v,
				   const struct evidence_claims *claims) MUST_USE;

#endif
