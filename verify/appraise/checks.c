// SPDX-License-Identifier: MIT
#include "verify/appraise/checks.h"

#include <inttypes.h>
#include <stdio.h>

static void copy_text(char ret_text[CHECK_TEXT_MAX], const char *text)
{
	size_t size = strnlen(text, CHECK_TEXT_MAX - 1);

	memcpy(ret_text, text, size);
	ret_text[size] = '\0';
}

bool check_value(struct checks *c, const char *layer, const char *field, const char *code, bool passed,
		 const char *expected, const char *got)
{
	struct check *check;

	if (c->count == CHECKS_MAX) {
		c->overflowed = true;
		return passed;
	}
	check = &c->list[c->count++];
	check->layer = layer;
	check->field = field;
	check->code = code;
	check->result = passed ? CHECK_PASS : CHECK_FAIL;
	check->needed = false;
	copy_text(check->expected, expected);
	copy_text(check->got, got);
	return passed;
}

bool check_that(struct checks *c, const char *layer, const char *field, const char *code, bool passed,
		const char *expected, const char *otherwise)
{
	return check_value(c, layer, field, code, passed, expected, passed ? expected : otherwise);
}

void checks_hex(struct span bytes, char ret_text[CHECK_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t shown = bytes.size <= 64 ? bytes.size : 64;

	for (size_t i = 0; i < shown; i++) {
		ret_text[2 * i] = digits[bytes.data[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes.data[i] & 15];
	}
	memcpy(ret_text + 2 * shown, "...", 4);
	if (shown == bytes.size)
		ret_text[2 * shown] = '\0';
}

bool check_bytes(struct checks *c, const char *layer, const char *field, const char *code, struct span expected,
		 struct span got)
{
	char expected_text[CHECK_TEXT_MAX], got_text[CHECK_TEXT_MAX];

	checks_hex(expected, expected_text);
	checks_hex(got, got_text);
	return check_value(c, layer, field, code, span_equal(expected, got), expected_text, got_text);
}

bool check_at_least(struct checks *c, const char *layer, const char *field, const char *code, uint64_t minimum,
		    uint64_t got)
{
	char expected_text[48], got_text[32];

	(void)snprintf(expected_text, sizeof expected_text, "at least %" PRIu64, minimum);
	(void)snprintf(got_text, sizeof got_text, "%" PRIu64, got);
	return check_value(c, layer, field, code, got >= minimum, expected_text, got_text);
}

void check_not_run(struct checks *c, const char *layer, const char *field, const char *code, const char *why)
{
	size_t before = c->count;

	(void)check_value(c, layer, field, code, false, "", why);
	if (c->count > before)
		c->list[before].result = CHECK_NOT_RUN;
}

void check_missing(struct checks *c, const char *layer, const char *field, const char *code, const char *why)
{
	size_t before = c->count;

	check_not_run(c, layer, field, code, why);
	if (c->count > before)
		c->list[before].needed = true;
	c->missing = true;
}

bool checks_hold(const struct checks *c, size_t first)
{
	for (size_t i = first; i < c->count; i++)
		if (c->list[i].result == CHECK_FAIL)
			return false;
	return !c->overflowed && !c->missing;
}

bool checks_append(struct checks *c, const struct check *list, size_t count)
{
	if (count > CHECKS_MAX - c->count)
		return false;
	memcpy(c->list + c->count, list, count * sizeof list[0]);
	c->count += count;
	return true;
}

const struct check *checks_first_failure(const struct checks *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].result == CHECK_FAIL)
			return &c->list[i];
	return NULL;
}
