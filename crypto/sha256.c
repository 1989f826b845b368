// SPDX-License-Identifier: MIT
/* SHA-256 without looking the algorithm up each time: for the 64 bytes of a PCR's extension, EVP's fetch, context and locks take five times
 * as long as the hash. The calls are deprecated, not gone, and are what EVP's provider calls. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"

#include <openssl/sha.h>

enum tcb_error crypto_sha256_all(const struct span *parts, size_t count, struct digest256 *ret_digest)
{
	SHA256_CTX ctx;
	bool ok = SHA256_Init(&ctx) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = parts[i].size == 0 || SHA256_Update(&ctx, parts[i].data, parts[i].size) == 1;
	ok = ok && SHA256_Final(ret_digest->bytes, &ctx) == 1; /* wipes the context */
	return ok ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error crypto_sha256(struct span bytes, struct digest256 *ret_digest)
{
	return crypto_sha256_all(&bytes, 1, ret_digest);
}
