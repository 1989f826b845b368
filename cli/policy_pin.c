// SPDX-License-Identifier: MIT
/* tcbind policy from-evidence: pins what known-good evidence shows. Each evidence must pass all checks under a policy that accepts only
 * what it shows of itself: evidence that contradicts itself pins nothing. */
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/hex_json.h"
#include "cli/policy.h"
#include "edge/cose.h"
#include "sgxsim/file.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/tcb.h"

struct seen {
	const char *path;
	struct file_bytes file;
	struct evidence_claims claims;
	struct span root_der; /* of the collateral in the evidence */
};

/* What this one evidence shows of itself, unjudged: the policy that it must then pass. */
static enum tcb_error self_policy(struct seen *s, struct policy *ret_policy)
{
	struct p256_signature signature;
	struct endorsement endorsement;
	struct collateral collateral;
	struct quote_claims quote;
	struct certified_ak ak;
	static struct checks scratch;
	struct evidence e;
	struct span payload;

	policy_default(ret_policy);
	TRY(cose_sign1_decode(file_span(&s->file), EVIDENCE_TYPE, &payload, &signature));
	TRY(evidence_decode(payload, &e));
	TRY(certified_ak_decode(e.parts[EVIDENCE_CERTIFIED_AK], &ak));
	TRY(collateral_decode(e.parts[EVIDENCE_COLLATERAL], &collateral));
	s->root_der = collateral.root_certificate;
	TRY(quote_peek_root(ak.quote, &ret_policy->roots[0]));
	ret_policy->root_count = 1;
	ret_policy->accepted_statuses = (1u << TCB_REVOKED) - 1;
	ret_policy->require_nonce = false; /* what is pinned need not be fresh; what is judged by it must be */
	ret_policy->accept_enrolled = true;
	ret_policy->accept_imported = true;
	scratch = (struct checks){0};
	if (quote_appraise(ak.quote, &collateral, ret_policy, (uint64_t)time(NULL), &scratch, &quote) != TCB_OK)
		return TCB_REFUSED;
	TRY(cose_sign1_decode(e.parts[EVIDENCE_ENDORSEMENT], ENDORSEMENT_TYPE, &payload, &signature));
	TRY(endorsement_decode(payload, &endorsement));
	ret_policy->enclaves[0] = (struct policy_enclave){ .role = ROLE_PSE, .has_mrenclave = true };
	memcpy(ret_policy->enclaves[0].mrenclave, quote.enclave.mrenclave, 32);
	ret_policy->enclaves[1] = (struct policy_enclave){ .role = ROLE_VTPM, .has_mrenclave = true };
	memcpy(ret_policy->enclaves[1].mrenclave, endorsement.enclave.mrenclave, 32);
	ret_policy->enclave_count = 2;
	return TCB_OK;
}

static enum tcb_error look(const char *path, struct seen *s, struct diagnosis *d)
{
	static struct policy policy;
	static struct checks checks;
	struct evidence_inputs in;
	const struct check *failed;

	s->path = path;
	TRY(file_read(path, &s->file, d));
	checks = (struct checks){0};
	in = (struct evidence_inputs){ .evidence = file_span(&s->file), .now_s = (uint64_t)time(NULL) };
	if (self_policy(s, &policy) == TCB_OK && evidence_appraise(&in, &policy, &checks, &s->claims) == TCB_OK)
		return TCB_OK;
	failed = checks_first_failure(&checks);
	return diagnose_found(d, TCB_REFUSED, "policy.evidence", "evidence that is good in itself",
			      "ask for evidence again; do not pin this", "%s: %s", path,
			      failed != NULL ? failed->code : "not evidence, or its own quote does not check");
}

/* ---- the policy ---- */

/* Appends unless an equal one is there. */
static void append_once(json_t *list, json_t *value)
{
	size_t i;
	json_t *before;

	json_array_foreach(list, i, before) {
		if (json_equal(before, value)) {
			json_decref(value);
			return;
		}
	}
	(void)json_array_append_new(list, value);
}

static json_t *enclave(const struct enclave_identity *e)
{
	return json_pack("{s:o, s:o, s:i}", "mrenclave", hex_json(SPAN_OF(e->mrenclave)), "mrsigner", hex_json(SPAN_OF(e->mrsigner)),
			 "min_isv_svn", (int)e->isv_svn);
}

