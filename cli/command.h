// SPDX-License-Identifier: MIT
/* The command line: one table, one file a group of commands. Exit statuses: 0, 1 failed, 2 usage (DESIGN section 9). */
#ifndef TCBIND_CLI_COMMAND_H
#define TCBIND_CLI_COMMAND_H

#include "core/error.h"

enum { EXIT_USAGE = 2 };

struct command {
	const char *name;  /* "vtpm" */
	const char *usage; /* what follows `tcbind`, a line each */
	int (*run)(int argc, char **argv); /* argv[0] is the name */
};

extern const struct command pki_command, platform_command, vtpm_command, attest_command, verify_command, policy_command, migrate_command,
	quote_command, demo_command, show_command, explain_command;

/* Prints what was found, wanted, to be done; returns 1. */
int report_failure(enum tcb_error error, struct diagnosis *d);
/* Prints the usage of one command; returns EXIT_USAGE. */
int report_usage(const struct command *command);

#endif
