// SPDX-License-Identifier: MIT
/* Chain, CRLs and collateral (DCAP notes 2.4). Fails closed: what does not decode, or is not there, is never "not revoked". */
#include "verify/appraise/quote_chain.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "verify/appraise/memo.h"

#define LAYER "quote"
#define ROOT_NAME "Intel SGX Root CA"
#define PLATFORM_CA_NAME "Intel SGX PCK Platform CA"
#define PROCESSOR_CA_NAME "Intel SGX PCK Processor CA"

void quote_chain_release(struct quote_chain *c)
{
	X509_free(c->pck);
	X509_free(c->intermediate);
	X509_free(c->root);
	X509_free(c->tcb_signing);
	X509_free(c->collateral_root);
	X509_free(c->crl_issuer);
	X509_CRL_free(c->root_crl);
	X509_CRL_free(c->pck_crl);
	*c = (struct quote_chain){0};
}

static bool say(struct checks *checks, const char *field, const char *code, bool passed, const char *expected, const char *got)
{
	return check_that(checks, LAYER, field, code, passed, expected, got);
}

/* ---- the PCK chain ---- */

/* Platform CA or Processor CA: the intermediate's own name says which. */
static const char *intermediate_name(const X509 *certificate)
{
	char name[64];

	if (x509_common_name(certificate, name, sizeof name) && strcmp(name, PROCESSOR_CA_NAME) == 0)
		return PROCESSOR_CA_NAME;
	return PLATFORM_CA_NAME;
}

static bool decode_chain(struct span pem, struct quote_chain *ret_chain)
{
	X509 *chain[3];

	if (pck_chain_decode(pem, chain) != TCB_OK)
		return false;
	ret_chain->pck = chain[0];
	ret_chain->intermediate = chain[1];
	ret_chain->root = chain[2];
	return true;
}

static bool check_root(const struct quote_chain *c, const struct policy *policy, struct checks *checks,
		       struct digest256 *ret_root_spki)
{
	char got[CHECK_TEXT_MAX] = "";
	bool listed = false;

	if (x509_spki_digest(c->root, ret_root_spki) != TCB_OK)
		return say(checks, "root", "quote.chain", false, "a root certificate", "none");
	for (size_t i = 0; i < policy->root_count; i++)
		listed |= memcmp(&policy->roots[i], ret_root_spki, sizeof *ret_root_spki) == 0;
	for (size_t i = 0; i < SHA256_SIZE; i++)
		(void)snprintf(got + 2 * i, 3, "%02x", ret_root_spki->bytes[i]);
	return say(checks, "root", "quote.root.untrusted", listed, "a root key that the policy names", got);
}

/* The extension, and that it has what certificates of its issuer have. */
static bool decode_pck(struct quote_chain *c)
{
	bool of_platform_ca = strcmp(intermediate_name(c->intermediate), PLATFORM_CA_NAME) == 0;

	return pck_facts_decode(c->pck, &c->facts) == TCB_OK && c->facts.of_platform_ca == of_platform_ca &&
	       x509_p256_key(c->pck, &c->pck_key) == TCB_OK;
}

bool quote_chain_appraise(struct span pem, const struct policy *policy, uint64_t now_s, struct checks *checks,
			  struct quote_chain *ret_chain, struct digest256 *ret_root_spki)
{
	struct quote_chain *c = ret_chain;
	bool issued, valid;

	if (!say(checks, "pck_chain", "quote.chain.malformed", decode_chain(pem, c), "three PEM certificates, then at most one NUL",
		 "something else") ||
	    !check_root(c, policy, checks, ret_root_spki))
		return false;
	issued = x509_is_issued(c->root, c->root, ROOT_NAME, true, checks->memo) &&
		 x509_is_issued(c->intermediate, c->root, intermediate_name(c->intermediate), true, checks->memo) &&
		 x509_is_issued(c->pck, c->intermediate, "Intel SGX PCK Certificate", false, checks->memo);
	valid = x509_is_valid_at(c->root, now_s) && x509_is_valid_at(c->intermediate, now_s) && x509_is_valid_at(c->pck, now_s);
	return say(checks, "pck_chain", "quote.chain", issued, "leaf, intermediate and root, each signed by the next",
		   "a chain that does not check") &&
	       say(checks, "pck_chain", "quote.chain.expired", valid, "certificates valid at the time of the check",
		   "one outside its window") &&
	       say(checks, "pck", "quote.pck.malformed", decode_pck(c), "an SGX extension that is complete", "none, or a broken one");
}

/* ---- collateral ---- */

static bool decode_collateral(const struct collateral *collateral, struct quote_chain *c)
{
	return x509_decode(collateral->tcb_signing_certificate, &c->tcb_signing) == TCB_OK &&
	       x509_decode_or_share(collateral->root_certificate, c->root, &c->collateral_root) == TCB_OK &&
	       x509_decode_or_share(collateral->pck_crl_issuer, c->intermediate, &c->crl_issuer) == TCB_OK &&
	       crl_decode(collateral->root_crl, &c->root_crl) == TCB_OK &&
	       crl_decode(collateral->pck_crl, &c->pck_crl) == TCB_OK;
}

static bool check_crl_numbers(const struct policy *policy, struct checks *checks, const struct collateral_marks *marks)
{
	return (policy->min_root_crl_number == 0 ||
		check_at_least(checks, LAYER, "root_crl.number", "quote.crl.old", policy->min_root_crl_number,
			       marks->root_crl.number)) &&
	       (policy->min_pck_crl_number == 0 ||
		check_at_least(checks, LAYER, "pck_crl.number", "quote.crl.old", policy->min_pck_crl_number,
			       marks->pck_crl.number));
}

