// SPDX-License-Identifier: MIT
#include "enclave/lib/cose_sign.h"

#include "core/limits.h"
#include "crypto/crypto.h"
#include "edge/cose.h"

enum { TBS_OVERHEAD = 256 };

enum tcb_error cose_sign(EVP_PKEY *key, const char *content_type, struct span payload, struct writer *out)
{
	static uint8_t tbs_bytes[LIMIT_EVIDENCE + TBS_OVERHEAD];
	struct writer w = WRITER_OF(tbs_bytes);
	struct p256_signature signature;
	struct span tbs;

	cose_tbs_encode(&w, content_type, payload);
	TRY(writer_end(&w, &tbs));
	TRY(crypto_sign(key, tbs, &signature));
	cose_sign1_encode(out, content_type, payload, &signature);
	return writer_end(out, NULL);
}
