// SPDX-License-Identifier: MIT
#include "crypto/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum tcb_error crypto_init(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error crypto_random(uint8_t *ret_bytes, size_t size)
{
	if (size > INT32_MAX)
		return TCB_LIMIT;
	return RAND_bytes(ret_bytes, (int)size) == 1 ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error crypto_hkdf(struct span secret, struct span salt, struct span info, uint8_t *ret_bytes, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data, salt.size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.size),
		OSSL_PARAM_construct_end(),
	};
	bool ok = ctx != NULL && EVP_KDF_derive(ctx, ret_bytes, size, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error crypto_cmac(const uint8_t key[16], struct span bytes, uint8_t ret_mac[16])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)"AES-128-CBC", 0),
		OSSL_PARAM_construct_end(),
	};
	size_t size = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, key, 16, params) == 1 &&
		  EVP_MAC_update(ctx, bytes.data, bytes.size) == 1 &&
		  EVP_MAC_final(ctx, ret_mac, &size, 16) == 1 && size == 16;

	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? TCB_OK : TCB_INTERNAL;
}

static EVP_CIPHER *aes_256_gcm;

static void fetch_aes_256_gcm(void)
{
	aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

/* AES-256-GCM, looked up once in a process: a look-up takes as long as a short message. NULL: libcrypto has none. */
static const EVP_CIPHER *cipher(void)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

	return CRYPTO_THREAD_run_once(&once, fetch_aes_256_gcm) == 1 ? aes_256_gcm : NULL;
}

static bool seal_parts(EVP_CIPHER_CTX *ctx, const struct secret256 *key, const uint8_t *iv, struct span aad,
		       struct span plain, uint8_t *ret_out)
{
	int size = 0;

	return EVP_EncryptInit_ex(ctx, cipher(), NULL, key->bytes, iv) == 1 &&
	       (aad.size == 0 || EVP_EncryptUpdate(ctx, NULL, &size, aad.data, (int)aad.size) == 1) &&
	       (plain.size == 0 || EVP_EncryptUpdate(ctx, ret_out, &size, plain.data, (int)plain.size) == 1) &&
	       EVP_EncryptFinal_ex(ctx, ret_out + plain.size, &size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, AES_GCM_TAG_SIZE, ret_out + plain.size) == 1;
}

enum tcb_error crypto_seal(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE], struct span aad,
			   struct span plain, uint8_t *ret_out)
{
	EVP_CIPHER_CTX *ctx;
	bool ok;

	if (plain.size > INT32_MAX / 2 || aad.size > INT32_MAX / 2)
		return TCB_LIMIT;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && seal_parts(ctx, key, iv, aad, plain, ret_out);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? TCB_OK : TCB_INTERNAL;
}

/* True when the tag checked; `ret_plain` is filled either way. */
static bool open_parts(EVP_CIPHER_CTX *ctx, const struct secret256 *key, const uint8_t *iv, struct span aad,
		       struct span sealed, uint8_t *ret_plain)
{
	size_t plain_size = sealed.size - AES_GCM_TAG_SIZE;
	uint8_t tag[AES_GCM_TAG_SIZE];
	int size = 0;

	memcpy(tag, sealed.data + plain_size, sizeof tag);
	return EVP_DecryptInit_ex(ctx, cipher(), NULL, key->bytes, iv) == 1 &&
	       (aad.size == 0 || EVP_DecryptUpdate(ctx, NULL, &size, aad.data, (int)aad.size) == 1) &&
	       (plain_size == 0 || EVP_DecryptUpdate(ctx, ret_plain, &size, sealed.data, (int)plain_size) == 1) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, ret_plain + plain_size, &size) == 1;
}

enum tcb_error crypto_open(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE], struct span aad,
			   struct span sealed, uint8_t *ret_plain)
{
	EVP_CIPHER_CTX *ctx;
	bool ok;

	if (sealed.size < AES_GCM_TAG_SIZE)
		return TCB_MALFORMED;
	if (sealed.size > INT32_MAX / 2 || aad.size > INT32_MAX / 2)
		return TCB_LIMIT;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		return TCB_INTERNAL;
	ok = open_parts(ctx, key, iv, aad, sealed, ret_plain);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok && sealed.size > AES_GCM_TAG_SIZE)
		wipe(ret_plain, sealed.size - AES_GCM_TAG_SIZE);
	return ok ? TCB_OK : TCB_CRYPTO;
}
