// SPDX-License-Identifier: MIT
/* A new vTPM with endorsement keys and certificates: swtpm_setup with the options that libvirt gives it, one by one. */
#include <stdio.h>

#include "bench/bench.h"

enum { SETUPS = 11, APART_MS = 400 }; /* tcbind's RSA key is made after swtpm_setup has ended */

static double setup_us(enum side side)
{
	double times[SETUPS];
	char name[32];

	for (int i = -1; i < SETUPS; i++) {
		double us;

		(void)snprintf(name, sizeof name, "setup%d", i);
		us = server_setup_timed(side, name);
		if (i >= 0)
			times[i] = us;
		bench_pause_ms(APART_MS);
	}
	return bench_median(times, SETUPS);
}

void rows_setup(void)
{
	report_add(&(struct row){ "swtpm_setup with libvirt's options", "us", setup_us(SWTPM), setup_us(TCBIND), GOAL_AT_MOST, 20000,
				  "tcbind's RSA key is made in the background" });
}
