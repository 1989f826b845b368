// SPDX-License-Identifier: MIT
/* tcbind quote verify: one DCAP quote, judged with the collateral that is given. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed,
 * 4 could not be judged. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print_checks.h"
#include "sgxsim/file.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/pem.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/quote_expect.h"
#include "verify/appraise/quote_format.h"
#include "verify/appraise/tcb.h"
#include "verify/lib/collateral_file.h"
#include "verify/lib/collateral_state.h"
#include "verify/lib/internal.h"

#define DENIED_MAX 32

struct options {
	const char *quote, *collateral, *root, *state, *at, *min_evaluation, *min_root_crl, *min_pck_crl;
	struct argument_texts expected; /* NAME=VALUE */
	struct argument_texts accept_lists, denied_lists;
	bool json, all, allow_trailing;
	/* read from the texts */
	uint64_t at_s;
	struct policy policy; /* what --accept and the minimums say */
	size_t denied_count;
	const char *denied[DENIED_MAX];
};

static const struct argument verify_arguments[] = {
	{NULL, "FILE", ARGUMENT_OPERAND, offsetof(struct options, quote), "the quote"},
	{"--collateral", "FILE|DIR", ARGUMENT_REQUIRED, offsetof(struct options, collateral), "what it is judged with"},
	{"--at", "RFC3339", ARGUMENT_TEXT, offsetof(struct options, at), "judge as of this time, not of now"},
	{"--root", "FILE", ARGUMENT_TEXT, offsetof(struct options, root), "the root's certificate; without it Intel's"},
	{"--accept", "STATUS,...", ARGUMENT_TEXTS, offsetof(struct options, accept_lists), "TCB statuses beside UpToDate"},
	{"--state", "FILE", ARGUMENT_TEXT, offsetof(struct options, state), "keeps the newest collateral that was seen"},
	{"--expect", "FIELD=VALUE", ARGUMENT_TEXTS, offsetof(struct options, expected), "a field that must have this value"},
	{"--deny-advisory", "ID,...", ARGUMENT_TEXTS, offsetof(struct options, denied_lists), "advisories that must not apply"},
	{"--min-evaluation-number", "N", ARGUMENT_TEXT, offsetof(struct options, min_evaluation), "of the TCB information"},
	{"--min-root-crl-number", "N", ARGUMENT_TEXT, offsetof(struct options, min_root_crl), "of the root's CRL"},
	{"--min-pck-crl-number", "N", ARGUMENT_TEXT, offsetof(struct options, min_pck_crl), "of the PCK CRL"},
	{"--allow-trailing", NULL, ARGUMENT_FLAG, offsetof(struct options, allow_trailing), "cut off what follows the quote in FILE"},
	{"--json", NULL, ARGUMENT_FLAG, offsetof(struct options, json), "the result as JSON"},
	{"-v", NULL, ARGUMENT_FLAG, offsetof(struct options, all), "print every check, not a summary"},
	{0},
};

/* UpToDate is always accepted; Revoked and NotSupported never. */
static bool parse_accept(const char *list, unsigned *ret_accepted)
{
	for (;;) {
		size_t size = strcspn(list, ",");
		enum tcb_status status;

		if (!tcb_status_parse(span_of(list, size), &status) || status >= TCB_REVOKED)
			return false;
		*ret_accepted |= 1u << status;
		if (list[size] == '\0')
			return true;
		list += size + 1;
	}
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
static bool check_expect(const char *text)
{
	static struct checks scratch;
	static const struct quote_claims none;
	char name[32];
	const char *equals = strchr(text, '=');
	bool passed;

	scratch = (struct checks){0};
	return equals != NULL && (size_t)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text) < sizeof name &&
	       quote_expect(&none, name, span_of_text(equals + 1), &scratch, &passed) == TCB_OK;
}

