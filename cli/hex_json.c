// SPDX-License-Identifier: MIT
#include "cli/hex_json.h"

#include "verify/appraise/checks.h"

json_t *hex_json(struct span bytes)
{
	char text[CHECK_TEXT_MAX];

	checks_hex(bytes, text);
	return json_string(text);
}
