/* tcbind verify: the requester's question answered. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed, 4 could not be judged. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/print_checks.h"
#include "sgxsim/file.h"
#include "verify/appraise/evidence.h"

struct options {
	const char *evidence, *policy;
	uint8_t nonce[LIMIT_NONCE];
	size_t nonce_size;
	uint64_t at_s;
	bool json;
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
		{"policy", 1, NULL, 'p'}, {"nonce", 1, NULL, 'n'}, {"at", 1, NULL, 't'}, {"json", 0, NULL, 'j'}, {0},
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
		default: return false;
		}
	}
	ret_o->evidence = optind + 1 == argc ? argv[optind] : NULL;
	return ok && ret_o->evidence != NULL && ret_o->policy != NULL;
}

static void id_text(const struct uuid *id, char ret_text[37])
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof id->bytes; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret_text[at++] = '-';
		(void)snprintf(ret_text + at, 3, "%02x", id->bytes[i]);
		at += 2;
	}
}

static void print_json(enum tcb_error error, const struct checks *checks, const struct evidence_claims *claims)
{
	const char *source = claims->platform.ak.ak_source == AK_SOURCE_MSR	  ? "msr"
			     : claims->platform.ak.ak_source == AK_SOURCE_ENROLLED ? "enrolled"
										   : "";
	char id[37];
	json_t *object;

	id_text(&claims->request.id, id);
	object = json_pack("{s:s, s:{s:s}, s:{s:s, s:I}, s:s, s:o}", "verdict", verdict_name(error), "platform", "name",
			   claims->platform_name, "vtpm", "id", id, "generation", (json_int_t)claims->request.generation,
			   "ak_source", source, "checks", checks_json(checks));
	(void)json_dumpf(object, stdout, JSON_INDENT(1));
	(void)putchar('\n');
	json_decref(object);
}

static void print_text(enum tcb_error error, const struct checks *checks, const struct evidence_claims *claims)
{
	char id[37];

	id_text(&claims->request.id, id);
	print_checks(verdict_name(error), checks);
	if (error == TCB_OK)
		(void)printf("vTPM %s, generation %llu, is on platform %s (AK source %s)\n", id,
			     (unsigned long long)claims->request.generation, claims->platform_name,
			     claims->platform.ak.ak_source == AK_SOURCE_MSR ? "msr" : "enrolled");
}

static int run(int argc, char **argv)
{
	static struct policy policy;
	static struct checks checks;
	static struct evidence_claims claims;
	struct file_bytes evidence = {0}, policy_file = {0};
	struct diagnosis d = {0};
	struct options o;
	enum tcb_error error;

	if (!parse(argc, argv, &o))
		return report_usage(&verify_command);
	error = file_read(o.policy, &policy_file, &d);
	if (error == TCB_OK)
		error = policy_decode(file_span(&policy_file), &policy, &d);
	if (error == TCB_OK)
		error = file_read(o.evidence, &evidence, &d);
	if (error != TCB_OK) {
		(void)report_failure(error, &d);
		return error == TCB_MALFORMED ? 3 : 4;
	}
	error = evidence_appraise(file_span(&evidence), &policy, span_of(o.nonce, o.nonce_size), span_of(NULL, 0), o.at_s,
				  &checks, &claims);
	if (o.json)
		print_json(error, &checks, &claims);
	else
		print_text(error, &checks, &claims);
	file_free(&evidence);
	file_free(&policy_file);
	return verdict_status(error);
}

const struct command verify_command = {
	.name = "verify",
	.usage = "  tcbind verify FILE --policy FILE [--nonce HEX] [--at RFC3339] [--json]\n",
	.run = run,
};
