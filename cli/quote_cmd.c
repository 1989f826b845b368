// SPDX-License-Identifier: MIT
/* tcbind quote verify: one DCAP quote, judged with the collateral that is given. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed,
 * 4 could not be judged. */
#include <getopt.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/print_checks.h"
#include "sgxsim/file.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/pem.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/quote_expect.h"
#include "verify/appraise/tcb.h"
#include "verify/lib/collateral_file.h"
#include "verify/lib/collateral_state.h"
#include "verify/lib/internal.h"

#define EXPECTATIONS_MAX 32

struct options {
	const char *quote, *collateral, *root, *state;
	uint64_t at_s;
	struct policy policy; /* what --accept and the minimums say */
	size_t expectation_count, denied_count;
	char *expected[EXPECTATIONS_MAX]; /* NAME=VALUE */
	char *denied[EXPECTATIONS_MAX];
	bool json;
};

/* UpToDate is always accepted; Revoked and NotSupported never. */
static bool parse_accept(char *list, unsigned *ret_accepted)
{
	enum tcb_status status;
	char *rest = list, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (!tcb_status_parse(span_of_text(name), &status) || status >= TCB_REVOKED)
			return false;
		*ret_accepted |= 1u << status;
	}
	return true;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 19)
		return false;
	*ret_number = strtoull(text, &end, 10);
	return *end == '\0' && *ret_number <= max;
}

static bool parse_minimum(const char *text, uint32_t *ret_number)
{
	uint64_t number = 0;
	bool ok = parse_number(text, UINT32_MAX, &number);

	*ret_number = (uint32_t)number;
	return ok;
}

/* The field's name and value are there; quote_expect() knows which. */
static bool parse_expect(char *text, struct options *o)
{
	static struct checks scratch;
	static const struct quote_claims none;
	char name[32];
	char *equals = strchr(text, '=');
	bool passed;

	scratch = (struct checks){0};
	if (equals == NULL || o->expectation_count == EXPECTATIONS_MAX ||
	    (size_t)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text) >= sizeof name ||
	    quote_expect(&none, name, span_of_text(equals + 1), &scratch, &passed) != TCB_OK)
		return false;
	o->expected[o->expectation_count++] = text;
	return true;
}

static bool parse_deny(char *list, struct options *o)
{
	char *rest = list, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (o->denied_count == EXPECTATIONS_MAX || name[0] == '\0')
			return false;
		o->denied[o->denied_count++] = name;
	}
	return true;
}

static bool parse_option(int option, char *value, struct options *o)
{
	switch (option) {
	case 'c': o->collateral = value; return true;
	case 't': return parse_time(value, &o->at_s);
	case 'r': o->root = value; return true;
	case 'a': return parse_accept(value, &o->policy.accepted_statuses);
	case 's': o->state = value; return true;
	case 'e': return parse_expect(value, o);
	case 'd': return parse_deny(value, o);
	case 'n': return parse_minimum(value, &o->policy.min_tcb_evaluation_number);
	case 'R': return parse_number(value, INT64_MAX, &o->policy.min_root_crl_number);
	case 'P': return parse_number(value, INT64_MAX, &o->policy.min_pck_crl_number);
	case 'j': o->json = true; return true;
	default: return false;
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"collateral", 1, NULL, 'c'}, {"at", 1, NULL, 't'}, {"root", 1, NULL, 'r'}, {"accept", 1, NULL, 'a'},
		{"state", 1, NULL, 's'}, {"expect", 1, NULL, 'e'}, {"deny-advisory", 1, NULL, 'd'},
		{"min-evaluation-number", 1, NULL, 'n'}, {"min-root-crl-number", 1, NULL, 'R'},
		{"min-pck-crl-number", 1, NULL, 'P'}, {"json", 0, NULL, 'j'}, {0},
	};
	int option;

	o->at_s = (uint64_t)time(NULL);
	o->policy.accepted_statuses = 1u << TCB_UP_TO_DATE;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!parse_option(option, optarg, o))
			return false;
	o->quote = optind + 1 == argc ? argv[optind] : NULL;
	return o->quote != NULL && o->collateral != NULL;
}

/* The key of the root that --root names, or Intel's. */
static enum tcb_error read_root(const char *path, struct digest256 *ret_root, struct diagnosis *d)
{
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	X509 *root = f != NULL ? PEM_read_X509(f, NULL, pem_no_passphrase, NULL) : NULL;
	enum tcb_error error = TCB_MALFORMED;

