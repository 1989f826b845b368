// SPDX-License-Identifier: MIT
#include "core/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hex_digit(uint8_t character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	character |= 0x20; /* lower case */
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

bool hex_decode(const char *hex, uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	size_t size = strlen(hex) / 2;

	if (strlen(hex) % 2 != 0 || size > capacity || strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		return false;
	for (size_t i = 0; i < size; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		ret_bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	*ret_size = size;
	return true;
}

void hex_encode(struct span bytes, char *ret_hex)
{
	*ret_hex = '\0';
	for (size_t i = 0; i < bytes.size; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", bytes.data[i]);
}
