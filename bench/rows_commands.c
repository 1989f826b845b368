/* Commands on the data socket: the median of a run of each, on both sides in turn. */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/tpm.h"

static double median_us(int fd, const struct tpm_request *request, int count)
{
	double *times = calloc((size_t)count, sizeof *times), median;

	bench_check(times != NULL, "memory");
	for (int i = 0; i < count / 10 + 1; i++)
		(void)tpm_send(fd, request);
	for (int i = 0; i < count; i++) {
		double from = bench_now_us();

		(void)tpm_send(fd, request);
		times[i] = bench_now_us() - from;
	}
	median = bench_median(times, (size_t)count);
	free(times);
	return median;
}

struct measured {
	double random, pcr_read, pcr_extend, sign, quote, create, sign_rsa;
};

static double create_us(int fd, uint32_t parent)
{
	struct tpm_request create;

	tpm_make_create(&create, parent);
	return median_us(fd, &create, 200);
}

static void measure(enum side side, struct measured *ret)
{
	struct tpm_request request;
	struct server s;
	uint32_t key, rsa, parent;

	server_start(side, "commands", &s);
	tpm_make_random(&request);
	ret->random = median_us(s.data, &request, 20000);
	tpm_make_pcr_read(&request);
	ret->pcr_read = median_us(s.data, &request, 20000);
	tpm_make_pcr_extend(&request);
	ret->pcr_extend = median_us(s.data, &request, 5000);
	key = tpm_create_primary(s.data, false, false);
	tpm_make_sign(&request, key, false);
	ret->sign = median_us(s.data, &request, 500);
	tpm_make_quote(&request, key);
	ret->quote = median_us(s.data, &request, 500);
	tpm_flush(s.data, key);
	rsa = tpm_create_primary(s.data, true, false);
	tpm_make_sign(&request, rsa, true);
	ret->sign_rsa = median_us(s.data, &request, 200);
	tpm_flush(s.data, rsa);
	parent = tpm_create_primary(s.data, false, true);
	ret->create = create_us(s.data, parent);
	server_stop(&s);
}

void rows_commands(void)
{
	struct measured m[SIDES];

	for (int side = 0; side < SIDES; side++)
		measure((enum side)side, &m[side]);
	report_add(&(struct row){ "GetRandom(32)", "us", m[0].random, m[1].random, GOAL_AT_MOST_RATIO, 0.9, NULL });
	report_add(&(struct row){ "PCR_Read", "us", m[0].pcr_read, m[1].pcr_read, GOAL_AT_MOST_RATIO, 0.9, NULL });
	report_add(&(struct row){ "PCR_Extend", "us", m[0].pcr_extend, m[1].pcr_extend, GOAL_AT_MOST_RATIO, 0.9, NULL });
	report_add(&(struct row){ "Sign ECC P-256", "us", m[0].sign, m[1].sign, GOAL_TIMES_FASTER, 7, NULL });
	report_add(&(struct row){ "Quote ECC P-256", "us", m[0].quote, m[1].quote, GOAL_TIMES_FASTER, 7, NULL });
	report_add(&(struct row){ "Create ECC P-256", "us", m[0].create, m[1].create, GOAL_TIMES_FASTER, 10, NULL });
	report_add(&(struct row){ "Sign RSA-2048", "us", m[0].sign_rsa, m[1].sign_rsa, GOAL_TIMES_FASTER, 6, NULL });
}
