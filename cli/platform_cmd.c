// SPDX-License-Identifier: MIT
/* tcbind platform init|run|status */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "host/config.h"
#include "host/paths.h"
#include "host/platform_run.h"
#include "sgxsim/pki.h"

/* A loopback port that is free now. */
static bool free_address(char *ret_address, size_t capacity)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
		  getsockname(fd, (struct sockaddr *)&address, &size) == 0;

	if (fd >= 0)
		(void)close(fd);
	(void)snprintf(ret_address, capacity, "127.0.0.1:%u", ntohs(address.sin_port));
	return ok;
}

static enum tcb_error set_text(char *ret_text, size_t capacity, const char *option, const char *value,
			       struct diagnosis *d)
{
	if ((size_t)snprintf(ret_text, capacity, "%s", value) < capacity && value[0] != '\0')
		return TCB_OK;
	return diagnose_found(d, TCB_LIMIT, "platform.option", "a text that fits", "use a shorter one", "%s '%s'", option,
			      value);
}

static enum tcb_error make_directories(const char *dir, struct platform_config *config, struct diagnosis *d)
{
	static const char *const names[] = { "run", "ptpm", "store", "vtpm" };
	char path[PATH_MAX];

	if (mkdir(dir, 0700) != 0 || realpath(dir, config->dir) == NULL)
		return diagnose_found(d, TCB_PLATFORM, "platform.exists", "a directory that can be made",
				      "name a new directory", "%s: %s", dir, strerror(errno));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		TRY(path_in(config->dir, names[i], path, sizeof path, d));
		if (mkdir(path, 0700) != 0)
			return TCB_PLATFORM;
	}
	return TCB_OK;
}

struct init_options {
	const char *dir, *pki, *ptpm, *listen, *name;
};

static const struct argument init_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct init_options, dir), "the directory to make"},
	{"--pki", "DIR", ARGUMENT_REQUIRED, offsetof(struct init_options, pki), "the root that certifies the processor"},
	{"--ptpm", "TCTI", ARGUMENT_TEXT, offsetof(struct init_options, ptpm), "the physical TPM; without it a software TPM stands in"},
	{"--listen", "HOST:PORT", ARGUMENT_TEXT, offsetof(struct init_options, listen), "where other platforms reach this one"},
	{"--name", "NAME", ARGUMENT_TEXT, offsetof(struct init_options, name), "what evidence calls the platform"},
	{0},
};

static enum tcb_error init(const struct init_options *o, struct diagnosis *d)
{
	struct platform_config config = {0};
	char acm[PATH_MAX], acm_sig[PATH_MAX + 8], address[LIMIT_ADDRESS];
	const char *slash = strrchr(o->dir, '/');

	if (o->listen == NULL && !free_address(address, sizeof address))
		return TCB_PLATFORM;
	TRY(set_text(config.name, sizeof config.name, "--name",
		     o->name != NULL ? o->name : slash != NULL ? slash + 1 : o->dir, d));
	TRY(set_text(config.listen, sizeof config.listen, "--listen", o->listen != NULL ? o->listen : address, d));
	TRY(set_text(config.ptpm, sizeof config.ptpm, "--ptpm", o->ptpm != NULL ? o->ptpm : "swtpm", d));
	TRY(path_program("acm.enclave", acm, sizeof acm, d));
	(void)snprintf(acm_sig, sizeof acm_sig, "%s.sig", acm);
	TRY(make_directories(o->dir, &config, d));
	TRY(processor_fuse(config.dir, o->pki, acm_sig, d));
	return config_write(&config, d);
}

static int run_init(const struct command *command, int argc, char **argv)
{
	struct init_options o = {0};
	struct diagnosis d = {0};
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = init(&o, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	report_done("made %s: a platform that does not run yet\nnext: tcbind platform run %s", o.dir, o.dir);
	return 0;
}

struct run_options {
	const char *dir, *idle_exit;
};

static const struct argument run_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct run_options, dir), "the platform"},
	{"--idle-exit", "SECONDS", ARGUMENT_TEXT, offsetof(struct run_options, idle_exit), "end after so long without use"},
	{0},
};

static int run_run(const struct command *command, int argc, char **argv)
{
	struct run_options o = {0};
	struct diagnosis d = {0};
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (o.idle_exit != NULL && (strlen(o.idle_exit) > 8 || strspn(o.idle_exit, "0123456789") != strlen(o.idle_exit)))
		return report_usage_error(command, "--idle-exit: '%s' is no number of seconds", o.idle_exit);
	error = platform_run(o.dir, o.idle_exit, &d);
	return error == TCB_OK ? 0 : report_failure(error, &d);
}

static void print_status(const json_t *platform)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)platform, key, value) {
		if (json_is_string(value))
			(void)printf("%-13s %s\n", key, json_string_value(value));
		else if (json_is_integer(value))
			(void)printf("%-13s %lld\n", key, (long long)json_integer_value(value));
		else
			(void)printf("%-13s %s\n", key, json_string_value(json_object_get(value, "mrenclave")));
	}
}

struct status_options {
	const char *dir;
	bool json;
};

static const struct argument status_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct status_options, dir), "the platform, which runs"},
	{"--json", NULL, ARGUMENT_FLAG, offsetof(struct status_options, json), "the same as JSON"},
	{0},
};

static int run_status(const struct command *command, int argc, char **argv)
{
	struct status_options o = {0};
	struct diagnosis d = {0};
	json_t *platform;
	enum tcb_error error;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = http_json(o.dir, "GET", "/v1/platform", NULL, &platform, &d);
	if (error != TCB_OK)
		return report_failure(error, &d);
	if (o.json) {
		(void)json_dumpf(platform, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else {
		print_status(platform);
	}
	json_decref(platform);
	return 0;
}

const struct command platform_commands[] = {
	{"platform init", "makes a platform: a directory with a simulated processor", init_arguments, run_init},
	{"platform run", "boots a platform, says `ready`, and stays until SIGTERM", run_arguments, run_run},
	{"platform status", "what a platform that runs says of itself", status_arguments, run_status},
	{0},
};
