// SPDX-License-Identifier: MIT
/* The RSA lever alone: whichever prime libtpms names first, the key that OpenSSL gets is whole; and another key's primes are not taken. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enclave/vtpm/levers.h"

static RSA *generate(void)
{
	RSA *rsa = RSA_new();
	BIGNUM *e = BN_new();

	assert_int_equal(BN_set_word(e, 65537), 1);
	assert_int_equal(RSA_generate_key_ex(rsa, 1024, e, NULL), 1);
	BN_free(e);
	return rsa;
}

/* A key as libtpms makes it: without primes, its CRT values with the larger prime first (as OpenSSL generates them, too). */
static RSA *as_libtpms(const RSA *from)
{
	RSA *rsa = RSA_new();

	assert_int_equal(RSA_set0_key(rsa, BN_dup(RSA_get0_n(from)), BN_dup(RSA_get0_e(from)), BN_dup(RSA_get0_d(from))), 1);
	return rsa;
}

static int set_crt(RSA *rsa, const RSA *from)
{
	return lever_RSA_set0_crt_params(rsa, BN_dup(RSA_get0_dmp1(from)), BN_dup(RSA_get0_dmq1(from)), BN_dup(RSA_get0_iqmp(from)));
}

static void takes_the_primes_in_either_order(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		RSA *from = generate(), *rsa = as_libtpms(from);
		const BIGNUM *p = RSA_get0_p(from), *q = RSA_get0_q(from);

		lever_ExpDCacheAdd(order ? q : p, RSA_get0_n(from), RSA_get0_e(from), order ? p : q, RSA_get0_d(from));
		assert_int_equal(set_crt(rsa, from), 1);
		assert_non_null(RSA_get0_p(rsa));
		assert_int_equal(RSA_check_key(rsa), 1); /* CRT values against primes, too */
		RSA_free(rsa);
		RSA_free(from);
	}
}

static void takes_no_others_primes(void **state)
{
	RSA *from = generate(), *other = generate(), *rsa = as_libtpms(from);

	(void)state;
	lever_ExpDCacheAdd(RSA_get0_p(other), RSA_get0_n(other), RSA_get0_e(other), RSA_get0_q(other), RSA_get0_d(other));
	assert_int_equal(set_crt(rsa, from), 1);
	assert_null(RSA_get0_p(rsa));
	RSA_free(rsa);
	rsa = as_libtpms(from);
	assert_int_equal(set_crt(rsa, from), 1); /* nor those noted before the last */
	assert_null(RSA_get0_p(rsa));
	RSA_free(rsa);
	RSA_free(from);
	RSA_free(other);
	lever_ExpDCacheFree();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_primes_in_either_order),
		cmocka_unit_test(takes_no_others_primes),
	};

	return cmocka_run_group_tests_name("vtpm/lever-rsa", tests, NULL, NULL);
}
