// SPDX-License-Identifier: MIT
/* Any CBOR that our codec reads. Must reach: every cbor_read_*(). Property: an item that is read is written as the same bytes. */
#include "core/cbor.h"
#include "fuzz/target.h"

static enum tcb_error copy_item(struct reader *r, struct writer *w, unsigned depth);

static enum tcb_error copy_container(struct reader *r, struct writer *w, unsigned major, unsigned depth)
{
	size_t count;

	if (major == 4)
		TRY(cbor_read_array(r, 64, &count));
	else
		TRY(cbor_read_map(r, 64, &count));
	if (major == 4)
		cbor_write_array(w, count);
	else
		cbor_write_map(w, count);
	for (size_t i = 0; i < (major == 4 ? count : 2 * count); i++)
		TRY(copy_item(r, w, depth + 1));
	return TCB_OK;
}

static enum tcb_error copy_int(struct reader *r, struct writer *w, unsigned major)
{
	uint64_t number;
	int64_t negative;

	if (major == 0 && cbor_read_uint(r, &number) == TCB_OK) {
		cbor_write_uint(w, number);
		return TCB_OK;
	}
	TRY(cbor_read_int(r, &negative));
	cbor_write_int(w, negative);
	return TCB_OK;
}

static enum tcb_error copy_item(struct reader *r, struct writer *w, unsigned depth)
{
	struct span bytes;
	unsigned major;
	bool flag;

	TRY(cbor_peek_major(r, &major));
	if (depth == 16)
		return TCB_LIMIT;
	switch (major) {
	case 0:
	case 1: return copy_int(r, w, major);
	case 2:
		TRY(cbor_read_bytes(r, &bytes));
		cbor_write_bytes(w, bytes);
		return TCB_OK;
	case 3:
		TRY(cbor_read_text(r, &bytes));
		cbor_write_text(w, bytes);
		return TCB_OK;
	case 4:
	case 5: return copy_container(r, w, major, depth);
	case 6:
		TRY(cbor_read_tag(r, 18));
		cbor_write_tag(w, 18);
		return copy_item(r, w, depth + 1);
	default:
		TRY(cbor_read_bool(r, &flag));
		cbor_write_bool(w, flag);
		return TCB_OK;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 << 20];
	struct reader r = reader_of(span_of(data, size));
	struct writer w = WRITER_OF(bytes);
	struct span again;

	if (size > sizeof bytes || copy_item(&r, &w, 0) != TCB_OK)
		return 0;
	MUST_HOLD(writer_end(&w, &again) == TCB_OK && span_equal(again, span_of(data, size - r.rest.size)));
	return 0;
}
