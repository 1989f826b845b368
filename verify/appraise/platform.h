// SPDX-License-Identifier: MIT
/* One platform judged: certified AK (quote over it), and a fresh quote of its physical TPM. Used by the
 * appraisal of evidence and by the source's MigE before anything secret leaves. */
#ifndef TCBIND_VERIFY_APPRAISE_PLATFORM_H
#define TCBIND_VERIFY_APPRAISE_PLATFORM_H

#include "edge/certified_ak.h"
#include "edge/tpm_quote.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/tpm.h"

struct platform_evidence {
	struct span certified_ak;   /* edge/certified_ak.h */
	struct span collateral;     /* edge/collateral.h; empty: missing */
	struct span platform_quote; /* edge/tpm_quote.h, with path */
	struct span event_log;      /* may be empty */
	struct span ima_log;        /* may be empty */
	struct digest256 commitment; /* what the platform quote must commit to */
};

struct platform_claims {
	struct certified_ak ak; /* borrowed from the evidence */
	struct tpm_name ak_name;
	struct quote_claims quote;
	struct digest256 pcrs[LIMIT_PCRS];
	struct tpm_clock clock; /* of the physical TPM */
	const struct policy_platform *listed; /* the policy's entry, or NULL */
};

/* The part of platform_appraise() that a platform's certified AK alone shows: its quote by this collateral (empty: missing) and the
 * collateral's age, the PSE, the claims that the quote is over, the AK's source. Adds its checks; returns as quote_appraise() does. */
enum tcb_error platform_certify(const struct certified_ak *ak, struct span collateral, const struct policy *policy, uint64_t now_s,
				struct checks *checks, struct quote_claims *ret_quote) MUST_USE;

/* Adds its checks; returns as quote_appraise() does. Age of collateral, platform list, AK source, enclave (role PSE), clock, logs and PCRs are
 * judged by `policy`; where it lets custody decide, an unlisted platform is left to the caller's judgement of the custody chain. */
enum tcb_error platform_appraise(const struct platform_evidence *evidence, const struct policy *policy,
				 uint64_t now_s, struct checks *checks,
				 struct platform_claims *ret_claims) MUST_USE;

#endif
