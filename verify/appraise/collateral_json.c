// SPDX-License-Identifier: MIT
/* Collateral decoded from its file forms. Nothing is judged but that the parts belong together: signatures, windows and revocation are
 * quote_appraise()'s. All bytes are hostile. */
#include "verify/appraise/collateral_json.h"

#include <openssl/x509.h>

#include "core/json.h"
#include "core/reader.h"
#include "verify/appraise/pem.h"
#include "verify/appraise/x509.h"

static enum tcb_error malformed(struct diagnosis *d, const char *found, const char *wanted)
{
	return diagnose(d, TCB_MALFORMED, "collateral.malformed", found, wanted, "fetch the collateral again");
}

/* ---- members ---- */

/* Undoes JSON's escapes: \n in PEM, \" in the signed texts; \u is not used by any issuer and refused. */
static enum tcb_error unescape(struct span value, struct writer *w, struct span *ret_text)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t start = w->size;

	if (value.size < 2 || value.data[0] != '"')
		return TCB_MALFORMED;
	for (size_t i = 1; i + 1 < value.size; i++) {
		const char *escape;

		if (value.data[i] != '\\') {
			writer_u8(w, value.data[i]);
			continue;
		}
		escape = strchr(from, value.data[++i]);
		if (escape == NULL)
			return TCB_MALFORMED;
		writer_u8(w, (uint8_t)to[escape - from]);
	}
	TRY(writer_end(w, NULL));
	*ret_text = span_of(w->data + start, w->size - start);
	return TCB_OK;
}

static enum tcb_error find_text(struct span object, const char *name, struct writer *w, struct span *ret_text)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return unescape(value, w, ret_text);
}

/* `value`: a JSON string of hexadecimal digits, with its quotes. */
static enum tcb_error take_hex(struct span value, struct writer *w, struct span *ret_bytes)
{
	size_t start = w->size;

	if (value.size < 4 || value.size % 2 != 0)
		return TCB_MALFORMED;
	writer_zeros(w, (value.size - 2) / 2);
	TRY(writer_end(w, NULL));
	TRY(json_hex(value, w->data + start, w->size - start));
	*ret_bytes = span_of(w->data + start, w->size - start);
	return TCB_OK;
}

static enum tcb_error find_hex(struct span object, const char *name, struct writer *w, struct span *ret_bytes)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return take_hex(value, w, ret_bytes);
}

static enum tcb_error find_signature(struct span object, const char *name, struct p256_signature *ret_signature)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_hex(value, ret_signature->bytes, sizeof ret_signature->bytes);
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
		return malformed(d, "an issuer chain that is none", "two certificates in canonical PEM, nothing else");
	if (!same_key(c.tcb_signing_certificate, qe_signer) || !same_key(c.root_certificate, qe_root) ||
	    !same_key(c.root_certificate, crl_root))
		return malformed(d, "issuer chains that differ", "one signer of TCB info and QE identity, and one root");
	*ret_collateral = c;
	return TCB_OK;
}

/* ---- the document ---- */

static enum tcb_error decode(struct span object, struct writer *w, struct collateral_parts *p)
{
	struct span value;

	TRY(find_text(object, "tcb_info", w, &p->tcb_info));
	TRY(find_signature(object, "tcb_info_signature", &p->tcb_info_signature));
	TRY(find_text(object, "qe_identity", w, &p->qe_identity));
	TRY(find_signature(object, "qe_identity_signature", &p->qe_identity_signature));
	TRY(find_text(object, "tcb_info_issuer_chain", w, &p->tcb_info_chain));
	TRY(find_text(object, "qe_identity_issuer_chain", w, &p->qe_identity_chain));
	TRY(find_text(object, "pck_crl_issuer_chain", w, &p->pck_crl_chain));
	TRY(find_hex(object, "root_ca_crl", w, &p->root_crl));
	TRY(find_hex(object, "pck_crl", w, &p->pck_crl));
	return json_find(object, "pck_certificate_chain", &value) == TCB_OK ? unescape(value, w, &p->pck_chain) : TCB_OK;
}

enum tcb_error collateral_json_decode(struct span json, struct collateral_memory *memory,
				      struct collateral *ret_collateral, struct diagnosis *d)
{
	struct writer w = WRITER_OF(memory->bytes);
	struct collateral_parts parts = {0};

