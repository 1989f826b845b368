// SPDX-License-Identifier: MIT
#include "verify/appraise/evidence.h"

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/cose.h"
#include "verify/appraise/clocks.h"
#include "verify/appraise/cose_check.h"
#include "verify/appraise/custody.h"
#include "verify/appraise/log_rules.h"
#include "verify/appraise/memo.h"
#include "verify/appraise/pcrs.h"
#include "verify/appraise/tpm.h"

/* The payload, and what a COSE_Sign1 puts around it. */
#define EVIDENCE_BYTES_MAX (LIMIT_EVIDENCE + COSE_TBS_HEAD_MAX + P256_SIGNATURE_SIZE)

void owner_policy_text(const struct digest256 *digest, char ret_text[CHECK_TEXT_MAX])
{
	static const struct digest256 none;

	if (memcmp(digest, &none, sizeof none) == 0)
		memcpy(ret_text, "none", sizeof "none");
	else
		checks_hex(SPAN_OF(digest->bytes), ret_text);
}

static enum tcb_error commitment_of(const char *label, struct span request, struct digest256 *ret_commitment)
{
	return crypto_sha256_all((struct span[]){span_of_text(label), request}, 2, ret_commitment);
}

static bool check_form(struct span bytes, struct evidence *ret_e, struct evidence_claims *claims, struct checks *checks)
{
	struct p256_signature signature;
	struct span payload;

	if (bytes.size > EVIDENCE_BYTES_MAX)
		return check_that(checks, "evidence", "form", "evidence.large", false, "evidence of at most 512 KiB", "a larger document");
	return check_that(checks, "evidence", "form", "evidence.malformed",
			  cose_sign1_decode(bytes, EVIDENCE_TYPE, &payload, &signature) == TCB_OK &&
				  evidence_decode(payload, ret_e) == TCB_OK &&
				  evidence_request_decode(ret_e->parts[EVIDENCE_REQUEST], &claims->request) == TCB_OK,
			  "a CMW collection in a COSE_Sign1", "something else") &&
	       check_that(checks, "evidence", "signature", "evidence.signature",
			  cose_check(EVIDENCE_TYPE, payload, &claims->request.residence_key, &signature, NULL) == TCB_OK,
			  "signed by the residence key it names", "a signature that does not check");
}

static bool check_nonce(struct span wanted, const struct evidence_claims *claims, const struct policy *policy,
			struct checks *checks)
{
	if (wanted.size == 0 && policy->require_nonce) {
		check_missing(checks, "evidence", "nonce", "evidence.freshness",
			      "no nonce was given: the evidence may be old");
		return true;
	}
	if (wanted.size == 0) {
		check_not_run(checks, "evidence", "nonce", "evidence.freshness",
			      "no nonce was given, and the policy requires none");
		return true;
	}
	return check_bytes(checks, "evidence", "nonce", "evidence.nonce", wanted, claims->request.nonce);
}

/* The PSE's word: signed by the key in the certified AK, for this very residence. */
static bool check_endorsement(const struct evidence *e, struct evidence_claims *claims, const struct policy *policy,
			      struct checks *checks)
{
	const struct evidence_request *q = &claims->request;
	struct endorsement *en = &claims->endorsement;
	struct p256_signature signature;
	struct span payload;

	if (!check_that(checks, "vtpm", "endorsement", "vtpm.endorsement.malformed",
			cose_sign1_decode(e->parts[EVIDENCE_ENDORSEMENT], ENDORSEMENT_TYPE, &payload, &signature) ==
					TCB_OK &&
				endorsement_decode(payload, en) == TCB_OK,
			"an endorsement", "something else"))
		return false;
	return check_that(checks, "vtpm", "endorsement.signature", "vtpm.endorsement.signature",
			  cose_check(ENDORSEMENT_TYPE, payload, &claims->platform.ak.pse_key, &signature, checks->memo) == TCB_OK,
			  "signed by this platform's PSE", "another platform's, or altered") &&
	       check_bytes(checks, "vtpm", "endorsement.epoch", "vtpm.endorsement.epoch",
			   SPAN_OF(claims->platform.ak.epoch.bytes), SPAN_OF(en->epoch.bytes)) &&
	       check_bytes(checks, "vtpm", "id", "vtpm.endorsement.id", SPAN_OF(en->id.bytes), SPAN_OF(q->id.bytes)) &&
	       check_that(checks, "vtpm", "generation", "vtpm.endorsement.generation", en->generation == q->generation,
			  "the endorsed generation", "another") &&
	       check_bytes(checks, "vtpm", "residence_key", "vtpm.endorsement.key", SPAN_OF(en->residence_key.bytes),
			   SPAN_OF(q->residence_key.bytes)) &&
	       policy_check_enclave(policy, ROLE_VTPM, &en->enclave, "vtpm", "vtpm.enclave", checks) &&
	       check_value(checks, "vtpm", "origin", "vtpm.origin", en->origin == ORIGIN_MANUFACTURED || policy->accept_imported,
			  policy->accept_imported ? "manufactured or imported" : "manufactured",
			  en->origin == ORIGIN_MANUFACTURED ? "manufactured" : "imported");
}

