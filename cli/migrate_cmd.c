// SPDX-License-Identifier: MIT
/* tcbind migrate: moves a whole running VM with its vTPM. Drives both QEMUs by QMP; the destination's was started with
 * `-incoming defer`. `return-path` is on at both ends, so that a vTPM refused there lets the guest go on here. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/qmp.h"
#include "core/limits.h"
#include "host/address.h"

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

/* ---- before QEMU is asked for anything ---- */

/* What to do about a vTPM that does not run here. */
static const char *advice_for(const char *state)
{
	static const char *const advice[][2] = {
		{"moved", "it was handed over: name the platform that it is on now"},
		{"escrowed", "its hand-over is under way: see whether it arrives, or start the VM here again"},
		{"incoming", "it has not arrived here yet: migrate it from where it runs"},
		{"refused", "see `tcbind vtpm show` and the daemon's log for why its state is refused"},
	};

	for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++)
		if (strcmp(advice[i][0], state) == 0)
			return advice[i][1];
	return "start the VM, or see where its vTPM is with `tcbind vtpm show`";
}

/* The vTPM must be one that runs here. */
static enum tcb_error check_vtpm(const struct options *o, struct diagnosis *d)
{
	char path[64];
	json_t *vtpm;
	const char *state;
	enum tcb_error error = TCB_OK;

	(void)snprintf(path, sizeof path, "/v1/vtpms/%.36s", o->id);
	TRY(http_json(o->platform, "GET", path, NULL, &vtpm, d));
	state = json_string_value(json_object_get(vtpm, "state"));
	state = state != NULL ? state : "unknown";
	if (strcmp(state, "running") != 0)
		error = diagnose_found(d, TCB_WRONG_STATE, "migrate.state", "a running vTPM", advice_for(state), "vTPM %s is %s",
				       o->id, state);
	json_decref(vtpm);
	return error;
}

/* The address at which a platform of this machine listens, where there is one at `dir`. */
static bool address_of(const char *dir, char *ret_address, size_t capacity)
{
	struct diagnosis d = {0};
	json_t *platform;
	const char *address;
	bool ok;

	if (http_json(dir, "GET", "/v1/platform", NULL, &platform, &d) != TCB_OK)
		return false;
	address = json_string_value(json_object_get(platform, "mige_address"));
	ok = address != NULL && (size_t)snprintf(ret_address, capacity, "%s", address) < capacity;
	json_decref(platform);
	return ok;
}

/* The platform whose vTPM `id` is named in the text by its control socket, "path=DIR/vtpm/UUID/ctrl.sock". */
static bool platform_in(const char *text, const char *id, char *ret_dir, size_t capacity)
{
	char ending[64];
	const char *end, *start;

	(void)snprintf(ending, sizeof ending, "/vtpm/%.36s/ctrl.sock", id);
	end = strcasestr(text, ending);
	for (start = end; start != NULL && start > text && start[-1] != '=' && start[-1] != ':'; start--)
		;
	return end != NULL && (size_t)snprintf(ret_dir, capacity, "%.*s", (int)(end - start), start) < capacity;
}

/* Whether the QEMU that waits has the place of this vTPM on a platform of this machine; then that platform's address. QEMU's monitor
 * does not tell the path of a socket that it has connected to, its command line does. */
static bool ask_destination(const struct qmp *destination, const char *id, char *ret_address, size_t capacity)
{
	char path[64], dir[PATH_MAX];
	char *argument = NULL;
	size_t size = 0;
	bool found = false;
	FILE *arguments;

	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)qmp_peer(destination));
	arguments = fopen(path, "re");
	while (arguments != NULL && !found && getdelim(&argument, &size, '\0', arguments) > 0)
		found = platform_in(argument, id, dir, sizeof dir);
	free(argument);
	if (arguments != NULL)
		(void)fclose(arguments);
	return found && address_of(dir, ret_address, capacity);
}

static enum tcb_error another(const struct options *o, const char *found, const char *address, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "migrate.destination", "the address of the platform that the destination's vTPM is on",
			      "correct --to-platform, or --to-qmp", "--to-platform %s, where %s %s", o->to_platform, found, address);
}

/* --to-platform must be where the destination QEMU's vTPM is, as far as can be seen from here: the Migration Enclaves find one
 * another by the address in the vTPM's state, and judge each other themselves. */
static enum tcb_error check_destination(const struct options *o, struct qmp *destination, struct diagnosis *d)
{
	const struct span wanted = span_of_text(o->to_platform);
	char address[LIMIT_ADDRESS + 1];
	int fd;

	if (address_of(o->platform, address, sizeof address) && address_same(span_of_text(address), wanted))
		return another(o, "the source itself listens,", address, d);
	if (ask_destination(destination, o->id, address, sizeof address))
		return address_same(span_of_text(address), wanted) ? TCB_OK
								   : another(o, "the destination's platform does not listen, but at", address, d);
	TRY(address_connect(wanted, &fd, d));
	(void)close(fd);
	return TCB_OK;
}

/* ---- the move ---- */

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
	error = address_check(span_of_text(o.to_platform), &d);
	if (error == TCB_OK)
		error = check_vtpm(&o, &d);
	if (error == TCB_OK)
		error = qmp_open(o.qmp, &source, &d);
	if (error == TCB_OK)
		error = qmp_open(o.to_qmp, &destination, &d);
	if (error == TCB_OK)
		error = check_destination(&o, destination, &d);
	if (error == TCB_OK)
		error = move(&o, source, destination, &d);
	if (source != NULL)
		qmp_close(source);
	if (destination != NULL)
		qmp_close(destination);
	if (error != TCB_OK)
		return report_failure(error, &d);
	report_done("moved vTPM %s and its VM to %s\nnext: end the QEMU that is left here; delete its vTPM here when you like", o.id,
		    o.to_platform);
	return 0;
}

const struct command migrate_commands[] = {
	{"migrate", "moves a running VM with its vTPM to another platform", migrate_arguments, run},
	{0},
};
