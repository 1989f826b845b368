// SPDX-License-Identifier: MIT
/* host/front_control: what a client of the control channel says never ends the process and never leaves a descriptor open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/reader.h"
#include "host/front.h"
#include "tests/descriptor_count.h"
#include "tests/host/fake_vtpm.h"

enum { CMD_GET_CAPABILITY = 0x01, CMD_SET_DATAFD = 0x10, CMD_GET_INFO = 0x12, CMD_GET_STATEBLOB = 0x0c, CMD_UNKNOWN = 0x99, ANSWER_MAX = 16384 };

static struct host_vtpm vtpm;
static const struct front_options options = { .control_listener = -1, .data_listener = -1, .owner = -1, .startup = -1 };
static struct front front;
static int peer;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	front = (struct front){ .v = &vtpm, .options = &options, .running = true, .data = { .fd = -1 }, .last_client = -1,
				.body = malloc(LIMIT_FRAME), .answer = malloc(LIMIT_FRAME) };
	front.clients[0] = (struct front_client){ .fd = pair[0], .received_fd = -1 };
	peer = pair[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(front.clients[0].fd);
	(void)close(peer);
	free(front.body);
	free(front.answer);
	return 0;
}

/* Sends a command with these descriptors, has it served, and returns the answer. */
static struct span ask(struct span request, const int *fds, size_t count)
{
	static uint8_t answer[ANSWER_MAX];
	ssize_t got;

	assert_true(send_with_descriptors(peer, request, fds, count));
	assert_true(front_control_serve(&front, &front.clients[0]));
	got = recv(peer, answer, sizeof answer, MSG_DONTWAIT);
	assert_true(got >= 4);
	return span_of(answer, (size_t)got);
}

static uint32_t number_at(struct span answer, size_t at)
{
	struct reader r = reader_of(span_from(answer, at));
	uint32_t value;

	assert_int_equal(reader_u32(&r, &value), TCB_OK);
	return value;
}

static struct span ask_info(uint32_t offset)
{
	uint8_t bytes[20];
	struct writer w = WRITER_OF(bytes);

	writer_u32(&w, CMD_GET_INFO);
	writer_u64(&w, 1);
	writer_u32(&w, offset);
	writer_u32(&w, 0);
	return ask(SPAN_OF(bytes), NULL, 0);
}

static void info_beyond_the_end(void **state)
{
	static const uint32_t offsets[] = { FAKE_INFO_SIZE, FAKE_INFO_SIZE + 1, INT32_MAX, 0x80000000, 0xfffffffe, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		struct span answer = ask_info(offsets[i]);

		assert_int_equal(answer.size, 4);
		assert_int_equal(number_at(answer, 0), RES_BAD_PARAMETER);
	}
}

static void info_in_pieces(void **state)
{
	size_t at = 0;

	(void)state;
	while (at < FAKE_INFO_SIZE + 1) {
		struct span answer = ask_info((uint32_t)at);

		assert_int_equal(number_at(answer, 0), RES_SUCCESS);
		assert_int_equal(number_at(answer, 4), FAKE_INFO_SIZE + 1);
		assert_int_equal(number_at(answer, 8), answer.size - 12);
		assert_int_equal(answer.data[12], 'a' + at % 26);
		at += number_at(answer, 8);
	}
	assert_int_equal(at, FAKE_INFO_SIZE + 1);
}

static void blob_beyond_the_end(void **state)
{
	static const uint32_t offsets[] = { FAKE_BLOB_SIZE, FAKE_BLOB_SIZE + 1, 0xffffffff };
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		struct writer w = WRITER_OF(bytes);
		struct span answer;

		writer_u32(&w, CMD_GET_STATEBLOB);
		writer_u32(&w, 0);
		writer_u32(&w, 1);
		writer_u32(&w, offsets[i]);
		answer = ask(SPAN_OF(bytes), NULL, 0);
		assert_int_equal(number_at(answer, 0), RES_SUCCESS);
		assert_int_equal(number_at(answer, 12), 0);
		assert_int_equal(answer.size, 16);
	}
}

/* A command with `count` descriptors; those that this process has afterwards and did not have before. */
static unsigned left_open(uint32_t command, size_t count, uint32_t *ret_result)
{
	const uint8_t request[] = { 0, 0, 0, (uint8_t)command };
	unsigned before = count_descriptors();
	int fds[16];

	for (size_t i = 0; i < count; i++)
		fds[i] = peer;
	*ret_result = number_at(ask(SPAN_OF(request), fds, count), 0);
	return count_descriptors() - before;
}

