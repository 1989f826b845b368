// SPDX-License-Identifier: MIT
#include "verify/appraise/platform.h"

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "verify/appraise/age.h"
#include "verify/appraise/clocks.h"
#include "verify/appraise/log_rules.h"
#include "verify/appraise/memo.h"
#include "verify/appraise/merkle.h"
#include "verify/appraise/pcrs.h"
#include "verify/appraise/reference.h"
#include "verify/appraise/tpm.h"
#include "verify/appraise/quote_expect.h"

#define LAYER "platform"

/* The quote must be over exactly these claims. */
static bool check_certified_ak(const struct certified_ak *ak, const struct quote_claims *quote, struct checks *checks)
{
	const struct span parts[] = { span_of_text(CERTIFIED_AK_LABEL), ak->claims_bytes };
	uint8_t wanted[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	if (crypto_sha256_all(parts, 2, &digest) != TCB_OK)
		return false;
	memcpy(wanted, digest.bytes, sizeof digest.bytes);
	return check_bytes(checks, LAYER, "certified_ak.report_data", "platform.ak.binding", SPAN_OF(wanted),
			   SPAN_OF(quote->report_data));
}

static bool check_ak_source(const struct certified_ak *ak, const struct policy *policy, struct checks *checks)
{
	bool msr = ak->ak_source == AK_SOURCE_MSR;

	return check_value(checks, LAYER, "ak_source", "platform.ak.source", msr || policy->accept_enrolled,
			  policy->accept_enrolled ? "msr or enrolled" : "msr", msr ? "msr" : "enrolled");
}

static bool check_quote(const struct platform_evidence *evidence, struct platform_claims *claims, struct checks *checks)
{
	struct p256_signature signature;
	struct tpm_attest attest;
	struct p256_point key;
	struct digest256 root = {{0}};
	struct tpm_quote q;

	if (!check_that(checks, LAYER, "tpm_quote", "platform.tpm.malformed",
			tpm_quote_decode(evidence->platform_quote, &q) == TCB_OK && q.has_path &&
				tpm_attest_decode(q.attest, &attest) == TCB_OK &&
				tpm_signature_decode(q.signature, &signature) == TCB_OK,
			"a quote over SHA-256 PCR 0..23 with its Merkle path", "something else") ||
	    !check_that(checks, LAYER, "ak", "platform.ak.key", tpm_ak_decode(claims->ak.ak_public, &key) == TCB_OK,
			"a restricted P-256 signing key of the TPM itself", "another key"))
		return false;
	claims->clock = attest.clock;
	return check_that(checks, LAYER, "tpm_quote.signature", "platform.tpm.signature",
			  memo_verify(checks->memo, &key, &q.attest, 1, &signature) == TCB_OK, "signed by the certified AK",
			  "a signature that does not check: another platform's quote, or altered") &&
	       check_that(checks, LAYER, "tpm_quote.path", "platform.tpm.path",
			  merkle_path_root(&evidence->commitment, q.leaf_index, q.leaf_count, q.path, &root) == TCB_OK,
			  "an inclusion proof of this shape", "another shape") &&
	       check_bytes(checks, LAYER, "tpm_quote.qualifying_data", "platform.tpm.commitment", SPAN_OF(root.bytes),
			   attest.qualifying) &&
	       pcrs_check_digest(q.pcrs, &attest.pcr_digest, LAYER, "platform.tpm.pcrs", checks, claims->pcrs);
}

static bool check_listed(struct platform_claims *claims, const struct policy *policy, struct checks *checks)
{
	const struct policy_platform *listed = policy_find_platform(policy, &claims->ak_name);

	claims->listed = listed;
	if (listed == NULL)
		return check_that(checks, LAYER, "platform", "platform.unlisted",
				  policy->unlisted_platforms != UNLISTED_REFUSE, "a platform that the policy lists",
				  "an AK that it does not list");
	return (!listed->has_ppid || check_bytes(checks, LAYER, "ppid", "platform.ppid", SPAN_OF(listed->ppid),
						 SPAN_OF(claims->quote.ppid))) &&
	       clock_check(&claims->clock, &listed->clock, LAYER, "platform.tpm.clock", checks);
}

/* Reference values that a policy names and nobody has loaded would be rules that nobody applies. */
static bool check_references(const struct policy *policy, uint64_t now_s, struct checks *checks)
{
	const struct reference_values *r = policy->references;
	bool valid;

	if (policy->reference_count == 0)
		return true;
	if (r == NULL)
		return check_that(checks, "policy", "reference_values", "policy.reference.missing", false,
				  "the files of reference values that the policy names", "none were loaded");
	valid = r->from_s <= now_s && now_s <= r->until_s;
	return check_that(checks, "policy", "reference_values", "policy.reference.expired", valid, "reference values that are valid now",
			  "a CoRIM that is not valid yet, or no more");
}

/* The processor's quote with its collateral, both as documents: the same for every evidence of a platform, from boot to reset. */
static enum tcb_error judge_processor(struct span quote, struct span document, const struct policy *policy, uint64_t now_s,
				      struct checks *checks, struct quote_claims *ret_quote)
{
	struct memo_question question = { .kind = "processor", .count = 2, .value_size = sizeof *ret_quote, .parts = {quote, document} };
	bool has_collateral = document.size > 0;
	const struct memo *memo = checks->memo;
	struct collateral collateral;
	size_t first = checks->count;

	if (memo != NULL && memo->recall(memo->store, &question, now_s, checks, ret_quote))
		return TCB_OK;
	if (!check_that(checks, LAYER, "collateral", "quote.collateral.malformed",
			!has_collateral || collateral_decode(document, &collateral) == TCB_OK, "collateral, or none",
			"something else"))
		return TCB_MALFORMED;
	TRY(quote_appraise(quote, has_collateral ? &collateral : NULL, policy, now_s, checks, ret_quote));
	if (memo != NULL)
		memo->remember(memo->store, &question, ret_quote->valid_from_s, ret_quote->valid_until_s, checks, first, ret_quote);
	return TCB_OK;
}

enum tcb_error platform_certify(const struct certified_ak *ak, struct span collateral, const struct policy *policy, uint64_t now_s,
				struct checks *checks, struct quote_claims *ret_quote)
{
	TRY(judge_processor(ak->quote, collateral, policy, now_s, checks, ret_quote));
	if (!collateral_check_age(collateral, policy, now_s, checks) ||
	    !policy_check_enclave(policy, ROLE_PSE, &ret_quote->enclave, LAYER, "platform.pse", checks) ||
	    !quote_expect_plain(ret_quote, LAYER, "platform.pse", checks) || !check_certified_ak(ak, ret_quote, checks) ||
	    !check_ak_source(ak, policy, checks))
		return TCB_REFUSED;
	return TCB_OK;
}

enum tcb_error platform_appraise(const struct platform_evidence *evidence, const struct policy *policy, uint64_t now_s,
				 struct checks *checks, struct platform_claims *ret_claims)
{
	struct boot_logs logs = { .firmware = evidence->event_log, .ima = evidence->ima_log };

	*ret_claims = (struct platform_claims){0};
	if (!check_that(checks, LAYER, "certified_ak", "platform.ak.malformed",
			certified_ak_decode(evidence->certified_ak, &ret_claims->ak) == TCB_OK &&
				tpm_name_of(ret_claims->ak.ak_public, &ret_claims->ak_name) == TCB_OK,
			"a certified AK", "something else"))
		return TCB_MALFORMED;
	TRY(platform_certify(&ret_claims->ak, evidence->collateral, policy, now_s, checks, &ret_claims->quote));
	if (!check_quote(evidence, ret_claims, checks) || !check_references(policy, now_s, checks) ||
	    !logs_appraise(&logs, ret_claims->pcrs, policy, LAYER_PLATFORM, checks) ||
	    !check_listed(ret_claims, policy, checks) ||
	    !clock_check(&ret_claims->clock, &policy->clocks[LAYER_PLATFORM], LAYER, "platform.tpm.clock", checks) ||
	    !pcrs_check_policy(ret_claims->pcrs, policy, LAYER_PLATFORM, LAYER, "platform.pcr", checks))
		return TCB_REFUSED;
	return TCB_OK;
}