static bool check_vtpm_quote(const struct evidence *e, struct evidence_claims *claims, const struct policy *policy,
			     struct checks *checks)
{
	const struct endorsement *en = &claims->endorsement;
	struct tpm_name ek_name, ak_name;
	struct p256_signature signature;
	struct digest256 commitment;
	struct tpm_attest attest;
	struct p256_point key, ek;
	struct vtpm_keys keys;
	struct tpm_quote q;

	if (!check_that(checks, "vtpm", "keys", "vtpm.keys.malformed",
			vtpm_keys_decode(e->parts[EVIDENCE_VTPM_KEYS], &keys) == TCB_OK &&
				tpm_name_of(keys.ek_public, &ek_name) == TCB_OK &&
				tpm_name_of(keys.ak_public, &ak_name) == TCB_OK &&
				tpm_ak_decode(keys.ak_public, &key) == TCB_OK,
			"an EK, and an AK that is a restricted signing key", "something else") ||
	    !check_that(checks, "vtpm", "ek", "vtpm.ek.template", tpm_ek_decode(keys.ek_public, &ek) == TCB_OK,
			"an EK of TCG's P-256 template: restricted, for decryption, the TPM's own", "another key") ||
	    !check_bytes(checks, "vtpm", "ek_name", "vtpm.ek", SPAN_OF(en->ek_name.bytes), SPAN_OF(ek_name.bytes)) ||
	    !check_bytes(checks, "vtpm", "ak_name", "vtpm.ak", SPAN_OF(en->ak_name.bytes), SPAN_OF(ak_name.bytes)) ||
	    !check_that(checks, "guest", "quote", "guest.quote.malformed",
			tpm_quote_decode(e->parts[EVIDENCE_VTPM_QUOTE], &q) == TCB_OK && !q.has_path &&
				tpm_attest_decode(q.attest, &attest) == TCB_OK &&
				tpm_signature_decode(q.signature, &signature) == TCB_OK &&
				commitment_of(VTPM_QUOTE_LABEL, e->parts[EVIDENCE_REQUEST], &commitment) == TCB_OK,
			"a quote over SHA-256 PCR 0..23", "something else"))
		return false;
	claims->guest_clock = attest.clock;
	return check_that(checks, "guest", "quote.signature", "guest.quote.signature",
			  crypto_verify(&key, q.attest, &signature) == TCB_OK, "signed by the vTPM's AK",
			  "a signature that does not check") &&
	       check_bytes(checks, "guest", "quote.qualifying_data", "guest.quote.commitment", SPAN_OF(commitment.bytes),
			   attest.qualifying) &&
	       pcrs_check_digest(q.pcrs, &attest.pcr_digest, "guest", "guest.quote.pcrs", checks, claims->guest_pcrs) &&
	       clock_check(&claims->guest_clock, &policy->clocks[LAYER_GUEST], "guest", "guest.clock", checks) &&
	       pcrs_check_policy(claims->guest_pcrs, policy, LAYER_GUEST, "guest", "guest.pcr", checks);
}

/* The policy that the VM's owner gave when the vTPM was made; digests of zeros say that there is none. */
static bool check_owner_policy(const struct policy_vtpm *wanted, const struct endorsement *endorsement, struct checks *checks)
{
	char expected[CHECK_TEXT_MAX], got[CHECK_TEXT_MAX];

	if (!wanted->has_owner_policy)
		return true;
	owner_policy_text(&wanted->owner_policy, expected);
	owner_policy_text(&endorsement->policy_digest, got);
	return check_value(checks, "policy", "vtpm.owner_policy", "policy.vtpm.owner_policy", strcmp(expected, got) == 0, expected, got);
}