/* The CRLs are those of the quote's root and of the PCK's own issuer, and revoke nobody that counts here. */
static bool check_crls(struct quote_chain *c, const struct policy *policy, uint64_t now_s, struct checks *checks,
		       struct collateral_marks *marks)
{
	bool root_current = false, pck_current = false;
	bool issued = crl_is_issued(c->root_crl, c->root, now_s, checks->memo, &root_current) &&
		      crl_is_issued(c->pck_crl, c->intermediate, now_s, checks->memo, &pck_current) &&
		      x509_same_key(c->crl_issuer, c->intermediate) &&
		      (c->crl_issuer == c->intermediate || /* then it has just been judged */
		       x509_is_issued(c->crl_issuer, c->root, intermediate_name(c->crl_issuer), true, checks->memo)) &&
		      x509_is_valid_at(c->crl_issuer, now_s) && crl_age_of(c->root_crl, &marks->root_crl) == TCB_OK &&
		      crl_age_of(c->pck_crl, &marks->pck_crl) == TCB_OK;

	return say(checks, "crl", "quote.crl", issued, "whole CRLs of the root and of the PCK's issuer", "another issuer's, or others") &&
	       say(checks, "crl", "quote.collateral.expired", root_current && pck_current, "CRLs inside their windows",
		   "one outside its window") &&
	       check_crl_numbers(policy, checks, marks) &&
	       say(checks, "intermediate", "quote.intermediate.revoked", !crl_revokes(c->root_crl, c->intermediate), "not revoked",
		   "revoked by the root CRL") &&
	       say(checks, "tcb_signing", "quote.tcbsigning.revoked", !crl_revokes(c->root_crl, c->tcb_signing), "not revoked",
		   "revoked by the root CRL") &&
	       say(checks, "pck", "quote.pck.revoked", !crl_revokes(c->pck_crl, c->pck), "not revoked",
		   "revoked by its issuer's CRL");
}

/* The chains that come with the collateral are the quote's own, maybe in another edition of a certificate. */
static bool check_signers(const struct quote_chain *c, uint64_t now_s, struct checks *checks)
{
	return say(checks, "collateral.root", "quote.collateral.root",
		   x509_same_key(c->collateral_root, c->root) &&
			   (c->collateral_root == c->root ||
			    x509_is_issued(c->collateral_root, c->collateral_root, ROOT_NAME, true, checks->memo)),
		   "the root of the quote's own chain", "another root") &&
	       say(checks, "tcb_signing", "quote.tcbsigning",
		   x509_is_issued(c->tcb_signing, c->root, "Intel SGX TCB Signing", false, checks->memo) &&
			   x509_is_valid_at(c->tcb_signing, now_s) && x509_is_valid_at(c->collateral_root, now_s),
		   "a TCB signing certificate of the root, valid now", "another");
}

/* Intel signs JSON without white space between its members: a tool has put it there. */
static bool was_reformatted(struct span json)
{
	bool in_string = false;

	for (size_t i = 0; i < json.size; i++) {
		if (in_string && json.data[i] == '\\')
			i++;
		else if (json.data[i] == '"')
			in_string = !in_string;
		else if (!in_string && (json.data[i] == ' ' || json.data[i] == '\n' || json.data[i] == '\r' || json.data[i] == '\t'))
			return true;
	}
	return false;
}

static bool check_text(const struct quote_chain *c, const char *name, const char *code, struct span text,
		       const struct p256_signature *signature, struct checks *checks)
{
	struct p256_point key;
	bool signed_well = x509_p256_key(c->tcb_signing, &key) == TCB_OK && memo_verify(checks->memo, &key, &text, 1, signature) == TCB_OK;

	return say(checks, name, code, signed_well, "signed by TCB Signing",
		   !signed_well && was_reformatted(text) ? "JSON that was formatted anew since it was signed" : "a signature that does not check");
}

static bool check_texts(const struct quote_chain *c, const struct collateral *collateral, struct checks *checks)
{
	return check_text(c, "tcbInfo", "quote.tcbinfo.signature", collateral->tcb_info, &collateral->tcb_info_signature, checks) &&
	       check_text(c, "qeIdentity", "quote.qe.signature", collateral->qe_identity, &collateral->qe_identity_signature, checks);
}

bool quote_collateral_appraise(struct quote_chain *chain, const struct collateral *collateral, const struct policy *policy,
			       uint64_t now_s, struct checks *checks, struct collateral_marks *marks)
{
	return say(checks, "collateral", "quote.collateral.malformed", decode_collateral(collateral, chain),
		   "certificates and CRLs in DER", "something else") &&
	       check_signers(chain, now_s, checks) && check_crls(chain, policy, now_s, checks, marks) &&
	       check_texts(chain, collateral, checks) && x509_spki_digest(chain->root, &marks->root) == TCB_OK &&
	       x509_spki_digest(chain->intermediate, &marks->pck_issuer) == TCB_OK;
}

void quote_chain_narrow(const struct quote_chain *chain, uint64_t *from_s, uint64_t *until_s)
{
	const X509 *const certificates[] = { chain->pck, chain->intermediate, chain->root, chain->tcb_signing, chain->collateral_root,
					     chain->crl_issuer };

	for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++)
		x509_narrow(certificates[i], from_s, until_s);
	crl_narrow(chain->root_crl, from_s, until_s);
	crl_narrow(chain->pck_crl, from_s, until_s);
}
