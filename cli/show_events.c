// SPDX-License-Identifier: MIT
#include "cli/show_events.h"

#include <stdio.h>

#include "verify/appraise/checks.h"
#include "verify/appraise/event_text.h"
#include "verify/appraise/ima.h"

static json_t *show_event(const struct log_event *e)
{
	const char *name = event_type_name(e->type);
	char text[EVENT_TEXT_MAX], digest[CHECK_TEXT_MAX], number[16];

	event_describe(e, text);
	checks_hex(e->digest, digest);
	(void)snprintf(number, sizeof number, "0x%08x", e->type);
	return json_pack("{s:I, s:s, s:s, s:s, s:b}", "pcr", (json_int_t)(int32_t)e->pcr, "type", name != NULL ? name : number, "digest",
			 digest, "text", text, "vouched", event_is_vouched(e));
}

json_t *show_event_log(struct span bytes)
{
	json_t *list = json_array();
	struct event_log log;
	struct log_event e;
	bool end = false;
	enum tcb_error error = event_log_open(bytes, &log);

	while (error == TCB_OK && !end) {
		error = event_log_next(&log, &end, &e);
		if (error == TCB_OK && !end)
			(void)json_array_append_new(list, show_event(&e));
	}
	if (error != TCB_OK)
		(void)json_array_append_new(list, json_string(error == TCB_REFUSED ? "an older log, without SHA-256"
										    : "what follows is no event"));
	return list;
}

json_t *show_ima_log(struct span rest)
{
	json_t *list = json_array();
	char text[EVENT_TEXT_MAX], digest[CHECK_TEXT_MAX];
	enum tcb_error error = TCB_OK;
	struct ima_entry e;
	bool end = false;

	while (error == TCB_OK && !end) {
		error = ima_next(&rest, &end, &e);
		if (error != TCB_OK || end)
			continue;
		text[0] = '\0';
		text_append(text, e.path);
		checks_hex(e.file_digest, digest);
		(void)json_array_append_new(list, json_pack("{s:I, s:s%, s:s, s:s, s:b}", "pcr", (json_int_t)e.pcr, "template",
							    e.template_name.data, e.template_name.size, "digest", digest, "text",
							    text, "violation", e.violation));
	}
	if (error != TCB_OK)
		(void)json_array_append_new(list, json_string("what follows is no entry"));
	return list;
}
