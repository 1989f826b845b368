// SPDX-License-Identifier: MIT
/* core/json: what is refused, and walking what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json.h"

static void malformed_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "1.", "-", "1e", "+1", "nul", "truex",
		"\"\x01\"", "\"\\x\"", "\"\\u12g4\"", "\"\xc0\x80\"", "\"", "[1 2]", "{\"a\":1}x", "{\"a\":1,\"a\":2}",
		"{\"a\":{\"b\":1,\"b\":2}}", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "NaN", "'a'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct diagnosis d = {0};

		if (json_check(span_of_text(texts[i]), &d) != TCB_MALFORMED)
			fail_msg("accepted: %s", texts[i]);
		assert_string_equal(d.code, "json.malformed");
	}
}

static void an_error_has_line_and_column(void **state)
{
	struct diagnosis d = {0};

	(void)state;
	assert_int_equal(json_check(span_of_text("{\n  \"a\": 1,\n  \"a\": 2\n}"), &d), TCB_MALFORMED);
	assert_string_equal(d.found, "line 3, column 3");
	assert_string_equal(d.wanted, "each member name once");
}

static void members_are_found_whatever_stands_between(void **state)
{
	struct span text = span_of_text(" { \"x\" : [ 1 , { \"y\" : \"}],\\\"\" } , 3 ] ,\n\"t\":\"2025-06-19T10:56:11Z\", "
					"\"n\":42,\"b\":true , \"h\":\"0aFf\" } ");
	struct span object, value, element, rest;
	uint64_t number;
	uint8_t bytes[2];
	bool flag;

	(void)state;
	assert_int_equal(json_check(text, NULL), TCB_OK);
	object = json_value(text);
	assert_int_equal(json_find(object, "x", &rest), TCB_OK);
	assert_true(json_next_element(&rest, &element) && span_is_text(element, "1"));
	assert_true(json_next_element(&rest, &element) && json_opens_object(element));
	assert_true(json_next_element(&rest, &element) && span_is_text(element, "3"));
	assert_false(json_next_element(&rest, &element));
	assert_int_equal(json_find(object, "t", &value), TCB_OK);
	assert_int_equal(json_time(value, &number), TCB_OK);
	assert_true(number == 1750330571);
	assert_int_equal(json_find(object, "n", &value), TCB_OK);
	assert_int_equal(json_uint(value, 41, &number), TCB_LIMIT);
	assert_int_equal(json_uint(value, 42, &number), TCB_OK);
	assert_int_equal(json_find(object, "b", &value), TCB_OK);
	assert_int_equal(json_bool(value, &flag), TCB_OK);
	assert_int_equal(json_find(object, "h", &value), TCB_OK);
	assert_int_equal(json_hex(value, bytes, 2), TCB_OK);
	assert_int_equal(bytes[1], 0xff);
	assert_int_equal(json_find(object, "y", &value), TCB_MALFORMED);
	assert_false(json_next_element(&(struct span){(const uint8_t *)"[ ]", 3}, &element));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_texts_are_refused),
		cmocka_unit_test(an_error_has_line_and_column),
		cmocka_unit_test(members_are_found_whatever_stands_between),
	};

	return cmocka_run_group_tests_name("core/json", tests, NULL, NULL);
}
