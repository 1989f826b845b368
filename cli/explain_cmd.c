// SPDX-License-Identifier: MIT
/* tcbind explain: what a code means, and what to do. Every code that a part of tcbind prints has a
 * row in a table of cli/explain/, or, if it is a check's, of verify/appraise/codes.c. */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/explain/explain.h"

struct options {
	const char *code;
	bool list;
};

static const struct argument explain_arguments[] = {
    {NULL, "CODE", ARGUMENT_OPTIONAL, offsetof(struct options, code),
     "the code, as a message shows it"},
    {"--list", NULL, ARGUMENT_FLAG, offsetof(struct options, list),
     "print every code with its meaning, a line each"},
    {0},
};

static const struct code_explanation *const tables[] = {
    explain_cli, explain_enclave, explain_host, explain_sgxsim, explain_swtpm, explain_verify,
};

static const struct code_explanation *find(const char *code)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct code_explanation *row = tables[i]; row->code != NULL; row++)
			if (strcmp(row->code, code) == 0)
				return row;
	return code_explain(code);
}

static int list_all(void)
{
	for (size_t i = 0; i < code_explanation_count; i++)
		(void)printf("%s: %s\n", code_explanations[i].code, code_explanations[i].meaning);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct code_explanation *row = tables[i]; row->code != NULL; row++)
			(void)printf("%s: %s\n", row->code, row->meaning);
	return 0;
}

static int explain(const struct command *command, int argc, char **argv)
{
	const struct code_explanation *found;
	struct diagnosis d = {0};
	struct options o = {0};

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (o.list == (o.code != NULL))
		return report_usage_error(command, "a code or --list is wanted, and not both");
	if (o.list)
		return list_all();
	found = find(o.code);
	if (found == NULL)
		return report_failure(
		    diagnose_found(&d, TCB_REFUSED, "explain.unknown",
				   "a code that a message shows",
				   "copy the code from the message, or see `tcbind explain --list`",
				   "%s", o.code),
		    &d);
	(void)printf("%s\n  %s\n  %s\n", found->code, found->meaning, found->action);
	return 0;
}

const struct command explain_commands[] = {
    {"explain", "what a code means and what to do", explain_arguments, explain},
    {0},
};
