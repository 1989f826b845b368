// SPDX-License-Identifier: MIT
/* tcbind migrate: moves a whole running VM with its vTPM. Drives both QEMUs by QMP; the destination's was started with
 * `-incoming defer`. `return-path` is on at both ends, so that a vTPM refused there lets the guest go on here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/qmp.h"

struct options {
	const char *platform, *id, *qmp, *to_platform, *to_qmp;
	const char *streams_text;
	long streams; /* read from the text */
};

static const struct argument migrate_arguments[] = {
	{"--platform", "DIR", ARGUMENT_REQUIRED, offsetof(struct options, platform), "the platform that the VM leaves"},
	{"--id", "UUID", ARGUMENT_REQUIRED, offsetof(struct options, id), "its vTPM"},
	{"--qmp", "SOCKET", ARGUMENT_REQUIRED, offsetof(struct options, qmp), "the QMP socket of the VM's QEMU"},
	{"--to-platform", "HOST:PORT", ARGUMENT_REQUIRED, offsetof(struct options, to_platform),
	 "where the Migration Enclave of the destination listens"},
	{"--to-qmp", "SOCKET", ARGUMENT_REQUIRED, offsetof(struct options, to_qmp), "the QMP socket of the QEMU that waits there"},
	{"--streams", "N", ARGUMENT_TEXT, offsetof(struct options, streams_text), "connections for the VM's memory, 1 to 63"},
	{0},
};

static bool parse(const struct command *command, int argc, char **argv, struct options *ret_o)
{
	char *end = NULL;

	*ret_o = (struct options){ .streams = 1 };
	if (!arguments_parse(command, argc, argv, ret_o))
		return false;
	if (ret_o->streams_text != NULL)
		ret_o->streams = strtol(ret_o->streams_text, &end, 10);
	if ((end != NULL && *end != '\0') || ret_o->streams < 1 || ret_o->streams > 63)
		return report_usage_error(command, "--streams: '%s' is no number from 1 to 63", ret_o->streams_text), false;
	return true;
}

/* The vTPM must be one that runs here: found out before QEMU is asked for anything. */
static enum tcb_error check_vtpm(const struct options *o, struct diagnosis *d)
{
	char path[64];
	json_t *vtpm;
	const char *state;
	enum tcb_error error = TCB_OK;

	(void)snprintf(path, sizeof path, "/v1/vtpms/%.36s", o->id);
	TRY(http_json(o->platform, "GET", path, NULL, &vtpm, d));
	state = json_string_value(json_object_get(vtpm, "state"));
	if (state == NULL || strcmp(state, "running") != 0)
		error = diagnose_found(d, TCB_WRONG_STATE, "migrate.state", "a running vTPM",
				       "start the VM, or see where its vTPM is with `tcbind vtpm show`",
				       "vTPM %s is %s", o->id, state != NULL ? state : "unknown");
	json_decref(vtpm);
	return error;
}

static enum tcb_error set_capabilities(struct qmp *q, const struct options *o, struct diagnosis *d)
{
	json_t *list = json_pack("[{s:s, s:b}, {s:s, s:b}]", "capability", "return-path", "state", 1, "capability",
				 "multifd", "state", o->streams > 1);

	TRY(qmp_execute(q, "migrate-set-capabilities", json_pack("{s:o}", "capabilities", list), NULL, d));
	if (o->streams == 1)
		return TCB_OK;
	return qmp_execute(q, "migrate-set-parameters",
			   json_pack("{s:I}", "multifd-channels", (json_int_t)o->streams), NULL, d);
}

static void show_progress(const json_t *info)
{
	const json_t *ram = json_object_get(info, "ram");
	json_int_t total = json_integer_value(json_object_get(ram, "total"));
	json_int_t left = json_integer_value(json_object_get(ram, "remaining"));

	if (isatty(STDERR_FILENO) == 1 && total > 0)
		(void)fprintf(stderr, "\rmigrating: %lld of %lld MiB to go  ", (long long)(left >> 20), (long long)(total >> 20));
}

static enum tcb_error failed(const json_t *info, const char *status, struct diagnosis *d)
{
	const char *text = json_string_value(json_object_get(info, "error-desc"));

	return diagnose_found(d, TCB_REFUSED, "migrate.failed", "a migration that completes",
			      "the guest goes on at the source; the daemons' logs say why a vTPM was refused",
			      "QEMU's migration is %s%s%s", status, text != NULL ? ": " : "", text != NULL ? text : "");
}

/* Until QEMU says how it ended. */
static enum tcb_error wait_for_end(struct qmp *source, struct diagnosis *d)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

	for (;;) {
		const char *status;
		json_t *info;
		enum tcb_error error = TCB_OK;
		bool ended;

		TRY(qmp_execute(source, "query-migrate", NULL, &info, d));
		status = json_string_value(json_object_get(info, "status"));
		ended = status != NULL && strcmp(status, "completed") == 0;
		if (status == NULL || strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0)
			error = failed(info, status != NULL ? status : "unknown", d);
		else
			show_progress(info);
		json_decref(info);
		if (ended || error != TCB_OK) {
			if (isatty(STDERR_FILENO) == 1)
				(void)fputc('\n', stderr);
			return error;
		}
		(void)nanosleep(&pause, NULL);
	}
}

static enum tcb_error move(const struct options *o, struct qmp *source, struct qmp *destination, struct diagnosis *d)
{
	char uri[160];

	/* Beside the destination's QMP socket: a path that both QEMUs of this machine can reach. */
	if ((size_t)snprintf(uri, sizeof uri, "unix:%s.ram", o->to_qmp) >= 108)
		return diagnose(d, TCB_LIMIT, "path.long", "a --to-qmp path that is too long", "at most 98 bytes",
				"use a shorter path");
	TRY(set_capabilities(source, o, d));
	TRY(set_capabilities(destination, o, d));
	TRY(qmp_execute(destination, "migrate-incoming", json_pack("{s:s}", "uri", uri), NULL, d));
	TRY(qmp_execute(source, "migrate", json_pack("{s:s}", "uri", uri), NULL, d));
	return wait_for_end(source, d);
}

static int run(const struct command *command, int argc, char **argv)
{
	struct qmp *source = NULL, *destination = NULL;
	struct diagnosis d = {0};
	struct options o;
	enum tcb_error error;

	if (!parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = check_vtpm(&o, &d);
	if (error == TCB_OK)
		error = qmp_open(o.qmp, &source, &d);
	if (error == TCB_OK)
		error = qmp_open(o.to_qmp, &destination, &d);
	if (error == TCB_OK)
		error = move(&o, source, destination, &d);
	if (source != NULL)
		qmp_close(source);
	if (destination != NULL)
		qmp_close(destination);
	return error == TCB_OK ? 0 : report_failure(error, &d);
}

const struct command migrate_commands[] = {
	{"migrate", "moves a running VM with its vTPM to another platform", migrate_arguments, run},
	{0},
};
