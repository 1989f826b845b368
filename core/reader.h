// SPDX-License-Identifier: MIT
/* A bounded cursor over borrowed bytes. Getters move only on success and never past the end; every
 * decode ends with reader_end(). Big-endian unless the name says le (SGX structures are le). */
#ifndef TCBIND_CORE_READER_H
#define TCBIND_CORE_READER_H

#include "core/error.h"
#include "core/span.h"

struct reader {
	struct span rest; /* what is still to be read */
};

static inline struct reader reader_of(struct span bytes)
{
	return (struct reader){ .rest = bytes };
}

/* TCB_MALFORMED when fewer bytes remain than asked for; *ret_ is then untouched. */
enum tcb_error reader_u8(struct reader *r, uint8_t *ret_value) MUST_USE;
enum tcb_error reader_u16(struct reader *r, uint16_t *ret_value) MUST_USE;
enum tcb_error reader_u32(struct reader *r, uint32_t *ret_value) MUST_USE;
enum tcb_error reader_u64(struct reader *r, uint64_t *ret_value) MUST_USE;
enum tcb_error reader_u16_le(struct reader *r, uint16_t *ret_value) MUST_USE;
enum tcb_error reader_u32_le(struct reader *r, uint32_t *ret_value) MUST_USE;
enum tcb_error reader_u64_le(struct reader *r, uint64_t *ret_value) MUST_USE;

/* `size` bytes, borrowed from the reader's own memory. */
enum tcb_error reader_bytes(struct reader *r, size_t size, struct span *ret_bytes) MUST_USE;
/* Copies exactly `size` bytes into `ret_bytes`. */
enum tcb_error reader_copy(struct reader *r, uint8_t *ret_bytes, size_t size) MUST_USE;
/* u32 length, then that many bytes; TCB_LIMIT when the length is over `max`. */
enum tcb_error reader_sized(struct reader *r, size_t max, struct span *ret_bytes) MUST_USE;
/* u16 length, then that many bytes: a TPM2B. */
enum tcb_error reader_tpm2b(struct reader *r, struct span *ret_bytes) MUST_USE;
/* A byte that is 0 or 1. */
enum tcb_error reader_bool(struct reader *r, bool *ret_value) MUST_USE;
/* TCB_MALFORMED if anything is left. */
enum tcb_error reader_end(const struct reader *r) MUST_USE;

#endif
