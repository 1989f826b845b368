// SPDX-License-Identifier: MIT
/* A small deterministic CBOR codec (RFC 8949 section 4.2.1): shortest heads, definite lengths, no floats.
 * The reader accepts only what the writer could have written. Our documents are maps whose keys are
 * small unsigned integers in ascending order, so a decoder reads as the document's schema:
 * cbor_read_map(), then cbor_read_key(1), its value, cbor_read_key(2), ... */
#ifndef TCBIND_CORE_CBOR_H
#define TCBIND_CORE_CBOR_H

#include "core/reader.h"
#include "core/writer.h"

void cbor_write_uint(struct writer *w, uint64_t value);
void cbor_write_int(struct writer *w, int64_t value);
void cbor_write_bytes(struct writer *w, struct span bytes);
/* The head alone: `size` bytes are to follow. */
void cbor_write_bytes_head(struct writer *w, size_t size);
void cbor_write_text(struct writer *w, struct span text);
void cbor_write_array(struct writer *w, size_t count);
void cbor_write_map(struct writer *w, size_t pairs);
void cbor_write_tag(struct writer *w, uint64_t tag);
void cbor_write_bool(struct writer *w, bool value);

/* All: TCB_MALFORMED on another type, a non-shortest head or too few bytes; the reader has then not moved. */
enum tcb_error cbor_read_uint(struct reader *r, uint64_t *ret_value) MUST_USE;
enum tcb_error cbor_read_int(struct reader *r, int64_t *ret_value) MUST_USE;
enum tcb_error cbor_read_bytes(struct reader *r, struct span *ret_bytes) MUST_USE;
/* Checks that the text is UTF-8 without control characters. */
enum tcb_error cbor_read_text(struct reader *r, struct span *ret_text) MUST_USE;
/* TCB_LIMIT when the count is over `max` (judged before any loop over it). */
enum tcb_error cbor_read_array(struct reader *r, size_t max, size_t *ret_count) MUST_USE;
enum tcb_error cbor_read_map(struct reader *r, size_t max, size_t *ret_pairs) MUST_USE;
enum tcb_error cbor_read_tag(struct reader *r, uint64_t wanted) MUST_USE;
/* Any tag: for documents that are not ours. */
enum tcb_error cbor_read_any_tag(struct reader *r, uint64_t *ret_tag) MUST_USE;
enum tcb_error cbor_read_bool(struct reader *r, bool *ret_value) MUST_USE;

/* A map or array of exactly `count`; a key that is exactly `wanted`. */
enum tcb_error cbor_read_map_of(struct reader *r, size_t count) MUST_USE;
enum tcb_error cbor_read_array_of(struct reader *r, size_t count) MUST_USE;
enum tcb_error cbor_read_key(struct reader *r, uint64_t wanted) MUST_USE;
/* A byte string of exactly `size` bytes, copied. */
enum tcb_error cbor_read_fixed(struct reader *r, uint8_t *ret_bytes, size_t size) MUST_USE;
/* Head of any item without consuming it: major type 0..7. */
enum tcb_error cbor_peek_major(const struct reader *r, unsigned *ret_major) MUST_USE;

#endif
