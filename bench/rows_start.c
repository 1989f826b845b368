// SPDX-License-Identifier: MIT
/* From the start of the process to the answer of TPM2_Startup: a TPM that is there already, and a new one. Machines start one by one, a moment
 * apart: what a side does in between for the next is its own affair. */
#include <stdio.h>

#include "bench/bench.h"

enum { STARTS = 31, APART_MS = 60 };

static double start_us(enum side side, bool again)
{
	double times[STARTS];
	struct server s;
	char name[32];

	for (int i = -1; i < STARTS; i++) {
		double us;

		(void)snprintf(name, sizeof name, again ? "start" : "start%d", i);
		bench_pause_ms(APART_MS);
		us = server_start_timed(side, name, &s);
		if (i >= 0)
			times[i] = us;
		server_stop(&s);
	}
	return bench_median(times, STARTS);
}

static double nothing_us(void)
{
	double times[STARTS];

	for (int i = 0; i < STARTS; i++) {
		bench_pause_ms(APART_MS);
		times[i] = nothing_timed();
	}
	return bench_median(times, STARTS);
}

void rows_start(void)
{
	report_add(&(struct row){ "start to TPM2_Startup answered", "us", start_us(SWTPM, true), start_us(TCBIND, true), GOAL_AT_MOST, 1500, NULL });
	report_add(&(struct row){ "the same, a new TPM", "us", start_us(SWTPM, false), start_us(TCBIND, false), GOAL_NONE, 0,
				  "tcbind's has EK, AK and certificates" });
	report_add(&(struct row){ "an empty static program, started and ended", "us", 0, nothing_us(), GOAL_NONE, 0, "the kernel's part of it" });
}
