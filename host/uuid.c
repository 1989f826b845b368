// SPDX-License-Identifier: MIT
/* Ids of vTPMs as text (uuid.h). */
#include "host/uuid.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"

bool uuid_parse(const char *text, struct uuid *ret_id)
{
	static const int dashes[] = {8, 13, 18, 23};
	size_t byte = 0;

	if (strlen(text) != UUID_TEXT_SIZE - 1)
		return false;
	for (int i = 0, dash = 0; i < UUID_TEXT_SIZE - 1;) {
		unsigned value;
		char pair[3] = {text[i], text[i + 1], '\0'};

		if (dash < 4 && i == dashes[dash]) {
			if (text[i++] != '-')
				return false;
			dash++;
			continue;
		}
		if (strspn(pair, "0123456789abcdefABCDEF") != 2 || sscanf(pair, "%2x", &value) != 1)
			return false;
		ret_id->bytes[byte++] = (uint8_t)value;
		i += 2;
	}
	return byte == sizeof ret_id->bytes;
}

void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE])
{
	const uint8_t *b = id->bytes;

	(void)snprintf(ret_text, UUID_TEXT_SIZE,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		       b[13], b[14], b[15]);
}

enum tcb_error uuid_random(struct uuid *ret_id)
{
	TRY(crypto_random(ret_id->bytes, sizeof ret_id->bytes));
	ret_id->bytes[6] = (uint8_t)((ret_id->bytes[6] & 0x0f) | 0x40);
	ret_id->bytes[8] = (uint8_t)((ret_id->bytes[8] & 0x3f) | 0x80);
	return TCB_OK;
}
