// SPDX-License-Identifier: MIT
/* tcbind explain CODE: what a failed check means and what to do. */
#include <stdio.h>

#include "cli/command.h"
#include "verify/appraise/codes.h"

static int run(int argc, char **argv)
{
	const struct code_explanation *found;
	struct diagnosis d = {0};

	if (argc != 2)
		return report_usage(&explain_command);
	found = code_explain(argv[1]);
	if (found == NULL)
		return report_failure(diagnose_found(&d, TCB_REFUSED, "explain.unknown", "a check's code, as `tcbind verify` prints it",
						     "copy the code from the output", "%s", argv[1]),
				      &d);
	(void)printf("%s\n  %s\n  %s\n", found->code, found->meaning, found->action);
	return 0;
}

const struct command explain_command = {
	.name = "explain",
	.usage = "  tcbind explain CODE\n",
	.run = run,
};
