// SPDX-License-Identifier: MIT
/* UTF-8, for the two text formats that we read. */
#ifndef TCBIND_CORE_UTF8_H
#define TCBIND_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* Bytes of the sequence that starts here, 0 if there is none (Unicode 15, table 3-7). `left` is at least 1. */
size_t utf8_length(const uint8_t *at, size_t left);
/* UTF-8 without control characters: what a text in CBOR must be. */
bool utf8_is_printable(struct span text);

#endif
