// SPDX-License-Identifier: MIT
/* P-256 keys, ECDSA and ECDH in the shapes that our documents carry. */
#include "crypto/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

enum { SEC1_POINT_SIZE = 1 + P256_POINT_SIZE, SCALAR_SIZE = 32, DER_SIGNATURE_MAX = 80 };

enum tcb_error crypto_p256_new(EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		return TCB_INTERNAL;
	*ret_key = key;
	return TCB_OK;
}

static enum tcb_error key_from_params(OSSL_PARAM *params, int selection, EVP_PKEY **ret_key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, selection, params) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return TCB_CRYPTO;
	*ret_key = key;
	return TCB_OK;
}

enum tcb_error crypto_p256_from_public(const struct p256_point *point, EVP_PKEY **ret_key)
{
	uint8_t sec1[SEC1_POINT_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, sec1, sizeof sec1),
		OSSL_PARAM_construct_end(),
	};

	memcpy(sec1 + 1, point->bytes, sizeof point->bytes);
	return key_from_params(params, EVP_PKEY_PUBLIC_KEY, ret_key); /* refuses points off the curve */
}

/* The public point of a scalar, in SEC 1 form; false if the scalar is out of range. */
static bool point_of_scalar(const BIGNUM *scalar, uint8_t ret_sec1[SEC1_POINT_SIZE])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = group != NULL ? EC_POINT_new(group) : NULL;
	bool ok = point != NULL && !BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
		  EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
		  EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_sec1, SEC1_POINT_SIZE,
				     NULL) == SEC1_POINT_SIZE;

	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ok;
}

enum tcb_error crypto_p256_from_scalar(const uint8_t scalar[32], EVP_PKEY **ret_key)
{
	uint8_t sec1[SEC1_POINT_SIZE];
	BIGNUM *number = BN_bin2bn(scalar, SCALAR_SIZE, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	enum tcb_error error = TCB_CRYPTO;

	if (number != NULL && builder != NULL && point_of_scalar(number, sec1) &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, sec1, sizeof sec1) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params != NULL)
		error = key_from_params(params, EVP_PKEY_KEYPAIR, ret_key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_clear_free(number);
	return error;
}

/* The named curve, and by its name: parameters spelt out could be an attacker's own (CVE-2020-0601). */
static bool is_named_p256(const EVP_PKEY *key)
{
	int spelt_out = 0;
	char group[32];
	size_t size;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
	       strcmp(group, "prime256v1") == 0 &&
	       (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelt_out) != 1 ||
		spelt_out == 0);
}

enum tcb_error crypto_p256_public(const EVP_PKEY *key, struct p256_point *ret_point)
{
	uint8_t sec1[SEC1_POINT_SIZE];
	size_t size = 0;

	if (key == NULL || !is_named_p256(key))
		return TCB_CRYPTO;
	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, sec1, sizeof sec1, &size) != 1 ||
	    size != sizeof sec1 || sec1[0] != POINT_CONVERSION_UNCOMPRESSED)
		return TCB_CRYPTO;
	memcpy(ret_point->bytes, sec1 + 1, sizeof ret_point->bytes);
	return TCB_OK;
}

static enum tcb_error signature_from_der(const uint8_t *der, size_t size, struct p256_signature *ret_signature)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)size);
	bool ok = sig != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature->bytes, SCALAR_SIZE) == SCALAR_SIZE &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature->bytes + SCALAR_SIZE, SCALAR_SIZE) == SCALAR_SIZE;

	ECDSA_SIG_free(sig);
	return ok ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error crypto_sign(EVP_PKEY *key, struct span message, struct p256_signature *ret_signature)
{
	uint8_t der[DER_SIGNATURE_MAX];
	size_t size = sizeof der;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, der, &size, message.data, message.size) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? signature_from_der(der, size, ret_signature) : TCB_INTERNAL;
}

enum tcb_error crypto_ecdh(EVP_PKEY *own, const struct p256_point *peer, struct secret256 *ret_shared)
{
	EVP_PKEY *peer_key = NULL;
	EVP_PKEY_CTX *ctx;
	size_t size = sizeof ret_shared->bytes;
	bool ok;

	TRY(crypto_p256_from_public(peer, &peer_key));
	ctx = EVP_PKEY_CTX_new(own, NULL);
	ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer_key) == 1 &&
	     EVP_PKEY_derive(ctx, ret_shared->bytes, &size) == 1 && size == sizeof ret_shared->bytes;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer_key);
	return ok ? TCB_OK : TCB_CRYPTO;
}
