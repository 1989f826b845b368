// SPDX-License-Identifier: MIT
/* Strict JSON (RFC 8259) over borrowed bytes: first json_check() judges the whole text, then the walkers below find their way in
 * what was judged. No allocation. Duplicate member names, control characters, bad UTF-8, trailing bytes and nesting over
 * LIMIT_JSON_DEPTH are malformed. A value is the span of its own text, so that what is signed as text can be checked as text. */
#ifndef TCBIND_CORE_JSON_H
#define TCBIND_CORE_JSON_H

#include "core/error.h"
#include "core/span.h"

/* Code: json.malformed, with line and column. */
enum tcb_error json_check(struct span text, struct diagnosis *d) MUST_USE;

/* Line and column (from 1) of a place in a text, for diagnoses. */
void json_locate(struct span text, const uint8_t *place, unsigned *ret_line, unsigned *ret_column);

/* ---- on checked text only ---- */

/* The value without the white space around it. */
struct span json_value(struct span text);
/* Steps through the members of an object, or the elements of an array: `*rest` starts as the object or array and is
 * consumed. False at the end, or if it is none (json_opens_object() and json_opens_array() tell). */
bool json_next_member(struct span *rest, struct span *ret_name, struct span *ret_value);
bool json_next_element(struct span *rest, struct span *ret_value);
bool json_opens_object(struct span value);
bool json_opens_array(struct span value);

/* TCB_MALFORMED when there is no such member. */
enum tcb_error json_find(struct span object, const char *name, struct span *ret_value) MUST_USE;
/* A string without escapes: the bytes between its quotes. */
enum tcb_error json_text(struct span value, struct span *ret_text) MUST_USE;
/* A non-negative integer without fraction or exponent. */
enum tcb_error json_uint(struct span value, uint64_t max, uint64_t *ret_number) MUST_USE;
enum tcb_error json_bool(struct span value, bool *ret_bool) MUST_USE;
/* A string of exactly 2 x `size` hexadecimal digits, either case. */
enum tcb_error json_hex(struct span value, uint8_t *ret_bytes, size_t size) MUST_USE;
/* "YYYY-MM-DDTHH:MM:SSZ" as Unix seconds; a day that the month does not have is malformed. */
enum tcb_error json_time(struct span value, uint64_t *ret_seconds) MUST_USE;

#endif
