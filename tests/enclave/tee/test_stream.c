// SPDX-License-Identifier: MIT
/* The host stream of tee_sim.c, which reads ahead: nothing that came with a frame is lost, late or out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/descriptors.h"
#include "edge/instruction.h"
#include "enclave/tee/tee.h"

static int host = -1; /* the other end of the stream */

/* Makes the host stream anew, under the number that it has in an enclave. */
static int open_stream(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	host = dup2(ends[0], 20);
	assert_int_equal(dup2(ends[1], ENCLAVE_STREAM_FD), ENCLAVE_STREAM_FD);
	for (int i = 0; i < 2; i++)
		if (ends[i] != ENCLAVE_STREAM_FD)
			(void)close(ends[i]);
	(void)alarm(20); /* what is lost would be waited for */
	return 0;
}

static int close_stream(void **state)
{
	(void)state;
	tee_data_close();
	(void)close(host);
	return close(ENCLAVE_STREAM_FD);
}

static void put(const char *bytes, size_t size)
{
	assert_int_equal(send(host, bytes, size, MSG_NOSIGNAL), size);
}

static void expect(const char *bytes, size_t size)
{
	uint8_t got[64];

	tee_stream_read(got, size);
	assert_memory_equal(got, bytes, size);
}

static void reads_in_order(void **state)
{
	(void)state;
	put("headbodyhead", 12);
	expect("head", 4);
	expect("body", 4);
	assert_true(tee_stream_pending());
	put("body", 4);
	expect("headbody", 8);
	assert_false(tee_stream_pending());
}

/* More than is read ahead, by parts of the head and the body that end anywhere. */
static void reads_what_is_long(void **state)
{
	enum { SIZE = 100000 };
	uint8_t *bytes = malloc(SIZE), *got = malloc(SIZE);
	const size_t sizes[] = { 12, 5000, 4095, 4096, 4097, 1, 60000 };
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(send(host, bytes, SIZE, MSG_NOSIGNAL), SIZE);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; at += sizes[i++])
		tee_stream_read(got + at, sizes[i]);
	tee_stream_read(got + at, SIZE - at);
	assert_memory_equal(got, bytes, SIZE);
	assert_false(tee_stream_pending());
	free(bytes);
	free(got);
}

/* An interrupt that came by one read with the frame before it ends the wait for the data channel. */
static void hears_the_host_first(void **state)
{
	int channel[2], fds[1];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
	fds[0] = channel[1];
	assert_true(send_descriptors(host, span_of((const uint8_t *)"call", 4), fds, 1));
	expect("call", 4);
	assert_true(tee_data_open());
	put("answerinterrupt", 15);
	expect("answer", 6);
	assert_int_equal(tee_data_wait(), TEE_STREAM);
	expect("interrupt", 9);
	assert_int_equal(send(channel[0], "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(tee_data_wait(), TEE_DATA);
	(void)close(channel[0]);
	(void)close(channel[1]);
}

/* The next call's descriptor, where an interrupt of the call before it came with it. */
static void takes_the_descriptor_of_the_next_call(void **state)
{
	int channel[2], fds[1];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
	fds[0] = channel[1];
	put("interrupt", 9);
	assert_true(send_descriptors(host, span_of((const uint8_t *)"call", 4), fds, 1));
	expect("interrupt", 9);
	expect("call", 4);
	assert_true(tee_data_open());
	assert_false(tee_data_open());
	assert_int_equal(send(host, "call", 4, MSG_NOSIGNAL), 4);
	expect("call", 4);
	assert_false(tee_data_open()); /* none came with this one */
	(void)close(channel[0]);
	(void)close(channel[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_in_order, open_stream, close_stream),
		cmocka_unit_test_setup_teardown(reads_what_is_long, open_stream, close_stream),
		cmocka_unit_test_setup_teardown(hears_the_host_first, open_stream, close_stream),
		cmocka_unit_test_setup_teardown(takes_the_descriptor_of_the_next_call, open_stream, close_stream),
	};

	return cmocka_run_group_tests_name("enclave/stream", tests, NULL, NULL);
}
