// SPDX-License-Identifier: MIT
/* enclave/mige/memory: what passed is known again, under the same policy, in its time; nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enclave/mige/memory.h"
#include "verify/appraise/quote.h"

static const struct digest256 scope = {{1}}, other_scope = {{2}};
static struct checks checks;
static struct quote_claims claims;

static struct memo_question processor(const char *quote, const char *collateral)
{
	return (struct memo_question){ .kind = "processor", .count = 2, .value_size = sizeof claims,
				       .parts = { span_of_text(quote), span_of_text(collateral) } };
}

/* `passed` checks, and one that failed if `fails`; from 100 to 200. */
static void remember(const char *quote, const char *collateral, size_t passed, bool fails)
{
	const struct memo *memo = memory_under(&scope);
	const struct memo_question q = processor(quote, collateral);

	checks = (struct checks){0};
	(void)check_that(&checks, "before", "f", "c", false, "e", "g"); /* which is not of this judgement */
	for (size_t i = 0; i < passed; i++)
		(void)check_that(&checks, "l", "f", "c", true, "e", "g");
	if (fails)
		(void)check_that(&checks, "l", "f", "c", false, "e", "g");
	claims = (struct quote_claims){ .tcb_evaluation_number = (uint32_t)quote[0] };
	memo->remember(memo->store, &q, 100, 200, &checks, 1, &claims);
}

static bool known(const struct digest256 *under, const char *quote, const char *collateral, uint64_t now_s)
{
	const struct memo *memo = memory_under(under);
	const struct memo_question q = processor(quote, collateral);

	checks = (struct checks){0};
	claims = (struct quote_claims){0};
	return memo->recall(memo->store, &q, now_s, &checks, &claims);
}

static void a_processor_is_known_again(void **state)
{
	(void)state;
	remember("a", "b", 3, false);
	for (uint64_t now_s = 100; now_s <= 200; now_s += 50) {
		assert_true(known(&scope, "a", "b", now_s));
		assert_true(checks.count == 3 && checks.list[0].result == CHECK_PASS && claims.tcb_evaluation_number == 'a');
	}
	assert_false(known(&scope, "a", "b", 99));
	assert_false(known(&scope, "a", "b", 201));
	assert_false(known(&other_scope, "a", "b", 150));
	assert_false(known(&scope, "a", "c", 150));
	assert_false(known(&scope, "c", "b", 150));
	assert_false(known(&scope, "ab", "", 150));
	assert_int_equal(checks.count, 0);
}

static void only_what_passed_and_fits_is_kept(void **state)
{
	(void)state;
	remember("d", "b", 3, true);
	assert_false(known(&scope, "d", "b", 150));
	remember("e", "b", 0, false);
	assert_false(known(&scope, "e", "b", 150));
	remember("f", "b", 100, false);
	assert_false(known(&scope, "f", "b", 150));
	remember("g", "b", 64, false);
	assert_true(known(&scope, "g", "b", 150));
	for (size_t i = 0; i < CHECKS_MAX - 63; i++) /* no room for them: judged anew, which says so */
		(void)check_that(&checks, "l", "f", "c", true, "e", "g");
	assert_false(memory_under(&scope)->recall(NULL, &(struct memo_question){ .kind = "processor", .count = 2, .value_size = sizeof claims,
			.parts = { span_of_text("g"), span_of_text("b") } }, 150, &checks, &claims));
}

static void the_oldest_makes_room(void **state)
{
	static const char *const names[] = { "h", "i", "j", "k", "l" };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		remember(names[i], "b", 1, false);
	assert_false(known(&scope, "h", "b", 150));
	for (size_t i = 1; i < 5; i++)
		assert_true(known(&scope, names[i], "b", 150));
}

static void signatures_hold_for_ever(void **state)
{
	const struct memo *memo = memory_under(&scope);
	uint8_t byte;
	struct memo_question q = { .kind = "signature", .count = 1, .parts = { span_of(&byte, 1) } };

	(void)state;
	for (byte = 0; byte < 65; byte++) {
		assert_false(memo->recall(memo->store, &q, 0, NULL, NULL));
		memo->remember(memo->store, &q, 0, UINT64_MAX, NULL, 0, NULL);
		assert_true(memo->recall(memo->store, &q, 0, NULL, NULL));
	}
	byte = 0; /* of the last 64 */
	assert_false(memo->recall(memo->store, &q, 0, NULL, NULL));
	byte = 1;
	assert_true(memory_under(&other_scope)->recall(memo->store, &q, 0, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_is_known_again),
		cmocka_unit_test(only_what_passed_and_fits_is_kept),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(signatures_hold_for_ever),
	};

	return cmocka_run_group_tests_name("mige/memory", tests, NULL, NULL);
}
