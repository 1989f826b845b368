// SPDX-License-Identifier: MIT
/* What a client was told (history.h). */
#include "tests/power/history.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct expected *find(struct history *h, char name)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->vtpms[i].name == name)
			return &h->vtpms[i];
	if (h->count == VTPMS)
		errx(2, "marks: too many vTPMs");
	h->vtpms[h->count] = (struct expected){.name = name};
	return &h->vtpms[h->count++];
}

/* `argument` is a directory or a number, or empty. */
static bool note_asked(struct expected *e, const char *what, const char *argument)
{
	if (strcmp(what, "create") == 0) {
		*e = (struct expected){.name = e->name, .stage = IN_CREATION};
		(void)strcpy(e->dir, argument);
	} else if (strcmp(what, "write") == 0) {
		e->high = (unsigned)atoi(argument);
	} else if (strcmp(what, "move") == 0) {
		e->stage = IN_MOVE;
		(void)strcpy(e->other, argument);
	} else if (strcmp(what, "delete") == 0) {
		e->stage = IN_DELETION;
	} else {
		return false;
	}
	return true;
}

static bool note_told(struct expected *e, const char *what, const char *argument)
{
	if (strcmp(what, "create") == 0) {
		e->stage = THERE;
	} else if (strcmp(what, "write") == 0) {
		e->low = (unsigned)atoi(argument);
	} else if (strcmp(what, "read") == 0) {
		e->low = e->high = (unsigned)atoi(argument);
	} else if (strcmp(what, "move") == 0) {
		e->stage = THERE;
		(void)strcpy(e->dir, e->other);
		e->other[0] = '\0';
	} else if (strcmp(what, "delete") == 0) {
		e->stage = DELETED;
	} else {
		return false;
	}
	return true;
}

void history_note(struct history *h, const char *mark, size_t size)
{
	char text[256], verb[8], what[16], argument[DIR_SIZE] = "", name;
	int fields;

	(void)snprintf(text, sizeof text, "%.*s", (int)size, mark);
	fields = sscanf(text, "%7s %15s %c %127s", verb, what, &name, argument);
	if (fields < 3 || !(strcmp(verb, "ask") == 0 ? note_asked(find(h, name), what, argument)
						     : note_told(find(h, name), what, argument)))
		errx(2, "marks: unknown: %s", text);
}

bool is_required(const struct expected *e) { return e->stage == THERE || e->stage == IN_MOVE; }

bool value_read(const uint8_t *value, char *ret_name, unsigned *ret_number)
{
	const size_t at = strlen(VALUE_PREFIX);

	if (memcmp(value, VALUE_PREFIX, at) != 0 || value[at + 1] != '-')
		return false;
	*ret_name = (char)value[at];
	*ret_number = 0;
	for (size_t i = at + 2; i < VALUE_SIZE; i++) {
		if (!isdigit(value[i]))
			return false;
		*ret_number = *ret_number * 10 + (unsigned)(value[i] - '0');
	}
	return true;
}
