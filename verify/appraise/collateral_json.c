// SPDX-License-Identifier: MIT
/* Collateral decoded from its file forms. Nothing is judged but that the parts belong together: signatures, windows and revocation are
 * quote_appraise()'s. All bytes are hostile. */
#include "verify/appraise/collateral_json.h"

#include <openssl/x509.h>

#include "core/json.h"
#include "core/reader.h"
#include "verify/appraise/collateral_forms.h"
#include "verify/appraise/pem.h"
#include "verify/appraise/x509.h"

#define SEE_FORMS "write it as docs/dcap.md says, or fetch the collateral again"

static enum tcb_error malformed(struct diagnosis *d, const char *found, const char *wanted)
{
	return diagnose(d, TCB_MALFORMED, "collateral.malformed", found, wanted, SEE_FORMS);
}

/* ---- members ---- */

static enum tcb_error missing(const char *name, struct diagnosis *d)
{
	return diagnose_found(d, TCB_MALFORMED, "collateral.malformed",
			      "tcb_info, qe_identity, their signatures and issuer chains, and both CRLs with theirs", SEE_FORMS,
			      "a document without %s", name);
}

static enum tcb_error bad_member(const char *name, const char *wanted, struct diagnosis *d)
{
	return diagnose_found(d, TCB_MALFORMED, "collateral.malformed", wanted, SEE_FORMS, "a member %s of another form", name);
}

static enum tcb_error find(struct span object, const char *name, struct span *ret_value, struct diagnosis *d)
{
	return json_find(object, name, ret_value) == TCB_OK ? TCB_OK : missing(name, d);
}

/* Strings of C programs have their NUL with them. */
static struct span trim_nul(struct span text)
{
	while (text.size > 0 && text.data[text.size - 1] == 0)
		text.size--;
	return text;
}

static enum tcb_error find_chain(struct span object, const char *name, struct writer *w, struct span *ret_pem, struct diagnosis *d)
{
	struct span value, text;

	TRY(find(object, name, &value, d));
	if (form_text(value, w, &text) != TCB_OK || form_chain(trim_nul(text), w, ret_pem) != TCB_OK)
		return bad_member(name, "a string with certificates in PEM, plain or with %-escapes", d);
	return TCB_OK;
}

static enum tcb_error find_crl(struct span object, const char *name, struct writer *w, struct span *ret_der, struct diagnosis *d)
{
	struct span value;

	TRY(find(object, name, &value, d));
	if (form_json_crl(value, w, ret_der) != TCB_OK)
		return bad_member(name, "a CRL in hexadecimal digits, base64 or PEM, or an array of its bytes", d);
	return TCB_OK;
}

/* ---- signed texts ---- */

/* {`name`: object, "signature": ...} and nothing else. */
static bool is_response(struct span text, const char *name, struct span *ret_text, struct span *ret_signature)
{
	struct span rest, member, value;
	size_t members = 0;

	if (json_check(text, NULL) != TCB_OK || !json_opens_object(json_value(text)))
		return false;
	rest = json_value(text);
	while (json_next_member(&rest, &member, &value))
		members++;
	return members == 2 && json_find(json_value(text), name, ret_text) == TCB_OK && json_opens_object(*ret_text) &&
	       json_find(json_value(text), "signature", ret_signature) == TCB_OK;
}

static enum tcb_error copy(struct span bytes, struct writer *w, struct span *ret_copy)
{
	size_t start = w->size;

	writer_bytes(w, bytes);
	*ret_copy = span_of(w->data + start, w->size - start);
	return w->error;
}

struct signed_names {
	const char *member, *response, *signature;
};

static const struct signed_names tcb_info_names = {"tcb_info", "tcbInfo", "tcb_info_signature"};
static const struct signed_names qe_identity_names = {"qe_identity", "enclaveIdentity", "qe_identity_signature"};

/* The signed text as a string or as an object, with its signature beside it; or a service's whole answer, with the signature inside. */
static enum tcb_error find_signed(struct span object, const struct signed_names *names, struct writer *w, struct span *ret_text,
				  struct p256_signature *ret_signature, struct diagnosis *d)
{
	struct span value, text, signature;
	enum tcb_error error;

	TRY(find(object, names->member, &value, d));
	error = json_opens_object(value) ? copy(value, w, &text) : form_text(value, w, &text);
	if (error != TCB_OK)
		return bad_member(names->member, "the signed JSON, as a string or as it is", d);
	*ret_text = text = trim_nul(text);
	if (!is_response(text, names->response, ret_text, &signature))
		TRY(find(object, names->signature, &signature, d));
	if (form_json_signature(signature, ret_signature) != TCB_OK)
		return bad_member(names->signature, "r and s, 64 bytes: 128 hexadecimal digits, base64, or an array", d);
	return TCB_OK;
}

/* ---- chains ---- */

static enum tcb_error take_certificate(struct reader *r, struct writer *w, struct span *ret_der)
{
	size_t start = w->size;

	TRY(pem_take(r, "CERTIFICATE", w));
	TRY(writer_end(w, NULL));
	*ret_der = span_of(w->data + start, w->size - start);
	return TCB_OK;
}

