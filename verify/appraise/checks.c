#include "verify/appraise/checks.h"

#include <inttypes.h>
#include <stdio.h>

bool check_that(struct checks *c, const char *layer, const char *field, const char *code, bool passed,
		const char *expected, const char *got)
{
	struct check *check;

	if (c->count == CHECKS_MAX) {
		c->overflowed = true;
		return passed;
	}
	check = &c->list[c->count++];
	*check = (struct check){ .layer = layer, .field = field, .code = code,
				 .result = passed ? CHECK_PASS : CHECK_FAIL };
	(void)snprintf(check->expected, sizeof check->expected, "%s", expected);
	(void)snprintf(check->got, sizeof check->got, "%s", got);
	return passed;
}

/* Hex, cut with "..." */
static void hex_of(struct span bytes, char ret_text[CHECK_TEXT_MAX])
{
	size_t shown = bytes.size <= 64 ? bytes.size : 64;

	ret_text[0] = '\0';
	for (size_t i = 0; i < shown; i++)
		(void)snprintf(ret_text + 2 * i, 3, "%02x", bytes.data[i]);
	if (shown < bytes.size)
		(void)snprintf(ret_text + 2 * shown, 4, "...");
}

bool check_bytes(struct checks *c, const char *layer, const char *field, const char *code, struct span expected,
		 struct span got)
{
	char expected_text[CHECK_TEXT_MAX], got_text[CHECK_TEXT_MAX];

	hex_of(expected, expected_text);
	hex_of(got, got_text);
	return check_that(c, layer, field, code, span_equal(expected, got), expected_text, got_text);
}

bool check_at_least(struct checks *c, const char *layer, const char *field, const char *code, uint64_t minimum,
		    uint64_t got)
{
	char expected_text[48], got_text[32];

	(void)snprintf(expected_text, sizeof expected_text, "at least %" PRIu64, minimum);
	(void)snprintf(got_text, sizeof got_text, "%" PRIu64, got);
	return check_that(c, layer, field, code, got >= minimum, expected_text, got_text);
}

void check_not_run(struct checks *c, const char *layer, const char *field, const char *code, const char *why)
{
	size_t before = c->count;

	(void)check_that(c, layer, field, code, false, "", why);
	if (c->count > before)
		c->list[before].result = CHECK_NOT_RUN;
}

const struct check *checks_first_failure(const struct checks *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].result == CHECK_FAIL)
			return &c->list[i];
	return NULL;
}
