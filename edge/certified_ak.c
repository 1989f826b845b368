// SPDX-License-Identifier: MIT
#include "edge/certified_ak.h"

#include "core/limits.h"

void certified_ak_claims_encode(struct writer *w, const struct certified_ak *ak)
{
	cbor_write_map(w, 5);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, ak->ak_public);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, SPAN_OF(ak->pse_key.bytes));
	cbor_write_uint(w, 3);
	cbor_write_bytes(w, SPAN_OF(ak->epoch.bytes));
	cbor_write_uint(w, 4);
	cbor_write_uint(w, (uint64_t)ak->ak_source);
	cbor_write_uint(w, 5);
	cbor_write_text(w, ak->platform_name);
}

static enum tcb_error claims_decode(struct span bytes, struct certified_ak *ret_ak)
{
	struct reader r = reader_of(bytes);
	uint64_t source;

	TRY(cbor_read_map_of(&r, 5));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &ret_ak->ak_public));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_fixed(&r, ret_ak->pse_key.bytes, sizeof ret_ak->pse_key.bytes));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_fixed(&r, ret_ak->epoch.bytes, sizeof ret_ak->epoch.bytes));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_uint(&r, &source));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_text(&r, &ret_ak->platform_name));
	TRY(reader_end(&r));
	if (source != AK_SOURCE_MSR && source != AK_SOURCE_ENROLLED)
		return TCB_MALFORMED;
	if (ret_ak->ak_public.size > LIMIT_TPM_PUBLIC || ret_ak->platform_name.size > LIMIT_NAME)
		return TCB_LIMIT;
	ret_ak->ak_source = (enum ak_source)source;
	return TCB_OK;
}

void certified_ak_encode(struct writer *w, const struct certified_ak *ak)
{
	cbor_write_map(w, 2);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, ak->claims_bytes);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, ak->quote);
}

enum tcb_error certified_ak_decode(struct span bytes, struct certified_ak *ret_ak)
{
	struct reader r = reader_of(bytes);
	struct certified_ak ak = {0};

	TRY(cbor_read_map_of(&r, 2));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &ak.claims_bytes));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_bytes(&r, &ak.quote));
	TRY(reader_end(&r));
	if (ak.quote.size > LIMIT_QUOTE)
		return TCB_LIMIT;
	TRY(claims_decode(ak.claims_bytes, &ak));
	*ret_ak = ak;
	return TCB_OK;
}
