// SPDX-License-Identifier: MIT
/* tcbind policy: makes a policy from evidence, checks one, explains one. Exit: 0, 1 failed, 2 usage. */
#include <stdio.h>
#include <string.h>

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

static int check(const char *path)
{
	int status = load(path);

	if (status == 0)
		(void)printf("%s: a good policy\n", path);
	return status;
}

static int explain(const char *path)
{
	int status = load(path);

	if (status == 0)
		policy_explain(&policy);
	return status;
}

static int run(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "from-evidence") == 0)
		return policy_from_evidence(argc - 1, argv + 1);
	if (argc == 3 && argv[2][0] != '-' && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	if (argc == 3 && argv[2][0] != '-' && strcmp(argv[1], "explain") == 0)
		return explain(argv[2]);
	return report_usage(&policy_command);
}

const struct command policy_command = {
	.name = "policy",
	.usage = "  tcbind policy from-evidence FILE... -o POLICY [--allow-moves]\n"
		 "  tcbind policy check FILE\n"
		 "  tcbind policy explain FILE\n",
	.run = run,
};
