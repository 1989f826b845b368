#include "cli/print_checks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"

static const char *const result_names[] = {
	[CHECK_NOT_RUN] = "not-run", [CHECK_PASS] = "pass", [CHECK_FAIL] = "fail",
};

const char *verdict_name(enum tcb_error error)
{
	switch (error) {
	case TCB_OK: return "trusted";
	case TCB_MALFORMED: return "malformed";
	case TCB_WRONG_STATE: return "not-judged";
	default: return "not-trusted";
	}
}

int verdict_status(enum tcb_error error)
{
	switch (error) {
	case TCB_OK: return 0;
	case TCB_MALFORMED: return 3;
	case TCB_WRONG_STATE: return 4;
	default: return 1;
	}
}

void print_checks(const char *verdict, const struct checks *checks)
{
	bool colour = isatty(STDOUT_FILENO) == 1;

	(void)printf("%s\n", verdict);
	for (size_t i = 0; i < checks->count; i++) {
		const struct check *c = &checks->list[i];
		const char *on = !colour ? "" : c->result == CHECK_FAIL ? "\033[31m" : c->result == CHECK_PASS ? "\033[32m" : "\033[33m";

		(void)printf("  %s%-7s%s %-12s %-24s %s\n", on, result_names[c->result], colour ? "\033[0m" : "", c->layer,
			     c->field, c->code);
		if (c->result != CHECK_PASS)
			(void)printf("          expected %s\n          got      %s\n", c->expected, c->got);
	}
}

json_t *checks_json(const struct checks *checks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < checks->count; i++) {
		const struct check *c = &checks->list[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "layer", c->layer, "field",
							    c->field, "result", result_names[c->result], "expected",
							    c->expected, "got", c->got, "code", c->code));
	}
	return list;
}

bool parse_time(const char *text, uint64_t *ret_seconds)
{
	char quoted[32];

	return (size_t)snprintf(quoted, sizeof quoted, "\"%s\"", text) < sizeof quoted &&
	       json_time(span_of_text(quoted), ret_seconds) == TCB_OK;
}