	TRY(json_check(json, d));
	if (decode(json_value(json), &w, &parts) != TCB_OK)
		return malformed(d, "a member that is missing or does not decode",
				 "tcb_info, qe_identity, their signatures and issuer chains, and both CRLs with theirs");
	return collateral_assemble(&parts, &w, ret_collateral, d);
}

/* ---- parts ---- */

enum tcb_error collateral_response_decode(struct span json, const char *name, struct span *ret_text,
					  struct p256_signature *ret_signature, struct diagnosis *d)
{
	struct span rest, member, value, text;
	size_t members = 0;

	TRY(json_check(json, d));
	rest = json_value(json);
	while (json_next_member(&rest, &member, &value))
		members++;
	if (members != 2 || json_find(json_value(json), name, &text) != TCB_OK || !json_opens_object(text) ||
	    find_signature(json_value(json), "signature", ret_signature) != TCB_OK)
		return malformed(d, "another document", "an object with a signed object and its \"signature\"");
	*ret_text = text;
	return TCB_OK;
}

static bool is_white(uint8_t byte) { return byte == '\n' || byte == '\r' || byte == ' '; }

/* Hexadecimal digits as a service's answer or an editor leaves them: maybe with a line's end. */
static enum tcb_error crl_from_hex(struct span text, struct writer *w, struct span *ret_der)
{
	uint8_t digits[2 + 2], byte;
	size_t start = w->size;

	while (text.size > 0 && is_white(text.data[text.size - 1]))
		text.size--;
	if (text.size == 0 || text.size % 2 != 0)
		return TCB_MALFORMED;
	for (size_t i = 0; i < text.size; i += 2) {
		memcpy(digits, (const uint8_t[]){'"', text.data[i], text.data[i + 1], '"'}, sizeof digits);
		TRY(json_hex(SPAN_OF(digits), &byte, 1));
		writer_u8(w, byte);
	}
	TRY(writer_end(w, NULL));
	*ret_der = span_of(w->data + start, w->size - start);
	return TCB_OK;
}

static enum tcb_error crl_from_pem(struct span text, struct writer *w, struct span *ret_der)
{
	struct reader r = reader_of(text);
	size_t start = w->size;

	TRY(pem_take(&r, "X509 CRL", w));
	TRY(reader_end(&r));
	TRY(writer_end(w, NULL));
	*ret_der = span_of(w->data + start, w->size - start);
	return TCB_OK;
}

enum tcb_error collateral_crl_decode(struct span bytes, struct writer *w, struct span *ret_der, struct diagnosis *d)
{
	enum tcb_error error = TCB_MALFORMED;

	if (bytes.size > 2 && bytes.data[0] == 0x30 && bytes.data[1] >= 0x80) { /* a SEQUENCE of some length; digits are below 0x80 */
		*ret_der = bytes;
		return TCB_OK;
	}
	if (bytes.size > 0 && bytes.data[0] == '-')
		error = crl_from_pem(bytes, w, ret_der);
	else if (bytes.size > 0)
		error = crl_from_hex(bytes, w, ret_der);
	return error == TCB_OK ? TCB_OK : malformed(d, "a CRL that is none", "DER, PEM (X509 CRL), or hexadecimal digits, nothing else");
}

static enum tcb_error take_escape(struct span text, size_t at, struct writer *w)
{
	uint8_t digits[4], byte;

	if (text.size - at < 3)
		return TCB_MALFORMED;
	memcpy(digits, (const uint8_t[]){'"', text.data[at + 1], text.data[at + 2], '"'}, sizeof digits);
	TRY(json_hex(SPAN_OF(digits), &byte, 1));
	writer_u8(w, byte);
	return w->error;
}

enum tcb_error collateral_chain_decode(struct span bytes, struct writer *w, struct span *ret_pem, struct diagnosis *d)
{
	size_t start = w->size;

	if (bytes.size == 0 || memchr(bytes.data, '%', bytes.size) == NULL) {
		*ret_pem = bytes;
		return TCB_OK;
	}
	for (size_t i = 0; i < bytes.size && w->error == TCB_OK; i++) {
		if (bytes.data[i] != '%') {
			writer_u8(w, bytes.data[i]);
			continue;
		}
		if (take_escape(bytes, i, w) != TCB_OK)
			return malformed(d, "a %-escape that is none", "PEM, plain or with %-escapes");
		i += 2;
	}
	TRY(writer_end(w, NULL));
	*ret_pem = span_of(w->data + start, w->size - start);
	return TCB_OK;
}
