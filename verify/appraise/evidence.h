// SPDX-License-Identifier: MIT
/* Evidence (edge/evidence.h), judged whole: from the root certificate down to the nonce. */
#ifndef TCBIND_VERIFY_APPRAISE_EVIDENCE_H
#define TCBIND_VERIFY_APPRAISE_EVIDENCE_H

#include "edge/custody.h"
#include "edge/endorsement.h"
#include "edge/evidence.h"
#include "verify/appraise/platform.h"

struct evidence_claims {
	struct evidence_request request;
	struct platform_claims platform;
	struct endorsement endorsement;
	struct digest256 guest_pcrs[LIMIT_PCRS];
	struct tpm_clock guest_clock;
	bool custody_known;
	struct custody_chain custody; /* borrowed from the evidence; form, signatures and order are good */
	uint64_t custody_count;       /* hand-overs, those in the summary included */
	char platform_name[LIMIT_NAME + 1]; /* the policy's for a listed platform, else the claimed one */
};

/* What is judged, and what the caller knows besides. Empty: not given. */
struct evidence_inputs {
	struct span evidence;
	struct span nonce;      /* without it a not-run check says so, and a policy that requires one leaves the evidence not judged */
	struct span collateral; /* edge/collateral.h; in place of the stapled one */
	struct span custody_collateral; /* edge/collateral.h; for former platforms whose processors the other does not fit */
	struct span guest_log;  /* the guest's TCG log, as the caller got it from the guest; in place of the evidence's own */
	struct span guest_ima;  /* the guest's IMA list, as the caller got it from the guest */
	uint64_t now_s;
};

/* Writes an owner's policy, known by its digest, for people and for JSON: hexadecimal digits, or "none" for zeros. */
void owner_policy_text(const struct digest256 *digest, char ret_text[CHECK_TEXT_MAX]);

/* Returns as quote_appraise() does. The claims borrow from the evidence and `policy`. */
enum tcb_error evidence_appraise(const struct evidence_inputs *in, const struct policy *policy, struct checks *checks,
				 struct evidence_claims *ret_claims) MUST_USE;

#endif
