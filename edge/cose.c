// SPDX-License-Identifier: MIT
#include "edge/cose.h"

enum {
	COSE_TAG_SIGN1 = 18,       /* RFC 9052 section 2 */
	COSE_HEADER_ALGORITHM = 1, /* RFC 9052 section 3.1 */
	COSE_HEADER_CONTENT_TYPE = 3,
	COSE_ES256 = -7,           /* RFC 9053 section 2.1 */
	PROTECTED_MAX = 128,
};

static enum tcb_error protected_encode(const char *content_type, uint8_t *ret_bytes, size_t capacity,
				       struct span *ret_protected)
{
	struct writer w = writer_of(ret_bytes, capacity);

	cbor_write_map(&w, 2);
	cbor_write_int(&w, COSE_HEADER_ALGORITHM);
	cbor_write_int(&w, COSE_ES256);
	cbor_write_int(&w, COSE_HEADER_CONTENT_TYPE);
	cbor_write_text(&w, span_of_text(content_type));
	return writer_end(&w, ret_protected);
}

void cose_tbs_head_encode(struct writer *w, const char *content_type, size_t payload_size)
{
	uint8_t bytes[PROTECTED_MAX];
	struct span protected_header;

	if (protected_encode(content_type, bytes, sizeof bytes, &protected_header) != TCB_OK) {
		w->error = TCB_LIMIT;
		return;
	}
	cbor_write_array(w, 4);
	cbor_write_text(w, span_of_text("Signature1"));
	cbor_write_bytes(w, protected_header);
	cbor_write_bytes(w, span_of(NULL, 0)); /* external_aad */
	cbor_write_bytes_head(w, payload_size);
}

void cose_tbs_encode(struct writer *w, const char *content_type, struct span payload)
{
	cose_tbs_head_encode(w, content_type, payload.size);
	writer_bytes(w, payload);
}

void cose_sign1_encode(struct writer *w, const char *content_type, struct span payload,
		       const struct p256_signature *signature)
{
	uint8_t bytes[PROTECTED_MAX];
	struct span protected_header;

	if (protected_encode(content_type, bytes, sizeof bytes, &protected_header) != TCB_OK) {
		w->error = TCB_LIMIT;
		return;
	}
	cbor_write_tag(w, COSE_TAG_SIGN1);
	cbor_write_array(w, 4);
	cbor_write_bytes(w, protected_header);
	cbor_write_map(w, 0);
	cbor_write_bytes(w, payload);
	cbor_write_bytes(w, SPAN_OF(signature->bytes));
}

enum tcb_error cose_sign1_decode(struct span bytes, const char *content_type, struct span *ret_payload,
				 struct p256_signature *ret_signature)
{
	struct reader r = reader_of(bytes);
	uint8_t wanted_bytes[PROTECTED_MAX];
	struct span wanted, protected_header, payload;
	struct p256_signature signature;

	TRY(protected_encode(content_type, wanted_bytes, sizeof wanted_bytes, &wanted));
	TRY(cbor_read_tag(&r, COSE_TAG_SIGN1));
	TRY(cbor_read_array_of(&r, 4));
	TRY(cbor_read_bytes(&r, &protected_header));
	TRY(cbor_read_map_of(&r, 0));
	TRY(cbor_read_bytes(&r, &payload));
	TRY(cbor_read_fixed(&r, signature.bytes, sizeof signature.bytes));
	TRY(reader_end(&r));
	if (!span_equal(protected_header, wanted))
		return TCB_MALFORMED;
	*ret_payload = payload;
	*ret_signature = signature;
	return TCB_OK;
}
