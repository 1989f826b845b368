// SPDX-License-Identifier: MIT
/* tcbind attest: asks a platform's daemon for the evidence of one vTPM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "sgxsim/file.h"

struct options {
	const char *platform, *id, *nonce, *out;
};

static const struct argument attest_arguments[] = {
	{"--platform", "DIR", ARGUMENT_REQUIRED, offsetof(struct options, platform), "the platform, which runs"},
	{"--id", "UUID", ARGUMENT_REQUIRED, offsetof(struct options, id), "the vTPM"},
	{"--nonce", "HEX", ARGUMENT_REQUIRED, offsetof(struct options, nonce), "1 to 64 bytes that the requester chose"},
	{"-o", "FILE", ARGUMENT_REQUIRED, offsetof(struct options, out), "where the evidence goes"},
	{0},
};

static int run(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct span evidence;
	struct options o = {0};
	char path[96];
	json_t *body;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	(void)snprintf(path, sizeof path, "/v1/vtpms/%.36s/evidence", o.id);
	body = json_pack("{s:s}", "nonce", o.nonce);
	error = http_request(o.platform, "POST", path, body, &evidence, &d);
	json_decref(body);
	if (error != TCB_OK)
		return report_failure(error, &d);
	error = file_write(o.out, evidence, 0644, &d);
	free((void *)(uintptr_t)evidence.data);
	if (error != TCB_OK)
		return report_failure(error, &d);
	report_done("made %s: evidence of vTPM %s, %zu bytes\nnext: tcbind verify %s --policy POLICY --nonce %s", o.out, o.id,
		    evidence.size, o.out, o.nonce);
	return 0;
}

const struct command attest_commands[] = {
	{"attest", "asks a platform for the evidence of one vTPM", attest_arguments, run},
	{0},
};
