// SPDX-License-Identifier: MIT
/* libtcbind-verify by its public header: what is remembered never changes a result; many threads say what one does; errors are errors; and
 * what an EAR claims is what was judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "edge/collateral.h"
#include "sgxsim/file.h"
#include "sgxsim/pki.h"
#include "tests/verify/fleet.h"
#include "verify/appraise/codes.h"
#include "verify/lib/trust.h"

enum { PLATFORMS = 3, VTPMS = 9, EVIDENCES = 36 };

static struct fleet fleet;
static struct fleet_evidence evidence[EVIDENCES];
static tcbind_policy *policy;
static uint64_t now_s;

static tcbind_policy *parse_policy(const char *json)
{
	struct tcbind_failure failure = {0};
	tcbind_policy *parsed = NULL;

	if (tcbind_policy_parse(json, strlen(json), &parsed, &failure) != TCBIND_OK)
		fail_msg("%s: %s", failure.code, failure.found);
	return parsed;
}

static tcbind_context *new_context(size_t platforms)
{
	tcbind_context *context = NULL;

	assert_int_equal(tcbind_context_new(platforms, &context), TCBIND_OK);
	return context;
}

static struct tcbind_request request_for(const struct fleet_evidence *e)
{
	return (struct tcbind_request){ .evidence = e->bytes, .evidence_size = e->size, .nonce = e->nonce,
					.nonce_size = sizeof e->nonce, .time_s = now_s };
}

static tcbind_result *verify_by(tcbind_context *context, const tcbind_policy *p, const struct tcbind_request *request)
{
	tcbind_result *result = NULL;

	assert_int_equal(tcbind_verify(context, p, request, &result, NULL), TCBIND_OK);
	assert_non_null(result);
	return result;
}

/* The whole result, as text: verdict, claims and every check. */
static char *text_of(const tcbind_result *result)
{
	char *text = NULL;

	assert_int_equal(tcbind_result_json(result, &text), TCBIND_OK);
	return text;
}

/* The verdict, cold and warm, which must not differ in a letter. */
static enum tcbind_verdict same_verdict(tcbind_context *warm, const tcbind_policy *p, const struct tcbind_request *request)
{
	tcbind_result *one = verify_by(NULL, p, request), *other = verify_by(warm, p, request);
	char *cold_text = text_of(one), *warm_text = text_of(other);
	enum tcbind_verdict verdict = tcbind_result_verdict(one);

	assert_string_equal(cold_text, warm_text);
	tcbind_text_free(cold_text);
	tcbind_text_free(warm_text);
	tcbind_result_free(one);
	tcbind_result_free(other);
	return verdict;
}

static const char *first_failure(const tcbind_result *result)
{
	const struct tcbind_check *c;

	for (size_t i = 0; (c = tcbind_result_check(result, i)) != NULL; i++)
		if (c->result == TCBIND_CHECK_FAIL)
			return c->code;
	return "";
}

static int begin(void **state)
{
	(void)state;
	now_s = (uint64_t)time(NULL);
	rig_pki(0);
	fleet_init(&fleet, PLATFORMS, VTPMS);
	fleet_attest(&fleet, EVIDENCES, 4, evidence);
	policy = parse_policy(fleet_policy(&fleet));
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVIDENCES; i++)
		free(evidence[i].bytes);
	tcbind_policy_free(policy);
	fleet_end(&fleet);
	rig_end();
	return 0;
}

/* ---- what is remembered ---- */

static void a_warm_context_gives_the_same_checks(void **state)
{
	tcbind_context *warm = new_context(64);
	uint64_t recalled, made;

	(void)state;
	for (size_t i = 0; i < EVIDENCES; i++) {
		struct tcbind_request request = request_for(&evidence[i]);

		assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	}
	tcbind_context_counts(warm, &recalled, &made);
	assert_int_equal(made, PLATFORMS); /* one judgement a platform; all the others were recalled */
	assert_int_equal(recalled, EVIDENCES - PLATFORMS);
	tcbind_context_free(warm);
}

