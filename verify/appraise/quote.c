#include "verify/appraise/quote.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/quote_format.h"
#include "verify/appraise/tcb.h"

#define LAYER "quote"

/* All that one appraisal holds; released at its end. */
struct appraisal {
	struct quote_parts parts;
	const struct collateral *collateral;
	const struct policy *policy;
	uint64_t now_s;
	struct checks *checks;
	struct quote_claims *claims;
	X509 *chain[3]; /* leaf, intermediate, root */
	X509 *tcb_signing, *collateral_root, *crl_issuer;
	X509_CRL *root_crl, *pck_crl;
	struct pck_facts pck;
};

static void release(struct appraisal *a)
{
	for (int i = 0; i < 3; i++)
		X509_free(a->chain[i]);
	X509_free(a->tcb_signing);
	X509_free(a->crl_issuer);
	X509_free(a->collateral_root);
	X509_CRL_free(a->root_crl);
	X509_CRL_free(a->pck_crl);
}

static bool say(struct appraisal *a, const char *field, const char *code, bool passed, const char *expected, const char *got)
{
	return check_that(a->checks, LAYER, field, code, passed, expected, passed ? expected : got);
}

/* ---- certificates ---- */

/* Platform CA or Processor CA: the intermediate's own name says which. */
static const char *intermediate_name(const X509 *certificate)
{
	char name[64];

	if (x509_common_name(certificate, name, sizeof name) && strcmp(name, "Intel SGX PCK Processor CA") == 0)
		return "Intel SGX PCK Processor CA";
	return "Intel SGX PCK Platform CA";
}

static bool check_root(struct appraisal *a)
{
	char got[CHECK_TEXT_MAX] = "";
	bool listed = false;

	if (x509_spki_digest(a->chain[2], &a->claims->root_spki) != TCB_OK)
		return say(a, "root", "quote.chain", false, "a root certificate", "none");
	for (size_t i = 0; i < a->policy->root_count; i++)
		listed |= memcmp(&a->policy->roots[i], &a->claims->root_spki, sizeof a->claims->root_spki) == 0;
	for (size_t i = 0; i < SHA256_SIZE; i++)
		(void)snprintf(got + 2 * i, 3, "%02x", a->claims->root_spki.bytes[i]);
	return say(a, "root", "quote.root.untrusted", listed, "a root key that the policy names", got);
}

static bool check_chain(struct appraisal *a)
{
	bool issued, valid = true;

	if (!say(a, "pck_chain", "quote.chain.malformed", pck_chain_decode(a->parts.pck_chain, a->chain) == TCB_OK,
		 "three PEM certificates, then at most one NUL", "something else") ||
	    !check_root(a))
		return false;
	issued = x509_is_issued(a->chain[2], a->chain[2], "Intel SGX Root CA", true) &&
		 x509_is_issued(a->chain[1], a->chain[2], intermediate_name(a->chain[1]), true) &&
		 x509_is_issued(a->chain[0], a->chain[1], "Intel SGX PCK Certificate", false);
	for (int i = 0; i < 3; i++)
		valid &= x509_is_valid_at(a->chain[i], a->now_s);
	return say(a, "pck_chain", "quote.chain", issued, "leaf, intermediate and root, each signed by the next",
		   "a chain that does not check") &&
	       say(a, "pck_chain", "quote.chain.expired", valid, "certificates valid at the time of the check",
		   "one outside its window") &&
	       say(a, "pck", "quote.pck.malformed", pck_facts_decode(a->chain[0], &a->pck) == TCB_OK,
		   "an SGX extension that is complete", "none, or a broken one");
}

static bool decode_collateral(struct appraisal *a)
{
	return x509_decode(a->collateral->tcb_signing_certificate, &a->tcb_signing) == TCB_OK &&
	       x509_decode(a->collateral->root_certificate, &a->collateral_root) == TCB_OK &&
	       x509_decode(a->collateral->pck_crl_issuer, &a->crl_issuer) == TCB_OK &&
	       crl_decode(a->collateral->root_crl, &a->root_crl) == TCB_OK &&
	       crl_decode(a->collateral->pck_crl, &a->pck_crl) == TCB_OK;
}

/* The chains that come with the collateral are the quote's own, maybe in another edition of a certificate. */
static bool same_key(const X509 *one, const X509 *other)
{
	struct digest256 a, b;

	return x509_spki_digest(one, &a) == TCB_OK && x509_spki_digest(other, &b) == TCB_OK && memcmp(&a, &b, sizeof a) == 0;
}

