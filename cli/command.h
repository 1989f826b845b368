/* SPDX-License-Identifier: MIT */
/* The command line: one table, one file a group of commands. Exit statuses: 0, 1 failed, 2 usage (man/tcbind.1). */
#ifndef TCBIND_CLI_COMMAND_H
#define TCBIND_CLI_COMMAND_H

#include "core/error.h"

enum { EXIT_USAGE = 2 };

struct argument; /* arguments.h */

/* One command. A group's table ends with a row without a name. */
struct command {
	const char *name;                 /* what follows `tcbind`: "vtpm create" */
	const char *about;                /* one line of help */
	const struct argument *arguments; /* NULL: it takes none */
	int (*run)(const struct command *command, int argc, char **argv); /* argv[0] is the last word of the name */
};

/* Each group's commands. */
extern const struct command pki_commands[], platform_commands[], vtpm_commands[], attest_commands[], verify_commands[],
	policy_commands[], migrate_commands[], quote_commands[], demo_commands[], show_commands[], explain_commands[],
	ear_commands[], version_commands[];

/* Prints what was found, what was wanted and what to do; returns 1. */
int report_failure(enum tcb_error error, struct diagnosis *d);
/* Prints what is wrong with the command line, and the command's usage; returns EXIT_USAGE. */
int report_usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells on standard error what a command has made and what comes next: standard output is for programs. */
void report_done(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
