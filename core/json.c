// SPDX-License-Identifier: MIT
#include "core/json.h"

#include <stdio.h>

#include "core/hex.h"
#include "core/limits.h"
#include "core/utf8.h"

/* ---- judging ---- */

struct cursor {
	const uint8_t *at, *end;
	unsigned depth;
	const char *wanted; /* of the first error */
};

static bool fail(struct cursor *c, const char *wanted)
{
	if (c->wanted == NULL)
		c->wanted = wanted;
	return false;
}

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

static bool is_next(const struct cursor *c, char byte)
{
	return c->at < c->end && *c->at == (uint8_t)byte;
}

static bool take(struct cursor *c, char byte, const char *wanted)
{
	if (!is_next(c, byte))
		return fail(c, wanted);
	c->at++;
	return true;
}

static bool check_escape(struct cursor *c)
{
	c->at++;
	if (c->at == c->end)
		return fail(c, "an escape");
	if (*c->at == 'u') {
		for (int i = 0; i < 4; i++)
			if (++c->at >= c->end || hex_digit(*c->at) < 0)
				return fail(c, "four hexadecimal digits");
	} else if (strchr("\"\\/bfnrt", *c->at) == NULL || *c->at == '\0') {
		return fail(c, "an escape of JSON");
	}
	c->at++;
	return true;
}

static bool check_string(struct cursor *c)
{
	if (!take(c, '"', "a string"))
		return false;
	while (c->at < c->end && *c->at != '"') {
		size_t length;

		if (*c->at == '\\') {
			if (!check_escape(c))
				return false;
			continue;
		}
		length = utf8_length(c->at, (size_t)(c->end - c->at));
		if (length == 0 || *c->at < 0x20)
			return fail(c, "UTF-8 without control characters");
		c->at += length;
	}
	return take(c, '"', "the end of a string");
}

static bool check_digits(struct cursor *c)
{
	const uint8_t *start = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return c->at > start || fail(c, "a digit");
}

static bool check_number(struct cursor *c)
{
	const uint8_t *first;

	if (is_next(c, '-'))
		c->at++;
	first = c->at;
	if (!check_digits(c))
		return false;
	if (*first == '0' && c->at > first + 1)
		return fail(c, "a number without leading zeros");
	if (is_next(c, '.')) {
		c->at++;
		if (!check_digits(c))
			return false;
	}
	if (is_next(c, 'e') || is_next(c, 'E')) {
		c->at++;
		if (is_next(c, '+') || is_next(c, '-'))
			c->at++;
		return check_digits(c);
	}
	return true;
}

static bool check_word(struct cursor *c, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0)
		return fail(c, "a value");
	c->at += size;
	return true;
}

static bool check_value(struct cursor *c);

/* No name twice: `name` against all members before it. */
static bool is_new_name(const uint8_t *object, struct span name)
{
	struct span rest = span_of(object, (size_t)(name.data - 1 - object)), before, value;

	while (json_next_member(&rest, &before, &value))
		if (span_equal(before, name))
			return false;
	return true;
}

static bool check_member(struct cursor *c, const uint8_t *object)
{
	const uint8_t *start;

	skip_space(c);
	start = c->at;
	if (!check_string(c))
		return false;
	if (!is_new_name(object, span_of(start + 1, (size_t)(c->at - start) - 2))) {
		c->at = start;
		return fail(c, "each member name once");
	}
	skip_space(c);
	return take(c, ':', "a colon") && check_value(c);
}

static bool check_container(struct cursor *c, bool object)
{
	const uint8_t *start = c->at++;
	char closing = object ? '}' : ']';

	if (++c->depth > LIMIT_JSON_DEPTH)
		return fail(c, "less nesting");
	skip_space(c);
	if (!is_next(c, closing)) {
		for (;;) {
			if (!(object ? check_member(c, start) : check_value(c)))
				return false;
			skip_space(c);
			if (!is_next(c, ','))
				break;
			c->at++;
		}
	}
	c->depth--;
	return take(c, closing, object ? "a comma or the end of an object" : "a comma or the end of an array");
}

static bool check_value(struct cursor *c)
{
	skip_space(c);
	if (c->at == c->end)
		return fail(c, "a value");
	switch (*c->at) {
	case '{': return check_container(c, true);
	case '[': return check_container(c, false);
	case '"': return check_string(c);
	case 't': return check_word(c, "true");
	case 'f': return check_word(c, "false");
	case 'n': return check_word(c, "null");
	default: return check_number(c);
	}
}

void json_locate(struct span text, const uint8_t *place, unsigned *ret_line, unsigned *ret_column)
{
	*ret_line = *ret_column = 1;
	for (const uint8_t *at = text.data; at < place; at++) {
		*ret_column = *at == '\n' ? 1 : *ret_column + 1;
		*ret_line += *at == '\n';
	}
}

enum tcb_error json_check(struct span text, struct diagnosis *d)
{
	struct cursor c = { .at = text.data, .end = text.data + text.size };
	unsigned line, column;

	if (text.size > 0 && check_value(&c)) {
		skip_space(&c);
		if (c.at == c.end)
			return TCB_OK;
		(void)fail(&c, "the end of the text");
	}
	json_locate(text, c.at, &line, &column);
	return diagnose_found(d, TCB_MALFORMED, "json.malformed", c.wanted != NULL ? c.wanted : "a value",
			      "correct the JSON", "line %u, column %u", line, column);
}

/* ---- walking checked text ---- */

static struct span trim(struct span text)
{
	while (text.size > 0 && strchr(" \t\n\r", text.data[0]) != NULL)
		text = span_of(text.data + 1, text.size - 1);
	while (text.size > 0 && strchr(" \t\n\r", text.data[text.size - 1]) != NULL)
		text.size--;
	return text;
}

