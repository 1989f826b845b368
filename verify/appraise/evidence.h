/* Evidence (edge/evidence.h), judged whole: from the root certificate down to the nonce. */
#ifndef TCBIND_VERIFY_APPRAISE_EVIDENCE_H
#define TCBIND_VERIFY_APPRAISE_EVIDENCE_H

#include "edge/endorsement.h"
#include "edge/evidence.h"
#include "verify/appraise/platform.h"

struct evidence_claims {
	struct evidence_request request;
	struct platform_claims platform;
	struct endorsement endorsement;
	struct digest256 guest_pcrs[LIMIT_PCRS];
	size_t custody_count;
	char platform_name[LIMIT_NAME + 1]; /* the policy's for a listed platform, else the claimed one */
};

/* `nonce` empty: freshness is not checked, and a not-run check says so. `collateral`: the caller's document, or empty for the stapled one.
 * Returns as quote_appraise() does. The claims borrow from `bytes` and `policy`. */
enum tcb_error evidence_appraise(struct span bytes, const struct policy *policy, struct span nonce, struct span collateral,
				 uint64_t now_s, struct checks *checks, struct evidence_claims *ret_claims) MUST_USE;

#endif
