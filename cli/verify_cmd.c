// SPDX-License-Identifier: MIT
/* tcbind verify: the requester's question answered. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed, 4 could not be judged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print_checks.h"
#include "core/limits.h"
#include "sgxsim/file.h"

#define EAR_2023 "2023"

struct options {
	const char *ear_profile;
	const char *evidence, *policy, *nonce_text, *at, *key, *guest_log, *guest_ima, *custody_collateral;
	bool json, all;
	/* read from the texts */
	uint8_t nonce[LIMIT_NONCE];
	size_t nonce_size;
	uint64_t at_s;
};

static const struct argument verify_arguments[] = {
	{NULL, "FILE", ARGUMENT_OPERAND, offsetof(struct options, evidence), "the evidence"},
	{"--policy", "FILE", ARGUMENT_REQUIRED, offsetof(struct options, policy), "what it is judged by"},
	{"--nonce", "HEX", ARGUMENT_TEXT, offsetof(struct options, nonce_text), "the nonce that was asked with"},
	{"--at", "RFC3339", ARGUMENT_TEXT, offsetof(struct options, at), "judge as of this time, not of now"},
	{"--json", NULL, ARGUMENT_FLAG, offsetof(struct options, json), "the result as JSON"},
	{"--ear", "KEYFILE", ARGUMENT_TEXT, offsetof(struct options, key), "the result as a token signed with this key"},
	{"--ear-profile", "04|2023", ARGUMENT_TEXT, offsetof(struct options, ear_profile), "the token's claims: draft 04 (default), or of 2023"},
	{"--guest-log", "FILE", ARGUMENT_TEXT, offsetof(struct options, guest_log), "the guest's event log"},
	{"--guest-ima", "FILE", ARGUMENT_TEXT, offsetof(struct options, guest_ima), "the guest's IMA list"},
	{"--custody-collateral", "FILE", ARGUMENT_TEXT, offsetof(struct options, custody_collateral), "collateral of former platforms' processors"},
	{"-v", NULL, ARGUMENT_FLAG, offsetof(struct options, all), "print every check, not a summary"},
	{0},
};