/* The DER of exactly two certificates. */
static enum tcb_error split_chain(struct span pem, struct writer *w, struct span *ret_signer, struct span *ret_root)
{
	struct reader r = reader_of(pem);

	TRY(take_certificate(&r, w, ret_signer));
	TRY(take_certificate(&r, w, ret_root));
	return reader_end(&r);
}

/* Certificates over one key; they may be two editions. */
static bool same_key(struct span one_der, struct span other_der)
{
	X509 *one = NULL, *other = NULL;
	bool same = x509_decode(one_der, &one) == TCB_OK && x509_decode(other_der, &other) == TCB_OK && x509_same_key(one, other);

	X509_free(one);
	X509_free(other);
	return same;
}

enum tcb_error collateral_assemble(const struct collateral_parts *p, struct writer *w, struct collateral *ret_collateral,
				   struct diagnosis *d)
{
	struct collateral c = {
		.tcb_info = p->tcb_info, .tcb_info_signature = p->tcb_info_signature,
		.qe_identity = p->qe_identity, .qe_identity_signature = p->qe_identity_signature,
		.root_crl = p->root_crl, .pck_crl = p->pck_crl, .pck_chain = p->pck_chain,
	};
	struct span qe_signer, qe_root, crl_root;

	if (split_chain(p->tcb_info_chain, w, &c.tcb_signing_certificate, &c.root_certificate) != TCB_OK ||
	    split_chain(p->qe_identity_chain, w, &qe_signer, &qe_root) != TCB_OK ||
	    split_chain(p->pck_crl_chain, w, &c.pck_crl_issuer, &crl_root) != TCB_OK)
		return malformed(d, "an issuer chain that is none", "two certificates in PEM, the signer and the root, and nothing else");
	if (!same_key(c.tcb_signing_certificate, qe_signer) || !same_key(c.root_certificate, qe_root) ||
	    !same_key(c.root_certificate, crl_root))
		return malformed(d, "issuer chains that differ", "one signer of TCB info and QE identity, and one root");
	*ret_collateral = c;
	return TCB_OK;
}

/* ---- the document ---- */

static enum tcb_error decode(struct span object, struct writer *w, struct collateral_parts *p, struct diagnosis *d)
{
	struct span value;

	TRY(find_signed(object, &tcb_info_names, w, &p->tcb_info, &p->tcb_info_signature, d));
	TRY(find_signed(object, &qe_identity_names, w, &p->qe_identity, &p->qe_identity_signature, d));
	TRY(find_chain(object, "tcb_info_issuer_chain", w, &p->tcb_info_chain, d));
	TRY(find_chain(object, "qe_identity_issuer_chain", w, &p->qe_identity_chain, d));
	TRY(find_chain(object, "pck_crl_issuer_chain", w, &p->pck_crl_chain, d));
	TRY(find_crl(object, "root_ca_crl", w, &p->root_crl, d));
	TRY(find_crl(object, "pck_crl", w, &p->pck_crl, d));
	return json_find(object, "pck_certificate_chain", &value) == TCB_OK
		       ? find_chain(object, "pck_certificate_chain", w, &p->pck_chain, d)
		       : TCB_OK;
}

enum tcb_error collateral_json_decode(struct span json, struct collateral_memory *memory,
				      struct collateral *ret_collateral, struct diagnosis *d)
{
	struct writer w = WRITER_OF(memory->bytes);
	struct collateral_parts parts = {0};
	struct span text;

	text = form_skip_mark(json);
	TRY(json_check(text, d));
	TRY(decode(json_value(text), &w, &parts, d));
	return collateral_assemble(&parts, &w, ret_collateral, d);
}

/* ---- parts ---- */

enum tcb_error collateral_response_decode(struct span json, const char *name, struct span *ret_text,
					  struct p256_signature *ret_signature, struct diagnosis *d)
{
	struct span text = form_skip_mark(json), signature;

	TRY(json_check(text, d));
	if (!is_response(text, name, ret_text, &signature) || form_json_signature(signature, ret_signature) != TCB_OK)
		return diagnose_found(d, TCB_MALFORMED, "collateral.malformed", "the service's whole answer, as it came",
				      "save the body of the answer, not a part of it", "a file that is not {\"%s\": ..., \"signature\": ...}", name);
	return TCB_OK;
}

enum tcb_error collateral_crl_decode(struct span bytes, struct writer *w, struct span *ret_der, struct diagnosis *d)
{
	return form_crl(bytes, w, ret_der) == TCB_OK
		       ? TCB_OK
		       : malformed(d, "a CRL of another form", "DER, PEM (X509 CRL), hexadecimal digits or base64, and nothing else");
}

enum tcb_error collateral_chain_decode(struct span bytes, struct writer *w, struct span *ret_pem, struct diagnosis *d)
{
	return form_chain(form_skip_mark(bytes), w, ret_pem) == TCB_OK
		       ? TCB_OK
		       : malformed(d, "an issuer chain of another form", "PEM, a header's value, or a dump of headers with one Issuer-Chain");
}
