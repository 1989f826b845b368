#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "crypto/crypto.h"

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

static int usage(FILE *to)
{
	(void)fputs("tcbind: a virtual TPM whose evidence reaches down to the hardware\n\n", to);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		(void)fputs(commands[i]->usage, to);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (crypto_init() != TCB_OK)
		return 1;
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)usage(stdout);
		return 0;
	}
	return usage(stderr);
}
