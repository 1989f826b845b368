// SPDX-License-Identifier: MIT
/* The table of keys that a client may ask for. */
#include "host/key_name.h"

enum tcb_error key_of_name(struct span name, enum vtpm_key *ret_key)
{
	static const char *const names[KEY_COUNT] = {
		[KEY_EK_P384] = "p384",
		[KEY_EK_P384_SIGNS] = "p384-signs",
		[KEY_EK_P384_BOTH] = "p384-both",
		[KEY_EK_RSA2048] = "rsa2048",
		[KEY_EK_RSA2048_SIGNS] = "rsa2048-signs",
		[KEY_EK_RSA2048_BOTH] = "rsa2048-both",
		[KEY_EK_RSA3072] = "rsa3072",
		[KEY_EK_RSA3072_SIGNS] = "rsa3072-signs",
		[KEY_EK_RSA3072_BOTH] = "rsa3072-both",
	};

	for (unsigned key = 0; key < KEY_COUNT; key++) {
		if (names[key] != NULL && span_is_text(name, names[key])) {
			*ret_key = (enum vtpm_key)key;
			return TCB_OK;
		}
	}
	return TCB_MALFORMED;
}
