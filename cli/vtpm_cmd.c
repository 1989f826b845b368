// SPDX-License-Identifier: MIT
/* tcbind vtpm create|list|show|delete */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "sgxsim/file.h"
#include "verify/appraise/policy.h"

struct options {
	const char *platform, *id, *policy;
	bool incoming, gone, json;
};

static void print_row(const json_t *vtpm)
{
	const char *refusal = json_string_value(json_object_get(vtpm, "refusal"));

	(void)printf("%s  %-8s  generation %lld  %s%s%s\n", json_string_value(json_object_get(vtpm, "id")),
		     json_string_value(json_object_get(vtpm, "state")),
		     (long long)json_integer_value(json_object_get(vtpm, "generation")),
		     json_string_value(json_object_get(vtpm, "control_socket")), refusal != NULL ? "  " : "",
		     refusal != NULL ? refusal : "");
}

static void print(const json_t *answer, bool as_json)
{
	const json_t *list = json_object_get(answer, "vtpms"), *gone = json_object_get(answer, "gone");
	const json_t *vtpm;
	size_t i;

	if (as_json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else if (list != NULL) {
		json_array_foreach(list, i, vtpm) {
			print_row(vtpm);
		}
	} else if (gone != NULL) {
		json_array_foreach(gone, i, vtpm) {
			(void)printf("%s  %s\n", json_string_value(json_object_get(vtpm, "id")),
				     json_string_value(json_object_get(vtpm, "directory")));
		}
	} else {
		print_row(answer);
	}
}

/* The owner's policy is judged here as well, where its file, line and column are known: a vTPM whose policy does not decode
 * could never move. */
static enum tcb_error read_policy(const char *path, json_t **ret_policy, struct diagnosis *d)
{
	static struct policy policy;
	struct file_bytes file = {0};
	struct diagnosis why = {0};
	enum tcb_error error;

	TRY(file_read(path, &file, d));
	error = policy_decode(file_span(&file), &policy, &why);
	if (error == TCB_OK) {
		*ret_policy = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, NULL);
		error = *ret_policy != NULL ? TCB_OK : TCB_MALFORMED;
	}
	file_free(&file);
	return error == TCB_OK ? TCB_OK
			       : diagnose_found(d, error, why.code[0] != '\0' ? why.code : "policy.json",
						why.wanted[0] != '\0' ? why.wanted : "a policy: a JSON object", "correct the file; `tcbind policy check` judges it",
						"%s: %s", path, why.found);
}

static enum tcb_error create_body(const struct options *o, json_t **ret_body, struct diagnosis *d)
{
	json_t *body, *policy = NULL;

	if (o->policy != NULL)
		TRY(read_policy(o->policy, &policy, d));
	body = json_object();
	if (o->id != NULL)
		(void)json_object_set_new(body, "id", json_string(o->id));
	if (o->incoming)
		(void)json_object_set_new(body, "incoming", json_true());
	if (policy != NULL)
		(void)json_object_set_new(body, "policy", policy);
	*ret_body = body;
	return TCB_OK;
}

/* ---- the commands ---- */

#define PLATFORM_ARGUMENT \
	{"--platform", "DIR", ARGUMENT_REQUIRED, offsetof(struct options, platform), "the platform, which runs"}
#define ID_ARGUMENT {"--id", "UUID", ARGUMENT_REQUIRED, offsetof(struct options, id), "the vTPM"}
#define JSON_ARGUMENT {"--json", NULL, ARGUMENT_FLAG, offsetof(struct options, json), "the same as JSON"}

/* Prints what came, and lets go of it. */
static int finish(enum tcb_error error, struct diagnosis *d, json_t *answer, const struct options *o)
{
	if (error != TCB_OK)
		return report_failure(error, d);
	print(answer, o->json);
	json_decref(answer);
	return 0;
}

static void path_of(const struct options *o, char ret_path[64])
{
	(void)snprintf(ret_path, 64, "/v1/vtpms/%.36s", o->id);
}

static const struct argument create_arguments[] = {
	PLATFORM_ARGUMENT,
	{"--id", "UUID", ARGUMENT_TEXT, offsetof(struct options, id), "its identity; without it a random one"},
	{"--policy", "FILE", ARGUMENT_TEXT, offsetof(struct options, policy), "where it may move: sealed into its state"},
	{"--incoming", NULL, ARGUMENT_FLAG, offsetof(struct options, incoming), "the empty place that a migration fills"},
	JSON_ARGUMENT,
	{0},
};

static int create(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o = {0};
	json_t *body = NULL, *answer = NULL;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = create_body(&o, &body, &d);
	if (error == TCB_OK)
		error = http_json(o.platform, "POST", "/v1/vtpms", body, &answer, &d);
	json_decref(body);
	if (error == TCB_OK)
		report_done("made vTPM %s\nnext: QEMU with -chardev socket,id=tpm,path=%s -tpmdev emulator,id=tpm0,chardev=tpm"
			    " -device tpm-crb,tpmdev=tpm0",
			    json_string_value(json_object_get(answer, "id")),
			    json_string_value(json_object_get(answer, "control_socket")));
	return finish(error, &d, answer, &o);
}

static const struct argument list_arguments[] = {
	PLATFORM_ARGUMENT,
	{"--gone", NULL, ARGUMENT_FLAG, offsetof(struct options, gone), "those whose users' directories are no longer there"},
	JSON_ARGUMENT,
	{0},
};

static int list(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o = {0};
	json_t *answer = NULL;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = http_json(o.platform, "GET", o.gone ? "/v1/vtpms/gone" : "/v1/vtpms", NULL, &answer, &d);
	return finish(error, &d, answer, &o);
}

static const struct argument show_arguments[] = { PLATFORM_ARGUMENT, ID_ARGUMENT, JSON_ARGUMENT, {0} };

static int show(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o = {0};
	json_t *answer = NULL;
	char path[64];
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	path_of(&o, path);
	error = http_json(o.platform, "GET", path, NULL, &answer, &d);
	return finish(error, &d, answer, &o);
}

static const struct argument delete_arguments[] = {
	PLATFORM_ARGUMENT,
	{"--id", "UUID", ARGUMENT_TEXT, offsetof(struct options, id), "the vTPM"},
	{"--gone", NULL, ARGUMENT_FLAG, offsetof(struct options, gone), "all whose users' directories are no longer there"},
	JSON_ARGUMENT,
	{0},
};

static int delete_one(const struct options *o)
{
	struct diagnosis d = {0};
	struct span nothing;
	char path[64];
	enum tcb_error error;

	path_of(o, path);
	error = http_request(o->platform, "DELETE", path, NULL, &nothing, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	free((void *)(uintptr_t)nothing.data);
	report_done("deleted vTPM %s: no state of it opens on this platform again", o->id);
	return 0;
}

static int delete(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	struct options o = {0};
	json_t *answer = NULL;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (o.gone == (o.id != NULL))
		return report_usage_error(command, "one of --id and --gone is needed, and not both");
	if (o.id != NULL)
		return delete_one(&o);
	error = http_json(o.platform, "DELETE", "/v1/vtpms/gone", NULL, &answer, &d);
	return finish(error, &d, answer, &o);
}

const struct command vtpm_commands[] = {
	{"vtpm create", "makes a vTPM, or the place for one that moves in", create_arguments, create},
	{"vtpm list", "the vTPMs of a platform, one a line", list_arguments, list},
	{"vtpm show", "one vTPM", show_arguments, show},
	{"vtpm delete", "deletes a vTPM that does not run", delete_arguments, delete},
	{0},
};