/* All files that were read, and what was made of them; NULL and empty until then. */
struct inputs {
	struct file_bytes evidence, key_file, guest_log, guest_ima, custody_collateral;
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

static bool parse(const struct command *command, int argc, char **argv, struct options *ret_o)
{
	*ret_o = (struct options){ .at_s = (uint64_t)time(NULL) };
	if (!arguments_parse(command, argc, argv, ret_o))
		return false;
	if (ret_o->nonce_text != NULL && !parse_nonce(ret_o->nonce_text, ret_o))
		return report_usage_error(command, "--nonce: '%s' is not 1 to %u bytes in hex", ret_o->nonce_text, LIMIT_NONCE), false;
	if (ret_o->at != NULL && !parse_time(ret_o->at, &ret_o->at_s))
		return report_usage_error(command, "--at: '%s' is no time like 2026-01-31T12:00:00Z", ret_o->at), false;
	if (ret_o->ear_profile != NULL && strcmp(ret_o->ear_profile, "04") != 0 && strcmp(ret_o->ear_profile, EAR_2023) != 0)
		return report_usage_error(command, "--ear-profile: '%s' is not 04 or 2023", ret_o->ear_profile), false;
	if (ret_o->ear_profile != NULL && ret_o->key == NULL)
		return report_usage_error(command, "--ear-profile says how --ear writes the token, and there is no --ear"), false;
	if (ret_o->json && ret_o->key != NULL)
		return report_usage_error(command, "--json and --ear exclude one another"), false;
	return true;
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

/* The key's file; a refusal of what is in it names the file. */
static enum tcbind_error read_key(const char *path, struct inputs *in, struct tcbind_failure *f)
{
	enum tcbind_error error = tcbind_key_parse(in->key_file.data, in->key_file.size, &in->key, f);
	char found[sizeof f->found];

	if (error == TCBIND_OK)
		return TCBIND_OK;
	(void)snprintf(found, sizeof found, "%s", f->found);
	(void)snprintf(f->found, sizeof f->found, "%.120s: %.130s", path, found);
	return error;
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
		error = read_key(o->key, in, f);
	if (error == TCBIND_OK)
		error = read_log(o->guest_log, &in->guest_log, f);
	if (error == TCBIND_OK)
		error = read_log(o->guest_ima, &in->guest_ima, f);
	if (error == TCBIND_OK && o->custody_collateral != NULL)
		error = read_file(o->custody_collateral, &in->custody_collateral, f);
	if (error == TCBIND_OK)
		error = read_file(o->evidence, &in->evidence, f);
	return error;
}

/* Hand-overs that the summary tells; -v tells all that are not folded. */
enum { HAND_OVERS_TOLD = 3 };

static void tell_hand_over(FILE *to, const struct tcbind_hand_over *h)
{
	char when[TIME_TEXT_SIZE];

	time_text(h->time_s, when);
	(void)fprintf(to, "\n  %s: from %s to %s, ended generation %llu", when, h->from, h->to, (unsigned long long)h->generation);
}

static void tell_custody(FILE *to, const struct tcbind_custody *c, bool all)
{
	size_t first = all || c->hand_over_count <= HAND_OVERS_TOLD ? 0 : c->hand_over_count - HAND_OVERS_TOLD;
	uint64_t before = c->folded_count + first;

	if (c->hand_over_count == 0)
		return;
	(void)fprintf(to, "\nhanded over");
	if (before > 0)
		(void)fprintf(to, ", after %llu hand-overs before", (unsigned long long)before);
	for (size_t i = first; i < c->hand_over_count; i++)
		tell_hand_over(to, &c->hand_overs[i]);
}

static void print_text(const tcbind_result *result, bool all)
{
	const struct tcbind_claims *c = tcbind_result_claims(result);
	char *subject = NULL;
	size_t size;
	FILE *to = open_memstream(&subject, &size);

	if (to == NULL) {
		print_result(result, "", all);
		return;
	}
	if (tcbind_result_verdict(result) == TCBIND_TRUSTED) {
		(void)fprintf(to, "vTPM %s, generation %llu,\nis on platform %s (AK source %s)", c->vtpm_id, (unsigned long long)c->generation,
			      c->platform_name, c->ak_source);
		tell_custody(to, c->custody, all);
	}
	print_result(result, fclose(to) == 0 ? subject : "", all);
	free(subject);
}

static int print_ear(const tcbind_result *result, const tcbind_key *key, bool of_2023)
{
	const uint64_t now_s = (uint64_t)time(NULL);
	char *jwt;

	if ((of_2023 ? tcbind_result_ear_2023(result, key, now_s, &jwt) : tcbind_result_ear(result, key, now_s, &jwt)) != TCBIND_OK)
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
						.guest_ima = in->guest_ima.data, .guest_ima_size = in->guest_ima.size,
						.custody_collateral = in->custody_collateral.data,
						.custody_collateral_size = in->custody_collateral.size };
	struct tcbind_failure failure = {0};
	tcbind_result *result = NULL;
	enum tcbind_error error = tcbind_verify(NULL, in->policy, &request, &result, &failure);
	int status;

	if (error != TCBIND_OK)
		return report_not_judged(error, &failure);
	status = (int)tcbind_result_verdict(result);
	if (o->key != NULL)
		status = print_ear(result, in->key, o->ear_profile != NULL && strcmp(o->ear_profile, EAR_2023) == 0);
	else if (o->json)
		status = print_result_json(result);
	else
		print_text(result, o->all);
	tcbind_result_free(result);
	return status;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct tcbind_failure failure = {0};
	struct inputs in = {0};
	enum tcbind_error error;
	struct options o;
	int status;

	if (!parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = read_inputs(&o, &in, &failure);
	status = error == TCBIND_OK ? verify(&o, &in) : report_not_judged(error, &failure);
	tcbind_policy_free(in.policy);
	tcbind_key_free(in.key);
	file_free(&in.evidence);
	file_free(&in.key_file);
	file_free(&in.guest_log);
	file_free(&in.guest_ima);
	file_free(&in.custody_collateral);
	return status;
}

const struct command verify_commands[] = {
	{"verify", "judges evidence by a policy", verify_arguments, run},
	{0},
};