/* What a vTPM keeps for its whole life. */
static bool is_same_vtpm(const struct endorsement *a, const struct endorsement *b)
{
	return memcmp(&a->ek_name, &b->ek_name, sizeof a->ek_name) == 0 &&
	       memcmp(&a->policy_digest, &b->policy_digest, sizeof a->policy_digest) == 0;
}

static const struct endorsement *find_vtpm(const struct seen *seen, size_t count, const struct uuid *id)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&seen[i].claims.endorsement.id, id, sizeof *id) == 0)
			return &seen[i].claims.endorsement;
	return NULL;
}

/* Two evidences of one id must be of one vTPM: a policy cannot say which of two it means. */
static enum tcb_error check_vtpms(const struct seen *seen, size_t count, struct diagnosis *d)
{
	for (size_t i = 1; i < count; i++) {
		const struct endorsement *e = &seen[i].claims.endorsement, *before = find_vtpm(seen, i, &e->id);

		if (before != NULL && !is_same_vtpm(before, e))
			return diagnose_found(d, TCB_REFUSED, "policy.evidence.contradiction", "one EK and one owner's policy for each vTPM",
					      "find out which evidence is of the VM's own vTPM; pin that one alone",
					      "%s: another vTPM of an id that came before", seen[i].path);
	}
	return TCB_OK;
}

static json_t *vtpm_entry(const struct endorsement *e, json_t *id)
{
	char owner[CHECK_TEXT_MAX];

	owner_policy_text(&e->policy_digest, owner);
	return json_pack("{s:o, s:o, s:s, s:I}", "id", id, "ek_name", hex_json(SPAN_OF(e->ek_name.bytes)), "owner_policy", owner,
			 "min_generation", (json_int_t)e->generation);
}

static void pin_vtpm(json_t *vtpms, const struct endorsement *e)
{
	json_t *id = hex_json(SPAN_OF(e->id.bytes)), *entry;
	json_int_t generation = (json_int_t)e->generation;
	size_t i;

	json_array_foreach(vtpms, i, entry) {
		if (json_equal(json_object_get(entry, "id"), id)) {
			if (json_integer_value(json_object_get(entry, "min_generation")) < generation)
				(void)json_object_set_new(entry, "min_generation", json_integer(generation));
			json_decref(id);
			return;
		}
	}
	(void)json_array_append_new(vtpms, vtpm_entry(e, id));
}

static const struct digest256 *pcr_of(const struct seen *s, unsigned pcr, bool guest)
{
	return guest ? &s->claims.guest_pcrs[pcr] : &s->claims.platform.pcrs[pcr];
}

/* PCRs of `wanted`: each value that the evidences show. */
static json_t *pin_pcrs(const struct seen *seen, size_t count, uint32_t wanted, bool guest)
{
	json_t *object = json_object();
	char name[4];

	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		json_t *values = json_array();

		for (size_t i = 0; i < count && (wanted & 1u << pcr) != 0; i++)
			append_once(values, hex_json(SPAN_OF(pcr_of(&seen[i], pcr, guest)->bytes)));
		(void)snprintf(name, sizeof name, "%u", pcr);
		if (json_array_size(values) == 1)
			(void)json_object_set(object, name, json_array_get(values, 0));
		else if (json_array_size(values) > 1)
			(void)json_object_set(object, name, values);
		json_decref(values);
	}
	return object;
}

/* A root beside the policy, in a file of this name. */
static enum tcb_error save_root(const char *path, struct span root_der, struct diagnosis *d)
{
	X509 *root = NULL;
	FILE *f;
	bool ok;

	TRY(x509_decode(root_der, &root));
	f = fopen(path, "we");
	ok = f != NULL && PEM_write_X509(f, root) == 1;
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	X509_free(root);
	return ok ? TCB_OK
		  : diagnose_found(d, TCB_PLATFORM, "file.write", "a file that can be written", "check the path", "%s", path);
}

/* Each root once: POLICY-root.pem, POLICY-root-2.pem, ..., named in the policy. */
static enum tcb_error pin_roots(const struct seen *seen, size_t count, const char *policy_path, json_t *roots, struct diagnosis *d)
{
	char path[4096];
	const char *slash;
	int size;

