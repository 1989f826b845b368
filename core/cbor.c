// SPDX-License-Identifier: MIT
#include "core/cbor.h"

#include "core/utf8.h"

enum major { MAJOR_UINT, MAJOR_NINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };

enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21 };

static void write_head(struct writer *w, enum major major, uint64_t value)
{
	uint8_t type = (uint8_t)((unsigned)major << 5);

	if (value < 24) {
		writer_u8(w, (uint8_t)(type | value));
	} else if (value <= UINT8_MAX) {
		writer_u8(w, type | 24);
		writer_u8(w, (uint8_t)value);
	} else if (value <= UINT16_MAX) {
		writer_u8(w, type | 25);
		writer_u16(w, (uint16_t)value);
	} else if (value <= UINT32_MAX) {
		writer_u8(w, type | 26);
		writer_u32(w, (uint32_t)value);
	} else {
		writer_u8(w, type | 27);
		writer_u64(w, value);
	}
}

/* The head's argument, of which `minimum` is the least value that needed this many bytes. */
static enum tcb_error read_argument(struct reader *r, unsigned information, uint64_t *ret_value)
{
	uint64_t value = 0, minimum = 0;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;

	switch (information) {
	case 24: TRY(reader_u8(r, &u8)); value = u8; minimum = 24; break;
	case 25: TRY(reader_u16(r, &u16)); value = u16; minimum = UINT8_MAX + 1u; break;
	case 26: TRY(reader_u32(r, &u32)); value = u32; minimum = UINT16_MAX + 1u; break;
	case 27: TRY(reader_u64(r, &value)); minimum = (uint64_t)UINT32_MAX + 1; break;
	default:
		if (information > 27)
			return TCB_MALFORMED;
		value = information;
	}
	if (value < minimum)
		return TCB_MALFORMED;
	*ret_value = value;
	return TCB_OK;
}

static enum tcb_error read_head(struct reader *r, enum major wanted, uint64_t *ret_value)
{
	struct reader ahead = *r;
	uint8_t head;

	TRY(reader_u8(&ahead, &head));
	if (head >> 5 != (unsigned)wanted)
		return TCB_MALFORMED;
	TRY(read_argument(&ahead, head & 31u, ret_value));
	*r = ahead;
	return TCB_OK;
}

static enum tcb_error read_string(struct reader *r, enum major wanted, struct span *ret_bytes)
{
	struct reader ahead = *r;
	uint64_t size;

	TRY(read_head(&ahead, wanted, &size));
	if (size > ahead.rest.size)
		return TCB_MALFORMED;
	TRY(reader_bytes(&ahead, (size_t)size, ret_bytes));
	*r = ahead;
	return TCB_OK;
}

static enum tcb_error read_count(struct reader *r, enum major wanted, size_t max, size_t *ret_count)
{
	struct reader ahead = *r;
	uint64_t count;

	TRY(read_head(&ahead, wanted, &count));
	if (count > max)
		return TCB_LIMIT;
	*ret_count = (size_t)count;
	*r = ahead;
	return TCB_OK;
}

void cbor_write_uint(struct writer *w, uint64_t value) { write_head(w, MAJOR_UINT, value); }
void cbor_write_array(struct writer *w, size_t count) { write_head(w, MAJOR_ARRAY, count); }
void cbor_write_map(struct writer *w, size_t pairs) { write_head(w, MAJOR_MAP, pairs); }
void cbor_write_tag(struct writer *w, uint64_t tag) { write_head(w, MAJOR_TAG, tag); }

void cbor_write_int(struct writer *w, int64_t value)
{
	if (value >= 0)
		write_head(w, MAJOR_UINT, (uint64_t)value);
	else
		write_head(w, MAJOR_NINT, ~(uint64_t)value);
}

