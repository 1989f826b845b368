// SPDX-License-Identifier: MIT
/* tcbind explain CODE: what a failed check means and what to do. */
#include <stdio.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "verify/appraise/codes.h"

struct options {
	const char *code;
};

static const struct argument explain_arguments[] = {
	{NULL, "CODE", ARGUMENT_OPERAND, offsetof(struct options, code), "the code, as a message shows it"},
	{0},
};

static int explain(const struct command *command, int argc, char **argv)
{
	const struct code_explanation *found;
	struct diagnosis d = {0};
	struct options o = {0};

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	found = code_explain(o.code);
	if (found == NULL)
		return report_failure(diagnose_found(&d, TCB_REFUSED, "explain.unknown", "a check's code, as `tcbind verify` prints it",
						     "copy the code from the output", "%s", o.code),
				      &d);
	(void)printf("%s\n  %s\n  %s\n", found->code, found->meaning, found->action);
	return 0;
}

const struct command explain_commands[] = {
	{"explain", "what a code means and what to do", explain_arguments, explain},
	{0},
};
