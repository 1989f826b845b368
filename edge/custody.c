// SPDX-License-Identifier: MIT
#include "edge/custody.h"

#include "core/limits.h"

void custody_record_encode(struct writer *w, const struct custody_record *c)
{
	cbor_write_map(w, 9);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, SPAN_OF(c->id.bytes));
	cbor_write_uint(w, 2);
	cbor_write_uint(w, c->generation);
	cbor_write_uint(w, 3);
	cbor_write_text(w, c->from_name);
	cbor_write_uint(w, 4);
	cbor_write_bytes(w, SPAN_OF(c->from_ak.bytes));
	cbor_write_uint(w, 5);
	cbor_write_text(w, c->to_name);
	cbor_write_uint(w, 6);
	cbor_write_bytes(w, SPAN_OF(c->to_ak.bytes));
	cbor_write_uint(w, 7);
	cbor_write_uint(w, c->time_s);
	cbor_write_uint(w, 8);
	cbor_write_bytes(w, SPAN_OF(c->previous.bytes));
	cbor_write_uint(w, 9);
	cbor_write_bytes(w, SPAN_OF(c->mige_key.bytes));
}

enum tcb_error custody_record_decode(struct span payload, struct custody_record *ret_c)
{
	struct reader r = reader_of(payload);
	struct custody_record c;

	TRY(cbor_read_map_of(&r, 9));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_fixed(&r, c.id.bytes, sizeof c.id.bytes));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_uint(&r, &c.generation));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_text(&r, &c.from_name));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_fixed(&r, c.from_ak.bytes, sizeof c.from_ak.bytes));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_text(&r, &c.to_name));
	TRY(cbor_read_key(&r, 6));
	TRY(cbor_read_fixed(&r, c.to_ak.bytes, sizeof c.to_ak.bytes));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_uint(&r, &c.time_s));
	TRY(cbor_read_key(&r, 8));
	TRY(cbor_read_fixed(&r, c.previous.bytes, sizeof c.previous.bytes));
	TRY(cbor_read_key(&r, 9));
	TRY(cbor_read_fixed(&r, c.mige_key.bytes, sizeof c.mige_key.bytes));
	TRY(reader_end(&r));
	if (c.from_name.size > LIMIT_NAME || c.to_name.size > LIMIT_NAME)
		return TCB_LIMIT;
	*ret_c = c;
	return TCB_OK;
}
