#include "verify/appraise/collateral_json.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/json.h"

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

static enum tcb_error find_hex(struct span object, const char *name, struct writer *w, struct span *ret_bytes)
{
	struct span value;
	size_t start = w->size;

	TRY(json_find(object, name, &value));
	if (value.size < 2 || value.size % 2 != 0)
		return TCB_MALFORMED;
	writer_zeros(w, (value.size - 2) / 2);
	TRY(writer_end(w, NULL));
	*ret_bytes = span_of(w->data + start, w->size - start);
	return json_hex(value, w->data + start, ret_bytes->size);
}

static enum tcb_error find_signature(struct span object, const char *name, struct p256_signature *ret_signature)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_hex(value, ret_signature->bytes, sizeof ret_signature->bytes);
}

/* The DER of exactly two certificates. */
static enum tcb_error split_chain(struct span pem, struct writer *w, struct span *ret_first, struct span *ret_second)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	struct span *const ret[] = { ret_first, ret_second };
	enum tcb_error error = bio != NULL ? TCB_OK : TCB_INTERNAL;

	for (int i = 0; error == TCB_OK && i < 2; i++) {
		X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		uint8_t *der = NULL;
		int size = certificate != NULL ? i2d_X509(certificate, &der) : 0;

		*ret[i] = span_of(w->data + w->size, size > 0 ? (size_t)size : 0);
		writer_bytes(w, span_of(der, ret[i]->size));
		error = size > 0 ? w->error : TCB_MALFORMED;
		OPENSSL_free(der);
		X509_free(certificate);
	}
	BIO_free(bio);
	return error;
}

static enum tcb_error decode(struct span object, struct collateral_memory *memory, struct collateral *c)
{
	struct writer w = WRITER_OF(memory->bytes);
	struct span pem, root;

	TRY(find_text(object, "tcb_info", &w, &c->tcb_info));
	TRY(find_signature(object, "tcb_info_signature", &c->tcb_info_signature));
	TRY(find_text(object, "qe_identity", &w, &c->qe_identity));
	TRY(find_signature(object, "qe_identity_signature", &c->qe_identity_signature));
	TRY(find_text(object, "tcb_info_issuer_chain", &w, &pem));
	TRY(split_chain(pem, &w, &c->tcb_signing_certificate, &c->root_certificate));
	TRY(find_text(object, "pck_crl_issuer_chain", &w, &pem));
	TRY(split_chain(pem, &w, &c->pck_crl_issuer, &root));
	TRY(find_hex(object, "root_ca_crl", &w, &c->root_crl));
	return find_hex(object, "pck_crl", &w, &c->pck_crl);
}

enum tcb_error collateral_json_decode(struct span json, struct collateral_memory *memory,
				      struct collateral *ret_collateral, struct diagnosis *d)
{
	struct collateral c = {0};

	TRY(json_check(json, d));
	if (decode(json_value(json), memory, &c) != TCB_OK)
		return diagnose(d, TCB_MALFORMED, "collateral.malformed", "a member that is missing or does not decode",
				"tcb_info, qe_identity, their signatures and issuer chains, and both CRLs",
				"fetch the collateral again");
	*ret_collateral = c;
	return TCB_OK;
}
