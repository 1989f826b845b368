// SPDX-License-Identifier: MIT
/* Called by libtpms only. Any failure here ends as libtpms' own: the plain function's result, or the plain, slower way. */
#define OPENSSL_SUPPRESS_DEPRECATED /* libtpms' interface to OpenSSL, and so ours */
#include "enclave/vtpm/levers.h"

#include <stddef.h>

#include <openssl/obj_mac.h>

/* ---- curves ---- */

static struct curve {
	int name;
	bool tried;
	EC_GROUP *group; /* kept for the life of the process, never changed: libtpms works on it */
	BIGNUM *p, *a, *b, *x, *y; /* the generator is (x, y) */
} curves[] = { { .name = NID_X9_62_prime256v1 }, { .name = NID_secp384r1 }, { .name = NID_secp521r1 } };

static bool read_parameters(struct curve *c)
{
	c->p = BN_new();
	c->a = BN_new();
	c->b = BN_new();
	c->x = BN_new();
	c->y = BN_new();
	return c->p != NULL && c->a != NULL && c->b != NULL && c->x != NULL && c->y != NULL &&
	       EC_GROUP_get_curve(c->group, c->p, c->a, c->b, NULL) == 1 &&
	       EC_POINT_get_affine_coordinates(c->group, EC_GROUP_get0_generator(c->group), c->x, c->y, NULL) == 1;
}

static bool prepare(struct curve *c)
{
	if (!c->tried) {
		c->tried = true;
		c->group = EC_GROUP_new_by_curve_name(c->name);
		if (c->group != NULL && !read_parameters(c)) {
			EC_GROUP_free(c->group);
			c->group = NULL;
		}
	}
	return c->group != NULL;
}

#ifdef __x86_64__
/* libcrypto's own: what the processor has; the third word is CPUID leaf 7's EBX. */
extern unsigned int OPENSSL_ia32cap_P[4];

/* libcrypto takes AVX2 for an RSA key's primes only where the processor has no ADX, which it counts for quicker: so it is on Intel's; on
 * AMD's a signature takes half as long again by ADX. Elliptic curves take the same time with and without. */
static void prefer_avx2(void)
{
	const unsigned int adx = 1u << 19;

	if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx2"))
		OPENSSL_ia32cap_P[2] &= ~adx;
}
#else
static void prefer_avx2(void)
{
}
#endif

void levers_prepare(void)
{
	prefer_avx2();
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
		(void)prepare(&curves[i]);
}

/* The curve that this group is, or NULL: the group is libtpms' own. */
static const struct curve *curve_of(const EC_GROUP *group)
{
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
		if (group != NULL && group == curves[i].group)
			return &curves[i];
	return NULL;
}

EC_GROUP *lever_EC_GROUP_new_curve_GFp(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx)
{
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		struct curve *c = &curves[i];

		if (prepare(c) && BN_cmp(p, c->p) == 0 && BN_cmp(a, c->a) == 0 && BN_cmp(b, c->b) == 0)
			return c->group;
	}
	return EC_GROUP_new_curve_GFp(p, a, b, ctx);
}

void lever_EC_GROUP_free(EC_GROUP *group)
{
	if (curve_of(group) == NULL)
		EC_GROUP_free(group);
}

int lever_EC_POINT_set_affine_coordinates(const EC_GROUP *group, EC_POINT *point, const BIGNUM *x, const BIGNUM *y, BN_CTX *ctx)
{
	const struct curve *c = curve_of(group);

	if (c != NULL && BN_cmp(x, c->x) == 0 && BN_cmp(y, c->y) == 0)
		return EC_POINT_copy(point, EC_GROUP_get0_generator(group));
	return EC_POINT_set_affine_coordinates(group, point, x, y, ctx);
}

int lever_EC_GROUP_set_generator(EC_GROUP *group, const EC_POINT *generator, const BIGNUM *order, const BIGNUM *cofactor)
{
	if (curve_of(group) == NULL)
		return EC_GROUP_set_generator(group, generator, order, cofactor);
	/* A kept curve is not changed: another generator is refused. */
	return EC_POINT_cmp(group, EC_GROUP_get0_generator(group), generator, NULL) == 0 &&
	       BN_cmp(EC_GROUP_get0_order(group), order) == 0;
}

/* ---- RSA ---- */

void ExpDCacheFree(void);
BIGNUM *ExpDCacheFind(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, BIGNUM **q);
void ExpDCacheAdd(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, const BIGNUM *q, const BIGNUM *d);

/* The primes of one key, between two calls of one libtpms function. */
static BIGNUM *noted_p, *noted_q;

static void note(const BIGNUM *p, const BIGNUM *q)
{
	BN_clear_free(noted_p);
	BN_clear_free(noted_q);
	noted_p = p != NULL && q != NULL ? BN_dup(p) : NULL;
	noted_q = p != NULL && q != NULL ? BN_dup(q) : NULL;
}

