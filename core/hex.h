// SPDX-License-Identifier: MIT
/* Hexadecimal text, as JSON and command lines carry bytes. */
#ifndef TCBIND_CORE_HEX_H
#define TCBIND_CORE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* 0 to 15; -1: no hexadecimal digit. Upper and lower case. */
int hex_digit(uint8_t character);
/* False: not hex, an odd number of digits, or more than `capacity` bytes. Upper and lower case. */
bool hex_decode(const char *hex, uint8_t *ret_bytes, size_t capacity, size_t *ret_size);
/* Lower case, with its NUL: 2 * size + 1 bytes. */
void hex_encode(struct span bytes, char *ret_hex);

#endif
