// SPDX-License-Identifier: MIT
#include "core/writer.h"

/* Room for `size` bytes, or NULL: when only measuring, or when the error is latched. */
static uint8_t *claim(struct writer *w, size_t size)
{
	uint8_t *place = NULL;

	if (w->error != TCB_OK)
		return NULL;
	if (w->data != NULL) {
		if (w->capacity - w->size < size) {
			w->error = TCB_LIMIT;
			return NULL;
		}
		place = w->data + w->size;
	}
	w->size += size;
	return place;
}

static void put_be(struct writer *w, size_t size, uint64_t value)
{
	uint8_t *place = claim(w, size);

	if (place == NULL)
		return;
	for (size_t i = 0; i < size; i++)
		place[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void put_le(struct writer *w, size_t size, uint64_t value)
{
	uint8_t *place = claim(w, size);

	if (place == NULL)
		return;
	for (size_t i = 0; i < size; i++)
		place[i] = (uint8_t)(value >> (8 * i));
}

void writer_u8(struct writer *w, uint8_t value) { put_be(w, 1, value); }
void writer_u16(struct writer *w, uint16_t value) { put_be(w, 2, value); }
void writer_u32(struct writer *w, uint32_t value) { put_be(w, 4, value); }
void writer_u64(struct writer *w, uint64_t value) { put_be(w, 8, value); }
void writer_u16_le(struct writer *w, uint16_t value) { put_le(w, 2, value); }
void writer_u32_le(struct writer *w, uint32_t value) { put_le(w, 4, value); }
void writer_u64_le(struct writer *w, uint64_t value) { put_le(w, 8, value); }
void writer_bool(struct writer *w, bool value) { put_be(w, 1, value ? 1 : 0); }

void writer_bytes(struct writer *w, struct span bytes)
{
	uint8_t *place = claim(w, bytes.size);

	if (place != NULL && bytes.size > 0)
		memcpy(place, bytes.data, bytes.size);
}

void writer_zeros(struct writer *w, size_t size)
{
	uint8_t *place = claim(w, size);

	if (place != NULL)
		memset(place, 0, size);
}

void writer_sized(struct writer *w, struct span bytes)
{
	if (bytes.size > UINT32_MAX)
		w->error = TCB_LIMIT;
	writer_u32(w, (uint32_t)bytes.size);
	writer_bytes(w, bytes);
}

void writer_tpm2b(struct writer *w, struct span bytes)
{
	if (bytes.size > UINT16_MAX)
		w->error = TCB_LIMIT;
	writer_u16(w, (uint16_t)bytes.size);
	writer_bytes(w, bytes);
}

enum tcb_error writer_end(const struct writer *w, struct span *ret_bytes)
{
	if (w->error != TCB_OK)
		return w->error;
	if (ret_bytes != NULL)
		*ret_bytes = span_of(w->data, w->size);
	return TCB_OK;
}