static void a_flipped_byte_is_refused_warm(void **state)
{
	tcbind_context *warm = new_context(64);
	struct tcbind_request request = request_for(&evidence[0]);
	uint8_t *copy = malloc(evidence[0].size);

	(void)state;
	assert_non_null(copy);
	memcpy(copy, evidence[0].bytes, evidence[0].size);
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	request.evidence = copy;
	for (size_t at = 0; at < evidence[0].size; at++) {
		tcbind_result *result;

		copy[at] ^= (uint8_t)(1u << at % 8);
		result = verify_by(warm, policy, &request);
		if (tcbind_result_verdict(result) == TCBIND_TRUSTED)
			fail_msg("byte %zu is not noticed", at);
		tcbind_result_free(result);
		copy[at] ^= (uint8_t)(1u << at % 8);
	}
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	free(copy);
	tcbind_context_free(warm);
}

/* Worse than a host: parts altered under a good signature, so that each judgement behind it is reached. */
static void altered_parts_are_judged_warm_as_cold(void **state)
{
	static struct parts base, spoiled;
	struct attester *a = &fleet.vtpms[0];
	tcbind_context *warm = new_context(64);
	struct tcbind_request request = { .nonce = a->nonce, .nonce_size = sizeof a->nonce, .time_s = now_s };
	unsigned refused = 0, tried = 0;

	(void)state;
	attester_attest(a, &base);
	for (size_t at = 0; at < base.used; at += 7) {
		const uint8_t *log = base.e.parts[EVIDENCE_PLATFORM_LOG].data;
		struct span bytes;

		if (base.memory + at >= log && base.memory + at < log + base.e.parts[EVIDENCE_PLATFORM_LOG].size)
			continue; /* not all of it is measured; verify/evidence counts what is not */

		spoiled = base;
		for (unsigned i = EVIDENCE_REQUEST; i < EVIDENCE_LABELS_END; i++)
			if (base.e.parts[i].data != NULL)
				spoiled.e.parts[i].data = spoiled.memory + (base.e.parts[i].data - base.memory);
		bytes = parts_sign(&spoiled, a->residence); /* good again: what was remembered is there */
		request.evidence = bytes.data;
		request.evidence_size = bytes.size;
		if (tried % 64 == 0)
			assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
		spoiled.memory[at] ^= (uint8_t)(1u << at % 8);
		bytes = parts_sign(&spoiled, a->residence);
		request.evidence = bytes.data;
		request.evidence_size = bytes.size;
		refused += same_verdict(warm, policy, &request) != TCBIND_TRUSTED;
		tried++;
	}
	assert_true(tried > 1000);
	assert_int_equal(refused, tried);
	tcbind_context_free(warm);
}

/* First and last second of which the evidence is trusted, found cold. */
static uint64_t edge(struct tcbind_request request, uint64_t good_s, uint64_t bad_s)
{
	while ((good_s > bad_s ? good_s - bad_s : bad_s - good_s) > 1) {
		uint64_t middle_s = good_s / 2 + bad_s / 2 + (good_s % 2 + bad_s % 2) / 2;
		tcbind_result *result;

		request.time_s = middle_s;
		result = verify_by(NULL, policy, &request);
		*(tcbind_result_verdict(result) == TCBIND_TRUSTED ? &good_s : &bad_s) = middle_s;
		tcbind_result_free(result);
	}
	return good_s;
}

static void a_remembered_judgement_ends_with_its_windows(void **state)
{
	tcbind_context *warm = new_context(64);
	struct tcbind_request request = request_for(&evidence[0]);
	uint64_t last_s = edge(request, now_s, now_s + 40ull * 365 * 86400), first_s = edge(request, now_s, 0);
	const uint64_t times[] = { first_s, first_s - 1, first_s + 1, now_s, last_s, last_s + 1, last_s - 1, 0, UINT32_MAX,
				   last_s + 3600, first_s - 3600, INT64_MAX, UINT64_MAX };

	(void)state;
	assert_true(first_s > 1 && last_s < now_s + 40ull * 365 * 86400);
	for (size_t from = 0; from < 3; from++) { /* what is remembered was judged at one time, and is asked for at all others */
		request.time_s = from == 0 ? now_s : from == 1 ? first_s : last_s;
		assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
		for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
			bool inside = times[i] >= first_s && times[i] <= last_s;

			request.time_s = times[i];
			assert_int_equal(same_verdict(warm, policy, &request), inside ? TCBIND_TRUSTED : TCBIND_NOT_TRUSTED);
		}
	}
	tcbind_context_free(warm);
}

