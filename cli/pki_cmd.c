// SPDX-License-Identifier: MIT
/* tcbind pki init DIR */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "sgxsim/pki.h"

static int run(int argc, char **argv)
{
	struct diagnosis d = {0};
	enum tcb_error error;

	if (argc != 3 || strcmp(argv[1], "init") != 0)
		return report_usage(&pki_command);
	error = pki_init(argv[2], &d);
	return error == TCB_OK ? 0 : report_failure(error, &d);
}

const struct command pki_command = {
	.name = "pki",
	.usage = "  tcbind pki init DIR\n",
	.run = run,
};