	if (f != NULL)
		(void)fclose(f);
	*ret_root = intel_root_spki;
	if (path == NULL)
		return TCB_OK;
	if (root != NULL)
		error = x509_spki_digest(root, ret_root);
	X509_free(root);
	return error == TCB_OK ? TCB_OK
			       : diagnose_found(d, error, "quote.root.file", "a certificate in PEM",
						"name the root's certificate", "%s", path);
}

/* ---- the verdict ---- */

static bool check_expectations(const struct options *o, const struct quote_claims *claims, struct checks *checks)
{
	bool all = true, passed = false;

	for (size_t i = 0; i < o->expectation_count; i++) {
		const char *equals = strchr(o->expected[i], '=');
		char name[32];

		(void)snprintf(name, sizeof name, "%.*s", (int)(equals - o->expected[i]), o->expected[i]);
		all &= quote_expect(claims, name, span_of_text(equals + 1), checks, &passed) == TCB_OK && passed;
	}
	for (size_t i = 0; i < o->denied_count; i++)
		all &= quote_expect_no_advisory(claims, o->denied[i], checks);
	return all;
}

/* With the state locked: judged by it, and raised after a pass of all. */
static enum tcb_error verify_with_state(const struct options *o, struct span quote, const struct collateral *collateral,
					struct checks *checks, struct quote_claims *claims, struct diagnosis *d)
{
	static struct collateral_state state;
	enum tcb_error error;

	if (o->state != NULL)
		TRY(collateral_state_open(o->state, &state, d));
	error = quote_appraise(quote, collateral, &o->policy, o->at_s, checks, claims);
	if (error != TCB_MALFORMED && !check_expectations(o, claims, checks) && error == TCB_OK)
		error = TCB_REFUSED;
	if (o->state == NULL)
		return error;
	if (error == TCB_OK && !collateral_seen_check(&state.seen, &claims->marks, checks))
		error = TCB_REFUSED;
	if (error == TCB_OK)
		error = collateral_state_raise(&state, &claims->marks, d);
	collateral_state_close(&state);
	return error;
}

static enum tcb_error verify(struct options *o, struct span quote, struct checks *checks, struct quote_claims *claims,
			     struct diagnosis *d)
{
	static struct collateral_memory memory;
	struct collateral collateral;

	o->policy.root_count = 1;
	TRY(read_root(o->root, &o->policy.roots[0], d));
	TRY(collateral_load(o->collateral, &memory, &collateral, d));
	return verify_with_state(o, quote, &collateral, checks, claims, d);
}

static int print_quote(const struct options *o, enum tcb_error error, const struct checks *checks, const struct quote_claims *claims)
{
	static struct tcbind_policy policy; /* that it was judged by options, and not by a file, nothing printed here tells */
	const struct finding finding = { .error = error, .checks = checks, .quote = claims, .policy = &policy, .time_s = o->at_s };
	struct tcbind_result *result = result_new(&finding);
	int status = TCBIND_NOT_JUDGED;

	if (result == NULL)
		return status;
	status = (int)tcbind_result_verdict(result);
	if (o->json)
		status = print_result_json(result);
	else
		print_result(result);
	tcbind_result_free(result);
	return status;
}

static int run(int argc, char **argv)
{
	static struct checks checks;
	static struct quote_claims claims;
	static struct options o;
	struct file_bytes quote = {0};
	struct diagnosis d = {0};
	enum tcb_error error;

	if (argc < 2 || strcmp(argv[1], "verify") != 0 || !parse(argc - 1, argv + 1, &o))
		return report_usage(&quote_command);
	error = file_read(o.quote, &quote, &d);
	if (error == TCB_OK)
		error = verify(&o, file_span(&quote), &checks, &claims, &d);
	file_free(&quote);
	if (d.code[0] != '\0') { /* a file, not the quote */
		(void)report_failure(error, &d);
		return error == TCB_MALFORMED ? 3 : 4;
	}
	return print_quote(&o, error, &checks, &claims);
}

const struct command quote_command = {
	.name = "quote",
	.usage = "  tcbind quote verify FILE --collateral FILE|DIR [--at RFC3339] [--root FILE] [--accept STATUS,...] [--state FILE]\n"
		 "                      [--expect FIELD=VALUE]... [--deny-advisory ID,...] [--min-evaluation-number N]\n"
		 "                      [--min-root-crl-number N] [--min-pck-crl-number N] [--json]\n",
	.run = run,
};