	for (size_t i = 0; i < count; i++) {
		const struct digest256 *key = &seen[i].claims.platform.quote.root_spki;
		size_t known = json_array_size(roots), before = 0;

		while (before < i && memcmp(&seen[before].claims.platform.quote.root_spki, key, sizeof *key) != 0)
			before++;
		if (before < i)
			continue;
		size = known == 0 ? snprintf(path, sizeof path, "%s-root.pem", policy_path)
				  : snprintf(path, sizeof path, "%s-root-%zu.pem", policy_path, known + 1);
		if (size < 0 || (size_t)size >= sizeof path)
			return TCB_LIMIT;
		TRY(save_root(path, seen[i].root_der, d));
		slash = strrchr(path, '/');
		(void)json_array_append_new(roots, json_pack("{s:s, s:o}", "file", slash != NULL ? slash + 1 : path, "spki_sha256",
							     hex_json(SPAN_OF(key->bytes))));
	}
	return TCB_OK;
}

/* `moves`: a platform that is not listed is accepted, too, where the custody chain leads to it from a listed one. */
static enum tcb_error write_policy(const struct seen *seen, size_t count, const char *out, bool moves, struct diagnosis *d)
{
	json_t *pses = json_array(), *vtpm_enclaves = json_array(), *platforms = json_array(), *vtpms = json_array();
	json_t *statuses = json_array(), *sources = json_array(), *origins = json_array(), *policy;
	json_t *roots = json_array();
	char *text;
	enum tcb_error error = pin_roots(seen, count, out, roots, d);

	for (size_t i = 0; i < count; i++) {
		const struct evidence_claims *c = &seen[i].claims;

		append_once(pses, enclave(&c->platform.quote.enclave));
		append_once(vtpm_enclaves, enclave(&c->endorsement.enclave));
		append_once(platforms, json_pack("{s:s, s:o, s:o}", "name", c->platform_name, "ak_name",
						 hex_json(SPAN_OF(c->platform.ak_name.bytes)), "ppid",
						 hex_json(SPAN_OF(c->platform.quote.ppid))));
		append_once(statuses, json_string(tcb_status_name(c->platform.quote.tcb_status)));
		append_once(sources, json_string(c->platform.ak.ak_source == AK_SOURCE_MSR ? "msr" : "enrolled"));
		append_once(origins, json_string(c->endorsement.origin == ORIGIN_MANUFACTURED ? "manufactured" : "imported"));
		pin_vtpm(vtpms, &c->endorsement);
	}
	policy = json_pack("{s:i, s:o, s:{s:o}, s:o, s:o, s:{s:o, s:o}, s:{s:s, s:o}, s:o, s:o, s:o, s:{s:s}}", "version", 1, "roots", roots, "tcb",
			   "accept", statuses, "ak_source", sources, "vtpm_origin", origins, "enclaves", "pse", pses, "vtpm",
			   vtpm_enclaves, "platforms", "unlisted", moves ? "custody" : "refuse", "listed", platforms, "vtpms", vtpms, "platform_pcrs",
			   pin_pcrs(seen, count, 0x43ff, false), "guest_pcrs", pin_pcrs(seen, count, 0xff, true), "freshness",
			   "nonce", "required");
	text = json_dumps(policy, JSON_INDENT(1));
	if (error == TCB_OK)
		error = text != NULL ? file_write(out, span_of_text(text), 0644, d) : TCB_INTERNAL;
	free(text);
	json_decref(policy);
	return error;
}

struct options {
	struct argument_texts files;
	const char *out;
	bool allow_moves;
};

const struct argument policy_from_evidence_arguments[] = {
	{NULL, "FILE", ARGUMENT_OPERANDS, offsetof(struct options, files), "evidence that is known to be good"},
	{"-o", "POLICY", ARGUMENT_REQUIRED, offsetof(struct options, out), "the policy to write"},
	{"--allow-moves", NULL, ARGUMENT_FLAG, offsetof(struct options, allow_moves), "accept platforms that the vTPM was handed over to as well"},
	{0},
};

int policy_from_evidence(const struct command *command, int argc, char **argv)
{
	static struct seen seen[ARGUMENT_TEXTS_MAX];
	struct diagnosis d = {0};
	struct options o = {0};
	enum tcb_error error = TCB_OK;

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	for (size_t i = 0; i < o.files.count && error == TCB_OK; i++)
		error = look(o.files.texts[i], &seen[i], &d);
	if (error == TCB_OK)
		error = check_vtpms(seen, o.files.count, &d);
	if (error == TCB_OK)
		error = write_policy(seen, o.files.count, o.out, o.allow_moves, &d);
	return error == TCB_OK ? 0 : report_failure(error, &d);
}
