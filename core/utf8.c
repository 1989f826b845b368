// SPDX-License-Identifier: MIT
#include "core/utf8.h"

size_t utf8_length(const uint8_t *at, size_t left)
{
	uint8_t lead = at[0];
	size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 :
			lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (at[i] < low || at[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

bool utf8_is_printable(struct span text)
{
	size_t i = 0;

	while (i < text.size) {
		size_t length = utf8_length(text.data + i, text.size - i);

		if (length == 0 || text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
		i += length;
	}
	return true;
}
