// SPDX-License-Identifier: MIT
/* edge/descriptors: whatever comes with a message, what is not kept is closed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/descriptors.h"
#include "tests/descriptor_count.h"

enum { SENT_MAX = 16 };

static int pair[2];

static int set_up(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(pair[0]);
	return close(pair[1]);
}

/* Sends `count` descriptors with `size` bytes; receives 4 bytes and at most `most` descriptors. */
static ssize_t pass(size_t size, size_t count, size_t most, struct descriptors *ret_came)
{
	static const uint8_t text[8] = "message";
	uint8_t got[4];
	int fds[SENT_MAX];

	for (size_t i = 0; i < count; i++)
		fds[i] = pair[0];
	assert_true(send_with_descriptors(pair[0], span_of(text, size), fds, count));
	return receive_descriptors(pair[1], got, sizeof got, most, ret_came);
}

static void every_number_of_descriptors(void **state)
{
	unsigned before = count_descriptors();

	(void)state;
	for (size_t most = 0; most <= DESCRIPTORS_MAX; most++) {
		for (size_t count = 0; count <= SENT_MAX; count++) {
			size_t kept = count <= most ? count : 0;
			struct descriptors came;

			assert_int_equal(pass(4, count, most, &came), 4);
			assert_int_equal(came.count, kept);
			assert_int_equal(count_descriptors() - before, kept);
			close_descriptors(&came);
			assert_int_equal(count_descriptors(), before);
		}
	}
}

static void message_that_is_too_long(void **state)
{
	unsigned before = count_descriptors();
	struct descriptors came;

	(void)state;
	assert_int_equal(pass(5, 1, 1, &came), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(came.count, 0);
	assert_int_equal(count_descriptors(), before);
}

static void no_message(void **state)
{
	struct descriptors came = { .count = 1 };
	uint8_t byte;

	(void)state;
	assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
	assert_int_equal(receive_descriptors(pair[1], &byte, 1, 1, &came), 0);
	assert_int_equal(came.count, 0);
	came.count = 1;
	assert_int_equal(receive_descriptors(-1, &byte, 1, 1, &came), -1);
	assert_int_equal(came.count, 0);
}

/* A process that has room for some of the descriptors, or for none, is told so, and keeps none. */
static void no_room_for_all(void **state)
{
	struct rlimit before, few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned room = 0; room < 3; room++) {
		struct descriptors came;
		unsigned open = count_descriptors();
		int next = dup(pair[0]);

		assert_true(next >= 0);
		(void)close(next);
		few = (struct rlimit){(rlim_t)next + room, before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		assert_int_equal(pass(4, 3, 4, &came), 4);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(came.no_room);
		assert_int_equal(came.count, 0);
		assert_int_equal(count_descriptors(), open);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_number_of_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_for_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(message_that_is_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_message, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
