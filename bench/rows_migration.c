// SPDX-License-Identifier: MIT
/* The pause that the vTPM adds to a live migration: state out of the source, into the destination, CMD_INIT there; as QEMU does it. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/bench.h"
#include "bench/tpm.h"

enum { GET_STATEBLOB = 0x0c, SET_STATEBLOB = 0x0d, INIT = 2, DECRYPTED = 1, DELETE_VOLATILE = 1, BLOB_MAX = 512 * 1024, MOVES = 11 };
enum { RUNNING_MS = 100 }; /* before the move: machines do not move while they start */

struct blob {
	uint32_t flags, size;
	uint8_t bytes[BLOB_MAX];
};

static void read_all(int fd, uint8_t *bytes, size_t size)
{
	bench_check(size == 0 || recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size, "a control answer");
}

static uint32_t number(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void get(int control, uint32_t type, struct blob *ret)
{
	uint8_t request[16], head[16];
	struct writer w = WRITER_OF(request);

	writer_u32(&w, GET_STATEBLOB);
	writer_u32(&w, DECRYPTED);
	writer_u32(&w, type);
	writer_u32(&w, 0);
	bench_check(send(control, request, sizeof request, MSG_NOSIGNAL) == sizeof request, "a control command");
	read_all(control, head, sizeof head);
	ret->flags = number(head + 4);
	ret->size = number(head + 12);
	bench_check(number(head) == 0 && ret->size <= BLOB_MAX, "a state blob");
	read_all(control, ret->bytes, ret->size);
}

static void must(int control, const char *what)
{
	uint8_t result[4];

	read_all(control, result, sizeof result);
	if (number(result) != 0)
		bench_fail(what, number(result));
}

static void set(int control, uint32_t type, const struct blob *blob)
{
	static uint8_t request[BLOB_MAX + 16];
	struct writer w = WRITER_OF(request);

	writer_u32(&w, SET_STATEBLOB);
	writer_u32(&w, blob->flags);
	writer_u32(&w, type);
	writer_sized(&w, span_of(blob->bytes, blob->size));
	bench_check(send(control, request, w.size, MSG_NOSIGNAL) == (ssize_t)w.size, "a state blob sent");
	must(control, "SET_STATEBLOB");
}

static double move(int from, int to)
{
	static const uint8_t init[] = { 0, 0, 0, INIT, 0, 0, 0, DELETE_VOLATILE };
	static struct blob permanent, volatile_state;
	double start;

	bench_pause_ms(RUNNING_MS);
	start = bench_now_us();
	get(from, 1, &permanent);
	get(from, 2, &volatile_state);
	set(to, 1, &permanent);
	set(to, 2, &volatile_state);
	bench_check(send(to, init, sizeof init, MSG_NOSIGNAL) == sizeof init, "CMD_INIT");
	must(to, "CMD_INIT at the destination");
	return bench_now_us() - start;
}

static double swtpm_us(void)
{
	double times[MOVES];

	for (int i = 0; i < MOVES; i++) {
		struct server source, destination;
		char name[2][32];

		(void)snprintf(name[0], sizeof name[0], "from%d", i);
		(void)snprintf(name[1], sizeof name[1], "to%d", i);
		server_start_waiting(SWTPM, name[0], &source);
		server_start_waiting(SWTPM, name[1], &destination);
		bench_check(send(source.control, "\0\0\0\2\0\0\0", 8, MSG_NOSIGNAL) == 8, "CMD_INIT");
		must(source.control, "CMD_INIT");
		times[i] = move(source.control, destination.control);
		server_stop(&source);
		server_stop(&destination);
	}
	return bench_median(times, MOVES);
}

void rows_migration(void)
{
	double times[MOVES + 1], swtpm = swtpm_us();

	platform_start(1, "B");
	for (int i = 0; i <= MOVES; i++) {
		struct server source, destination;
		char id[37], options[64];

		platform_select(0);
		native_create(id, "");
		native_start(id, &source);
		platform_select(1);
		(void)snprintf(options, sizeof options, "--incoming --id %s", id);
		native_create(id, options);
		native_connect(id, &destination);
		times[i] = move(source.control, destination.control);
		native_stop(&source);
		native_stop(&destination);
	}
	report_add(&(struct row){ "migration's pause, the first between two", "us", swtpm, times[0], GOAL_AT_MOST, 15000, "swtpm's state is in the clear" });
	report_add(&(struct row){ "migration's pause, a session is open", "us", swtpm, bench_median(times + 1, MOVES), GOAL_AT_MOST, 2000, NULL });
	platform_stop();
	platform_select(0);
}