static void a_judgement_under_one_policy_is_none_under_another(void **state)
{
	tcbind_context *warm = new_context(64);
	struct tcbind_request request = request_for(&evidence[0]);
	tcbind_policy *production = parse_policy("{\"version\": 1}"), *unpinned;
	char *json = strdup(fleet_policy(&fleet)), *at;

	(void)state;
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	assert_int_equal(same_verdict(warm, production, &request), TCBIND_NOT_TRUSTED); /* Intel's root only */
	at = strstr(json, "\"mrsigner\": \"");
	assert_non_null(at);
	at[13] = at[13] == '0' ? '1' : '0';
	unpinned = parse_policy(json);
	assert_int_equal(same_verdict(warm, unpinned, &request), TCBIND_NOT_TRUSTED);
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	tcbind_policy_free(production);
	tcbind_policy_free(unpinned);
	tcbind_context_free(warm);
	free(json);
}

/* A failure that was judged first does not stay, nor does it go. */
static void a_failure_is_not_remembered(void **state)
{
	tcbind_context *warm = new_context(64);
	struct tcbind_request request = request_for(&evidence[0]);
	uint64_t recalled, made;

	(void)state;
	request.time_s = now_s + 40ull * 365 * 86400;
	for (int i = 0; i < 3; i++)
		assert_int_equal(same_verdict(warm, policy, &request), TCBIND_NOT_TRUSTED);
	tcbind_context_counts(warm, &recalled, &made);
	assert_int_equal(recalled, 0);
	assert_int_equal(made, 3);
	request.time_s = now_s;
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_TRUSTED);
	request.time_s = now_s + 40ull * 365 * 86400;
	assert_int_equal(same_verdict(warm, policy, &request), TCBIND_NOT_TRUSTED);
	tcbind_context_free(warm);
}

/* One set of slots for more platforms than it has: something always makes room, and nothing is confused. */
static void a_small_memory_forgets_and_stays_right(void **state)
{
	enum { ROUNDS = 40 };
	tcbind_context *warm = new_context(1);
	tcbind_policy *policies[ROUNDS];
	uint64_t recalled, made;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) { /* the same policy in other words: a memory of its own each */
		char json[1200];

		(void)snprintf(json, sizeof json, "%*s%s", i, "", fleet_policy(&fleet));
		policies[i] = parse_policy(json);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < ROUNDS; i++) {
			struct tcbind_request request = request_for(&evidence[i % EVIDENCES]);

			assert_int_equal(same_verdict(warm, policies[i], &request), TCBIND_TRUSTED);
		}
	}
	tcbind_context_counts(warm, &recalled, &made);
	assert_int_equal(recalled, 0); /* 40 in a circle never find themselves in 8 slots */
	assert_int_equal(made, 2 * ROUNDS);
	for (int i = 0; i < ROUNDS; i++)
		tcbind_policy_free(policies[i]);
	tcbind_context_free(warm);
}

/* ---- many ---- */

static void a_batch_says_what_single_calls_say(void **state)
{
	struct tcbind_request requests[EVIDENCES + 3];
	tcbind_result *results[EVIDENCES + 3];
	uint8_t rubbish[] = "no evidence";
	const unsigned threads[] = { 1, 2, 7 };

	(void)state;
	for (size_t i = 0; i < EVIDENCES; i++)
		requests[i] = request_for(&evidence[i]);
	requests[EVIDENCES] = request_for(&evidence[1]);
	requests[EVIDENCES].nonce = evidence[2].nonce; /* another's answer */
	requests[EVIDENCES + 1] = (struct tcbind_request){ .evidence = rubbish, .evidence_size = sizeof rubbish, .time_s = now_s };
	requests[EVIDENCES + 2] = (struct tcbind_request){ .time_s = now_s };
	for (size_t t = 0; t < 3; t++) {
		tcbind_context *warm = new_context(8);

		assert_int_equal(tcbind_verify_batch(warm, policy, requests, EVIDENCES + 3, threads[t], results), TCBIND_OK);
		for (size_t i = 0; i < EVIDENCES + 3; i++) {
			tcbind_result *alone = verify_by(NULL, policy, &requests[i]);
			char *wanted = text_of(alone), *got = text_of(results[i]);

			assert_string_equal(wanted, got);
			tcbind_text_free(wanted);
			tcbind_text_free(got);
			tcbind_result_free(alone);
			tcbind_result_free(results[i]);
		}
		tcbind_context_free(warm);
	}
	requests[3].nonce_size = 65;
	assert_int_equal(tcbind_verify_batch(NULL, policy, requests, EVIDENCES, 2, results), TCBIND_ERROR_ARGUMENT);
	for (size_t i = 0; i < EVIDENCES; i++) {
		assert_true((results[i] == NULL) == (i == 3)); /* the others were judged */
		tcbind_result_free(results[i]);
	}
}

