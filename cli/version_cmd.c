// SPDX-License-Identifier: MIT
/* tcbind version: what this build is to verifiers and other hosts: the measurements of its enclaves,
 * and their signer. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/hex_json.h"
#include "core/hex.h"
#include "host/paths.h"
#include "sgxsim/launch.h"

static const char *const roles[] = { "acm", "pse", "mige", "vtpm" };

enum { ROLES = sizeof roles / sizeof roles[0] };

/* The enclaves beside this program. `count` is ROLES, or 0 on a verifier's machine, where none are
 * installed. */
struct build {
	size_t count;
	struct enclave_identity identities[ROLES];
};

static enum tcb_error read_enclaves(struct build *ret_build, struct diagnosis *d)
{
	char name[32], path[PATH_MAX];
	struct diagnosis missing = {0};
	struct build build = {0};
	int memfd;

	for (size_t i = 0; i < ROLES; i++) {
		(void)snprintf(name, sizeof name, "%s.enclave", roles[i]);
		if (path_program(name, path, sizeof path, &missing) != TCB_OK)
			continue;
		TRY(enclave_load(path, &build.identities[i], &memfd, d));
		(void)close(memfd);
		build.count++;
	}
	*ret_build = build;
	if (build.count == 0 || build.count == ROLES)
		return TCB_OK;
	return diagnose_again(d, TCB_PLATFORM, &missing);
}

/* Enclaves of two signers cannot work together. */
static enum tcb_error check_one_signer(const struct build *build, struct diagnosis *d)
{
	const struct enclave_identity *identities = build->identities;

	for (size_t i = 1; i < build->count; i++)
		if (memcmp(identities[0].mrsigner, identities[i].mrsigner, 32) != 0)
			return diagnose_found(d, TCB_REFUSED, "version.signers", "enclaves of one signer",
					      "build again, or sign all images with tools/sign-enclaves",
					      "%s.enclave and %s.enclave have different signers", roles[0], roles[i]);
	return TCB_OK;
}

static int print_text(const struct build *build)
{
	char hex[65];

	if (build->count == 0)
		(void)puts("enclaves: none are installed beside this program");
	hex_encode(SPAN_OF(build->identities[0].mrsigner), hex);
	if (build->count > 0)
		(void)printf("%-7s %s\n", "signer", hex);
	for (size_t i = 0; i < build->count; i++) {
		hex_encode(SPAN_OF(build->identities[i].mrenclave), hex);
		(void)printf("%-7s %s  svn %u\n", roles[i], hex, build->identities[i].isv_svn);
	}
	return ferror(stdout) != 0;
}

static int print_json(const struct build *build)
{
	const struct enclave_identity *identities = build->identities;
	json_t *all = json_pack("{s:s}", "version", TCBIND_VERSION), *enclaves = json_object();
	int status;

	if (build->count > 0)
		(void)json_object_set_new(all, "mrsigner", hex_json(SPAN_OF(identities[0].mrsigner)));
	for (size_t i = 0; i < build->count; i++)
		(void)json_object_set_new(enclaves, roles[i],
					  json_pack("{s:o, s:i}", "mrenclave",
						    hex_json(SPAN_OF(identities[i].mrenclave)),
						    "isv_svn", (int)identities[i].isv_svn));
	(void)json_object_set_new(all, "enclaves", enclaves);
	status = json_dumpf(all, stdout, JSON_INDENT(1)) != 0 || putchar('\n') == EOF;
	json_decref(all);
	return status;
}

struct options {
	bool json;
};

static const struct argument version_arguments[] = {
	{"--json", NULL, ARGUMENT_FLAG, offsetof(struct options, json), "prints JSON"},
	{0},
};

static int version(const struct command *command, int argc, char **argv)
{
	struct options o = {0};
	struct build build = {0};
	struct diagnosis d = {0};
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (!o.json)
		(void)puts("tcbind " TCBIND_VERSION);
	error = read_enclaves(&build, &d);
	if (error == TCB_OK)
		error = check_one_signer(&build, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	return o.json ? print_json(&build) : print_text(&build);
}

const struct command version_commands[] = {
	{"version", "the version, and the measurements and the signer of the enclaves", version_arguments, version},
	{0},
};
