// SPDX-License-Identifier: MIT
/* crypto/: against published vectors, and the refusals that callers rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "crypto/crypto.h"

/* RFC 5869 test case 1 */
static void hkdf_matches_rfc_5869(void **state)
{
	static const uint8_t wanted[42] = {
		0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
		0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
		0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65,
	};
	uint8_t secret[22], salt[13], info[10], got[42];

	(void)state;
	memset(secret, 0x0b, sizeof secret);
	for (unsigned i = 0; i < sizeof salt; i++)
		salt[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof info; i++)
		info[i] = (uint8_t)(0xf0 + i);
	assert_int_equal(crypto_hkdf(SPAN_OF(secret), SPAN_OF(salt), SPAN_OF(info), got, sizeof got), TCB_OK);
	assert_memory_equal(got, wanted, sizeof wanted);
}

/* NIST SP 800-38B, D.1, example 2 (16-byte message) */
static void cmac_matches_sp_800_38b(void **state)
{
	static const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
					0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
	static const uint8_t message[16] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
					    0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a};
	static const uint8_t wanted[16] = {0x07, 0x0a, 0x16, 0xb4, 0x6b, 0x4d, 0x41, 0x44,
					   0xf7, 0x9b, 0xdd, 0x9d, 0xd0, 0x4a, 0x28, 0x7c};
	uint8_t got[16];

	(void)state;
	assert_int_equal(crypto_cmac(key, SPAN_OF(message), got), TCB_OK);
	assert_memory_equal(got, wanted, sizeof wanted);
}

static void sealed_bytes_open_only_unaltered(void **state)
{
	const struct secret256 key = {{1}}, other = {{2}};
	const uint8_t iv[AES_GCM_IV_SIZE] = {3}, plain[5] = {'s', 't', 'a', 't', 'e'};
	uint8_t sealed[sizeof plain + AES_GCM_TAG_SIZE], opened[sizeof plain];
	struct span aad = span_of_text("label");

	(void)state;
	assert_int_equal(crypto_seal(&key, iv, aad, SPAN_OF(plain), sealed), TCB_OK);
	assert_int_equal(crypto_open(&key, iv, aad, SPAN_OF(sealed), opened), TCB_OK);
	assert_memory_equal(opened, plain, sizeof plain);
	assert_int_equal(crypto_open(&other, iv, aad, SPAN_OF(sealed), opened), TCB_CRYPTO);
	assert_int_equal(opened[0], 0); /* wiped */
	assert_int_equal(crypto_open(&key, iv, span_of_text("labeL"), SPAN_OF(sealed), opened), TCB_CRYPTO);
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		assert_int_equal(crypto_open(&key, iv, aad, SPAN_OF(sealed), opened), TCB_CRYPTO);
		sealed[i] ^= 1;
	}
	assert_int_equal(crypto_open(&key, iv, aad, span_of(sealed, AES_GCM_TAG_SIZE - 1), opened), TCB_MALFORMED);
}

static void a_signature_holds_for_its_message_and_key_only(void **state)
{
	EVP_PKEY *key = NULL, *other = NULL;
	struct p256_point point, other_point;
	struct p256_signature signature;
	struct span message = span_of_text("message");

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(crypto_p256_new(&other), TCB_OK);
	assert_int_equal(crypto_p256_public(key, &point), TCB_OK);
	assert_int_equal(crypto_p256_public(other, &other_point), TCB_OK);
	assert_int_equal(crypto_sign(key, message, &signature), TCB_OK);
	assert_int_equal(crypto_verify(&point, message, &signature), TCB_OK);
	assert_int_equal(crypto_verify(&other_point, message, &signature), TCB_CRYPTO);
	assert_int_equal(crypto_verify(&point, span_of_text("massage"), &signature), TCB_CRYPTO);
	signature.bytes[40] ^= 1;
	assert_int_equal(crypto_verify(&point, message, &signature), TCB_CRYPTO);
	memset(&signature, 0, sizeof signature);
	assert_int_equal(crypto_verify(&point, message, &signature), TCB_CRYPTO);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* The order of the curve, for numbers at its edge. */
static const uint8_t order_of_p256[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void a_signature_with_a_number_out_of_range_does_not_check(void **state)
{
	EVP_PKEY *key = NULL;
	struct p256_point point, off_curve;
	struct p256_signature signature, bad;
	struct digest256 digest = {{7}};

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(crypto_p256_public(key, &point), TCB_OK);
	assert_int_equal(crypto_sign(key, span_of_text("m"), &signature), TCB_OK);
	for (size_t half = 0; half < 64; half += 32) {
		bad = signature;
		memset(bad.bytes + half, 0, 32);
		assert_int_equal(crypto_verify(&point, span_of_text("m"), &bad), TCB_CRYPTO);
		memset(bad.bytes + half, 0xff, 32);
		assert_int_equal(crypto_verify(&point, span_of_text("m"), &bad), TCB_CRYPTO);
		memcpy(bad.bytes + half, order_of_p256, 32);
		assert_int_equal(crypto_verify(&point, span_of_text("m"), &bad), TCB_CRYPTO);
	}
	/* r = s = 1 and a digest of zero are what careless code takes for a signature of the point at infinity. */
	memset(&bad, 0, sizeof bad);
	bad.bytes[31] = bad.bytes[63] = 1;
	memset(&digest, 0, sizeof digest);
	assert_int_equal(crypto_verify_digest(&point, &digest, &bad), TCB_CRYPTO);
	assert_int_equal(crypto_p256_check(&point), TCB_OK);
	off_curve = point;
	off_curve.bytes[63] ^= 1;
	assert_int_equal(crypto_p256_check(&off_curve), TCB_CRYPTO);
	assert_int_equal(crypto_verify(&off_curve, span_of_text("m"), &signature), TCB_CRYPTO);
	assert_int_equal(crypto_verify(&point, span_of_text("m"), &signature), TCB_OK);
	EVP_PKEY_free(key);
}

/* What one verification path refuses, the library's own must: each bit of signature and point. */
static void each_bit_of_a_signature_and_of_a_point_counts(void **state)
{
	EVP_PKEY *key = NULL;
	struct p256_point point;
	struct p256_signature signature;

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(crypto_p256_public(key, &point), TCB_OK);
	assert_int_equal(crypto_sign(key, span_of_text("m"), &signature), TCB_OK);
	for (unsigned bit = 0; bit < 512; bit++) {
		signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(crypto_verify(&point, span_of_text("m"), &signature), TCB_CRYPTO);
		signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		point.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(crypto_verify(&point, span_of_text("m"), &signature), TCB_CRYPTO);
		point.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	EVP_PKEY_free(key);
}

static void points_off_the_curve_and_scalars_out_of_range_are_refused(void **state)
{
	const struct p256_point off_curve = {{1}};
	uint8_t zero[32] = {0}, order[32];
	EVP_PKEY *key = NULL;

	(void)state;
	memset(order, 0xff, sizeof order); /* above n */
	assert_int_equal(crypto_p256_from_public(&off_curve, &key), TCB_CRYPTO);
	assert_int_equal(crypto_p256_check(&off_curve), TCB_CRYPTO);
	assert_int_equal(crypto_p256_from_scalar(zero, &key), TCB_CRYPTO);
	assert_int_equal(crypto_p256_from_scalar(order, &key), TCB_CRYPTO);
	assert_null(key);
}

static void keys_of_other_curves_are_refused(void **state)
{
	static const char *const curves[] = { "secp256k1", "brainpoolP256r1", "P-384" };
	struct p256_point point;

	(void)state;
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i]);

		assert_non_null(key);
		assert_int_equal(crypto_p256_public(key, &point), TCB_CRYPTO);
		EVP_PKEY_free(key);
	}
	assert_int_equal(crypto_p256_public(NULL, &point), TCB_CRYPTO);
}

