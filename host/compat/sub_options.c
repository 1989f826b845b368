// SPDX-License-Identifier: MIT
#include "host/compat/sub_options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_allowed(const char *name, const char *const allowed[])
{
	for (; *allowed != NULL; allowed++)
		if (strcmp(name, *allowed) == 0)
			return true;
	return false;
}

bool sub_options_parse(const char *option, const char *text, const char *const allowed[], struct sub_options *ret_options)
{
	struct sub_options *o = ret_options;
	char *rest = o->text, *item;

	o->count = 0;
	if ((size_t)snprintf(o->text, sizeof o->text, "%s", text) >= sizeof o->text) {
		(void)fprintf(stderr, "swtpm: --%s is too long.\n", option);
		return false;
	}
	while ((item = strsep(&rest, ",")) != NULL) {
		char *value = strchr(item, '=');

		if (value != NULL)
			*value++ = '\0';
		if (*item == '\0' || !is_allowed(item, allowed) || o->count == sizeof o->items / sizeof o->items[0]) {
			(void)fprintf(stderr, "swtpm: Error parsing --%s: Unknown parameter '%s'.\n", option, item);
			return false;
		}
		o->items[o->count].name = item;
		o->items[o->count++].value = value;
	}
	return true;
}

const char *sub_option(const struct sub_options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->items[i].name, name) == 0)
			return options->items[i].value;
	return NULL;
}

bool sub_given(const struct sub_options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->items[i].name, name) == 0)
			return true;
	return false;
}

bool sub_flag(const struct sub_options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->items[i].name, name) == 0)
			return options->items[i].value == NULL || strcmp(options->items[i].value, "true") == 0;
	return false;
}

int sub_number(const struct sub_options *options, const char *name, int base, int otherwise, bool *ok)
{
	const char *text = sub_option(options, name);
	char *end;
	long value;

	if (text == NULL)
		return otherwise;
	value = strtol(text, &end, base);
	if (*text == '\0' || *end != '\0' || value < 0 || value > INT_MAX) {
		(void)fprintf(stderr, "swtpm: '%s' is not a number for %s.\n", text, name);
		*ok = false;
		return otherwise;
	}
	return (int)value;
}
