/* tcbind quote verify: one DCAP quote, judged with the collateral that is given. Exit: 0 trusted, 1 not trusted, 2 usage, 3 malformed,
 * 4 could not be judged. */
#include <getopt.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/print_checks.h"
#include "sgxsim/file.h"
#include "verify/appraise/collateral_json.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/tcb.h"

struct options {
	const char *quote, *collateral, *root;
	uint64_t at_s;
	unsigned accepted;
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

static bool parse(int argc, char **argv, struct options *ret_o)
{
	static const struct option options[] = {
		{"collateral", 1, NULL, 'c'}, {"at", 1, NULL, 't'},   {"root", 1, NULL, 'r'},
		{"accept", 1, NULL, 'a'},     {"json", 0, NULL, 'j'}, {0},
	};
	bool ok = true;
	int option;

	*ret_o = (struct options){ .at_s = (uint64_t)time(NULL), .accepted = 1u << TCB_UP_TO_DATE };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c': ret_o->collateral = optarg; break;
		case 't': ok &= parse_time(optarg, &ret_o->at_s); break;
		case 'r': ret_o->root = optarg; break;
		case 'a': ok &= parse_accept(optarg, &ret_o->accepted); break;
		case 'j': ret_o->json = true; break;
		default: return false;
		}
	}
	ret_o->quote = optind + 1 == argc ? argv[optind] : NULL;
	return ok && ret_o->quote != NULL && ret_o->collateral != NULL;
}

/* The key of the root that --root names, or Intel's. */
static enum tcb_error read_root(const char *path, struct digest256 *ret_root, struct diagnosis *d)
{
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	X509 *root = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
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

static void print_json(enum tcb_error error, const struct checks *checks, const struct quote_claims *claims)
{
	json_t *advisories = json_array();
	json_t *object;

	for (size_t i = 0; i < claims->advisory_count; i++)
		(void)json_array_append_new(advisories, json_string(claims->advisories[i]));
	object = json_pack("{s:s, s:s, s:s, s:o, s:o}", "verdict", verdict_name(error), "tee",
			   claims->tee == QUOTE_TEE_TDX ? "TDX" : "SGX", "tcb_status", tcb_status_name(claims->tcb_status),
			   "advisory_ids", advisories, "checks", checks_json(checks));
	(void)json_dumpf(object, stdout, JSON_INDENT(1));
	(void)putchar('\n');
	json_decref(object);
}

static enum tcb_error verify(const struct options *o, struct span quote, struct checks *checks,
			     struct quote_claims *claims, struct diagnosis *d)
{
	static struct collateral_memory memory;
	static struct policy policy;
	struct file_bytes file = {0};
	struct collateral collateral;
	enum tcb_error error;

	policy.root_count = 1;
	policy.accepted_statuses = o->accepted;
	TRY(read_root(o->root, &policy.roots[0], d));
	TRY(file_read(o->collateral, &file, d));
	error = collateral_json_decode(file_span(&file), &memory, &collateral, d);
	file_free(&file);
	TRY(error);
	return quote_appraise(quote, &collateral, &policy, o->at_s, checks, claims);
}

static int run(int argc, char **argv)
{
	static struct checks checks;
	struct quote_claims claims = {0};
	struct file_bytes quote = {0};
	struct diagnosis d = {0};
	struct options o;
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
	if (o.json)
		print_json(error, &checks, &claims);
	else
		print_checks(verdict_name(error), &checks);
	return verdict_status(error);
}

const struct command quote_command = {
	.name = "quote",
	.usage = "  tcbind quote verify FILE --collateral FILE [--at RFC3339] [--root FILE] [--accept STATUS,...] [--json]\n",
	.run = run,
};
