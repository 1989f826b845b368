// SPDX-License-Identifier: MIT
/* What one more vTPM costs in memory that no other process has (USS), over all processes of a side; and the time that many take: 250, 500, 1,000. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench/bench.h"
#include "bench/tpm.h"

enum { FEW = 50, MANY = 1000 };

static double swtpm_kib(void)
{
	static struct server servers[FEW];
	char name[32];
	double total = 0;

	for (int i = 0; i < FEW; i++) {
		(void)snprintf(name, sizeof name, "memory%d", i);
		server_start(SWTPM, name, &servers[i]);
	}
	for (int i = 0; i < FEW; i++)
		total += process_uss_kib(servers[i].pid);
	for (int i = 0; i < FEW; i++)
		server_stop(&servers[i]);
	return total / (double)FEW;
}

/* What the process adds that a user of swtpm's command line has for each vTPM: of one among others. */
static double front_kib(void)
{
	struct server servers[4];
	char name[32];
	double kib;

	for (int i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof name, "front%d", i);
		server_start(TCBIND, name, &servers[i]);
	}
	kib = process_uss_kib(servers[3].pid);
	for (int i = 0; i < 4; i++)
		server_stop(&servers[i]);
	return kib;
}

static void ask_all(const struct server *servers, int count)
{
	struct tpm_request request;

	tpm_make_random(&request);
	for (int i = 0; i < count; i++)
		(void)tpm_send(servers[i].data, &request);
}

static double time_all(const struct server *servers, int count)
{
	double from = bench_now_us();

	for (int round = 0; round < 20; round++)
		ask_all(servers, count);
	return (bench_now_us() - from) / 20 / count;
}

/* Every guest writes a nonce into its mailbox at the same time; answered with evidence. */
static void rows_quotes(const struct server *servers, int count)
{
	unsigned before = platform_quotes();
	struct tpm_request request;
	uint8_t response[64];
	double from = bench_now_us();

	tpm_make_nv_write(&request, 0x01400102, 7);
	for (int i = 0; i < count; i++)
		bench_check(send(servers[i].data, request.bytes, request.size, MSG_NOSIGNAL) == (ssize_t)request.size, "send to a TPM");
	for (int i = 0; i < count; i++)
		bench_check(recv(servers[i].data, response, sizeof response, 0) >= 10 && memcmp(response + 6, "\0\0\0", 4) == 0, "a nonce taken");
	report_add(&(struct row){ "pTPM quotes for 1,000 requests at once", "", 0, platform_quotes() - before, GOAL_AT_MOST, 3, NULL });
	report_add(&(struct row){ "evidence for all 1,000, each", "us", 0, (bench_now_us() - from) / count, GOAL_NONE, 0, NULL });
}

void rows_memory(void)
{
	static struct server servers[MANY];
	static char ids[MANY][37];
	static const int sizes[] = { 1, FEW, MANY / 4, MANY / 2, MANY };
	double kib[5], us[5] = {0}, per_start[5] = {0}, swtpm = swtpm_kib();
	struct rlimit files;
	unsigned processes;
	int count = 0;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	bench_pin(false);
	for (size_t step = 0; step < sizeof sizes / sizeof sizes[0]; step++) {
		double from = bench_now_us();
		int before = count;

		for (; count < sizes[step]; count++) {
			native_create(ids[count], "");
			native_start(ids[count], &servers[count]);
		}
		per_start[step] = (bench_now_us() - from) / (count - before);
		us[step] = time_all(servers, count);
		kib[step] = platform_uss_kib(&processes);
		bench_check(processes >= (unsigned)count, "all vTPMs running");
	}
	report_add(&(struct row){ "memory of one more vTPM, 50 running", "KiB", swtpm, (kib[1] - kib[0]) / (sizes[1] - sizes[0]), GOAL_AT_MOST, 600, NULL });
	report_add(&(struct row){ "memory of one more vTPM, 1,000 running", "KiB", 0, (kib[4] - kib[3]) / (sizes[4] - sizes[3]), GOAL_AT_MOST, 600, NULL });
	report_add(&(struct row){ "swtpm's command line adds, each", "KiB", 0, front_kib(), GOAL_NONE, 0, NULL });
	report_add(&(struct row){ "create and start one, the first 250", "us", 0, per_start[2], GOAL_NONE, 0, NULL });
	report_add(&(struct row){ "create and start one, 250 to 500", "us", 0, per_start[3], GOAL_NONE, 0, NULL });
	report_add(&(struct row){ "create and start one, 500 to 1,000: to the first", "x", 0, per_start[4] / per_start[2], GOAL_AT_MOST, 1.5, NULL });
	report_add(&(struct row){ "a command to each of 250", "us", 0, us[2], GOAL_NONE, 0, NULL });
	report_add(&(struct row){ "a command to each of 500", "us", 0, us[3], GOAL_NONE, 0, NULL });
	report_add(&(struct row){ "a command to each of 1,000: to 250's", "x", 0, us[4] / us[2], GOAL_AT_MOST, 1.5, NULL });
	rows_quotes(servers, count);
	for (int i = 0; i < count; i++)
		native_stop(&servers[i]);
	bench_pin(true);
}
