// SPDX-License-Identifier: MIT
/* core/: cursor, writer and deterministic CBOR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cbor.h"

/* Not what our writer could have written, and why. */
static const struct {
	const char *why;
	uint8_t bytes[12];
	size_t size;
} malformed_uints[] = {
	{"empty", {0}, 0},
	{"23 in two bytes", {0x18, 0x17}, 2},
	{"255 in three bytes", {0x19, 0x00, 0xff}, 3},
	{"65535 in five bytes", {0x1a, 0x00, 0x00, 0xff, 0xff}, 5},
	{"2^32-1 in nine bytes", {0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 9},
	{"reserved additional information 28", {0x1c}, 1},
	{"indefinite length", {0x1f}, 1},
	{"cut head", {0x19, 0x01}, 2},
	{"a byte string", {0x41, 0x00}, 2},
	{"a negative integer", {0x20}, 1},
	{"a float", {0xf9, 0x00, 0x00}, 3},
};

static void uint_refuses_what_we_never_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed_uints / sizeof malformed_uints[0]; i++) {
		struct reader r = reader_of(span_of(malformed_uints[i].bytes, malformed_uints[i].size));
		struct reader before = r;
		uint64_t value = 77;

		if (cbor_read_uint(&r, &value) != TCB_MALFORMED)
			fail_msg("accepted: %s", malformed_uints[i].why);
		assert_ptr_equal(r.rest.data, before.rest.data);
		assert_int_equal(value, 77);
	}
}

static void integers_round_trip(void **state)
{
	static const int64_t values[] = {0, 1, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, INT64_MAX,
					 -1, -24, -25, -256, -257, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		uint8_t bytes[9];
		struct writer w = WRITER_OF(bytes);
		struct span written;
		struct reader r;
		int64_t got;

		cbor_write_int(&w, values[i]);
		assert_int_equal(writer_end(&w, &written), TCB_OK);
		r = reader_of(written);
		assert_int_equal(cbor_read_int(&r, &got), TCB_OK);
		assert_true(got == values[i]);
		assert_int_equal(reader_end(&r), TCB_OK);
	}
}

static void a_string_longer_than_the_input_is_refused(void **state)
{
	static const uint8_t bytes[] = {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
	struct reader r = reader_of(SPAN_OF(bytes));
	struct span got;

	(void)state;
	assert_int_equal(cbor_read_bytes(&r, &got), TCB_MALFORMED);
}

static void text_must_be_printable_utf8(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t size;
		enum tcb_error wanted;
	} cases[] = {
		{{0x62, 'o', 'k'}, 3, TCB_OK},
		{{0x62, 0xc3, 0xbc}, 3, TCB_OK},             /* u with diaeresis */
		{{0x64, 0xf0, 0x9f, 0x94, 0x92}, 5, TCB_OK}, /* beyond the basic plane */
		{{0x61, 0x07}, 2, TCB_MALFORMED},            /* control character */
		{{0x62, 0xc0, 0x80}, 3, TCB_MALFORMED},      /* overlong */
		{{0x63, 0xed, 0xa0, 0x80}, 4, TCB_MALFORMED}, /* surrogate */
		{{0x61, 0xc3}, 2, TCB_MALFORMED},            /* cut sequence */
		{{0x64, 0xf4, 0x90, 0x80, 0x80}, 5, TCB_MALFORMED}, /* over U+10FFFF */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reader r = reader_of(span_of(cases[i].bytes, cases[i].size));
		struct span got;

		assert_int_equal(cbor_read_text(&r, &got), cases[i].wanted);
	}
}

static void counts_are_judged_before_any_loop(void **state)
{
	static const uint8_t bytes[] = {0x9a, 0xff, 0xff, 0xff, 0xff};
	struct reader r = reader_of(SPAN_OF(bytes));
	size_t count = 5;

	(void)state;
	assert_int_equal(cbor_read_array(&r, 100, &count), TCB_LIMIT);
	assert_int_equal(count, 5);
}

static void a_writer_measures_and_latches(void **state)
{
	uint8_t bytes[4];
	struct writer measure = writer_of(NULL, 0), small = WRITER_OF(bytes);

	(void)state;
	cbor_write_bytes(&measure, SPAN_OF(bytes));
	assert_int_equal(measure.size, 5);
	cbor_write_bytes(&small, SPAN_OF(bytes));
	writer_u8(&small, 1); /* would fit, must not be taken after the error */
	assert_int_equal(writer_end(&small, NULL), TCB_LIMIT);
	assert_int_equal(small.size, 1);
}

static void a_sized_field_is_bounded_and_moves_only_on_success(void **state)
{
	static const uint8_t bytes[] = {0, 0, 0, 3, 1, 2};
	struct reader r = reader_of(SPAN_OF(bytes));
	struct span got;

	(void)state;
	assert_int_equal(reader_sized(&r, 2, &got), TCB_LIMIT);
	assert_int_equal(reader_sized(&r, 3, &got), TCB_MALFORMED);
	assert_int_equal(r.rest.size, sizeof bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uint_refuses_what_we_never_write),
		cmocka_unit_test(integers_round_trip),
		cmocka_unit_test(a_string_longer_than_the_input_is_refused),
		cmocka_unit_test(text_must_be_printable_utf8),
		cmocka_unit_test(counts_are_judged_before_any_loop),
		cmocka_unit_test(a_writer_measures_and_latches),
		cmocka_unit_test(a_sized_field_is_bounded_and_moves_only_on_success),
	};

	return cmocka_run_group_tests_name("core/cbor", tests, NULL, NULL);
}
