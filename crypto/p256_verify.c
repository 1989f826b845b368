// SPDX-License-Identifier: MIT
/* ECDSA P-256 verification as fast as libcrypto does it. The provider's path (EVP_PKEY_fromdata, EVP_DigestVerify) makes the curve's
 * parameters anew for each key and DER for each signature: 25 us of 105. EC_KEY is deprecated, not gone: it takes a point and a digest
 * directly. The curve is one constant of the process, made at first use. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>

enum { SEC1_POINT_SIZE = 1 + P256_POINT_SIZE, SCALAR_SIZE = 32 };

static CRYPTO_ONCE p256_once = CRYPTO_ONCE_STATIC_INIT;
static EC_GROUP *p256;

static void make_p256(void)
{
	p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

static bool curve_is_there(void)
{
	return CRYPTO_THREAD_run_once(&p256_once, make_p256) == 1 && p256 != NULL;
}

/* NULL for a point that is not on the curve. */
static EC_POINT *point_of(const struct p256_point *point)
{
	uint8_t sec1[SEC1_POINT_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	EC_POINT *public = EC_POINT_new(p256);

	memcpy(sec1 + 1, point->bytes, sizeof point->bytes);
	if (public == NULL || EC_POINT_oct2point(p256, public, sec1, sizeof sec1, NULL) != 1) {
		EC_POINT_free(public);
		return NULL;
	}
	return public;
}

enum tcb_error crypto_p256_check(const struct p256_point *point)
{
	EC_POINT *public;
	bool ok;

	if (!curve_is_there())
		return TCB_INTERNAL;
	public = point_of(point);
	ok = public != NULL;
	EC_POINT_free(public);
	return ok ? TCB_OK : TCB_CRYPTO;
}

static EC_KEY *key_of(const struct p256_point *point)
{
	EC_KEY *key = EC_KEY_new();
	EC_POINT *public = point_of(point);
	bool ok;

	ok = key != NULL && public != NULL && EC_KEY_set_group(key, p256) == 1 && EC_KEY_set_public_key(key, public) == 1;
	EC_POINT_free(public);
	if (!ok) {
		EC_KEY_free(key);
		return NULL;
	}
	return key;
}

static ECDSA_SIG *signature_of(const struct p256_signature *signature)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature->bytes, SCALAR_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature->bytes + SCALAR_SIZE, SCALAR_SIZE, NULL);

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1)
		return sig; /* owns both */
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return NULL;
}

enum tcb_error crypto_verify_digest(const struct p256_point *key, const struct digest256 *digest,
				    const struct p256_signature *signature)
{
	ECDSA_SIG *sig;
	EC_KEY *ec;
	bool ok;

	if (!curve_is_there())
		return TCB_INTERNAL;
	ec = key_of(key);
	sig = signature_of(signature);
	/* 1 and nothing else: 0 is a signature that does not check, -1 one whose numbers are out of range. */
	ok = ec != NULL && sig != NULL && ECDSA_do_verify(digest->bytes, sizeof digest->bytes, sig, ec) == 1;
	ECDSA_SIG_free(sig);
	EC_KEY_free(ec);
	return ok ? TCB_OK : TCB_CRYPTO;
}

enum tcb_error crypto_verify_all(const struct p256_point *key, const struct span *parts, size_t count,
				 const struct p256_signature *signature)
{
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, count, &digest));
	return crypto_verify_digest(key, &digest, signature);
}

enum tcb_error crypto_verify(const struct p256_point *key, struct span message, const struct p256_signature *signature)
{
	return crypto_verify_all(key, &message, 1, signature);
}
