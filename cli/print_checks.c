// SPDX-License-Identifier: MIT
#include "cli/print_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "core/json.h"

#define RESET "\033[0m"

struct style {
	const char *name, *on;
};

static const struct style check_styles[] = {
    [TCBIND_CHECK_NOT_RUN] = {"not-run", "\033[33m"},
    [TCBIND_CHECK_PASS] = {"pass", "\033[32m"},
    [TCBIND_CHECK_FAIL] = {"fail", "\033[31m"},
};

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) == 1 && (no_colour == NULL || no_colour[0] == '\0') &&
	       (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

const char *print_colour(enum tcbind_check_result result, bool colour)
{
	return colour ? check_styles[result].on : "";
}

const char *print_colour_end(bool colour) { return colour ? RESET : ""; }

/* A code is for what did not pass: beside a pass it would read like a failure. */
static void print_check(const struct tcbind_check *c, bool colour)
{
	bool passed = c->result == TCBIND_CHECK_PASS;
	const char *meaning, *action;

	(void)printf("    %s%-7s%s  %-26s %s\n", print_colour(c->result, colour),
		     check_styles[c->result].name, print_colour_end(colour), c->field,
		     passed ? c->got : c->code);
	if (passed)
		return;
	if (c->expected[0] != '\0')
		(void)printf("             expected  %s\n", c->expected);
	(void)printf("             got       %s\n", c->got);
	if ((c->result == TCBIND_CHECK_FAIL || c->needed) &&
	    tcbind_explain(c->code, &meaning, &action))
		(void)printf("             means     %s\n             do        %s\n", meaning,
			     action);
}

static void print_all(const tcbind_result *result, const char *subject, bool colour)
{
	const struct tcbind_check *c;
	const char *layer = "";

	if (subject[0] != '\0')
		(void)printf("%s\n", subject);
	for (size_t i = 0; (c = tcbind_result_check(result, i)) != NULL; i++) {
		if (strcmp(c->layer, layer) != 0)
			(void)printf("  %s\n", c->layer);
		layer = c->layer;
		print_check(c, colour);
	}
}

void print_result(const tcbind_result *result, const char *subject, bool all)
{
	enum tcbind_verdict verdict = tcbind_result_verdict(result);
	bool colour = wants_colour();

	(void)printf("%s%s%s\n",
		     !colour                        ? ""
		     : verdict == TCBIND_TRUSTED    ? "\033[1;32m"
		     : verdict == TCBIND_NOT_JUDGED ? "\033[1;33m"
						    : "\033[1;31m",
		     tcbind_verdict_name(verdict), print_colour_end(colour));
	(all ? print_all : print_summary)(result, subject, colour);
}

int print_result_json(const tcbind_result *result)
{
	char *text;

	if (tcbind_result_json(result, &text) != TCBIND_OK)
		return TCBIND_NOT_JUDGED;
	(void)puts(text);
	tcbind_text_free(text);
	return (int)tcbind_result_verdict(result);
}

int report_not_judged(enum tcbind_error error, const struct tcbind_failure *failure)
{
	struct diagnosis d = {0};

	(void)diagnose(&d, TCB_INTERNAL, failure->code[0] != '\0' ? failure->code : "verify.failed",
		       failure->found, failure->wanted, failure->action);
	(void)report_failure(TCB_INTERNAL, &d);
	return error == TCBIND_ERROR_MALFORMED ? TCBIND_NOT_EVIDENCE : TCBIND_NOT_JUDGED;
}

bool parse_time(const char *text, uint64_t *ret_seconds)
{
	char quoted[32];

	return (size_t)snprintf(quoted, sizeof quoted, "\"%s\"", text) < sizeof quoted &&
	       json_time(span_of_text(quoted), ret_seconds) == TCB_OK;
}

void time_text(uint64_t seconds, char ret_text[TIME_TEXT_SIZE])
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL ||
	    strftime(ret_text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(ret_text, TIME_TEXT_SIZE, "%llu s", (unsigned long long)seconds);
}
