// SPDX-License-Identifier: MIT
/* A TCG event log. Must reach: event_log_open(), event_log_next(), event_log_replay(), event_log_pcrs(), event_describe(), event_is_vouched().
 * Properties: a log that replays walks to its end; descriptions are one line of printable ASCII. */
#include <string.h>

#include "fuzz/target.h"
#include "verify/appraise/event_text.h"

static bool walk(struct span bytes)
{
	struct event_log log;
	struct log_event event;
	bool end = false;

	if (event_log_open(bytes, &log) != TCB_OK)
		return false;
	while (event_log_next(&log, &end, &event) == TCB_OK && !end) {
		char text[EVENT_TEXT_MAX];

		MUST_HOLD(event.pcr < LIMIT_PCRS);
		MUST_HOLD(event.data.size <= bytes.size);
		event_describe(&event, text);
		MUST_HOLD(memchr(text, '\0', sizeof text) != NULL);
		for (size_t i = 0; text[i] != '\0'; i++)
			MUST_HOLD(text[i] >= ' ' && text[i] <= '~');
		(void)event_is_vouched(&event);
	}
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest256 pcrs[LIMIT_PCRS];
	bool whole = walk(span_of(data, size));

	if (event_log_replay(span_of(data, size), pcrs) == TCB_OK)
		MUST_HOLD(whole);
	(void)event_log_pcrs(span_of(data, size));
	return 0;
}