/* NIST CAVS ECDH P-256, count 0 */
static void ecdh_matches_nist(void **state)
{
	static const uint8_t scalar[32] = {
		0x7d, 0x7d, 0xc5, 0xf7, 0x1e, 0xb2, 0x9d, 0xda, 0xf8, 0x0d, 0x62, 0x14, 0x63, 0x2e, 0xea, 0xe0,
		0x3d, 0x90, 0x58, 0xaf, 0x1f, 0xb6, 0xd2, 0x2e, 0xd8, 0x0b, 0xad, 0xb6, 0x2b, 0xc1, 0xa5, 0x34};
	static const struct p256_point peer = {{
		0x70, 0x0c, 0x48, 0xf7, 0x7f, 0x56, 0x58, 0x4c, 0x5c, 0xc6, 0x32, 0xca, 0x65, 0x64, 0x0d, 0xb9,
		0x1b, 0x6b, 0xac, 0xce, 0x3a, 0x4d, 0xf6, 0xb4, 0x2c, 0xe7, 0xcc, 0x83, 0x88, 0x33, 0xd2, 0x87,
		0xdb, 0x71, 0xe5, 0x09, 0xe3, 0xfd, 0x9b, 0x06, 0x0d, 0xdb, 0x20, 0xba, 0x5c, 0x51, 0xdc, 0xc5,
		0x94, 0x8d, 0x46, 0xfb, 0xf6, 0x40, 0xdf, 0xe0, 0x44, 0x17, 0x82, 0xca, 0xb8, 0x5f, 0xa4, 0xac}};
	static const uint8_t wanted[32] = {
		0x46, 0xfc, 0x62, 0x10, 0x64, 0x20, 0xff, 0x01, 0x2e, 0x54, 0xa4, 0x34, 0xfb, 0xdd, 0x2d, 0x25,
		0xcc, 0xc5, 0x85, 0x20, 0x60, 0x56, 0x1e, 0x68, 0x04, 0x0d, 0xd7, 0x77, 0x89, 0x97, 0xbd, 0x7b};
	SECRET struct secret256 shared = {0};
	EVP_PKEY *key = NULL;

	(void)state;
	assert_int_equal(crypto_p256_from_scalar(scalar, &key), TCB_OK);
	assert_int_equal(crypto_ecdh(key, &peer, &shared), TCB_OK);
	assert_memory_equal(shared.bytes, wanted, sizeof wanted);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hkdf_matches_rfc_5869),
		cmocka_unit_test(cmac_matches_sp_800_38b),
		cmocka_unit_test(sealed_bytes_open_only_unaltered),
		cmocka_unit_test(a_signature_holds_for_its_message_and_key_only),
		cmocka_unit_test(a_signature_with_a_number_out_of_range_does_not_check),
		cmocka_unit_test(each_bit_of_a_signature_and_of_a_point_counts),
		cmocka_unit_test(points_off_the_curve_and_scalars_out_of_range_are_refused),
		cmocka_unit_test(keys_of_other_curves_are_refused),
		cmocka_unit_test(ecdh_matches_nist),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