struct span json_value(struct span text)
{
	return trim(text);
}

/* Bytes of the value that starts `text`. */
static size_t value_size(struct span text)
{
	size_t depth = 0, i = 0;
	bool in_string = false;

	for (; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (in_string) {
			if (byte == '\\')
				i++;
			else if (byte == '"')
				in_string = false;
			if (!in_string && depth == 0)
				return i + 1;
			continue;
		}
		if (depth == 0 && i > 0 && strchr(",]} \t\n\r", byte) != NULL)
			return i;
		in_string = byte == '"';
		if (byte == '{' || byte == '[')
			depth++;
		if ((byte == '}' || byte == ']') && --depth == 0)
			return i + 1;
	}
	return i;
}

/* Past the opening bracket or the comma; an empty rest at the end. */
static struct span enter(struct span rest, char opening)
{
	rest = trim(rest);
	if (rest.size == 0 || (rest.data[0] != (uint8_t)opening && rest.data[0] != ','))
		return span_of(NULL, 0);
	rest = trim(span_of(rest.data + 1, rest.size - 1));
	return rest.size > 0 && (rest.data[0] == ']' || rest.data[0] == '}') ? span_of(NULL, 0) : rest;
}

static struct span take_value(struct span *rest)
{
	size_t size = value_size(*rest);
	struct span value = span_of(rest->data, size);

	*rest = span_of(rest->data + size, rest->size - size);
	return value;
}

bool json_next_element(struct span *rest, struct span *ret_value)
{
	*rest = enter(*rest, '[');
	if (rest->size == 0)
		return false;
	*ret_value = take_value(rest);
	return true;
}

bool json_next_member(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	struct span name;

	*rest = enter(*rest, '{');
	if (rest->size == 0 || rest->data[0] != '"')
		return false;
	name = take_value(rest);
	*rest = trim(*rest);
	if (rest->size == 0)
		return false;
	*rest = trim(span_of(rest->data + 1, rest->size - 1)); /* the colon */
	*ret_name = span_of(name.data + 1, name.size - 2);
	*ret_value = take_value(rest);
	return true;
}

bool json_opens_object(struct span value) { return value.size > 0 && value.data[0] == '{'; }
bool json_opens_array(struct span value) { return value.size > 0 && value.data[0] == '['; }

enum tcb_error json_find(struct span object, const char *name, struct span *ret_value)
{
	struct span rest = object, found, value;

	while (json_next_member(&rest, &found, &value)) {
		if (span_is_text(found, name)) {
			*ret_value = value;
			return TCB_OK;
		}
	}
	return TCB_MALFORMED;
}

enum tcb_error json_text(struct span value, struct span *ret_text)
{
	if (value.size < 2 || value.data[0] != '"' || memchr(value.data, '\\', value.size) != NULL)
		return TCB_MALFORMED;
	*ret_text = span_of(value.data + 1, value.size - 2);
	return TCB_OK;
}

enum tcb_error json_uint(struct span value, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (value.size == 0 || value.size > 19)
		return TCB_MALFORMED;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return TCB_MALFORMED;
		number = number * 10 + (uint64_t)(value.data[i] - '0');
	}
	if (number > max)
		return TCB_LIMIT;
	*ret_number = number;
	return TCB_OK;
}

enum tcb_error json_bool(struct span value, bool *ret_bool)
{
	if (!span_is_text(value, "true") && !span_is_text(value, "false"))
		return TCB_MALFORMED;
	*ret_bool = value.data[0] == 't';
	return TCB_OK;
}

enum tcb_error json_hex(struct span value, uint8_t *ret_bytes, size_t size)
{
	struct span text;

	TRY(json_text(value, &text));
	if (text.size != 2 * size)
		return TCB_MALFORMED;
	for (size_t i = 0; i < text.size; i++)
		if (hex_digit(text.data[i]) < 0)
			return TCB_MALFORMED;
	for (size_t i = 0; i < size; i++)
		ret_bytes[i] = (uint8_t)(hex_digit(text.data[2 * i]) << 4 | hex_digit(text.data[2 * i + 1]));
	return TCB_OK;
}

static bool is_leap(uint64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_in(uint64_t year, uint64_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477;

	return (year - 1970) * 365 + leaps + before[month - 1] + (is_leap(year) && month > 2 ? 1 : 0) + day - 1;
}

enum tcb_error json_time(struct span value, uint64_t *ret_seconds)
{
	static const char shape[] = "0000-00-00T00:00:00Z";
	static const int at[] = {0, 5, 8, 11, 14, 17}, size[] = {4, 2, 2, 2, 2, 2};
	uint64_t field[6] = {0};
	struct span text;

	TRY(json_text(value, &text));
	if (text.size != sizeof shape - 1)
		return TCB_MALFORMED;
	for (size_t i = 0; i < text.size; i++)
		if (shape[i] == '0' ? text.data[i] < '0' || text.data[i] > '9' : text.data[i] != (uint8_t)shape[i])
			return TCB_MALFORMED;
	for (int f = 0; f < 6; f++)
		for (int i = 0; i < size[f]; i++)
			field[f] = field[f] * 10 + (uint64_t)(text.data[at[f] + i] - '0');
	if (field[0] < 1970 || field[1] < 1 || field[1] > 12 || field[2] < 1 || field[2] > days_in(field[0], field[1]) ||
	    field[3] > 23 || field[4] > 59 || field[5] > 60)
		return TCB_MALFORMED;
	*ret_seconds = days_of(field[0], field[1], field[2]) * 86400 + field[3] * 3600 + field[4] * 60 + field[5];
	return TCB_OK;
}