/* ---- the interface ---- */

static void results_tell_what_was_judged(void **state)
{
	struct tcbind_request request = request_for(&evidence[4]);
	tcbind_result *result = verify_by(NULL, policy, &request);
	const struct tcbind_claims *c = tcbind_result_claims(result);

	(void)state;
	assert_int_equal(tcbind_result_verdict(result), TCBIND_TRUSTED);
	assert_string_equal(c->platform_name, "b");
	assert_string_equal(c->vtpm_id, "04000000-0000-0000-0000-000000000000");
	assert_int_equal(c->generation, 1);
	assert_string_equal(c->ak_source, "msr");
	assert_string_equal(c->tee, "SGX");
	assert_string_equal(c->tcb_status, "UpToDate");
	assert_int_equal(c->judged_at_s, now_s);
	assert_int_equal(c->nonce_size, sizeof evidence[4].nonce);
	assert_memory_equal(c->nonce, evidence[4].nonce, c->nonce_size);
	assert_null(tcbind_result_check(result, tcbind_result_check_count(result)));
	tcbind_result_free(result);
	request.nonce_size = 0;
	result = verify_by(NULL, policy, &request);
	assert_int_equal(tcbind_result_check(result, 2)->result, TCBIND_CHECK_NOT_RUN);
	assert_string_equal(tcbind_result_check(result, 2)->code, "evidence.freshness");
	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_JUDGED);
	assert_true(tcbind_result_check(result, 2)->needed);
	tcbind_result_free(result);
	request.evidence_size -= 1;
	result = verify_by(NULL, policy, &request);
	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_EVIDENCE);
	assert_string_equal(tcbind_result_claims(result)->vtpm_id, "");
	tcbind_result_free(result);
}

static void errors_are_errors(void **state)
{
	static const char bad_policy[] = "{\"version\": 1,\n \"surprise\": 2}";
	struct tcbind_failure failure = {0};
	struct tcbind_request request = request_for(&evidence[0]);
	tcbind_result *result = NULL;
	tcbind_context *context = NULL;
	tcbind_policy *parsed = NULL;
	tcbind_key *key = NULL;

	(void)state;
	assert_int_equal(tcbind_policy_parse(bad_policy, sizeof bad_policy - 1, &parsed, &failure), TCBIND_ERROR_MALFORMED);
	assert_non_null(strstr(failure.found, "line 2, column "));
	assert_string_equal(failure.code, "policy.malformed");
	assert_int_equal(tcbind_policy_load("/nonexistent", &parsed, &failure), TCBIND_ERROR_FILE);
	assert_string_equal(failure.code, "file.read");
	assert_int_equal(tcbind_key_parse("rubbish", 7, &key, &failure), TCBIND_ERROR_MALFORMED);
	assert_int_equal(tcbind_policy_add_root(policy, "rubbish", 7, NULL), TCBIND_ERROR_MALFORMED);
	request.collateral = "{}";
	request.collateral_size = 2;
	assert_int_equal(tcbind_verify(NULL, policy, &request, &result, &failure), TCBIND_ERROR_MALFORMED);
	assert_string_equal(failure.code, "collateral.malformed");
	assert_int_equal(tcbind_verify(NULL, NULL, &request, &result, NULL), TCBIND_ERROR_ARGUMENT);
	assert_int_equal(tcbind_verify(NULL, policy, NULL, &result, NULL), TCBIND_ERROR_ARGUMENT);
	assert_int_equal(tcbind_verify_batch(NULL, policy, &request, 1, 0, &result), TCBIND_ERROR_ARGUMENT);
	assert_int_equal(tcbind_verify_batch(NULL, policy, NULL, 0, 1, NULL), TCBIND_OK);
	assert_int_equal(tcbind_context_new(SIZE_MAX, &context), TCBIND_ERROR_ARGUMENT);
	assert_null(parsed);
	assert_null(key);
	assert_null(result);
	assert_null(context);
	tcbind_context_free(NULL);
	tcbind_policy_free(NULL);
	tcbind_result_free(NULL);
	tcbind_key_free(NULL);
	tcbind_text_free(NULL);
}

