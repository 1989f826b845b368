// SPDX-License-Identifier: MIT
#include "sgxsim/der.h"

void der_write(struct writer *w, enum der_tag tag, struct span content)
{
	writer_u8(w, (uint8_t)tag);
	if (content.size < 0x80) {
		writer_u8(w, (uint8_t)content.size);
	} else if (content.size <= UINT8_MAX) {
		writer_u8(w, 0x81);
		writer_u8(w, (uint8_t)content.size);
	} else {
		writer_u8(w, 0x82);
		writer_u16(w, (uint16_t)content.size);
	}
	writer_bytes(w, content);
}

void der_write_integer(struct writer *w, uint32_t value)
{
	uint8_t bytes[5] = {0, (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	size_t start = 0;

	while (start < 4 && bytes[start] == 0 && bytes[start + 1] < 0x80)
		start++;
	der_write(w, DER_INTEGER, span_of(bytes + start, sizeof bytes - start));
}
