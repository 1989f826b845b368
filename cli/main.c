// SPDX-License-Identifier: MIT
/* tcbind: finds the command that the arguments name, and runs it or prints its help. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "crypto/crypto.h"
#include "host/io.h"

static const struct command *const groups[] = {
	demo_commands,	 pki_commands,	   platform_commands, vtpm_commands,	attest_commands, verify_commands,
	show_commands,	 explain_commands, policy_commands,   migrate_commands, quote_commands,
	ear_commands,	 version_commands,
};

enum { GROUP_COUNT = sizeof groups / sizeof groups[0] };

int report_failure(enum tcb_error error, struct diagnosis *d)
{
	(void)diagnose(d, error, "tcbind", tcb_error_name(error), "a command that can be done", "report this");
	(void)fprintf(stderr, "tcbind: %s\n  found:  %s\n  wanted: %s\n  do:     %s\n", d->code, d->found, d->wanted,
		      d->action);
	return 1;
}

int report_usage_error(const struct command *command, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "tcbind %s: ", command->name);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputs("\nusage:\n", stderr);
	arguments_print_usage(command, true);
	(void)fprintf(stderr, "`tcbind %s --help` explains them.\n", command->name);
	return EXIT_USAGE;
}

void report_done(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

/* Whether `command` is called NAME, or NAME and a verb. */
static bool is_of_group(const struct command *command, const char *name)
{
	size_t size = strlen(name);

	return strncmp(command->name, name, size) == 0 && (command->name[size] == '\0' || command->name[size] == ' ');
}

static const char *verb_of(const struct command *command)
{
	const char *space = strchr(command->name, ' ');

	return space != NULL ? space + 1 : NULL;
}

static const struct command *find_group(const char *name)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (is_of_group(groups[i], name))
			return groups[i];
	return NULL;
}

/* The command of a group that has this verb; the group's only command where it has no verbs. */
static const struct command *find_command(const struct command *group, const char *verb)
{
	if (verb_of(group) == NULL)
		return group;
	for (const struct command *c = group; verb != NULL && c->name != NULL; c++)
		if (strcmp(verb_of(c), verb) == 0)
			return c;
	return NULL;
}

static int print_usage(void)
{
	(void)puts("tcbind: a virtual TPM whose evidence reaches down to the hardware\n");
	for (size_t i = 0; i < GROUP_COUNT; i++)
		for (const struct command *c = groups[i]; c->name != NULL; c++)
			arguments_print_usage(c, false);
	return puts("  tcbind --version | --help; --help behind a command explains it") == EOF;
}

static int report_no_command(const char *name)
{
	if (name != NULL)
		(void)fprintf(stderr, "tcbind: there is no command '%s'; there are", name);
	else
		(void)fputs("tcbind: a command is missing; there are", stderr);
	for (size_t i = 0; i < GROUP_COUNT; i++)
		(void)fprintf(stderr, " %.*s", (int)strcspn(groups[i]->name, " "), groups[i]->name);
	(void)fputs("\n`tcbind --help` shows what they take.\n", stderr);
	return EXIT_USAGE;
}

static int report_no_verb(const char *name, const struct command *group, const char *verb)
{
	if (verb != NULL)
		(void)fprintf(stderr, "tcbind: there is no command '%s %s'\nusage:\n", name, verb);
	else
		(void)fprintf(stderr, "tcbind: '%s' needs one more word\nusage:\n", name);
	for (const struct command *c = group; c->name != NULL; c++)
		arguments_print_usage(c, true);
	(void)fprintf(stderr, "`tcbind %s --help` explains them.\n", name);
	return EXIT_USAGE;
}

static bool is_help(const char *text)
{
	return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* Whether one of the arguments asks for help; behind "--" none does. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (is_help(argv[i]))
			return true;
	return false;
}

static int print_help(const struct command *group, const struct command *command)
{
	if (command != NULL)
		arguments_print_help(command);
	for (const struct command *c = group; command == NULL && c->name != NULL; c++)
		arguments_print_help(c);
	return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
	const struct command *group = argc > 1 ? find_group(argv[1]) : NULL, *command;
	const char *verb = argc > 2 && !is_help(argv[2]) ? argv[2] : NULL;

	io_fill_standard();
	if (crypto_init() != TCB_OK)
		return 1;
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return version_commands[0].run(&version_commands[0], 1, argv);
	if (argc > 1 && is_help(argv[1]))
		return print_usage();
	if (group == NULL)
		return report_no_command(argc > 1 ? argv[1] : NULL);
	command = find_command(group, verb);
	if (asks_for_help(argc - 2, argv + 2) && (command != NULL || verb == NULL))
		return print_help(group, command);
	if (command == NULL)
		return report_no_verb(argv[1], group, verb);
	argc -= verb_of(command) != NULL ? 2 : 1;
	argv += verb_of(command) != NULL ? 2 : 1;
	return command->run(command, argc, argv);
}
