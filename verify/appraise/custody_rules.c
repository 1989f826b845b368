// SPDX-License-Identifier: MIT
/* A policy's rules on former platforms (verify/appraise/custody_rules.h). A former platform is
 * believed only by the proof of its Migration Enclave, judged as the platform that answers is. */
#include "verify/appraise/custody_rules.h"

#include <stdio.h>

#define LAYER "custody"

const struct proven_mige *custody_proof_of(const struct custody_view *v,
					   const struct p256_point *mige_key)
{
	for (size_t i = 0; i < v->chain.proof_count; i++)
		if (memcmp(&v->proofs[i].mige.mige_key, mige_key, sizeof *mige_key) == 0)
			return &v->proofs[i];
	return NULL;
}

static bool is_zero(const uint8_t ppid[PPID_SIZE])
{
	static const uint8_t zeros[PPID_SIZE];

	return memcmp(ppid, zeros, sizeof zeros) == 0;
}

/* A hand-over on one platform names no processor: it stays the one before. */
const uint8_t *custody_processor_before(const struct custody_view *v, size_t i)
{
	while (i > 0)
		if (!is_zero(v->records[--i].to_ppid))
			return v->records[i].to_ppid;
	return v->has_summary && !is_zero(v->summary.at_ppid) ? v->summary.at_ppid : NULL;
}

bool custody_is_processor(const uint8_t *known, const uint8_t ppid[PPID_SIZE])
{
	return known == NULL || memcmp(known, ppid, PPID_SIZE) == 0;
}

/* ---- one former platform ---- */

/* Collateral that is not for this processor tells nothing about it. */
static bool is_of_another(const struct check *failure)
{
	static const char *const codes[] = {"quote.tcbinfo.fmspc", "quote.tcbinfo.pceid",
					    "quote.crl", "quote.collateral.root"};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(failure->code, codes[i]) == 0)
			return true;
	return false;
}

static const struct check *first_failure_since(const struct checks *checks, size_t first)
{
	for (size_t i = first; i < checks->count; i++)
		if (checks->list[i].result == CHECK_FAIL)
			return &checks->list[i];
	return NULL;
}

/* TCB_WRONG_STATE: this collateral cannot judge it. The checks of the judgement itself are taken
 * back; `ret_failure` is the first that failed. */
static enum tcb_error judge_by(const struct custody_judge *j, struct span collateral,
			       const struct proven_mige *proof, struct quote_claims *ret_quote,
			       struct check *ret_failure)
{
	size_t first = j->checks->count;
	bool missing = j->checks->missing;
	const struct check *failure;
	enum tcb_error error;

	error = custody_proof_judge(proof, collateral, j->policy, j->now_s, j->checks, ret_quote);
	failure = first_failure_since(j->checks, first);
	if (failure != NULL)
		*ret_failure = *failure;
	if (error != TCB_OK && failure != NULL && is_of_another(failure))
		error = TCB_WRONG_STATE;
	j->checks->count = first;
	j->checks->missing = missing;
	return error;
}

static enum tcb_error judge_processor(const struct custody_judge *j,
				      const struct proven_mige *proof,
				      struct quote_claims *ret_quote, struct check *ret_failure)
{
	enum tcb_error error = TCB_WRONG_STATE;

	for (size_t i = 0;
	     error == TCB_WRONG_STATE && i < sizeof j->collateral / sizeof j->collateral[0]; i++)
		if (j->collateral[i].size > 0)
			error = judge_by(j, j->collateral[i], proof, ret_quote, ret_failure);
	return error;
}

static bool fail_proof(const struct custody_judge *j, const char *expected,
		       const struct check *failure)
{
	char got[CHECK_TEXT_MAX + 64];

	(void)snprintf(got, sizeof got, "%s: %s", failure->code, failure->got);
	return check_value(j->checks, LAYER, "proof", "custody.proof", false, expected, got);
}

/* The platform that signed record `i`, by its proof. TCB_WRONG_STATE: what is needed to judge it is
 * not there. */
