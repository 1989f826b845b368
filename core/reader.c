// SPDX-License-Identifier: MIT
#include "core/reader.h"

static enum tcb_error take(struct reader *r, size_t size, const uint8_t **ret_bytes)
{
	if (r->rest.size < size)
		return TCB_MALFORMED;
	*ret_bytes = r->rest.data;
	if (size > 0) /* an empty span may have no address */
		r->rest = span_of(r->rest.data + size, r->rest.size - size);
	return TCB_OK;
}

static enum tcb_error take_be(struct reader *r, size_t size, uint64_t *ret_value)
{
	const uint8_t *bytes;
	uint64_t value = 0;

	TRY(take(r, size, &bytes));
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	*ret_value = value;
	return TCB_OK;
}

static enum tcb_error take_le(struct reader *r, size_t size, uint64_t *ret_value)
{
	const uint8_t *bytes;
	uint64_t value = 0;

	TRY(take(r, size, &bytes));
	for (size_t i = size; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	*ret_value = value;
	return TCB_OK;
}

/* One integer getter; the cast is exact because `take_` read no more bytes than the type has. */
#define INTEGER_GETTER(name, type, take_)                                                          \
	enum tcb_error name(struct reader *r, type *ret_value)                                     \
	{                                                                                          \
		uint64_t value;                                                                    \
                                                                                                   \
		TRY(take_(r, sizeof(type), &value));                                               \
		*ret_value = (type)value;                                                          \
		return TCB_OK;                                                                     \
	}

INTEGER_GETTER(reader_u8, uint8_t, take_be)
INTEGER_GETTER(reader_u16, uint16_t, take_be)
INTEGER_GETTER(reader_u32, uint32_t, take_be)
INTEGER_GETTER(reader_u64, uint64_t, take_be)
INTEGER_GETTER(reader_u16_le, uint16_t, take_le)
INTEGER_GETTER(reader_u32_le, uint32_t, take_le)
INTEGER_GETTER(reader_u64_le, uint64_t, take_le)

enum tcb_error reader_bytes(struct reader *r, size_t size, struct span *ret_bytes)
{
	const uint8_t *bytes;

	TRY(take(r, size, &bytes));
	*ret_bytes = span_of(bytes, size);
	return TCB_OK;
}

enum tcb_error reader_copy(struct reader *r, uint8_t *ret_bytes, size_t size)
{
	const uint8_t *bytes;

	TRY(take(r, size, &bytes));
	if (size > 0)
		memcpy(ret_bytes, bytes, size);
	return TCB_OK;
}

enum tcb_error reader_sized(struct reader *r, size_t max, struct span *ret_bytes)
{
	struct reader ahead = *r;
	uint32_t size;

	TRY(reader_u32(&ahead, &size));
	if (size > max)
		return TCB_LIMIT;
	TRY(reader_bytes(&ahead, size, ret_bytes));
	*r = ahead;
	return TCB_OK;
}

enum tcb_error reader_tpm2b(struct reader *r, struct span *ret_bytes)
{
	struct reader ahead = *r;
	uint16_t size;

	TRY(reader_u16(&ahead, &size));
	TRY(reader_bytes(&ahead, size, ret_bytes));
	*r = ahead;
	return TCB_OK;
}

enum tcb_error reader_bool(struct reader *r, bool *ret_value)
{
	struct reader ahead = *r;
	uint8_t value;

	TRY(reader_u8(&ahead, &value));
	if (value > 1)
		return TCB_MALFORMED;
	*ret_value = value == 1;
	*r = ahead;
	return TCB_OK;
}

enum tcb_error reader_end(const struct reader *r)
{
	return r->rest.size == 0 ? TCB_OK : TCB_MALFORMED;
}
