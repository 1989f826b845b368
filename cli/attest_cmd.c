// SPDX-License-Identifier: MIT
/* tcbind attest: asks a platform's daemon for the evidence of one vTPM. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/http.h"
#include "sgxsim/file.h"

struct options {
	const char *platform, *id, *nonce, *out;
};

static bool parse(int argc, char **argv, struct options *ret_o)
{
	static const struct option options[] = {
		{"platform", 1, NULL, 'p'}, {"id", 1, NULL, 'i'}, {"nonce", 1, NULL, 'n'}, {0},
	};
	int option;

	*ret_o = (struct options){0};
	while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (option) {
		case 'p': ret_o->platform = optarg; break;
		case 'i': ret_o->id = optarg; break;
		case 'n': ret_o->nonce = optarg; break;
		case 'o': ret_o->out = optarg; break;
		default: return false;
		}
	}
	return optind == argc && ret_o->platform != NULL && ret_o->id != NULL && ret_o->nonce != NULL &&
	       ret_o->out != NULL;
}

static int run(int argc, char **argv)
{
	struct diagnosis d = {0};
	struct span evidence;
	struct options o;
	char path[96];
	json_t *body;
	enum tcb_error error;

	if (!parse(argc, argv, &o))
		return report_usage(&attest_command);
	(void)snprintf(path, sizeof path, "/v1/vtpms/%.36s/evidence", o.id);
	body = json_pack("{s:s}", "nonce", o.nonce);
	error = http_request(o.platform, "POST", path, body, &evidence, &d);
	json_decref(body);
	if (error != TCB_OK)
		return report_failure(error, &d);
	error = file_write(o.out, evidence, 0644, &d);
	free((void *)(uintptr_t)evidence.data);
	return error == TCB_OK ? 0 : report_failure(error, &d);
}

const struct command attest_command = {
	.name = "attest",
	.usage = "  tcbind attest --platform DIR --id UUID --nonce HEX -o FILE\n",
	.run = run,
};