BIGNUM *lever_ExpDCacheFind(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, BIGNUM **ret_q)
{
	BIGNUM *d = ExpDCacheFind(p, n, e, ret_q);

	note(p, d != NULL ? *ret_q : NULL);
	return d;
}

void lever_ExpDCacheAdd(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, const BIGNUM *q, const BIGNUM *d)
{
	note(p, q);
	ExpDCacheAdd(p, n, e, q, d);
}

/* n = p * q, and iqmp * q = 1 mod p. */
static bool fits(const RSA *rsa, const BIGNUM *p, const BIGNUM *q, const BIGNUM *iqmp)
{
	BIGNUM *product = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	bool ok = product != NULL && ctx != NULL && BN_mul(product, p, q, ctx) == 1 && BN_cmp(product, RSA_get0_n(rsa)) == 0 &&
		  BN_mod_mul(product, iqmp, q, p, ctx) == 1 && BN_is_one(product);

	BN_CTX_free(ctx);
	BN_clear_free(product);
	return ok;
}

int lever_RSA_set0_crt_params(RSA *rsa, BIGNUM *dmp1, BIGNUM *dmq1, BIGNUM *iqmp)
{
	if (noted_p != NULL && noted_q != NULL) {
		bool swapped = !fits(rsa, noted_p, noted_q, iqmp); /* libtpms computes with the larger first */
		BIGNUM *p = swapped ? noted_q : noted_p, *q = swapped ? noted_p : noted_q;

		if (fits(rsa, p, q, iqmp) && RSA_set0_factors(rsa, p, q) == 1)
			noted_p = noted_q = NULL; /* the key's now */
	}
	note(NULL, NULL);
	return RSA_set0_crt_params(rsa, dmp1, dmq1, iqmp);
}

/* ---- RSA keys that were used, the oldest replaced ---- */

enum { KEYS_KEPT = 4 };

static struct { EVP_PKEY *keys[KEYS_KEPT]; size_t next; } kept;

static bool same_private_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
	const RSA *x = EVP_PKEY_get0_RSA(a), *y = EVP_PKEY_get0_RSA(b);

	return x != NULL && y != NULL && RSA_get0_d(x) != NULL && RSA_get0_d(y) != NULL && BN_cmp(RSA_get0_n(x), RSA_get0_n(y)) == 0 &&
	       BN_cmp(RSA_get0_e(x), RSA_get0_e(y)) == 0 && BN_cmp(RSA_get0_d(x), RSA_get0_d(y)) == 0;
}

static void keep(EVP_PKEY *key)
{
	if (EVP_PKEY_get0_RSA(key) == NULL || RSA_get0_d(EVP_PKEY_get0_RSA(key)) == NULL || EVP_PKEY_up_ref(key) != 1)
		return;
	EVP_PKEY_free(kept.keys[kept.next]);
	kept.keys[kept.next] = key;
	kept.next = (kept.next + 1) % KEYS_KEPT;
}

EVP_PKEY_CTX *lever_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *engine)
{
	for (size_t i = 0; i < KEYS_KEPT; i++)
		if (kept.keys[i] != NULL && same_private_key(kept.keys[i], key))
			return EVP_PKEY_CTX_new(kept.keys[i], engine);
	keep(key);
	return EVP_PKEY_CTX_new(key, engine);
}

void lever_ExpDCacheFree(void)
{
	ExpDCacheFree();
	note(NULL, NULL);
	for (size_t i = 0; i < KEYS_KEPT; i++) {
		EVP_PKEY_free(kept.keys[i]); /* wipes */
		kept.keys[i] = NULL;
	}
}

/* ---- the random generator's AES ---- */

#ifdef __x86_64__
/* libcrypto's own, behind its EVP interface, which would cost more than the block does. */
int aesni_set_encrypt_key(const unsigned char *bytes, int bits, AES_KEY *ret_key);
void aesni_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key);

static bool has_instructions(void)
{
	static int known;

	if (known == 0)
		known = __builtin_cpu_supports("aes") ? 1 : -1;
	return known > 0;
}

int lever_AES_set_encrypt_key(const unsigned char *bytes, int bits, AES_KEY *ret_key)
{
	return has_instructions() ? aesni_set_encrypt_key(bytes, bits, ret_key) : AES_set_encrypt_key(bytes, bits, ret_key);
}

void lever_AES_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key)
{
	if (has_instructions())
		aesni_encrypt(in, out, key);
	else
		AES_encrypt(in, out, key);
}
#else
int lever_AES_set_encrypt_key(const unsigned char *bytes, int bits, AES_KEY *ret_key)
{
	return AES_set_encrypt_key(bytes, bits, ret_key);
}

void lever_AES_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key)
{
	AES_encrypt(in, out, key);
}
#endif

/* ---- cancel ---- */

int _plat__IsCanceled(void);

static bool (*asked)(void);

void levers_on_cancel(bool (*cancelled)(void))
{
	asked = cancelled;
}

int lever__plat__IsCanceled(void)
{
	return _plat__IsCanceled() != 0 || (asked != NULL && asked());
}
