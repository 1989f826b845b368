// SPDX-License-Identifier: MIT
/* Uses each algorithm once, on constants: what OpenSSL looks up and builds at first use is there afterwards. */
#include "crypto/crypto.h"

#include <openssl/evp.h>

/* The generator of P-256: the public key of the scalar 1. */
static const struct p256_point generator = {{
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
	0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
	0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
}};

static void prepare_p256(void)
{
	static const uint8_t one[32] = { [31] = 1 };
	struct p256_signature signature = {{ [31] = 1, [63] = 1 }};
	struct secret256 shared;
	EVP_PKEY *key = NULL, *public = NULL;

	if (crypto_p256_from_scalar(one, &key) == TCB_OK)
		(void)!crypto_ecdh(key, &generator, &shared);
	if (crypto_p256_from_public(&generator, &public) == TCB_OK)
		(void)!crypto_verify(&generator, span_of_text("prepare"), &signature);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}

void crypto_prepare(void)
{
	static const struct secret256 key;
	const uint8_t iv[AES_GCM_IV_SIZE] = {0};
	uint8_t sealed[16 + AES_GCM_TAG_SIZE], plain[16] = {0}, mac[16];
	struct digest256 digest;

	(void)!crypto_sha256(SPAN_OF(plain), &digest);
	(void)!crypto_hkdf(SPAN_OF(plain), SPAN_OF(plain), SPAN_OF(plain), sealed, 16);
	(void)!crypto_cmac(plain, SPAN_OF(plain), mac);
	if (crypto_seal(&key, iv, SPAN_OF(plain), SPAN_OF(plain), sealed) == TCB_OK)
		(void)!crypto_open(&key, iv, SPAN_OF(plain), SPAN_OF(sealed), plain);
	prepare_p256();
}
