/* SPDX-License-Identifier: MIT */
/* The arguments of a command as a table: what the command takes, where each value goes, and how its help reads.
 *
 * A value goes to the offset `at` of the command's own structure of options, which starts zeroed. */
#ifndef TCBIND_CLI_ARGUMENTS_H
#define TCBIND_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

#define ARGUMENT_TEXTS_MAX 64

/* The values of an argument that may be given more than once. */
struct argument_texts {
	size_t count;
	const char *texts[ARGUMENT_TEXTS_MAX];
};

enum argument_kind {
	ARGUMENT_FLAG,     /* bool; takes no value */
	ARGUMENT_TEXT,     /* const char *; NULL when it is not given */
	ARGUMENT_REQUIRED, /* const char *; must be given */
	ARGUMENT_TEXTS,    /* struct argument_texts; may be given more than once */
	ARGUMENT_OPERAND,  /* const char *; has no name, must be given */
	ARGUMENT_OPTIONAL, /* const char *; has no name; NULL when it is not given */
	ARGUMENT_OPERANDS, /* struct argument_texts; has no name, one at least */
};

/* One row. The last row of a table has no `name` and no `value`. */
struct argument {
	const char *name;  /* "--platform", "-o"; NULL: an operand */
	const char *value; /* what stands for the value in the usage, "DIR"; NULL: a flag */
	enum argument_kind kind;
	size_t at;
	const char *about; /* one line of help */
};

/* Reads the arguments behind the command's name. Returns false after a message that names the error, with the usage. */
bool arguments_parse(const struct command *command, int argc, char **argv, void *options);

/* Prints the usage of `command`, wrapped, to standard output or standard error. */
void arguments_print_usage(const struct command *command, bool to_stderr);
/* Prints usage, purpose and one line an argument to standard output. */
void arguments_print_help(const struct command *command);

#endif