static bool check_vtpm_policy(const struct evidence_claims *claims, const struct policy *policy, struct checks *checks)
{
	const struct policy_vtpm *found = NULL;

	if (policy->vtpm_count == 0)
		return true;
	for (size_t i = 0; i < policy->vtpm_count; i++)
		if (memcmp(&policy->vtpms[i].id, &claims->request.id, sizeof claims->request.id) == 0)
			found = &policy->vtpms[i];
	return check_that(checks, "policy", "vtpm.id", "policy.vtpm.unlisted", found != NULL, "a vTPM that the policy lists",
			  "another") &&
	       check_at_least(checks, "policy", "vtpm.generation", "policy.generation.behind", found->min_generation,
			      claims->request.generation) &&
	       (!found->has_ek_name || check_bytes(checks, "policy", "vtpm.ek_name", "policy.vtpm.ek",
						   SPAN_OF(found->ek_name.bytes),
						   SPAN_OF(claims->endorsement.ek_name.bytes))) &&
	       check_owner_policy(found, &claims->endorsement, checks) &&
	       clock_check(&claims->guest_clock, &found->clock, "guest", "guest.clock", checks);
}

static void name_platform(struct evidence_claims *claims)
{
	const struct platform_claims *p = &claims->platform;
	struct span name = p->listed != NULL ? span_of_text(p->listed->name) : p->ak.platform_name;

	memcpy(claims->platform_name, name.data, name.size);
	claims->platform_name[name.size] = '\0';
}

/* The caller's logs come first: the evidence seldom has them. */
static struct boot_logs guest_logs(const struct evidence_inputs *in, const struct evidence *e)
{
	return (struct boot_logs){
		.firmware = in->guest_log.size > 0 ? in->guest_log : e->parts[EVIDENCE_VTPM_LOG],
		.ima = in->guest_ima,
	};
}

static struct span collateral_of(const struct evidence_inputs *in, const struct evidence *e)
{
	return in->collateral.size > 0 ? in->collateral : e->parts[EVIDENCE_COLLATERAL];
}

static enum tcb_error check_platform(const struct evidence_inputs *in, const struct evidence *e, const struct policy *policy,
				     struct checks *checks, struct evidence_claims *claims)
{
	struct platform_evidence platform = {
		.certified_ak = e->parts[EVIDENCE_CERTIFIED_AK],
		.collateral = collateral_of(in, e),
		.platform_quote = e->parts[EVIDENCE_PLATFORM_QUOTE],
		.event_log = e->parts[EVIDENCE_PLATFORM_LOG],
		.ima_log = e->parts[EVIDENCE_PLATFORM_IMA],
	};
	enum tcb_error error;

	TRY(commitment_of(PLATFORM_QUOTE_LABEL, e->parts[EVIDENCE_REQUEST], &platform.commitment));
	error = platform_appraise(&platform, policy, in->now_s, checks, &claims->platform);
	if (claims->platform.ak.platform_name.data != NULL)
		name_platform(claims);
	return error == TCB_MALFORMED ? TCB_REFUSED : error; /* the evidence itself was well formed */
}

enum tcb_error evidence_appraise(const struct evidence_inputs *in, const struct policy *policy, struct checks *checks,
				 struct evidence_claims *ret_claims)
{
	struct boot_logs logs;
	enum tcb_error error;
	struct evidence e;

	*ret_claims = (struct evidence_claims){0};
	if (!check_form(in->evidence, &e, ret_claims, checks))
		return checks->count == 1 ? TCB_MALFORMED : TCB_REFUSED;
	if (!check_nonce(in->nonce, ret_claims, policy, checks))
		return TCB_REFUSED;
	TRY(check_platform(in, &e, policy, checks, ret_claims));
	logs = guest_logs(in, &e);
	if (!check_endorsement(&e, ret_claims, policy, checks) || !check_vtpm_quote(&e, ret_claims, policy, checks) ||
	    !logs_appraise(&logs, ret_claims->guest_pcrs, policy, LAYER_GUEST, checks))
		return TCB_REFUSED;
	error = custody_appraise(e.parts[EVIDENCE_CUSTODY], collateral_of(in, &e), in, policy, checks, ret_claims);
	if (error == TCB_REFUSED || !check_vtpm_policy(ret_claims, policy, checks) || checks->overflowed)
		return TCB_REFUSED;
	return checks->missing ? TCB_WRONG_STATE : TCB_OK;
}