/* A quote alone goes the same way; a policy without roots takes the first that is added in place of Intel's. */
static void a_bare_quote_needs_its_collateral_and_root(void **state)
{
	tcbind_policy *production = parse_policy("{\"version\": 1}");
	struct tcbind_request request = { .time_s = now_s };
	struct collateral collateral;
	struct certified_ak ak;
	tcbind_result *result = NULL;

	(void)state;
	assert_int_equal(certified_ak_decode(fleet.parts[0]->e.parts[EVIDENCE_CERTIFIED_AK], &ak), TCB_OK);
	request.evidence = ak.quote.data;
	request.evidence_size = ak.quote.size;
	assert_int_equal(tcbind_verify_quote(NULL, policy, &request, &result, NULL), TCBIND_OK);
	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_JUDGED);
	tcbind_result_free(result);
	assert_int_equal(tcbind_verify_quote(NULL, production, &request, &result, NULL), TCBIND_OK);
	assert_string_equal(first_failure(result), "quote.root.untrusted");
	tcbind_result_free(result);
	assert_int_equal(collateral_decode(fleet.parts[0]->e.parts[EVIDENCE_COLLATERAL], &collateral), TCB_OK);
	assert_int_equal(tcbind_policy_add_root(production, collateral.root_certificate.data, collateral.root_certificate.size, NULL),
			 TCBIND_OK);
	assert_int_equal(tcbind_verify_quote(NULL, production, &request, &result, NULL), TCBIND_OK);
	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_JUDGED); /* only the collateral is missing */
	tcbind_result_free(result);
	tcbind_policy_free(production);
}

static void assert_first_failure(const tcbind_policy *p, const struct tcbind_request *request, const char *code)
{
	tcbind_result *result = verify_by(NULL, p, request);
	const struct tcbind_check *check = NULL;

	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_TRUSTED);
	for (size_t i = 0; (check = tcbind_result_check(result, i)) != NULL && check->result != TCBIND_CHECK_FAIL; i++)
		;
	assert_non_null(check);
	assert_string_equal(check->code, code);
	tcbind_result_free(result);
}

static void the_guests_logs_are_judged(void **state)
{
	struct tcbind_request request = request_for(&evidence[0]);
	tcbind_result *result = NULL;

	(void)state;
	request.guest_log = "no log";
	request.guest_log_size = 6;
	assert_first_failure(policy, &request, "guest.log.malformed");
	request.guest_log = NULL;
	assert_int_equal(tcbind_verify(NULL, policy, &request, &result, NULL), TCBIND_ERROR_ARGUMENT);
	request.guest_log_size = 0;
	request.guest_ima = "no list";
	request.guest_ima_size = 7;
	assert_first_failure(policy, &request, "guest.log.missing"); /* nothing comes before the firmware */
	assert_null(result);
}

static void collateral_of_former_platforms_is_read(void **state)
{
	struct tcbind_request request = request_for(&evidence[0]);
	struct tcbind_failure failure = {0};
	tcbind_result *result = NULL;

	(void)state;
	request.custody_collateral_size = 2;
	assert_int_equal(tcbind_verify(NULL, policy, &request, &result, NULL), TCBIND_ERROR_ARGUMENT);
	request.custody_collateral = "{}";
	assert_int_equal(tcbind_verify(NULL, policy, &request, &result, &failure), TCBIND_ERROR_MALFORMED);
	assert_null(result);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_write(path, span_of_text(text), 0600, NULL), TCB_OK);
}

