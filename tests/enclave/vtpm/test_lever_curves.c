// SPDX-License-Identifier: MIT
/* The curve levers alone: a named curve is kept as it is, and a point that is not its generator is judged by libcrypto. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/obj_mac.h>

#include "enclave/vtpm/levers.h"

struct parameters {
	EC_GROUP *named; /* libcrypto's own, beside which the levers' is held */
	BIGNUM *p, *a, *b, *x, *y;
};

static int set_up(void **state)
{
	static struct parameters c;

	c = (struct parameters){ EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), BN_new(), BN_new(), BN_new(), BN_new(), BN_new() };
	assert_int_equal(EC_GROUP_get_curve(c.named, c.p, c.a, c.b, NULL), 1);
	assert_int_equal(EC_POINT_get_affine_coordinates(c.named, EC_GROUP_get0_generator(c.named), c.x, c.y, NULL), 1);
	*state = &c;
	return 0;
}

static int tear_down(void **state)
{
	struct parameters *c = *state;

	EC_GROUP_free(c->named);
	BN_free(c->p);
	BN_free(c->a);
	BN_free(c->b);
	BN_free(c->x);
	BN_free(c->y);
	return 0;
}

static EC_GROUP *take_curve(const struct parameters *c)
{
	EC_GROUP *group = lever_EC_GROUP_new_curve_GFp(c->p, c->a, c->b, NULL);

	assert_non_null(group);
	assert_int_equal(EC_GROUP_get_curve_name(group), NID_X9_62_prime256v1);
	return group;
}

static void keeps_the_curve(void **state)
{
	const struct parameters *c = *state;
	EC_GROUP *first = take_curve(c), *second;

	lever_EC_GROUP_free(first);
	second = take_curve(c);
	assert_ptr_equal(first, second);
	assert_int_equal(EC_GROUP_check(second, NULL), 1);
	assert_int_equal(EC_GROUP_cmp(second, c->named, NULL), 0);
	lever_EC_GROUP_free(second);
	lever_EC_GROUP_free(NULL);
}

static void takes_the_generator_as_it_is(void **state)
{
	const struct parameters *c = *state;
	EC_GROUP *group = take_curve(c);
	EC_POINT *point = EC_POINT_new(group);
	const BIGNUM *order = EC_GROUP_get0_order(group);

	assert_int_equal(lever_EC_POINT_set_affine_coordinates(group, point, c->x, c->y, NULL), 1);
	assert_int_equal(EC_POINT_cmp(group, point, EC_GROUP_get0_generator(group), NULL), 0);
	assert_int_equal(lever_EC_GROUP_set_generator(group, point, order, NULL), 1);
	EC_POINT_free(point);
}

static void judges_other_points(void **state)
{
	const struct parameters *c = *state;
	EC_GROUP *group = take_curve(c);
	EC_POINT *point = EC_POINT_new(group), *twice = EC_POINT_new(group);
	BIGNUM *x = BN_new(), *y = BN_new();

	assert_int_equal(lever_EC_POINT_set_affine_coordinates(group, point, c->x, c->x, NULL), 0); /* not on the curve */
	assert_int_equal(lever_EC_POINT_set_affine_coordinates(group, point, c->y, c->y, NULL), 0);
	assert_int_equal(EC_POINT_dbl(group, twice, EC_GROUP_get0_generator(group), NULL), 1);
	assert_int_equal(EC_POINT_get_affine_coordinates(group, twice, x, y, NULL), 1);
	assert_int_equal(lever_EC_POINT_set_affine_coordinates(group, point, x, y, NULL), 1);
	assert_int_equal(EC_POINT_cmp(group, point, twice, NULL), 0);
	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	EC_POINT_free(twice);
}

static void refuses_another_generator(void **state)
{
	const struct parameters *c = *state;
	EC_GROUP *group = take_curve(c);
	EC_POINT *twice = EC_POINT_new(group);
	const EC_POINT *generator = EC_GROUP_get0_generator(group);

	assert_int_equal(EC_POINT_dbl(group, twice, generator, NULL), 1);
	assert_int_equal(lever_EC_GROUP_set_generator(group, twice, EC_GROUP_get0_order(group), NULL), 0);
	assert_int_equal(lever_EC_GROUP_set_generator(group, generator, c->p, NULL), 0); /* another order */
	assert_int_equal(EC_GROUP_cmp(group, c->named, NULL), 0);
	EC_POINT_free(twice);
}

/* A curve that has no name here is libcrypto's as ever, and the caller's. */
static void leaves_other_curves_alone(void **state)
{
	const struct parameters *c = *state;
	EC_GROUP *group;
	EC_POINT *point;

	group = lever_EC_GROUP_new_curve_GFp(c->p, c->a, c->x, NULL);
	assert_non_null(group);
	assert_int_equal(EC_GROUP_get_curve_name(group), NID_undef);
	point = EC_POINT_new(group);
	assert_int_equal(lever_EC_POINT_set_affine_coordinates(group, point, c->x, c->y, NULL), 0);
	EC_POINT_free(point);
	lever_EC_GROUP_free(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_curve),
		cmocka_unit_test(takes_the_generator_as_it_is),
		cmocka_unit_test(judges_other_points),
		cmocka_unit_test(refuses_another_generator),
		cmocka_unit_test(leaves_other_curves_alone),
	};

	return cmocka_run_group_tests_name("vtpm/lever-curves", tests, set_up, tear_down);
}