static enum tcb_error judge_former(const struct custody_judge *j, const struct custody_view *v,
				   size_t i)
{
	const struct proven_mige *proof = custody_proof_of(v, &v->records[i].mige_key);
	const struct policy_platform *listed =
	    policy_find_platform(j->policy, &v->records[i].from_ak);
	struct quote_claims quote;
	struct check failure = {.code = "", .got = ""};
	enum tcb_error error;

	if (proof == NULL) {
		(void)check_that(j->checks, LAYER, "proof", "custody.unproven", false,
				 "a proof for each hand-over since the last listed platform",
				 "a hand-over without one");
		return TCB_REFUSED;
	}
	error = judge_processor(j, proof, &quote, &failure);
	if (error == TCB_WRONG_STATE) {
		check_missing(j->checks, LAYER, "proof", "custody.collateral",
			      "no collateral for a former platform's processor");
		return error;
	}
	if (error != TCB_OK) {
		(void)fail_proof(j, "a platform that the policy would accept", &failure);
		return TCB_REFUSED;
	}
	return check_that(j->checks, LAYER, "proof", "custody.proof",
			  custody_is_processor(custody_processor_before(v, i), quote.ppid) &&
			      (listed == NULL || !listed->has_ppid ||
			       memcmp(listed->ppid, quote.ppid, sizeof quote.ppid) == 0),
			  "a Migration Enclave on the platform that gave the vTPM away",
			  "one on another processor")
		   ? TCB_OK
		   : TCB_REFUSED;
}

/* ---- rules ---- */

static bool is_listed(const struct custody_judge *j, const struct tpm_name *ak)
{
	return policy_find_platform(j->policy, ak) != NULL;
}

static bool all_listed(const struct custody_judge *j, const struct custody_view *v)
{
	if (v->has_summary && v->summary.others > 0)
		return false;
	for (size_t i = 0; v->has_summary && i < v->summary.stay_count; i++)
		if (!is_listed(j, &v->summary.stays[i].ak))
			return false;
	for (size_t i = 0; i < v->chain.record_count; i++)
		if (!is_listed(j, &v->records[i].from_ak) || !is_listed(j, &v->records[i].to_ak))
			return false;
	return true;
}

/* What came before the newest record is the word of the Migration Enclave that signed it, and of
 * its vTPM. */
static enum tcb_error judge_listed_only(const struct custody_judge *j, const struct custody_view *v)
{
	size_t count = v->chain.record_count;

	if (!j->policy->custody_listed_only || count == 0)
		return TCB_OK;
	if (!check_that(j->checks, LAYER, "platforms", "custody.unlisted", all_listed(j, v),
			"hand-overs between platforms that the policy lists",
			"one from or to another"))
		return TCB_REFUSED;
	return judge_former(j, v, count - 1);
}

/* From a listed platform to the one that answers, each hand-over is proven. */
static enum tcb_error judge_unlisted(const struct custody_judge *j, const struct custody_view *v,
				     const struct evidence_claims *claims)
{
	bool reached =
	    claims->platform.listed != NULL || j->policy->unlisted_platforms == UNLISTED_ACCEPT;

	for (size_t i = v->chain.record_count; !reached && i-- > 0;) {
		TRY(judge_former(j, v, i));
		reached = is_listed(j, &v->records[i].from_ak);
	}
	return check_that(j->checks, LAYER, "platform", "platform.unlisted", reached,
			  "a listed platform, or one that a listed one handed over to", "neither")
		   ? TCB_OK
		   : TCB_REFUSED;
}

enum tcb_error custody_judge_rules(const struct custody_judge *j, const struct custody_view *v,
				   const struct evidence_claims *claims)
{
	if (j->policy->limits_hand_overs &&
	    !check_that(j->checks, LAYER, "hand_overs", "custody.hand_overs",
			claims->custody_count <= j->policy->max_hand_overs,
			"no more hand-overs than the policy allows", "more"))
		return TCB_REFUSED;
	TRY(judge_listed_only(j, v));
	return judge_unlisted(j, v, claims);
}
