// SPDX-License-Identifier: MIT
/* edge/data_channel: commands come out whole, in order, with their prefixes, however the bytes were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/data_channel.h"

#define COMMAND(last) 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, last
#define PREFIX(locality) 0, 0, 0, 8, locality, 0, 0, 0, 12

static const uint8_t stream[] = { COMMAND(1), PREFIX(3), COMMAND(2), COMMAND(3), PREFIX(0), COMMAND(4), PREFIX(9), COMMAND(5) };
static const struct { uint8_t last, locality; bool prefixed; } wanted[] = {
	{ 1, 2, false }, { 2, 3, true }, { 3, 3, false }, { 4, 0, true }, { 5, 0, true }, /* 9 is no locality: the one before stays */
};

/* Gives `pieces` of the stream one after the other. */
static void feed(const size_t *ends, size_t pieces)
{
	struct data_channel c = {.prefixes = true};
	uint8_t locality = 2;
	size_t at = 0, found = 0;

	for (size_t i = 0; i < pieces; i++) {
		struct span command;
		bool prefixed;

		memcpy(c.bytes + c.size, stream + at, ends[i] - at);
		c.size += ends[i] - at;
		at = ends[i];
		while (data_find(&c, &command, &prefixed, &locality) == DATA_COMMAND) {
			assert_true(found < sizeof wanted / sizeof wanted[0]);
			assert_int_equal(command.size, 12);
			assert_int_equal(command.data[11], wanted[found].last);
			assert_int_equal(locality, wanted[found].locality);
			assert_int_equal(prefixed, wanted[found].prefixed);
			data_drop(&c, command);
			found++;
		}
	}
	assert_int_equal(found, sizeof wanted / sizeof wanted[0]);
	assert_int_equal(c.size, 0);
}

static void any_two_cuts(void **state)
{
	(void)state;
	for (size_t a = 0; a <= sizeof stream; a++)
		for (size_t b = a; b <= sizeof stream; b++)
			feed((const size_t[]){ a, b, sizeof stream }, 3);
}

static void byte_by_byte(void **state)
{
	size_t ends[sizeof stream];

	(void)state;
	for (size_t i = 0; i < sizeof stream; i++)
		ends[i] = i + 1;
	feed(ends, sizeof stream);
}

static enum data_found find(const uint8_t *bytes, size_t size)
{
	struct data_channel c = { .prefixes = true, .size = size };
	uint8_t locality = 0;
	struct span command;
	bool prefixed;

	memcpy(c.bytes, bytes, size);
	return data_find(&c, &command, &prefixed, &locality);
}

static void sizes_that_cannot_be(void **state)
{
	static const uint8_t small[] = { 0x80, 1, 0, 0, 0, 9, 0, 0, 1, 0x7b }, large[] = { 0x80, 1, 0, 0, 0x10, 1, 0, 0, 1, 0x7b },
			     largest[] = { 0x80, 1, 0, 0, 0x10, 0, 0, 0, 1, 0x7b },
			     other_prefix[] = { 0, 0, 0, 9, 0, 0, 0, 0, 12, COMMAND(1) };

	(void)state;
	assert_int_equal(find(small, sizeof small), DATA_BAD);
	assert_int_equal(find(large, sizeof large), DATA_BAD);
	assert_int_equal(find(largest, sizeof largest), DATA_INCOMPLETE);
	assert_int_equal(find(other_prefix, sizeof other_prefix), DATA_BAD);
}

/* On a VM's channel a prefix is no command, and sets no locality. */
static void no_prefix_from_a_guest(void **state)
{
	static const uint8_t bytes[] = {PREFIX(4), COMMAND(1)};
	struct data_channel c = {0};
	uint8_t locality = 0;
	struct span command;
	bool prefixed;

	(void)state;
	for (size_t size = 4; size <= sizeof bytes; size++) {
		memcpy(c.bytes, bytes, size);
		c.size = size;
		assert_int_equal(data_find(&c, &command, &prefixed, &locality), DATA_BAD);
		assert_int_equal(locality, 0);
	}
	memcpy(c.bytes, bytes + 9, 12);
	c.size = 12;
	assert_int_equal(data_find(&c, &command, &prefixed, &locality), DATA_COMMAND);
	assert_false(prefixed);
}

static void a_prefixed_answer_is_framed(void **state)
{
	static const uint8_t framed[] = { 0, 0, 0, 10, 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1, 0, 0, 0, 0 };
	uint8_t status[DATA_STATUS_SIZE], bytes[64];
	struct writer w = WRITER_OF(bytes);

	(void)state;
	data_answer(&w, data_status(status, DATA_RC_FAILURE), true);
	assert_int_equal(w.size, sizeof framed);
	assert_memory_equal(bytes, framed, sizeof framed);
	w = WRITER_OF(bytes);
	data_answer(&w, SPAN_OF(status), false);
	assert_memory_equal(bytes, framed + 4, 10);
	assert_int_equal(w.size, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_two_cuts),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(sizes_that_cannot_be),
		cmocka_unit_test(no_prefix_from_a_guest),
		cmocka_unit_test(a_prefixed_answer_is_framed),
	};

	return cmocka_run_group_tests_name("edge/data-channel", tests, NULL, NULL);
}
