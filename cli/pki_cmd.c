// SPDX-License-Identifier: MIT
/* tcbind pki init DIR */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/staging.h"
#include "sgxsim/pki.h"

struct options {
	const char *dir;
};

static const struct argument init_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct options, dir), "the directory to make"},
	{0},
};

static int init(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o = {0};
	struct staging s;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = staging_begin(o.dir, "pki.exists", &s, &d);
	if (error == TCB_OK)
		error = staging_end(&s, pki_init(s.dir, &d), &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	report_done("made %s: a root for simulated processors, its keys and its collateral\n"
		    "next: tcbind platform init PLATFORM --pki %s",
		    o.dir, o.dir);
	return 0;
}

const struct command pki_commands[] = {
	{"pki init", "makes a root for simulated processors, with the collateral that a verifier needs", init_arguments, init},
	{0},
};
