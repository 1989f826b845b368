// SPDX-License-Identifier: MIT
#include "verify/appraise/clocks.h"

#include <inttypes.h>
#include <stdio.h>

static bool check_exactly(uint32_t wanted, uint32_t got, const char *layer, const char *field, const char *code,
			  struct checks *checks)
{
	char wanted_text[16], got_text[16];

	(void)snprintf(wanted_text, sizeof wanted_text, "%" PRIu32, wanted);
	(void)snprintf(got_text, sizeof got_text, "%" PRIu32, got);
	return check_value(checks, layer, field, code, got == wanted, wanted_text, got_text);
}

bool clock_check(const struct tpm_clock *clock, const struct policy_clock *wanted, const char *layer, const char *code,
		 struct checks *checks)
{
	bool passed = true;

	if (wanted->safe)
		passed &= check_that(checks, layer, "clock.safe", code, clock->safe, "a clock that was not set back",
				     "one that may have been");
	if (wanted->has_reset_count)
		passed &= check_exactly(wanted->reset_count, clock->reset_count, layer, "clock.reset_count", code, checks);
	if (wanted->has_restart_count)
		passed &= check_exactly(wanted->restart_count, clock->restart_count, layer, "clock.restart_count", code, checks);
	if (wanted->min_reset_count > 0)
		passed &= check_at_least(checks, layer, "clock.reset_count", code, wanted->min_reset_count, clock->reset_count);
	if (wanted->min_restart_count > 0)
		passed &= check_at_least(checks, layer, "clock.restart_count", code, wanted->min_restart_count,
					 clock->restart_count);
	return passed;
}