static void reference_values_come_with_the_file(void **state)
{
	char dir[] = "/tmp/tcbind-test-XXXXXX", path[64], known[64], json[8192];
	const char *accepting = fleet_policy(&fleet);
	struct tcbind_request request = request_for(&evidence[0]);
	struct tcbind_failure failure = {0};
	tcbind_policy *loaded = NULL, *parsed;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/policy", dir);
	(void)snprintf(known, sizeof known, "%s/known.json", dir);
	(void)snprintf(json, sizeof json, "%.*s, \"reference_values\": [{\"file\": \"known.json\", \"layer\": \"guest\"}]}",
		       (int)strlen(accepting) - 1, accepting);
	write_file(dir, "policy", json);
	assert_int_equal(tcbind_policy_load(path, &loaded, &failure), TCBIND_ERROR_FILE);
	assert_non_null(strstr(failure.found, known));
	assert_null(loaded);
	write_file(dir, "known.json", "{\"version\": 1, \"pcrs\": {\"1\": [\"11\"]}}");
	assert_int_equal(tcbind_policy_load(path, &loaded, &failure), TCBIND_ERROR_MALFORMED);
	write_file(dir, "known.json", "{\"version\": 1, \"pcrs\": {\"1\": [\""
				      "1111111111111111111111111111111111111111111111111111111111111111\"]}}");
	assert_int_equal(tcbind_policy_load(path, &loaded, &failure), TCBIND_OK);
	assert_first_failure(loaded, &request, "guest.pcr");
	tcbind_policy_free(loaded);
	parsed = parse_policy(json); /* from memory there is nowhere to look */
	assert_first_failure(parsed, &request, "policy.reference.missing");
	tcbind_policy_free(parsed);
	assert_int_equal(unlink(path) | unlink(known) | rmdir(dir), 0);
}

static const char *real_bundle(void)
{
	static char path[4000];
	const char *vectors = getenv("TCBIND_VECTORS");

	(void)snprintf(path, sizeof path, "%.3900s/dcap/tdx4_b0c06f000000_f1c85033_eval17", vectors != NULL ? vectors : "../shared/vectors");
	return path;
}

static void nothing(void **state)
{
	(void)state;
}

/* A real trust domain's, from files: the same call, Intel's root. */
static void a_real_quote_is_judged(void **state)
{
	tcbind_policy *production = parse_policy("{\"version\": 1}");
	struct file_bytes quote = {0}, collateral = {0};
	struct tcbind_request request = { .time_s = 1751624191 }; /* 2025-07-04T10:16:31Z */
	tcbind_context *warm = new_context(4);
	tcbind_result *result = NULL;
	char path[4096], *text;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/quote.bin", real_bundle());
	assert_int_equal(file_read(path, &quote, NULL), TCB_OK);
	(void)snprintf(path, sizeof path, "%s/collateral.json", real_bundle());
	assert_int_equal(file_read(path, &collateral, NULL), TCB_OK);
	request.evidence = quote.data;
	request.evidence_size = quote.size;
	request.collateral = collateral.data;
	request.collateral_size = collateral.size;
	for (int i = 0; i < 2; i++) { /* the second time by signatures that are remembered */
		assert_int_equal(tcbind_verify_quote(warm, production, &request, &result, NULL), TCBIND_OK);
		assert_int_equal(tcbind_result_verdict(result), TCBIND_TRUSTED);
		assert_string_equal(tcbind_result_claims(result)->tee, "TDX");
		assert_string_equal(tcbind_result_claims(result)->tcb_status, "UpToDate");
		assert_string_equal(tcbind_result_claims(result)->vtpm_id, "");
		text = text_of(result);
		assert_non_null(strstr(text, "\"mrtd\": "));
		tcbind_text_free(text);
		tcbind_result_free(result);
	}
	request.time_s += 10ull * 365 * 86400;
	assert_int_equal(tcbind_verify_quote(warm, production, &request, &result, NULL), TCBIND_OK);
	assert_int_equal(tcbind_result_verdict(result), TCBIND_NOT_TRUSTED);
	tcbind_result_free(result);
	tcbind_context_free(warm);
	tcbind_policy_free(production);
	file_free(&quote);
	file_free(&collateral);
}

/* ---- attestation results ---- */

static void every_code_speaks_of_something(void **state)
{
	enum trust_claim claim;
	int failure;

	(void)state;
	for (size_t i = 0; i < code_explanation_count; i++)
		if (!trust_of_code(code_explanations[i].code, &claim, &failure) || failure == TRUST_NONE)
			fail_msg("%s is in no claim of the trustworthiness vector", code_explanations[i].code);
	assert_false(trust_of_code("nothing", &claim, &failure));
}

static void assert_trust(const struct tcbind_request *request, const tcbind_policy *p, const char *status, enum trust_claim claim,
			 int value)
{
	tcbind_result *result = verify_by(NULL, p, request);
	int vector[TRUST_CLAIMS_END];

	trust_vector(result, vector);
	assert_string_equal(trust_status(result, vector), status);
	assert_int_equal(vector[claim], value);
	assert_int_equal(vector[TRUST_FILE_SYSTEM], TRUST_NONE);
	assert_int_equal(vector[TRUST_RUNTIME_OPAQUE], TRUST_NONE);
	assert_int_equal(vector[TRUST_STORAGE_OPAQUE], TRUST_NONE);
	assert_int_equal(vector[TRUST_SOURCED_DATA], TRUST_NONE);
	tcbind_result_free(result);
}