static void descriptors_that_nobody_wants(void **state)
{
	uint32_t result;

	(void)state;
	for (size_t count = 1; count <= 16; count++) {
		assert_int_equal(left_open(CMD_GET_CAPABILITY, count, &result), 0);
		assert_int_equal(result, RES_SUCCESS);
	}
	for (size_t count = 1; count <= 16; count++) {
		assert_int_equal(left_open(CMD_UNKNOWN, count, &result), 0);
		assert_int_equal(result, RES_BAD_ORDINAL);
	}
	for (size_t count = 2; count <= 16; count++) {
		assert_int_equal(left_open(CMD_SET_DATAFD, count, &result), 0);
		assert_int_equal(result, RES_BAD_PARAMETER);
	}
}

/* A descriptor belongs to the command that it came with. */
static void descriptor_of_another_command(void **state)
{
	uint32_t result;

	(void)state;
	(void)left_open(CMD_GET_CAPABILITY, 1, &result);
	assert_int_equal(left_open(CMD_SET_DATAFD, 0, &result), 0);
	assert_int_equal(result, RES_BAD_PARAMETER);
}

static void one_data_descriptor(void **state)
{
	uint32_t result;

	(void)state;
	assert_int_equal(left_open(CMD_SET_DATAFD, 1, &result), 1);
	assert_int_equal(result, RES_SUCCESS);
	assert_int_equal(left_open(CMD_SET_DATAFD, 1, &result), 0);
	assert_int_equal(result, RES_IOERROR);
	(void)close(front.data.fd);
}

/* Without a free descriptor here, the client's is not taken for one that did not come. */
static void no_room_for_a_descriptor(void **state)
{
	struct rlimit before;
	uint32_t result;
	const uint8_t request[] = {0, 0, 0, CMD_SET_DATAFD};
	int next = dup(peer);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(next >= 0);
	(void)close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, before.rlim_max}), 0);
	result = number_at(ask(SPAN_OF(request), &peer, 1), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result, RES_IOERROR);
	assert_string_equal(fake_vtpm_logged(), "daemon.descriptors");
	assert_int_equal(left_open(CMD_SET_DATAFD, 0, &result), 0);
	assert_int_equal(result, RES_BAD_PARAMETER);
}

/* ---- the TPM that is to be there from the start ---- */

static enum tcb_error told;
static struct diagnosis told_why;
static unsigned times_told;

static void note_started(void *context, enum tcb_error error, const struct diagnosis *d)
{
	(void)context;
	told = error;
	told_why = *d;
	times_told++;
}

/* A front without channels: it ends at once, or serves until its owner (here: a socket whose peer is closed) is gone. */
static void start_front(void)
{
	int owner[2];
	struct front_options o = { .control_listener = -1, .control_client = -1, .data_listener = -1, .data_client = -1, .startup = 0,
				   .initialise = true, .started = note_started };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, owner), 0);
	(void)close(owner[1]);
	o.owner = owner[0];
	times_told = 0;
	assert_int_equal(front_run(&vtpm, &o), -1);
	(void)close(owner[0]);
}

/* The daemon shuts the control listener of a deleted vTPM down. */
static void ends_when_its_listener_is_shut_down(void **state)
{
	const struct sockaddr address = { .sa_family = AF_UNIX }; /* the kernel chooses a name */
	struct front_options o = { .control_client = -1, .data_listener = -1, .data_client = -1, .owner = -1, .startup = -1,
				   .rests_alone = true };

	(void)state;
	o.control_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(o.control_listener, &address, sizeof address.sa_family), 0);
	assert_int_equal(listen(o.control_listener, 1), 0);
	assert_int_equal(shutdown(o.control_listener, SHUT_RDWR), 0);
	(void)alarm(20); /* a front that does not end fails this program */
	assert_int_equal(front_run(&vtpm, &o), -1);
	(void)alarm(0);
	(void)close(o.control_listener);
}

static void start_that_succeeds(void **state)
{
	(void)state;
	start_front();
	assert_int_equal(times_told, 1);
	assert_int_equal(told, TCB_OK);
}

static void start_that_fails(void **state)
{
	(void)state;
	fake_vtpm_refuse_init(1);
	start_front();
	fake_vtpm_refuse_init(0);
	assert_int_equal(times_told, 1);
	assert_int_equal(told, TCB_MALFORMED);
	assert_string_equal(told_why.code, "test.init");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(info_beyond_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(info_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(blob_beyond_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_for_a_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptors_that_nobody_wants, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptor_of_another_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_data_descriptor, set_up, tear_down),
		cmocka_unit_test(ends_when_its_listener_is_shut_down),
		cmocka_unit_test(start_that_succeeds),
		cmocka_unit_test(start_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