void cbor_write_bool(struct writer *w, bool value)
{
	write_head(w, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_write_bytes_head(struct writer *w, size_t size)
{
	write_head(w, MAJOR_BYTES, size);
}

void cbor_write_bytes(struct writer *w, struct span bytes)
{
	write_head(w, MAJOR_BYTES, bytes.size);
	writer_bytes(w, bytes);
}

void cbor_write_text(struct writer *w, struct span text)
{
	write_head(w, MAJOR_TEXT, text.size);
	writer_bytes(w, text);
}

enum tcb_error cbor_read_uint(struct reader *r, uint64_t *ret_value)
{
	return read_head(r, MAJOR_UINT, ret_value);
}

enum tcb_error cbor_read_int(struct reader *r, int64_t *ret_value)
{
	uint64_t value;

	if (read_head(r, MAJOR_UINT, &value) == TCB_OK) {
		if (value > INT64_MAX)
			return TCB_LIMIT;
		*ret_value = (int64_t)value;
		return TCB_OK;
	}
	TRY(read_head(r, MAJOR_NINT, &value));
	if (value > INT64_MAX)
		return TCB_LIMIT;
	*ret_value = -1 - (int64_t)value;
	return TCB_OK;
}

enum tcb_error cbor_read_bytes(struct reader *r, struct span *ret_bytes)
{
	return read_string(r, MAJOR_BYTES, ret_bytes);
}

enum tcb_error cbor_read_text(struct reader *r, struct span *ret_text)
{
	struct reader ahead = *r;
	struct span text;

	TRY(read_string(&ahead, MAJOR_TEXT, &text));
	if (!utf8_is_printable(text))
		return TCB_MALFORMED;
	*ret_text = text;
	*r = ahead;
	return TCB_OK;
}

enum tcb_error cbor_read_array(struct reader *r, size_t max, size_t *ret_count)
{
	return read_count(r, MAJOR_ARRAY, max, ret_count);
}

enum tcb_error cbor_read_map(struct reader *r, size_t max, size_t *ret_pairs)
{
	return read_count(r, MAJOR_MAP, max, ret_pairs);
}

/* An argument of exactly this value, or nothing is read. */
static enum tcb_error read_exactly(struct reader *r, enum major major, uint64_t wanted)
{
	struct reader ahead = *r;
	uint64_t value;

	TRY(read_head(&ahead, major, &value));
	if (value != wanted)
		return TCB_MALFORMED;
	*r = ahead;
	return TCB_OK;
}

enum tcb_error cbor_read_tag(struct reader *r, uint64_t wanted) { return read_exactly(r, MAJOR_TAG, wanted); }
enum tcb_error cbor_read_any_tag(struct reader *r, uint64_t *ret_tag) { return read_head(r, MAJOR_TAG, ret_tag); }
enum tcb_error cbor_read_map_of(struct reader *r, size_t count) { return read_exactly(r, MAJOR_MAP, count); }
enum tcb_error cbor_read_array_of(struct reader *r, size_t count) { return read_exactly(r, MAJOR_ARRAY, count); }
enum tcb_error cbor_read_key(struct reader *r, uint64_t wanted) { return read_exactly(r, MAJOR_UINT, wanted); }

enum tcb_error cbor_read_bool(struct reader *r, bool *ret_value)
{
	if (read_exactly(r, MAJOR_SIMPLE, SIMPLE_TRUE) == TCB_OK) {
		*ret_value = true;
		return TCB_OK;
	}
	TRY(read_exactly(r, MAJOR_SIMPLE, SIMPLE_FALSE));
	*ret_value = false;
	return TCB_OK;
}

enum tcb_error cbor_read_fixed(struct reader *r, uint8_t *ret_bytes, size_t size)
{
	struct reader ahead = *r;
	struct span bytes;

	TRY(cbor_read_bytes(&ahead, &bytes));
	if (bytes.size != size)
		return TCB_MALFORMED;
	memcpy(ret_bytes, bytes.data, size);
	*r = ahead;
	return TCB_OK;
}

enum tcb_error cbor_peek_major(const struct reader *r, unsigned *ret_major)
{
	if (r->rest.size == 0)
		return TCB_MALFORMED;
	*ret_major = r->rest.data[0] >> 5;
	return TCB_OK;
}
