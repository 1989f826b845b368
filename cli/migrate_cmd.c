// SPDX-License-Identifier: MIT
/* tcbind migrate: moves a whole running VM with its vTPM. Drives both QEMUs by QMP; the destination's was started with
 * `-incoming defer`. `return-path` is on at both ends, so that a vTPM refused there lets the guest go on here. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/http.h"
#include "cli/qmp.h"

struct options {
	const char *platform, *id, *qmp, *to_platform, *to_qmp;
	long streams;
};

static bool parse(int argc, char **argv, struct options *ret_o)
{
	static const struct option options[] = {
		{"platform", 1, NULL, 'p'},    {"id", 1, NULL, 'i'},     {"qmp", 1, NULL, 'q'},
		{"to-platform", 1, NULL, 't'}, {"to-qmp", 1, NULL, 'u'}, {"streams", 1, NULL, 's'}, {0},
	};
	int option;

	*ret_o = (struct options){ .streams = 1 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': ret_o->platform = optarg; break;
		case 'i': ret_o->id = optarg; break;
		case 'q': ret_o->qmp = optarg; break;
		case 't': ret_o->to_platform = optarg; break;
		case 'u': ret_o->to_qmp = optarg; break;
		case 's': ret_o->streams = strtol(optarg, NULL, 10); break;
		default: return false;
		}
	}
	return optind == argc && ret_o->platform != NULL && ret_o->id != NULL && ret_o->qmp != NULL &&
	       ret_o->to_platform != NULL && ret_o->to_qmp != NULL && ret_o->streams > 0 && ret_o->streams < 64;
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

static int run(int argc, char **argv)
{
	struct qmp *source = NULL, *destination = NULL;
	struct diagnosis d = {0};
	struct options o;
	enum tcb_error error;

	if (!parse(argc, argv, &o))
		return report_usage(&migrate_command);
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

const struct command migrate_command = {
	.name = "migrate",
	.usage = "  tcbind migrate --platform DIR --id UUID --qmp SOCKET --to-platform HOST:PORT --to-qmp SOCKET [--streams N]\n",
	.run = run,
};
