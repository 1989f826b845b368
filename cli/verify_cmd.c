// SPDX-License-Identifier: MIT
/* tcbind verify: the requester's question answered. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed, 4 could not be judged. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/print_checks.h"
#include "core/limits.h"
#include "sgxsim/file.h"

struct options {
	const char *evidence, *policy, *key, *guest_log, *guest_ima;
	uint8_t nonce[LIMIT_NONCE];
	size_t nonce_size;
	uint64_t at_s;
	bool json;
};

/* All files that were read, and what was made of them; NULL and empty until then. */
struct inputs {
	struct file_bytes evidence, key_file, guest_log, guest_ima;
	tcbind_policy *policy;
	tcbind_key *key;
};

static bool parse_nonce(const char *hex, struct options *o)
{
	size_t size = strlen(hex) / 2;

	if (strlen(hex) % 2 != 0 || size == 0 || size > LIMIT_NONCE ||
	    strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		return false;
	for (size_t i = 0; i < size; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		o->nonce[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	o->nonce_size = size;
	return true;
}

static bool parse(int argc, char **argv, struct options *ret_o)
{
	static const struct option options[] = {
		{"policy", 1, NULL, 'p'}, {"nonce", 1, NULL, 'n'}, {"at", 1, NULL, 't'},
		{"json", 0, NULL, 'j'},	  {"ear", 1, NULL, 'e'},   {"guest-log", 1, NULL, 'l'}, {"guest-ima", 1, NULL, 'i'}, {0},
	};
	bool ok = true;
	int option;

	*ret_o = (struct options){ .at_s = (uint64_t)time(NULL) };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': ret_o->policy = optarg; break;
		case 'n': ok &= parse_nonce(optarg, ret_o); break;
		case 't': ok &= parse_time(optarg, &ret_o->at_s); break;
		case 'j': ret_o->json = true; break;
		case 'e': ret_o->key = optarg; break;
		case 'l': ret_o->guest_log = optarg; break;
		case 'i': ret_o->guest_ima = optarg; break;
		default: return false;
		}
	}
	ret_o->evidence = optind + 1 == argc ? argv[optind] : NULL;
	return ok && ret_o->evidence != NULL && ret_o->policy != NULL && !(ret_o->json && ret_o->key != NULL);
}

static enum tcbind_error read_file(const char *path, struct file_bytes *ret_file, struct tcbind_failure *f)
{
	struct diagnosis d = {0};

	if (file_read(path, ret_file, &d) == TCB_OK)
		return TCBIND_OK;
	(void)snprintf(f->code, sizeof f->code, "%s", d.code);
	(void)snprintf(f->found, sizeof f->found, "%s", d.found);
	(void)snprintf(f->wanted, sizeof f->wanted, "%s", d.wanted);
	(void)snprintf(f->action, sizeof f->action, "%s", d.action);
	return TCBIND_ERROR_FILE;
}

/* Of the guest: an empty one would be taken for none. */
static enum tcbind_error read_log(const char *path, struct file_bytes *ret_file, struct tcbind_failure *f)
{
	enum tcbind_error error = path != NULL ? read_file(path, ret_file, f) : TCBIND_OK;

	if (error != TCBIND_OK || path == NULL || ret_file->size > 0)
		return error;
	(void)snprintf(f->code, sizeof f->code, "guest.log.empty");
	(void)snprintf(f->found, sizeof f->found, "%.200s: an empty file", path);
	(void)snprintf(f->wanted, sizeof f->wanted, "a log with events");
	(void)snprintf(f->action, sizeof f->action, "take the log from the guest again, as root, or leave the option out");
	return TCBIND_ERROR_FILE;
}

static enum tcbind_error read_inputs(const struct options *o, struct inputs *in, struct tcbind_failure *f)
{
	enum tcbind_error error = tcbind_policy_load(o->policy, &in->policy, f);

	if (error == TCBIND_OK && o->key != NULL)
		error = read_file(o->key, &in->key_file, f);
	if (error == TCBIND_OK && o->key != NULL)
		error = tcbind_key_parse(in->key_file.data, in->key_file.size, &in->key, f);
	if (error == TCBIND_OK)
		error = read_log(o->guest_log, &in->guest_log, f);
	if (error == TCBIND_OK)
		error = read_log(o->guest_ima, &in->guest_ima, f);
	if (error == TCBIND_OK)
		error = read_file(o->evidence, &in->evidence, f);
	return error;
}

static void print_text(const tcbind_result *result)
{
	const struct tcbind_claims *c = tcbind_result_claims(result);

	print_result(result);
	if (tcbind_result_verdict(result) == TCBIND_TRUSTED)
		(void)printf("vTPM %s, generation %llu, is on platform %s (AK source %s)\n", c->vtpm_id,
			     (unsigned long long)c->generation, c->platform_name, c->ak_source);
}

static int print_ear(const tcbind_result *result, const tcbind_key *key)
{
	char *jwt;

	if (tcbind_result_ear(result, key, (uint64_t)time(NULL), &jwt) != TCBIND_OK)
		return TCBIND_NOT_JUDGED;
	(void)puts(jwt);
	tcbind_text_free(jwt);
	return (int)tcbind_result_verdict(result);
}

static int verify(const struct options *o, const struct inputs *in)
{
	const struct tcbind_request request = { .evidence = in->evidence.data, .evidence_size = in->evidence.size, .nonce = o->nonce,
						.nonce_size = o->nonce_size, .time_s = o->at_s,
						.guest_log = in->guest_log.data, .guest_log_size = in->guest_log.size,
						.guest_ima = in->guest_ima.data, .guest_ima_size = in->guest_ima.size };
	struct tcbind_failure failure = {0};
	tcbind_result *result = NULL;
	enum tcbind_error error = tcbind_verify(NULL, in->policy, &request, &result, &failure);
	int status;

	if (error != TCBIND_OK)
		return report_not_judged(error, &failure);
	status = (int)tcbind_result_verdict(result);
	if (o->key != NULL)
		status = print_ear(result, in->key);
	else if (o->json)
		status = print_result_json(result);
	else
		print_text(result);
	tcbind_result_free(result);
	return status;
}

static int run(int argc, char **argv)
{
	struct tcbind_failure failure = {0};
	struct inputs in = {0};
	enum tcbind_error error;
	struct options o;
	int status;

	if (!parse(argc, argv, &o))
		return report_usage(&verify_command);
	error = read_inputs(&o, &in, &failure);
	status = error == TCBIND_OK ? verify(&o, &in) : report_not_judged(error, &failure);
	tcbind_policy_free(in.policy);
	tcbind_key_free(in.key);
	file_free(&in.evidence);
	file_free(&in.key_file);
	file_free(&in.guest_log);
	file_free(&in.guest_ima);
	return status;
}

const struct command verify_command = {
	.name = "verify",
	.usage = "  tcbind verify FILE --policy FILE [--nonce HEX] [--at RFC3339] [--json | --ear KEYFILE]\n"
		 "                [--guest-log FILE] [--guest-ima FILE]\n",
	.run = run,
};
