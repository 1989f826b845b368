// SPDX-License-Identifier: MIT
/* NV_Write, one client; and many vTPMs at once, each with a client that writes as fast as it is answered. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/tpm.h"

enum { INDEX = 0x01500001, AT_ONCE = 64, WRITES = 800, TURNS = 8, SECONDS = 2 };

/* The sides take turns, some writes at a time: what one leaves to the disk for later is not the other's. */
static void write_us(double ret_us[SIDES])
{
	static double times[SIDES][WRITES];
	struct server servers[SIDES];
	struct tpm_request request;

	for (int side = 0; side < SIDES; side++) {
		server_start((enum side)side, "nv", &servers[side]);
		tpm_define_nv(servers[side].data, INDEX);
	}
	for (int turn = 0; turn < TURNS * SIDES; turn++)
		for (int i = 0; i < WRITES / TURNS; i++) {
			int side = turn % SIDES, number = turn / SIDES * (WRITES / TURNS) + i;
			double from;

			tpm_make_nv_write(&request, INDEX, (uint32_t)number);
			from = bench_now_us();
			(void)tpm_send(servers[side].data, &request);
			times[side][number] = bench_now_us() - from;
		}
	for (int side = 0; side < SIDES; side++) {
		ret_us[side] = bench_median(times[side], WRITES);
		server_stop(&servers[side]);
	}
}

/* Writes a second, by `count` servers together; the client is one thread that has one write on its way to each. */
static double rate(const struct server *servers, size_t count)
{
	struct pollfd fds[AT_ONCE];
	struct tpm_request request;
	uint8_t bytes[4096];
	unsigned done = 0;
	double from = bench_now_us(), end = from + (double)SECONDS * 1e6;

	tpm_make_nv_write(&request, INDEX, 1);
	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = servers[i].data, .events = POLLIN };
		bench_check(send(fds[i].fd, request.bytes, request.size, MSG_NOSIGNAL) > 0, "send to a TPM");
	}
	for (uint32_t value = 0; bench_now_us() < end;) {
		bench_check(poll(fds, count, 5000) > 0, "a TPM that answers");
		for (size_t i = 0; i < count; i++) {
			if (fds[i].revents == 0)
				continue;
			bench_check(recv(fds[i].fd, bytes, sizeof bytes, 0) >= 10 && bytes[6] == 0 && bytes[8] == 0, "an NV write");
			done++;
			tpm_make_nv_write(&request, INDEX, value++);
			bench_check(send(fds[i].fd, request.bytes, request.size, MSG_NOSIGNAL) > 0, "send to a TPM");
		}
	}
	from = bench_now_us() - from;
	for (size_t i = 0; i < count; i++)
		bench_check(recv(fds[i].fd, bytes, sizeof bytes, 0) >= 10, "a TPM that answers");
	return done / (from / 1e6);
}

/* The least that a durable write can take here. */
static double floor_us(void)
{
	static double times[WRITES];
	static uint8_t bytes[4096];
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof path, "%s/floor", bench_work);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < WRITES; i++)
		bench_check(pwrite(fd, bytes, sizeof bytes, (off_t)i * 4096) == 4096, "a file");
	bench_check(fsync(fd) == 0, "a file");
	memset(bytes, 1, sizeof bytes);
	for (int i = 0; i < WRITES; i++) {
		double from = bench_now_us();

		bench_check(pwrite(fd, bytes, sizeof bytes, (off_t)i * 4096) == 4096 && fdatasync(fd) == 0, "a file");
		times[i] = bench_now_us() - from;
	}
	(void)close(fd);
	return bench_median(times, WRITES);
}

void rows_nv(void)
{
	static struct server many[AT_ONCE];
	double us[SIDES], one, all;
	char name[32];

	write_us(us);
	report_add(&(struct row){ "NV_Write", "us", us[0], us[1], GOAL_AT_MOST_RATIO, 1, "swtpm's is not durable" });
	report_add(&(struct row){ "pwrite and fdatasync of 4 KiB alone", "us", 0, floor_us(), GOAL_NONE, 0, "the disk's part of it" });
	bench_pin(false);
	for (int i = 0; i < AT_ONCE; i++) {
		(void)snprintf(name, sizeof name, "nv%d", i);
		server_start(TCBIND, name, &many[i]);
		tpm_define_nv(many[i].data, INDEX);
	}
	one = rate(many, 1);
	all = rate(many, AT_ONCE);
	report_add(&(struct row){ "NV_Write, 64 vTPMs to one vTPM's rate", "x", 0, all / one, GOAL_AT_LEAST, 10, NULL });
	report_add(&(struct row){ "NV_Write, 64 vTPMs", "/s", 0, all, GOAL_NONE, 0, NULL });
	for (int i = 0; i < AT_ONCE; i++)
		server_stop(&many[i]);
	bench_pin(true);
}
