// SPDX-License-Identifier: MIT
/* tcbind policy: makes a policy from evidence, checks one, explains one. Exit: 0, 1 failed, 2 usage. */
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/policy.h"
#include "sgxsim/file.h"
#include "verify/lib/reference_files.h"

static struct policy policy;
static struct reference_values references;

/* "FILE:LINE:COLUMN: ..." as compilers say it, where the text is to blame; else like any failure. */
static int report(const char *path, enum tcb_error error, struct diagnosis *d)
{
	unsigned line, column;
	const char *rest;

	if (sscanf(d->found, "line %u, column %u", &line, &column) != 2)
		return report_failure(error, d);
	rest = strstr(d->found, ": ");
	(void)fprintf(stderr, "%s:%u:%u: %s%swanted %s\n", path, line, column, rest != NULL ? rest + 2 : "", rest != NULL ? ": " : "",
		      d->wanted);
	return 1;
}

/* Decodes the policy and loads what it names. 0, or an exit status after the report. */
static int load(const char *path)
{
	struct file_bytes file = {0};
	struct diagnosis d = {0};
	enum tcb_error error = file_read(path, &file, &d);

	if (error == TCB_OK)
		error = policy_decode(file_span(&file), &policy, &d);
	file_free(&file);
	if (error != TCB_OK)
		return report(path, error, &d);
	error = reference_files_load(&policy, path, &references, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	policy.references = &references;
	return 0;
}

struct options {
	const char *file;
};

static const struct argument file_arguments[] = {
	{NULL, "FILE", ARGUMENT_OPERAND, offsetof(struct options, file), "the policy"},
	{0},
};

static int check(const struct command *command, int argc, char **argv)
{
	struct options o = {0};
	int status = arguments_parse(command, argc, argv, &o) ? load(o.file) : EXIT_USAGE;

	if (status == 0)
		(void)printf("%s: a good policy\n", o.file);
	return status;
}

static int explain(const struct command *command, int argc, char **argv)
{
	struct options o = {0};
	int status = arguments_parse(command, argc, argv, &o) ? load(o.file) : EXIT_USAGE;

	if (status == 0)
		policy_explain(&policy);
	return status;
}

const struct command policy_commands[] = {
	{"policy from-evidence", "makes a policy that pins what known-good evidence shows", policy_from_evidence_arguments,
	 policy_from_evidence},
	{"policy check", "whether a policy is a good one, and where it is not", file_arguments, check},
	{"policy explain", "what a policy demands, in sentences", file_arguments, explain},
	{0},
};