static bool check_crls(struct appraisal *a)
{
	bool root_current = false, pck_current = false;
	bool issued = crl_is_issued(a->root_crl, a->chain[2], a->now_s, &root_current) &&
		      crl_is_issued(a->pck_crl, a->chain[1], a->now_s, &pck_current) && same_key(a->crl_issuer, a->chain[1]) &&
		      x509_is_issued(a->crl_issuer, a->chain[2], intermediate_name(a->crl_issuer), true) &&
		      x509_is_valid_at(a->crl_issuer, a->now_s);

	return say(a, "crl", "quote.crl", issued, "CRLs of the root and of the PCK's issuer", "another issuer's") &&
	       say(a, "crl", "quote.collateral.expired", root_current && pck_current, "CRLs inside their windows",
		   "one outside its window") &&
	       say(a, "intermediate", "quote.intermediate.revoked", !crl_revokes(a->root_crl, a->chain[1]), "not revoked",
		   "revoked by the root CRL") &&
	       say(a, "tcb_signing", "quote.tcbsigning.revoked", !crl_revokes(a->root_crl, a->tcb_signing), "not revoked",
		   "revoked by the root CRL") &&
	       say(a, "pck", "quote.pck.revoked", !crl_revokes(a->pck_crl, a->chain[0]), "not revoked",
		   "revoked by its issuer's CRL");
}

/* The collateral's texts are signed by TCB Signing, which the quote's own root issued. */
static bool check_collateral(struct appraisal *a)
{
	const struct collateral *c = a->collateral;
	struct p256_point key;

	return say(a, "collateral", "quote.collateral.malformed", decode_collateral(a), "certificates and CRLs in DER",
		   "something else") &&
	       say(a, "collateral.root", "quote.collateral.root",
		   same_key(a->collateral_root, a->chain[2]) &&
			   x509_is_issued(a->collateral_root, a->collateral_root, "Intel SGX Root CA", true),
		   "the root of the quote's own chain", "another root") &&
	       say(a, "tcb_signing", "quote.tcbsigning",
		   x509_is_issued(a->tcb_signing, a->chain[2], "Intel SGX TCB Signing", false) &&
			   x509_is_valid_at(a->tcb_signing, a->now_s) &&
			   x509_is_valid_at(a->collateral_root, a->now_s),
		   "a TCB signing certificate of the root, valid now", "another") &&
	       check_crls(a) &&
	       say(a, "tcbInfo", "quote.tcbinfo.signature",
		   x509_p256_key(a->tcb_signing, &key) == TCB_OK &&
			   crypto_verify(&key, c->tcb_info, &c->tcb_info_signature) == TCB_OK,
		   "signed by TCB Signing", "a signature that does not check") &&
	       say(a, "qeIdentity", "quote.qe.signature",
		   crypto_verify(&key, c->qe_identity, &c->qe_identity_signature) == TCB_OK, "signed by TCB Signing",
		   "a signature that does not check");
}

/* ---- the quote's own signatures ---- */

