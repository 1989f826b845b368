// SPDX-License-Identifier: MIT
/* Memory to fill. A writer latches its first error, so that a message is written as a straight run of
 * calls and judged once, by writer_end(). With `data` NULL it only measures. Big-endian. */
#ifndef TCBIND_CORE_WRITER_H
#define TCBIND_CORE_WRITER_H

#include "core/error.h"
#include "core/span.h"

struct writer {
	uint8_t *data;   /* NULL: measure only */
	size_t capacity; /* bytes */
	size_t size;     /* bytes written, or that would have been */
	enum tcb_error error;
};

static inline struct writer writer_of(void *data, size_t capacity)
{
	return (struct writer){ .data = (uint8_t *)data, .capacity = capacity };
}

/* A writer over a whole array (not a pointer). */
#define WRITER_OF(array) writer_of((array), sizeof(array))

void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_u16_le(struct writer *w, uint16_t value);
void writer_u32_le(struct writer *w, uint32_t value);
void writer_u64_le(struct writer *w, uint64_t value);
void writer_bool(struct writer *w, bool value);
void writer_bytes(struct writer *w, struct span bytes);
void writer_zeros(struct writer *w, size_t size);
/* u32 length, then the bytes; the counterpart of reader_sized(). */
void writer_sized(struct writer *w, struct span bytes);
/* u16 length, then the bytes: a TPM2B. */
void writer_tpm2b(struct writer *w, struct span bytes);

/* TCB_LIMIT if the memory did not suffice. On success `ret_bytes` (may be NULL) is what was written. */
enum tcb_error writer_end(const struct writer *w, struct span *ret_bytes) MUST_USE;

#endif