static bool parse_deny(const char *list, struct options *o)
{
	char *rest = strdup(list), *name; /* kept: `denied` points into it */

	while ((name = strsep(&rest, ",")) != NULL) {
		if (o->denied_count == DENIED_MAX || name[0] == '\0')
			return false;
		o->denied[o->denied_count++] = name;
	}
	return true;
}

static bool parse_lists(const struct command *command, struct options *o)
{
	for (size_t i = 0; i < o->accept_lists.count; i++)
		if (!parse_accept(o->accept_lists.texts[i], &o->policy.accepted_statuses))
			return report_usage_error(command, "--accept: '%s' has a status that cannot be accepted",
						  o->accept_lists.texts[i]), false;
	for (size_t i = 0; i < o->denied_lists.count; i++)
		if (!parse_deny(o->denied_lists.texts[i], o))
			return report_usage_error(command, "--deny-advisory: '%s' is no list of at most %d names",
						  o->denied_lists.texts[i], DENIED_MAX), false;
	for (size_t i = 0; i < o->expected.count; i++)
		if (!check_expect(o->expected.texts[i]))
			return report_usage_error(command, "--expect: '%s' is no field with a value of its form",
						  o->expected.texts[i]), false;
	return true;
}

static bool parse_minimums(const struct command *command, struct options *o)
{
	if (o->min_evaluation != NULL && !parse_minimum(o->min_evaluation, &o->policy.min_tcb_evaluation_number))
		return report_usage_error(command, "--min-evaluation-number: '%s' is no such number", o->min_evaluation), false;
	if (o->min_root_crl != NULL && !parse_number(o->min_root_crl, INT64_MAX, &o->policy.min_root_crl_number))
		return report_usage_error(command, "--min-root-crl-number: '%s' is no such number", o->min_root_crl), false;
	if (o->min_pck_crl != NULL && !parse_number(o->min_pck_crl, INT64_MAX, &o->policy.min_pck_crl_number))
		return report_usage_error(command, "--min-pck-crl-number: '%s' is no such number", o->min_pck_crl), false;
	return true;
}

static bool parse(const struct command *command, int argc, char **argv, struct options *o)
{
	o->at_s = (uint64_t)time(NULL);
	o->policy.accepted_statuses = 1u << TCB_UP_TO_DATE;
	if (!arguments_parse(command, argc, argv, o))
		return false;
	if (o->at != NULL && !parse_time(o->at, &o->at_s))
		return report_usage_error(command, "--at: '%s' is no time like 2026-01-31T12:00:00Z", o->at), false;
	return parse_lists(command, o) && parse_minimums(command, o);
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

	for (size_t i = 0; i < o->expected.count; i++) {
		const char *text = o->expected.texts[i], *equals = strchr(text, '=');
		char name[32];

		(void)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
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
		print_result(result, "", o->all);
	tcbind_result_free(result);
	return status;
}

static struct span quote_of(const struct options *o, const struct file_bytes *file)
{
	return span_of(file->data, file->size - (o->allow_trailing ? quote_trailing_size(file_span(file)) : 0));
}

static int run(const struct command *command, int argc, char **argv)
{
	static struct checks checks;
	static struct quote_claims claims;
	static struct options o;
	struct file_bytes quote = {0};
	struct diagnosis d = {0};
	enum tcb_error error;

	if (!parse(command, argc, argv, &o))
		return EXIT_USAGE;
	error = file_read(o.quote, &quote, &d);
	if (error == TCB_OK)
		error = verify(&o, quote_of(&o, &quote), &checks, &claims, &d);
	file_free(&quote);
	if (d.code[0] != '\0') { /* a file, not the quote */
		(void)report_failure(error, &d);
		return error == TCB_MALFORMED ? 3 : 4;
	}
	return print_quote(&o, error, &checks, &claims);
}

const struct command quote_commands[] = {
	{"quote verify", "judges one DCAP quote with the collateral that is given", verify_arguments, run},
	{0},
};