static bool check_signatures(struct appraisal *a)
{
	const struct quote_parts *p = &a->parts;
	const struct span bound[] = { SPAN_OF(p->attestation_key.bytes), p->qe_auth };
	uint8_t wanted[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;
	struct p256_point pck;

	if (crypto_sha256_all(bound, 2, &digest) != TCB_OK)
		return false;
	memcpy(wanted, digest.bytes, sizeof digest.bytes);
	return say(a, "qe_report", "quote.qe.report",
		   x509_p256_key(a->chain[0], &pck) == TCB_OK &&
			   crypto_verify(&pck, p->qe_report, &p->qe_signature) == TCB_OK,
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

static uint64_t u64_le_at(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

static bool check_sgx_body(struct appraisal *a)
{
	const uint8_t *b = a->parts.body.data;
	struct enclave_identity *e = &a->claims->enclave;

	e->attributes = u64_le_at(b + 48);
	memcpy(e->mrenclave, b + 64, 32);
	memcpy(e->mrsigner, b + 128, 32);
	e->isv_prod_id = (uint16_t)(b[256] | b[257] << 8);
	e->isv_svn = (uint16_t)(b[258] | b[259] << 8);
	memcpy(a->claims->report_data, b + 320, SGX_REPORT_DATA_SIZE);
	return say(a, "reserved", "quote.reserved",
		   is_zero(span_of(b + 20, 12)) && is_zero(span_of(b + 96, 32)) && is_zero(span_of(b + 160, 32)) &&
			   is_zero(span_of(b + 262, 42)),
		   "zeros", "something else") &&
	       say(a, "attributes", "quote.enclave.debug",
		   (e->attributes & SGX_FLAG_DEBUG) == 0 && (e->attributes & SGX_FLAG_INIT) != 0 &&
			   (e->attributes & SGX_FLAG_MODE64) != 0,
		   "an initialised 64-bit enclave, not DEBUG", "a DEBUG enclave, or none that runs") &&
	       say(a, "attributes", "quote.enclave.keys",
		   (e->attributes & (SGX_FLAG_PROVISION_KEY | SGX_FLAG_EINITTOKEN_KEY)) == 0, "no platform keys",
		   "PROVISION_KEY or EINITTOKEN_KEY");
}

static bool check_td_body(struct appraisal *a)
{
	const uint8_t *b = a->parts.body.data;

	memcpy(a->claims->mr_td, b + 136, sizeof a->claims->mr_td);
	memcpy(a->claims->report_data, b + 520, SGX_REPORT_DATA_SIZE);
	return say(a, "td_attributes", "quote.td.debug", (b[120] & 1) == 0, "a TD that is not DEBUG", "a DEBUG TD");
}

static struct td_tcb td_tcb_of(const struct quote_parts *p)
{
	struct td_tcb td = { .has_svn2 = p->has_td15 };

	memcpy(td.svn, p->body.data, sizeof td.svn);
	memcpy(td.mr_signer_seam, p->body.data + 64, sizeof td.mr_signer_seam);
	td.seam_attributes = u64_le_at(p->body.data + 112);
	if (p->has_td15)
		memcpy(td.svn2, p->body.data + 584, sizeof td.svn2);
	return td;
}

/* ---- the processor's TCB ---- */

static bool check_tcb(struct appraisal *a)
{
	const struct td_tcb td = a->parts.tdx ? td_tcb_of(&a->parts) : (struct td_tcb){0};
	enum tcb_status module, qe = TCB_NOT_SUPPORTED;
	char expected[CHECK_TEXT_MAX] = "";

	if (!tcb_info_appraise(a->collateral->tcb_info, &a->pck, a->parts.tdx ? &td : NULL, a->now_s, a->checks, a->claims,
			       &module) ||
	    !check_at_least(a->checks, LAYER, "tcbEvaluationDataNumber", "quote.tcbinfo.old",
			    a->policy->min_tcb_evaluation_number, a->claims->tcb_evaluation_number) ||
	    !qe_identity_appraise(a->collateral->qe_identity, a->parts.qe_report, a->parts.tdx, a->now_s, a->checks, &qe))
		return false;
	a->claims->tcb_status = tcb_converge(tcb_converge(a->claims->tcb_status, module), qe);
	for (unsigned i = 0; i < TCB_REVOKED; i++)
		if ((a->policy->accepted_statuses & 1u << i) != 0)
			(void)snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s",
				       expected[0] != '\0' ? ", " : "", tcb_status_name((enum tcb_status)i));
	return check_that(a->checks, LAYER, "tcb_status", "quote.tcb.status",
			  a->claims->tcb_status < TCB_REVOKED &&
				  (a->policy->accepted_statuses & 1u << a->claims->tcb_status) != 0,
			  expected, tcb_status_name(a->claims->tcb_status));
}

/* ---- all of it ---- */

static bool appraise(struct appraisal *a)
{
	if (!check_chain(a) || !check_signatures(a))
		return false;
	a->claims->tee = a->parts.tdx ? QUOTE_TEE_TDX : QUOTE_TEE_SGX;
	memcpy(a->claims->fmspc, a->pck.fmspc, sizeof a->claims->fmspc);
	memcpy(a->claims->ppid, a->pck.ppid, sizeof a->claims->ppid);
	if (a->collateral == NULL) {
		a->checks->missing = true;
		check_not_run(a->checks, LAYER, "collateral", "quote.collateral.missing", "no collateral");
		return (a->parts.tdx ? check_td_body(a) : check_sgx_body(a)) && false;
	}
	/* The level is found for DEBUG enclaves, too: the report says both. */
	return (int)(check_collateral(a) && check_tcb(a)) & (int)(a->parts.tdx ? check_td_body(a) : check_sgx_body(a));
}

/* All that has a window, and was judged by the time of the check. Whoever adds such a thing adds it here, too. */
static void note_windows(const struct appraisal *a)
{
	uint64_t from_s = 0, until_s = UINT64_MAX;

	for (int i = 0; i < 3; i++)
		x509_narrow(a->chain[i], &from_s, &until_s);
	x509_narrow(a->tcb_signing, &from_s, &until_s);
	x509_narrow(a->collateral_root, &from_s, &until_s);
	x509_narrow(a->crl_issuer, &from_s, &until_s);
	crl_narrow(a->root_crl, &from_s, &until_s);
	crl_narrow(a->pck_crl, &from_s, &until_s);
	tcb_narrow(a->collateral->tcb_info, &from_s, &until_s);
	tcb_narrow(a->collateral->qe_identity, &from_s, &until_s);
	a->claims->valid_from_s = from_s;
	a->claims->valid_until_s = until_s;
}

enum tcb_error quote_appraise(struct span quote, const struct collateral *collateral, const struct policy *policy,
			      uint64_t now_s, struct checks *checks, struct quote_claims *ret_claims)
{
	struct appraisal a = { .collateral = collateral, .policy = policy, .now_s = now_s, .checks = checks,
			       .claims = ret_claims };
	bool passed;

	*ret_claims = (struct quote_claims){ .tcb_status = TCB_NOT_SUPPORTED, .valid_from_s = UINT64_MAX };
	if (quote_parts_decode(quote, &a.parts) != TCB_OK) {
		(void)say(&a, "format", "quote.malformed", false, "SGX v3, or TDX v4 or v5, every size closing exactly",
			  "other bytes");
		return TCB_MALFORMED;
	}
	passed = appraise(&a);
	if (passed)
		note_windows(&a);
	release(&a);
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
