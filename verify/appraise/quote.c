// SPDX-License-Identifier: MIT
/* One quote, judged whole: structure, chain, signatures, collateral, body, TCB (DCAP notes 2.1 to 2.7). Called by the verifier and, as measured
 * code, by the MigE. Trusts the policy and the time that it is given; nothing else. */
#include "verify/appraise/quote.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "verify/appraise/quote_chain.h"
#include "verify/appraise/quote_format.h"
#include "verify/appraise/tcb.h"

#define LAYER "quote"

/* All that one appraisal holds. */
struct appraisal {
	struct quote_parts parts;
	const struct collateral *collateral;
	const struct policy *policy;
	uint64_t now_s;
	struct checks *checks;
	struct quote_claims *claims;
	struct quote_chain chain;
};

static bool say(struct appraisal *a, const char *field, const char *code, bool passed, const char *expected, const char *got)
{
	return check_that(a->checks, LAYER, field, code, passed, expected, got);
}

/* ---- the quote's own signatures ---- */

static bool check_signatures(struct appraisal *a)
{
	const struct quote_parts *p = &a->parts;
	const struct span bound[] = { SPAN_OF(p->attestation_key.bytes), p->qe_auth };
	uint8_t wanted[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	if (crypto_sha256_all(bound, 2, &digest) != TCB_OK)
		return false;
	memcpy(wanted, digest.bytes, sizeof digest.bytes);
	return say(a, "qe_report", "quote.qe.report", crypto_verify(&a->chain.pck_key, p->qe_report, &p->qe_signature) == TCB_OK,
		   "signed by the PCK", "a signature that does not check") &&
	       check_bytes(a->checks, LAYER, "qe_report.report_data", "quote.qe.binding", SPAN_OF(wanted),
			   span_of(p->qe_report.data + 320, SGX_REPORT_DATA_SIZE)) &&
	       say(a, "signature", "quote.signature",
		   crypto_verify(&p->attestation_key, p->signed_bytes, &p->signature) == TCB_OK,
		   "signed by the attestation key", "a signature that does not check");
}

/* ---- the body ---- */

static bool is_zero(struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

static uint64_t number_at(const uint8_t *bytes, int size)
{
	uint64_t value = 0;

	for (int i = size - 1; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

/* Of any REPORT body: reserved fields, and attributes that no processor has. */
static bool report_is_clean(const uint8_t *b)
{
	return is_zero(span_of(b + 20, 12)) && is_zero(span_of(b + 96, 32)) && is_zero(span_of(b + 160, 32)) &&
	       is_zero(span_of(b + 262, 42)) && (number_at(b + 48, 8) & ~(uint64_t)SGX_FLAGS_KNOWN) == 0;
}

static void take_sgx_body(const uint8_t *b, struct quote_claims *claims)
{
	struct enclave_identity *e = &claims->enclave;
	struct sgx_settings *s = &claims->sgx;

	memcpy(s->cpu_svn, b, sizeof s->cpu_svn);
	s->misc_select = (uint32_t)number_at(b + 16, 4);
	memcpy(s->isv_ext_prod_id, b + 32, sizeof s->isv_ext_prod_id);
	e->attributes = number_at(b + 48, 8);
	s->xfrm = number_at(b + 56, 8);
	memcpy(e->mrenclave, b + 64, sizeof e->mrenclave);
	memcpy(e->mrsigner, b + 128, sizeof e->mrsigner);
	memcpy(s->config_id, b + 192, sizeof s->config_id);
	e->isv_prod_id = (uint16_t)number_at(b + 256, 2);
	e->isv_svn = (uint16_t)number_at(b + 258, 2);
	s->config_svn = (uint16_t)number_at(b + 260, 2);
	memcpy(s->isv_family_id, b + 304, sizeof s->isv_family_id);
	memcpy(claims->report_data, b + 320, SGX_REPORT_DATA_SIZE);
}

static bool check_sgx_body(struct appraisal *a)
{
	uint64_t attributes = a->claims->enclave.attributes;

	return say(a, "reserved", "quote.reserved", report_is_clean(a->parts.body.data), "zeros", "something else") &&
	       say(a, "attributes", "quote.enclave.debug",
		   (attributes & SGX_FLAG_DEBUG) == 0 && (attributes & SGX_FLAG_INIT) != 0 && (attributes & SGX_FLAG_MODE64) != 0,
		   "an initialised 64-bit enclave, not DEBUG", "a DEBUG enclave, or none that runs") &&
	       say(a, "attributes", "quote.enclave.keys",
		   (attributes & (SGX_FLAG_PROVISION_KEY | SGX_FLAG_EINITTOKEN_KEY)) == 0, "no platform keys",
		   "PROVISION_KEY or EINITTOKEN_KEY");
}

static void take_td_body(const struct quote_parts *p, struct quote_claims *claims)
{
	const uint8_t *b = p->body.data;
	struct td_claims *td = &claims->td;

	memcpy(td->tee_tcb_svn, b, sizeof td->tee_tcb_svn);
	memcpy(td->mr_seam, b + 16, sizeof td->mr_seam);
	memcpy(td->mr_signer_seam, b + 64, sizeof td->mr_signer_seam);
	td->seam_attributes = number_at(b + 112, 8);
	td->td_attributes = number_at(b + 120, 8);
	td->xfam = number_at(b + 128, 8);
	memcpy(td->mr_td, b + 136, sizeof td->mr_td);
	memcpy(td->mr_config_id, b + 184, sizeof td->mr_config_id);
	memcpy(td->mr_owner, b + 232, sizeof td->mr_owner);
	memcpy(td->mr_owner_config, b + 280, sizeof td->mr_owner_config);
	memcpy(td->rtmr, b + 328, sizeof td->rtmr);
	memcpy(claims->report_data, b + 520, SGX_REPORT_DATA_SIZE);
	td->has_td15 = p->has_td15;
	if (p->has_td15) {
		memcpy(td->tee_tcb_svn2, b + 584, sizeof td->tee_tcb_svn2);
		memcpy(td->mr_service_td, b + 600, sizeof td->mr_service_td);
	}
}

/* The lowest byte of the attributes is the group "TD under debug": any bit of it ends the trust. */
static bool check_td_body(struct appraisal *a)
{
	return say(a, "td_attributes", "quote.td.debug", (a->claims->td.td_attributes & 0xff) == 0, "a TD that is not DEBUG",
		   "a DEBUG TD");
}

static void take_claims(struct appraisal *a)
{
	struct quote_claims *claims = a->claims;
	const struct pck_facts *pck = &a->chain.facts;

	claims->tee = a->parts.tdx ? QUOTE_TEE_TDX : QUOTE_TEE_SGX;
	memcpy(claims->qe_id, a->parts.qe_id, sizeof claims->qe_id);
	memcpy(claims->fmspc, pck->fmspc, sizeof claims->fmspc);
	memcpy(claims->ppid, pck->ppid, sizeof claims->ppid);
	claims->has_platform_instance_id = pck->of_platform_ca;
	memcpy(claims->platform_instance_id, pck->platform_instance_id, sizeof claims->platform_instance_id);
	if (a->parts.tdx)
		take_td_body(&a->parts, claims);
	else
		take_sgx_body(a->parts.body.data, claims);
}

static bool check_body(struct appraisal *a)
{
	return a->parts.tdx ? check_td_body(a) : check_sgx_body(a);
}

/* ---- the processor's TCB ---- */

static struct td_tcb td_tcb_of(const struct td_claims *claims)
{
	struct td_tcb td = { .has_svn2 = claims->has_td15, .seam_attributes = claims->seam_attributes };

	memcpy(td.svn, claims->tee_tcb_svn, sizeof td.svn);
	memcpy(td.svn2, claims->tee_tcb_svn2, sizeof td.svn2);
	memcpy(td.mr_signer_seam, claims->mr_signer_seam, sizeof td.mr_signer_seam);
	return td;
}

static bool check_status(struct appraisal *a)
{
	enum tcb_status status = a->claims->tcb_status;
	char expected[CHECK_TEXT_MAX] = "";

	for (unsigned i = 0; i < TCB_REVOKED; i++)
		if ((a->policy->accepted_statuses & 1u << i) != 0)
			(void)snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s",
				       expected[0] != '\0' ? ", " : "", tcb_status_name((enum tcb_status)i));
	return check_value(a->checks, LAYER, "tcb_status", "quote.tcb.status",
			  status < TCB_REVOKED && (a->policy->accepted_statuses & 1u << status) != 0, expected,
			  tcb_status_name(status));
}

static bool check_qe(struct appraisal *a, enum tcb_status *ret_status)
{
	const uint8_t *report = a->parts.qe_report.data;

	return say(a, "qe.reserved", "quote.reserved", report_is_clean(report), "zeros", "something else") &&
	       say(a, "qe.attributes", "quote.qe.debug",
		   (number_at(report + 48, 8) & SGX_FLAG_DEBUG) == 0 && (number_at(report + 48, 8) & SGX_FLAG_INIT) != 0,
		   "an initialised quoting enclave, not DEBUG", "a DEBUG one, or none that runs") &&
	       qe_identity_appraise(a->collateral->qe_identity, a->parts.qe_report, a->parts.tdx, a->now_s, a->checks, a->claims,
				    ret_status) &&
	       check_at_least(a->checks, LAYER, "qe.tcbEvaluationDataNumber", "quote.qe.old", a->policy->min_tcb_evaluation_number,
			      a->claims->marks.qe_number);
}

static bool check_tcb(struct appraisal *a)
{
	const struct td_tcb td = td_tcb_of(&a->claims->td);
	struct quote_claims *claims = a->claims;
	struct tcb_findings findings;

	if (!tcb_info_appraise(a->collateral->tcb_info, &a->chain.facts, a->parts.tdx ? &td : NULL, a->now_s, a->checks, claims,
			       &findings))
		return false;
	claims->tcb_evaluation_number = claims->marks.tcb_number;
	claims->platform_status = findings.platform;
	claims->module_status = findings.module;
	if (!check_at_least(a->checks, LAYER, "tcbEvaluationDataNumber", "quote.tcbinfo.old", a->policy->min_tcb_evaluation_number,
			    claims->tcb_evaluation_number) ||
	    !check_qe(a, &claims->qe_status))
		return false;
	return say(a, "tdxModuleIdentities", "quote.tdx.module",
		   tcb_conclude(&findings, claims->qe_status, &claims->tcb_status) == TCB_OK, "an identity of the module that runs now",
		   "none") &&
	       check_status(a);
}

/* ---- all of it ---- */

static bool is_chain(struct span pem, const struct quote_chain *of_quote)
{
	const X509 *const wanted[] = { of_quote->pck, of_quote->intermediate, of_quote->root };
	X509 *chain[3];
	bool same = true;

	if (pck_chain_decode(pem, chain) != TCB_OK)
		return false;
	for (int i = 0; i < 3; i++) {
		same = same && X509_cmp(chain[i], wanted[i]) == 0;
		X509_free(chain[i]);
	}
	return same;
}

/* A chain that was handed in beside the quote has the quote's own certificates, whatever its line ends. */
static bool check_given_chain(struct appraisal *a)
{
	return a->collateral->pck_chain.size == 0 ||
	       say(a, "pck_chain", "quote.pck.other", is_chain(a->collateral->pck_chain, &a->chain),
		   "the chain that the quote has", "another");
}

static bool check_collateral(struct appraisal *a)
{
	struct collateral_marks *marks = &a->claims->marks;

	marks->tdx = a->parts.tdx;
	memcpy(marks->fmspc, a->claims->fmspc, sizeof marks->fmspc);
	return check_given_chain(a) && quote_collateral_appraise(&a->chain, a->collateral, a->policy, a->now_s, a->checks, marks) && check_tcb(a);
}

static bool appraise(struct appraisal *a)
{
	if (!quote_chain_appraise(a->parts.pck_chain, a->policy, a->now_s, a->checks, &a->chain, &a->claims->root_spki) ||
	    !check_signatures(a))
		return false;
	take_claims(a);
	/* The level is found for DEBUG enclaves, too: the report says both. */
	if (a->collateral != NULL)
		return (int)check_collateral(a) & (int)check_body(a);
	check_missing(a->checks, LAYER, "collateral", "quote.collateral.missing", "no collateral");
	(void)check_body(a);
	return false;
}

/* All that has a window, and was judged by the time of the check. */
static void note_windows(const struct appraisal *a)
{
	uint64_t from_s = 0, until_s = UINT64_MAX;

	quote_chain_narrow(&a->chain, &from_s, &until_s);
	tcb_narrow(a->collateral->tcb_info, &from_s, &until_s);
	tcb_narrow(a->collateral->qe_identity, &from_s, &until_s);
	a->claims->valid_from_s = from_s;
	a->claims->valid_until_s = until_s;
}

/* Rings of fixed size and shared memory leave zeros, or an older quote, after the quote. */
static void say_malformed(struct appraisal *a, struct span quote)
{
	size_t trailing = quote_trailing_size(quote);
	char got[48];

	(void)snprintf(got, sizeof got, "%zu bytes after the quote", trailing);
	if (trailing > 0)
		(void)say(a, "format", "quote.trailing", false, "a quote, and nothing after it", got);
	else
		(void)say(a, "format", "quote.malformed", false, "SGX v3, v4 or v5, or TDX v4 or v5, every size closing exactly",
			  "other bytes");
}

enum tcb_error quote_appraise(struct span quote, const struct collateral *collateral, const struct policy *policy,
			      uint64_t now_s, struct checks *checks, struct quote_claims *ret_claims)
{
	struct appraisal a = { .collateral = collateral, .policy = policy, .now_s = now_s, .checks = checks,
			       .claims = ret_claims };
	bool passed;

	*ret_claims = (struct quote_claims){ .tcb_status = TCB_NOT_SUPPORTED, .platform_status = TCB_NOT_SUPPORTED,
					     .module_status = TCB_NOT_SUPPORTED, .qe_status = TCB_NOT_SUPPORTED,
					     .valid_from_s = UINT64_MAX };
	if (quote.size > LIMIT_QUOTE && quote_trailing_size(quote) == 0) {
		(void)say(&a, "format", "quote.large", false, "a quote of at most 16 KiB", "a larger document");
		return TCB_MALFORMED;
	}
	if (quote_parts_decode(quote, &a.parts) != TCB_OK) {
		say_malformed(&a, quote);
		return TCB_MALFORMED;
	}
	passed = appraise(&a);
	if (passed)
		note_windows(&a);
	quote_chain_release(&a.chain);
	if (passed)
		return TCB_OK;
	return checks_first_failure(checks) == NULL && checks->missing ? TCB_WRONG_STATE : TCB_REFUSED;
}

enum tcb_error quote_peek_root(struct span quote, struct digest256 *ret_root_spki)
{
	struct quote_parts parts;
	X509 *chain[3];
	enum tcb_error error;

	TRY(quote_parts_decode(quote, &parts));
	TRY(pck_chain_decode(parts.pck_chain, chain));
	error = x509_spki_digest(chain[2], ret_root_spki);
	for (int i = 0; i < 3; i++)
		X509_free(chain[i]);
	return error;
}
