// SPDX-License-Identifier: MIT
/* replay_log FILE: "PCR SHA-256" of each PCR that the event log extends, as our verifier replays it. For tests that hold a real guest's log to its TPM. */
#include <stdio.h>
#include <stdlib.h>

#include "verify/appraise/event_log.h"

enum { LOG_MAX = 1 << 20 };

int main(int argc, char **argv)
{
	static uint8_t bytes[LOG_MAX];
	struct digest256 pcrs[LIMIT_PCRS];
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t size = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
	const struct span log = span_of(bytes, size);
	enum tcb_error error = event_log_replay(log, pcrs);

	if (file != NULL)
		(void)fclose(file);
	if (error != TCB_OK) {
		(void)fprintf(stderr, "replay_log: error %d for a log of %zu bytes\n", error, size);
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		if ((event_log_pcrs(log) & 1u << i) == 0)
			continue;
		(void)printf("%u ", i);
		for (size_t k = 0; k < sizeof pcrs[i].bytes; k++)
			(void)printf("%02x", pcrs[i].bytes[k]);
		(void)putchar('\n');
	}
	return EXIT_SUCCESS;
}
