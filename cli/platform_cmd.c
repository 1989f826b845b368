// SPDX-License-Identifier: MIT
/* tcbind platform init|run|status|issuer */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/staging.h"
#include "host/address.h"
#include "host/config.h"
#include "host/paths.h"
#include "host/platform_run.h"
#include "host/store.h"
#include "sgxsim/file.h"
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

static enum tcb_error make_directories(const char *dir, struct diagnosis *d)
{
	static const char *const names[] = { "", "run", "ptpm", "store", "vtpm" }; /* the first is `dir` itself */
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		TRY(path_in(dir, names[i], path, sizeof path, d));
		if (mkdir(path, 0700) != 0)
			return diagnose_found(d, TCB_PLATFORM, "file.write", "a directory that can be made",
					      "check owner and space of its parent", "%s: %s", path, strerror(errno));
	}
	return TCB_OK;
}

struct init_options {
	const char *dir, *pki, *ptpm, *listen, *name;
	bool private;
};

static const struct argument init_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct init_options, dir), "the directory to make"},
	{"--pki", "DIR", ARGUMENT_REQUIRED, offsetof(struct init_options, pki), "the root that certifies the processor"},
	{"--ptpm", "TCTI", ARGUMENT_TEXT, offsetof(struct init_options, ptpm), "the physical TPM; without it a software TPM stands in"},
	{"--listen", "HOST:PORT", ARGUMENT_TEXT, offsetof(struct init_options, listen), "where other platforms reach this one"},
	{"--name", "NAME", ARGUMENT_TEXT, offsetof(struct init_options, name), "what evidence calls the platform"},
	{"--private", NULL, ARGUMENT_FLAG, offsetof(struct init_options, private), "only for programs that bring their own sockets"},
	{0},
};

/* All that can be wrong with the options, before anything is made. */
static enum tcb_error configure(const struct init_options *o, const char *dir, struct platform_config *ret_config,
				struct diagnosis *d)
{
	const char *listen = o->listen;
	char address[LIMIT_ADDRESS];

	if (listen == NULL && !free_address(address, sizeof address))
		return diagnose_found(d, TCB_PLATFORM, "platform.port", "a free port on 127.0.0.1", "name one with --listen", "%s",
				      strerror(errno));
	TRY(set_text(ret_config->name, sizeof ret_config->name, "--name", o->name != NULL ? o->name : strrchr(dir, '/') + 1, d));
	TRY(set_text(ret_config->listen, sizeof ret_config->listen, "--listen", listen != NULL ? listen : address, d));
	TRY(set_text(ret_config->ptpm, sizeof ret_config->ptpm, "--ptpm", o->ptpm != NULL ? o->ptpm : "swtpm", d));
	TRY(config_check(ret_config, d));
	TRY(address_check_local(span_of_text(ret_config->listen), d));
	TRY(config_check_tcti(ret_config, d));
	return path_check_sockets(dir, !o->private, d);
}

static enum tcb_error fill(const char *dir, const struct init_options *o, const struct platform_config *config, struct diagnosis *d)
{
	char acm[PATH_MAX], acm_sig[PATH_MAX + 8];

	TRY(path_program("acm.enclave", acm, sizeof acm, d));
	(void)snprintf(acm_sig, sizeof acm_sig, "%s.sig", acm);
	TRY(make_directories(dir, d));
	TRY(processor_fuse(dir, o->pki, acm_sig, d));
	return config_write(dir, config, d);
}

static enum tcb_error init(const struct init_options *o, struct diagnosis *d)
{
	struct platform_config config = {0};
	struct staging s;
	enum tcb_error error;

	TRY(staging_begin(o->dir, "platform.exists", &s, d));
	error = configure(o, s.target, &config, d);
	if (error == TCB_OK)
		error = fill(s.dir, o, &config, d);
	return staging_end(&s, error, d);
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

struct issuer_options {
	const char *dir, *out;
};

static const struct argument issuer_arguments[] = {
	{NULL, "DIR", ARGUMENT_OPERAND, offsetof(struct issuer_options, dir), "the platform; it has been run"},
	{"-o", "FILE", ARGUMENT_TEXT, offsetof(struct issuer_options, out), "where the certificate goes; without it: standard output"},
	{0},
};

/* The file that the PSE had stored at its start, as PEM in memory of `bio`. */
static enum tcb_error read_issuer(const char *dir, BIO *bio, struct diagnosis *d)
{
	enum { DER_MAX = 64 * 1024 };
	char store[PATH_MAX];
	const uint8_t *at;
	struct span der;
	X509 *certificate;
	bool ok;

	TRY(path_in(dir, "store", store, sizeof store, d));
	TRY(store_get(store, "issuer", DER_MAX, &der, d));
	at = der.data;
	certificate = der.size > 0 ? d2i_X509(NULL, &at, (long)der.size) : NULL;
	ok = certificate != NULL && PEM_write_bio_X509(bio, certificate) == 1;
	X509_free(certificate);
	free((void *)(uintptr_t)der.data);
	return ok ? TCB_OK
		  : diagnose_found(d, TCB_PLATFORM, "platform.issuer", "the certificate that a platform's PSE issues under since its last boot",
				   "run the platform once: tcbind platform run DIR", "none in %s", store);
}

static enum tcb_error write_pem(const char *path, BIO *bio, struct diagnosis *d)
{
	char *pem = NULL;
	long size = BIO_get_mem_data(bio, &pem);

	if (path != NULL)
		return file_write(path, span_of(pem, (size_t)size), 0644, d);
	return fwrite(pem, 1, (size_t)size, stdout) == (size_t)size && fflush(stdout) == 0 ? TCB_OK : TCB_PLATFORM;
}

static int run_issuer(const struct command *command, int argc, char **argv)
{
	struct issuer_options o = {0};
	struct diagnosis d = {0};
	enum tcb_error error = TCB_INTERNAL;
	BIO *bio;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	bio = BIO_new(BIO_s_mem());
	if (bio != NULL)
		error = read_issuer(o.dir, bio, &d);
	if (error == TCB_OK)
		error = write_pem(o.out, bio, &d);
	BIO_free(bio);
	if (error != TCB_OK)
		return report_failure(error, &d);
	if (o.out != NULL)
		report_done("made %s: the issuer of EK certificates on %s\nnext: put it into your verifier's trust store", o.out, o.dir);
	return 0;
}

const struct command platform_commands[] = {
	{"platform init", "makes a platform: a directory with a simulated processor", init_arguments, run_init},
	{"platform run", "boots a platform, says `ready`, and stays until SIGTERM", run_arguments, run_run},
	{"platform status", "what a platform that runs says of itself", status_arguments, run_status},
	{"platform issuer", "the certificate that the platform's EK certificates are issued under, as PEM", issuer_arguments, run_issuer},
	{0},
};
