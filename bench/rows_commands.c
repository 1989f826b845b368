// SPDX-License-Identifier: MIT
/* Commands on the data socket. The sides take turns, so that what else the machine does falls on both: the median of the turns' medians. A server that
 * does nothing takes its turn with them. */
#include "bench/bench.h"
#include "bench/tpm.h"

enum { TURNS = 15, COUNT_MAX = 1000, ECHO = SIDES, PARTIES };

/* Makes the request, and the key that it needs, if any: its handle, else 0. */
typedef uint32_t prepare(int fd, struct tpm_request *ret);

static uint32_t random_of(int fd, struct tpm_request *ret)
{
	(void)fd;
	tpm_make_random(ret);
	return 0;
}

static uint32_t pcr_read(int fd, struct tpm_request *ret)
{
	(void)fd;
	tpm_make_pcr_read(ret);
	return 0;
}

static uint32_t pcr_extend(int fd, struct tpm_request *ret)
{
	(void)fd;
	tpm_make_pcr_extend(ret);
	return 0;
}

static uint32_t sign(int fd, struct tpm_request *ret)
{
	uint32_t key = tpm_create_primary(fd, false, false);

	tpm_make_sign(ret, key, false);
	return key;
}

static uint32_t quote(int fd, struct tpm_request *ret)
{
	uint32_t key = tpm_create_primary(fd, false, false);

	tpm_make_quote(ret, key);
	return key;
}

static uint32_t create(int fd, struct tpm_request *ret)
{
	uint32_t parent = tpm_create_primary(fd, false, true);

	tpm_make_create(ret, parent);
	return parent;
}

static uint32_t sign_rsa(int fd, struct tpm_request *ret)
{
	uint32_t key = tpm_create_primary(fd, true, false);

	tpm_make_sign(ret, key, true);
	return key;
}

static const struct {
	const char *name;
	prepare *prepare;
	int count; /* in one turn */
	enum goal goal;
	double wanted;
	const char *echo; /* of the row for the server that does nothing; NULL: none */
} commands[] = {
	{ "GetRandom(32)", random_of, 1000, GOAL_AT_MOST_RATIO, 0.9 },
	{ "PCR_Read", pcr_read, 1000, GOAL_AT_MOST_RATIO, 0.9, "the same, answered with nothing at all" },
	{ "PCR_Extend", pcr_extend, 1000, GOAL_AT_MOST_RATIO, 0.9 },
	{ "Sign ECC P-256", sign, 50, GOAL_TIMES_FASTER, 7 },
	{ "Quote ECC P-256", quote, 50, GOAL_TIMES_FASTER, 7 },
	{ "Create ECC P-256", create, 30, GOAL_TIMES_FASTER, 10 },
	{ "Sign RSA-2048", sign_rsa, 20, GOAL_TIMES_FASTER, 6 },
};

static double turn_us(int fd, const struct tpm_request *request, int count)
{
	double times[COUNT_MAX];

	(void)tpm_send(fd, request);
	for (int i = 0; i < count; i++) {
		double from = bench_now_us();

		(void)tpm_send(fd, request);
		times[i] = bench_now_us() - from;
	}
	return bench_median(times, (size_t)count);
}

static void measure(size_t i, const struct server servers[PARTIES])
{
	double us[PARTIES][TURNS];
	struct tpm_request requests[PARTIES];
	int parties = commands[i].echo != NULL ? PARTIES : SIDES;
	uint32_t keys[SIDES];

	for (int side = 0; side < SIDES; side++)
		keys[side] = commands[i].prepare(servers[side].data, &requests[side]);
	requests[ECHO] = requests[TCBIND];
	for (int turn = 0; turn < TURNS; turn++)
		for (int side = 0; side < parties; side++)
			us[side][turn] = turn_us(servers[side].data, &requests[side], commands[i].count);
	for (int side = 0; side < SIDES; side++)
		if (keys[side] != 0)
			tpm_flush(servers[side].data, keys[side]);
	report_add(&(struct row){ commands[i].name, "us", bench_median(us[SWTPM], TURNS), bench_median(us[TCBIND], TURNS), commands[i].goal,
				  commands[i].wanted, NULL });
	if (commands[i].echo != NULL)
		report_add(&(struct row){ commands[i].echo, "us", bench_median(us[SWTPM], TURNS), bench_median(us[ECHO], TURNS), GOAL_NONE, 0,
					  "an echo server: no answer can be quicker" });
}

void rows_commands(void)
{
	struct server servers[PARTIES];

	for (int side = 0; side < SIDES; side++)
		server_start((enum side)side, "commands", &servers[side]);
	echo_start(&servers[ECHO]);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		measure(i, servers);
	for (int side = 0; side < PARTIES; side++)
		server_stop(&servers[side]);
}
