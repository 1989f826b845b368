// SPDX-License-Identifier: MIT
/* The custody chain: a signed summary of the oldest hand-overs, a signed record for each later one,
 * up to the residence that answers, and proofs of the Migration Enclaves that signed last
 * (edge/custody.h). */
#ifndef TCBIND_VERIFY_APPRAISE_CUSTODY_H
#define TCBIND_VERIFY_APPRAISE_CUSTODY_H

#include "verify/appraise/evidence.h"

/* Checks the chain against the request and the platform, and an unlisted platform against the
 * policy's rule. Form, signatures, order and proofs are always checked. The processors of former
 * platforms are judged only where the policy's rule rests on them: by `collateral`, or by that of
 * `in` for former platforms. Returns as quote_appraise() does. */
enum tcb_error custody_appraise(struct span chain, struct span collateral,
				const struct evidence_inputs *in, const struct policy *policy,
				struct checks *checks, struct evidence_claims *claims) MUST_USE;

#endif
