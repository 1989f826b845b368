// SPDX-License-Identifier: MIT
/* tcbind platform init|run|status */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool parse_init(int argc, char **argv, struct init_options *ret_o)
{
	static const struct option options[] = {
		{"pki", 1, NULL, 'k'}, {"ptpm", 1, NULL, 't'}, {"listen", 1, NULL, 'l'}, {"name", 1, NULL, 'n'}, {0},
	};
	int option;

	*ret_o = (struct init_options){ .ptpm = "swtpm" };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'k': ret_o->pki = optarg; break;
		case 't': ret_o->ptpm = optarg; break;
		case 'l': ret_o->listen = optarg; break;
		case 'n': ret_o->name = optarg; break;
		default: return false;
		}
	}
	ret_o->dir = optind + 1 == argc ? argv[optind] : NULL;
	return ret_o->dir != NULL && ret_o->pki != NULL;
}

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
	TRY(set_text(config.ptpm, sizeof config.ptpm, "--ptpm", o->ptpm, d));
	TRY(path_program("acm.enclave", acm, sizeof acm, d));
	(void)snprintf(acm_sig, sizeof acm_sig, "%s.sig", acm);
	TRY(make_directories(o->dir, &config, d));
	TRY(processor_fuse(config.dir, o->pki, acm_sig, d));
	return config_write(&config, d);
}

static int status(const char *dir, bool as_json)
{
	struct diagnosis d = {0};
	json_t *platform;
	enum tcb_error error = http_json(dir, "GET", "/v1/platform", NULL, &platform, &d);
	const char *key;
	json_t *value;

	if (error != TCB_OK)
		return report_failure(error, &d);
	if (as_json) {
		(void)json_dumpf(platform, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else {
		json_object_foreach(platform, key, value) {
			if (json_is_string(value))
				(void)printf("%-13s %s\n", key, json_string_value(value));
			else if (json_is_integer(value))
				(void)printf("%-13s %lld\n", key, (long long)json_integer_value(value));
			else
				(void)printf("%-13s %s\n", key, json_string_value(json_object_get(value, "mrenclave")));
		}
	}
	json_decref(platform);
	return 0;
}

static int run(int argc, char **argv)
{
	struct init_options o;
	struct diagnosis d = {0};
	enum tcb_error error;

	if (argc >= 2 && strcmp(argv[1], "init") == 0) {
		if (!parse_init(argc - 1, argv + 1, &o))
			return report_usage(&platform_command);
		error = init(&o, &d);
	} else if ((argc == 3 || (argc == 5 && strcmp(argv[3], "--idle-exit") == 0)) && strcmp(argv[1], "run") == 0) {
		error = platform_run(argv[2], argc == 5 ? argv[4] : NULL, &d);
	} else if ((argc == 3 || (argc == 4 && strcmp(argv[3], "--json") == 0)) && strcmp(argv[1], "status") == 0) {
		return status(argv[2], argc == 4);
	} else {
		return report_usage(&platform_command);
	}
	return error == TCB_OK ? 0 : report_failure(error, &d);
}

const struct command platform_command = {
	.name = "platform",
	.usage = "  tcbind platform init DIR --pki DIR [--ptpm TCTI] [--listen HOST:PORT] [--name NAME]\n"
		 "  tcbind platform run DIR [--idle-exit SECONDS]\n"
		 "  tcbind platform status DIR [--json]\n",
	.run = run,
};
