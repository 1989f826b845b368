// SPDX-License-Identifier: MIT
#include "verify/appraise/quote_format.h"

#include "core/limits.h"
#include "core/reader.h"

enum {
	KEY_TYPE_ECDSA_P256 = 2,
	TEE_SGX = 0,
	TEE_TDX = 0x81,
	CERTIFICATION_PCK_CHAIN = 5,
	CERTIFICATION_QE_REPORT = 6,
	BODY_SGX = 1, /* body types of version 5 */
	BODY_TD10 = 2,
	BODY_TD15 = 3,
	TD10_SIZE = 584,
	TD15_SIZE = 648,
	QUOTE_HEADER_SIZE = 48,
};

static const uint8_t intel_qe_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static enum tcb_error header_decode(struct reader *r, struct quote_parts *p)
{
	struct span vendor, user_data;
	uint32_t tee;
	uint16_t key_type, a, b;

	TRY(reader_u16_le(r, &p->version));
	TRY(reader_u16_le(r, &key_type));
	TRY(reader_u32_le(r, &tee));
	TRY(reader_u16_le(r, &a)); /* v3: QE SVN, PCE SVN; later: reserved */
	TRY(reader_u16_le(r, &b));
	TRY(reader_bytes(r, 16, &vendor));
	TRY(reader_bytes(r, 20, &user_data));
	if (key_type != KEY_TYPE_ECDSA_P256 || !span_equal(vendor, SPAN_OF(intel_qe_vendor)))
		return TCB_MALFORMED;
	memcpy(p->qe_id, user_data.data, sizeof p->qe_id);
	p->tdx = tee == TEE_TDX;
	if (tee != TEE_SGX && tee != TEE_TDX)
		return TCB_MALFORMED;
	if (p->version == 3)
		return p->tdx ? TCB_MALFORMED : TCB_OK;
	return (p->version == 4 || p->version == 5) && a == 0 && b == 0 ? TCB_OK : TCB_MALFORMED;
}

/* Whether a quote of this TEE may have a body of this type and size. */
static bool is_body(bool tdx, uint16_t type, uint32_t size)
{
	if (!tdx)
		return type == BODY_SGX && size == SGX_REPORT_BODY_SIZE;
	return (type == BODY_TD10 && size == TD10_SIZE) || (type == BODY_TD15 && size == TD15_SIZE);
}

static enum tcb_error body_decode(struct reader *r, struct quote_parts *p)
{
	uint32_t size = p->tdx ? TD10_SIZE : SGX_REPORT_BODY_SIZE;
	uint16_t type;

	if (p->version == 5) {
		TRY(reader_u16_le(r, &type));
		TRY(reader_u32_le(r, &size));
		p->has_td15 = type == BODY_TD15;
		if (!is_body(p->tdx, type, size))
			return TCB_MALFORMED;
	}
	return reader_bytes(r, size, &p->body);
}

/* QE report, its signature, authentication data, then the PCK chain: the same in all versions. */
static enum tcb_error qe_decode(struct reader *r, struct quote_parts *p)
{
	uint16_t auth_size, type;
	uint32_t size;

	TRY(reader_bytes(r, SGX_REPORT_BODY_SIZE, &p->qe_report));
	TRY(reader_copy(r, p->qe_signature.bytes, sizeof p->qe_signature.bytes));
	TRY(reader_u16_le(r, &auth_size));
	TRY(reader_bytes(r, auth_size, &p->qe_auth));
	TRY(reader_u16_le(r, &type));
	TRY(reader_u32_le(r, &size));
	if (type != CERTIFICATION_PCK_CHAIN || size != r->rest.size)
		return TCB_MALFORMED;
	return reader_bytes(r, size, &p->pck_chain);
}

static enum tcb_error signature_decode(struct reader *r, struct quote_parts *p)
{
	uint16_t type;
	uint32_t size;

	TRY(reader_copy(r, p->signature.bytes, sizeof p->signature.bytes));
	TRY(reader_copy(r, p->attestation_key.bytes, sizeof p->attestation_key.bytes));
	if (p->version != 3) {
		TRY(reader_u16_le(r, &type));
		TRY(reader_u32_le(r, &size));
		if (type != CERTIFICATION_QE_REPORT || size != r->rest.size)
			return TCB_MALFORMED;
	}
	return qe_decode(r, p);
}

enum tcb_error quote_parts_decode(struct span quote, struct quote_parts *ret_parts)
{
	struct reader r = reader_of(quote);
	struct quote_parts p = {0};
	uint32_t signature_size;

	if (quote.size > LIMIT_QUOTE)
		return TCB_LIMIT;
	TRY(header_decode(&r, &p));
	TRY(body_decode(&r, &p));
	p.signed_bytes = span_of(quote.data, quote.size - r.rest.size);
	TRY(reader_u32_le(&r, &signature_size));
	if (signature_size != r.rest.size)
		return TCB_MALFORMED;
	TRY(signature_decode(&r, &p));
	TRY(reader_end(&r));
	*ret_parts = p;
	return TCB_OK;
}

size_t quote_trailing_size(struct span quote)
{
	struct reader r = reader_of(quote);
	struct quote_parts p = {0};
	uint32_t signature_size;

	if (header_decode(&r, &p) != TCB_OK || body_decode(&r, &p) != TCB_OK || reader_u32_le(&r, &signature_size) != TCB_OK ||
	    signature_size >= r.rest.size)
		return 0;
	r.rest.size -= signature_size;
	return quote_parts_decode(span_of(quote.data, quote.size - r.rest.size), &p) == TCB_OK ? r.rest.size : 0;
}
