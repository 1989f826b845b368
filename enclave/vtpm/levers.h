// SPDX-License-Identifier: MIT
/* What libtpms calls in place of some functions (tools/lever-libtpms renames them in a copy of Debian's libtpms.a): the same results, faster.
 * libtpms 0.9 builds each NIST curve from its parameters, so that OpenSSL takes its generic field arithmetic; and it gives OpenSSL the CRT
 * exponents of an RSA key without the primes, so that OpenSSL does not use them; and it builds that key anew for every operation, so that
 * OpenSSL prepares it anew (blinding, Montgomery forms, the export to its provider). Its random generator takes AES without the processor's
 * instructions for it. */
#ifndef TCBIND_ENCLAVE_VTPM_LEVERS_H
#define TCBIND_ENCLAVE_VTPM_LEVERS_H

#include <stdbool.h>

#include <openssl/aes.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

/* Chooses libcrypto's arithmetic, and builds the curves now. */
void levers_prepare(void);

/* EC_GROUP_new_curve_GFp(). Returns a curve that is kept here if p, a and b are those of a named curve. The caller must not change it, and
 * ends its use of it by lever_EC_GROUP_free(). */
EC_GROUP *lever_EC_GROUP_new_curve_GFp(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx);
/* EC_GROUP_free(). A kept curve stays. */
void lever_EC_GROUP_free(EC_GROUP *group);
/* EC_POINT_set_affine_coordinates(). The generator of a kept curve is copied: it is known to be on the curve. */
int lever_EC_POINT_set_affine_coordinates(const EC_GROUP *group, EC_POINT *point, const BIGNUM *x, const BIGNUM *y, BN_CTX *ctx);
/* EC_GROUP_set_generator(). A kept curve has its generator and order already: others are refused, by 0. */
int lever_EC_GROUP_set_generator(EC_GROUP *group, const EC_POINT *generator, const BIGNUM *order, const BIGNUM *cofactor);

/* libtpms' ExpDCacheFind(), ExpDCacheAdd(): what it computed last for an RSA key, its primes among it. Noted here for the next. */
BIGNUM *lever_ExpDCacheFind(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, BIGNUM **ret_q);
void lever_ExpDCacheAdd(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, const BIGNUM *q, const BIGNUM *d);
/* RSA_set0_crt_params(): with the primes, if those noted last are this key's. */
int lever_RSA_set0_crt_params(RSA *rsa, BIGNUM *dmp1, BIGNUM *dmq1, BIGNUM *iqmp);

/* EVP_PKEY_CTX_new() in libtpms' RSA code: on the key of the same modulus and private exponent that was used before, which is prepared. */
EVP_PKEY_CTX *lever_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *engine);

/* AES_set_encrypt_key(), AES_encrypt(): with the processor's instructions where it has them. A key is only for the other one here. */
int lever_AES_set_encrypt_key(const unsigned char *bytes, int bits, AES_KEY *ret_key);
void lever_AES_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key);

/* What else may cancel a command: asked before each prime that an RSA key is tried with. */
void levers_on_cancel(bool (*cancelled)(void));
/* libtpms' _plat__IsCanceled(), in its RSA code. */
int lever__plat__IsCanceled(void);

/* libtpms' ExpDCacheFree(), when the TPM ends: all keys that were kept are wiped too. */
void lever_ExpDCacheFree(void);

#endif