/* The fleet's policy pins PCR 0 alone; this one PCR 4, too, which no one extended. */
static tcbind_policy *policy_of_boot(void)
{
	static const char pcr4[] = "\"4\": \"0000000000000000000000000000000000000000000000000000000000000000\", \"0\"";
	char *json = strdup(fleet_policy(&fleet)), *at = json, text[4096] = "", *zero;
	tcbind_policy *of_boot;

	while ((zero = strstr(at, "\"0\": ")) != NULL) {
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s%s", (int)(zero - at), at, pcr4);
		at = zero + 3;
	}
	(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", at);
	of_boot = parse_policy(text);
	free(json);
	return of_boot;
}

static void the_vector_claims_what_was_judged(void **state)
{
	tcbind_policy *production = parse_policy("{\"version\": 1}"), *of_boot = policy_of_boot(), *unpinned;
	struct tcbind_request request = request_for(&evidence[0]);
	char *json = strdup(fleet_policy(&fleet)), *at = strstr(json, ", \"platform_pcrs\"");

	(void)state;
	assert_trust(&request, policy, "affirming", TRUST_INSTANCE_IDENTITY, TRUST_AFFIRMED);
	assert_trust(&request, policy, "affirming", TRUST_HARDWARE, TRUST_AFFIRMED);
	assert_trust(&request, of_boot, "affirming", TRUST_EXECUTABLES, TRUST_APPROVED_BOOT);
	assert_trust(&request, policy, "affirming", TRUST_EXECUTABLES, TRUST_NONE); /* firmware is not all that boots */
	assert_trust(&request, production, "contraindicated", TRUST_HARDWARE, TRUST_UNRECOGNIZED);
	assert_trust(&request, production, "contraindicated", TRUST_INSTANCE_IDENTITY, TRUST_NONE); /* never came so far */
	assert_non_null(at);
	memcpy(at, "}", 2); /* no PCR is pinned: nothing is known of what was booted */
	unpinned = parse_policy(json);
	assert_trust(&request, unpinned, "affirming", TRUST_EXECUTABLES, TRUST_NONE);
	request.nonce = evidence[1].nonce;
	assert_trust(&request, policy, "contraindicated", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED);
	request.evidence_size = 3;
	assert_trust(&request, policy, "none", TRUST_INSTANCE_IDENTITY, TRUST_UNEXPECTED);
	tcbind_policy_free(production);
	tcbind_policy_free(of_boot);
	tcbind_policy_free(unpinned);
	free(json);
}

int main(void)
{
	bool has_vectors = access(real_bundle(), R_OK) == 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_warm_context_gives_the_same_checks),
		cmocka_unit_test(a_flipped_byte_is_refused_warm),
		cmocka_unit_test(altered_parts_are_judged_warm_as_cold),
		cmocka_unit_test(a_remembered_judgement_ends_with_its_windows),
		cmocka_unit_test(a_judgement_under_one_policy_is_none_under_another),
		cmocka_unit_test(a_failure_is_not_remembered),
		cmocka_unit_test(a_small_memory_forgets_and_stays_right),
		cmocka_unit_test(a_batch_says_what_single_calls_say),
		cmocka_unit_test(results_tell_what_was_judged),
		cmocka_unit_test(errors_are_errors),
		cmocka_unit_test(a_bare_quote_needs_its_collateral_and_root),
		cmocka_unit_test(the_guests_logs_are_judged),
		cmocka_unit_test(collateral_of_former_platforms_is_read),
		cmocka_unit_test(reference_values_come_with_the_file),
		{ has_vectors ? "a_real_quote_is_judged" : "a_real_quote_is_judged # SKIP no vectors (TCBIND_VECTORS)",
		  has_vectors ? a_real_quote_is_judged : nothing, NULL, NULL, NULL }, /* this cmocka's skip() says "not ok" */
		cmocka_unit_test(every_code_speaks_of_something),
		cmocka_unit_test(the_vector_claims_what_was_judged),
	};

	return cmocka_run_group_tests_name("verify/library", tests, begin, end);
}
