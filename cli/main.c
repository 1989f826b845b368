// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "crypto/crypto.h"
#include "host/io.h"

static const struct command *const commands[] = {
	&demo_command,
	&pki_command,
	&platform_command,
	&vtpm_command,
	&attest_command,
	&verify_command,
	&show_command,
	&explain_command,
	&policy_command,
	&migrate_command,
	&quote_command,
};

int report_failure(enum tcb_error error, struct diagnosis *d)
{
	(void)diagnose(d, error, "tcbind", tcb_error_name(error), "a command that can be done", "report this");
	(void)fprintf(stderr, "tcbind: %s\n  found:  %s\n  wanted: %s\n  do:     %s\n", d->code, d->found, d->wanted,
		      d->action);
	return 1;
}

int report_usage(const struct command *command)
{
	(void)fprintf(stderr, "usage:\n%s", command->usage);
	return EXIT_USAGE;
}

static void print_usage(FILE *to)
{
	(void)fputs("tcbind: a virtual TPM whose evidence reaches down to the hardware\n\n", to);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		(void)fputs(commands[i]->usage, to);
	(void)fputs("  tcbind --version | --help, and --help behind a command\n", to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	return NULL;
}

static bool asks_for(const char *option, int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], option) == 0;
}

int main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

	io_fill_standard();
	if (crypto_init() != TCB_OK)
		return 1;
	if (asks_for("--version", argc, argv))
		return puts("tcbind " TCBIND_VERSION) == EOF;
	if (asks_for("--help", argc, argv)) {
		print_usage(stdout);
		return 0;
	}
	if (command == NULL) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (asks_for("--help", argc - 1, argv + 1))
		return fputs(command->usage, stdout) == EOF;
	return command->run(argc - 1, argv + 1);
}
