// SPDX-License-Identifier: MIT
#include "crypto/key_id.h"

#include "crypto/crypto.h"

enum tcb_error key_id_of(const struct p256_point *key, uint8_t ret_id[KEY_ID_SIZE])
{
	static const uint8_t uncompressed[1] = { 4 };
	const struct span parts[] = { SPAN_OF(uncompressed), SPAN_OF(key->bytes) };
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memcpy(ret_id, digest.bytes, KEY_ID_SIZE);
	return TCB_OK;
}
