// SPDX-License-Identifier: MIT
/* swtpm's `--option name=value,flag,...`. */
#ifndef TCBIND_HOST_COMPAT_SUB_OPTIONS_H
#define TCBIND_HOST_COMPAT_SUB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct sub_options {
	char text[4096];
	size_t count;
	struct { const char *name, *value; } items[24]; /* value NULL: a flag */
};

/* Splits `text`; every name must stand in `allowed` (NULL ends it). On failure says on stderr what of `--option` was wrong. */
bool sub_options_parse(const char *option, const char *text, const char *const allowed[], struct sub_options *ret_options);
/* The value, NULL where it was not given. */
const char *sub_option(const struct sub_options *options, const char *name);
/* With or without a value. */
bool sub_given(const struct sub_options *options, const char *name);
/* `name`, `name=true`. */
bool sub_flag(const struct sub_options *options, const char *name);
/* A number, or `otherwise` where it was not given; *ok is cleared where it is none. */
int sub_number(const struct sub_options *options, const char *name, int base, int otherwise, bool *ok);

#endif
