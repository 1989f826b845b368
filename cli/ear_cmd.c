// SPDX-License-Identifier: MIT
/* tcbind ear jwks: the public key of attestation results, as relying parties fetch it. */
#include <stdio.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "include/tcbind/verify.h"
#include "sgxsim/file.h"

struct options {
	const char *key;
};

static const struct argument jwks_arguments[] = {
	{NULL, "KEYFILE", ARGUMENT_OPERAND, offsetof(struct options, key),
	 "the private key that `tcbind verify --ear` signs with, in PEM"},
	{0},
};

static int report(const char *path, const struct tcbind_failure *failure)
{
	struct diagnosis d = {0};
	enum tcb_error error = diagnose_found(&d, TCB_MALFORMED, failure->code, failure->wanted,
					      failure->action, "%s: %s", path, failure->found);

	return report_failure(error, &d);
}

static int print_jwks(const char *path, const struct file_bytes *file)
{
	struct tcbind_failure failure = {0};
	tcbind_key *key = NULL;
	char *text = NULL;

	if (tcbind_key_parse(file->data, file->size, &key, &failure) != TCBIND_OK)
		return report(path, &failure);
	if (tcbind_key_jwks(key, &text) == TCBIND_OK)
		(void)puts(text);
	tcbind_key_free(key);
	tcbind_text_free(text);
	return text != NULL ? 0 : 1;
}

static int jwks(const struct command *command, int argc, char **argv)
{
	struct options o = {0};
	struct file_bytes file = {0};
	struct diagnosis d = {0};
	int status;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (file_read(o.key, &file, &d) != TCB_OK)
		return report_failure(TCB_PLATFORM, &d);
	status = print_jwks(o.key, &file);
	file_free(&file);
	return status;
}

const struct command ear_commands[] = {
	{"ear jwks", "prints the public key of attestation results as a JWKS", jwks_arguments,
	 jwks},
	{0},
};
