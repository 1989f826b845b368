// SPDX-License-Identifier: MIT
/* verify_bench [--json | -o FILE]: how many evidences a second libtcbind-verify judges. A table; JSON on the output or in FILE. Every evidence is real, has a
 * nonce of its own and is judged once a row; what a row says was seen before was in other evidences. Rates are by wall clock and, as "a core", by
 * the processor time that was used: on a busy machine only the latter can be compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "tests/verify/fleet.h"

enum { PLATFORMS = 4, VTPMS = 64, COLD_COUNT = 600, WARM_COUNT = 2000, BATCH = 50, P256_COUNT = 2000 };

struct row {
	const char *name, *what;
	bool warm, own_quote, new_vtpms, new_boots;
	size_t count;
	unsigned threads;
};

static const struct row rows[] = {
	{"cold", "nothing seen before: 14 signatures", false, true, true, false, COLD_COUNT, 1},
	{"cold", "the same", false, true, true, false, COLD_COUNT, 2},
	{"new boot", "PCK chain and collateral seen; processor's quote, residence, TPM quote new: 6", true, true, true, true, COLD_COUNT, 1},
	{"new vTPMs", "platform seen; residence and TPM quote new: 4", true, true, true, false, WARM_COUNT, 1},
	{"warm", "platform and residence seen; TPM quote new: 3", true, true, false, false, WARM_COUNT, 1},
	{"warm, shared", "the same, 50 requests to one TPM quote: 2", true, false, false, false, WARM_COUNT, 1},
	{"warm, shared", "the same", true, false, false, false, WARM_COUNT, 2},
	{"warm, 500", "a sweep: the work grows as the number of evidences does", true, false, false, false, 500, 1},
	{"warm, 1000", "", true, false, false, false, 1000, 1},
	{"warm, 4000", "", true, false, false, false, 4000, 1},
};

struct measured {
	double wall_s, cpu_s;
};

static struct fleet fleet;

static double seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Judges all; ends the program if one is not trusted: a fast refusal is not what is measured. */
static struct measured judge(tcbind_context *context, const tcbind_policy *policy, const struct fleet_evidence *evidence, size_t count,
			     unsigned threads)
{
	struct tcbind_request *requests = calloc(count, sizeof requests[0]);
	tcbind_result **results = calloc(count, sizeof results[0]);
	struct measured m;
	enum tcbind_error error;

	assert_true(requests != NULL && results != NULL);
	for (size_t i = 0; i < count; i++)
		requests[i] = (struct tcbind_request){ .evidence = evidence[i].bytes, .evidence_size = evidence[i].size,
						       .nonce = evidence[i].nonce, .nonce_size = sizeof evidence[i].nonce,
						       .time_s = (uint64_t)time(NULL) };
	m.wall_s = seconds(CLOCK_MONOTONIC);
	m.cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
	error = tcbind_verify_batch(context, policy, requests, count, threads, results);
	m.cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - m.cpu_s;
	m.wall_s = seconds(CLOCK_MONOTONIC) - m.wall_s;
	assert_int_equal(error, TCBIND_OK);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(tcbind_result_verdict(results[i]), TCBIND_TRUSTED);
		tcbind_result_free(results[i]);
	}
	free(requests);
	free(results);
	return m;
}

/* Each platform has started anew: another boot epoch, another quote over AK and PSE key. */
static void reboot_all(void)
{
	for (size_t i = 0; i < fleet.vtpm_count; i++) {
		struct attester *a = &fleet.vtpms[i], *first = &fleet.vtpms[i % fleet.platform_count];

		if (a == first) {
			a->epoch.bytes[2]++;
			a->epoch.bytes[3] = (uint8_t)(a->epoch.bytes[3] + (a->epoch.bytes[2] == 0));
			fleet.parts[i]->used = 0; /* all of its parts are made again */
			attester_attest(a, fleet.parts[i]);
		}
		a->epoch = first->epoch;
		fleet.parts[i]->e.parts[EVIDENCE_CERTIFIED_AK] = fleet.parts[i % fleet.platform_count]->e.parts[EVIDENCE_CERTIFIED_AK];
		fleet.parts[i]->e.parts[EVIDENCE_COLLATERAL] = fleet.parts[i % fleet.platform_count]->e.parts[EVIDENCE_COLLATERAL];
	}
}

/* New residences of the first vTPMs: a new key, and the PSE's endorsement of it. */
static void restart_all(size_t vtpms)
{
	for (size_t i = 0; i < vtpms; i++) {
		struct attester *a = &fleet.vtpms[i];
		struct endorsement e;

		attester_restart(a);
		e = attester_endorsement_claims(a);
		parts_set(fleet.parts[i], EVIDENCE_ENDORSEMENT, attester_endorsement(a, &e));
	}
}

/* Where each vTPM is to be new, each is asked once, then all restart. */
static void make_evidence(const struct row *r, struct fleet_evidence *ret_evidence)
{
	size_t batch = r->own_quote ? 1 : BATCH, step = r->new_boots ? fleet.platform_count : fleet.vtpm_count;

	for (size_t i = 0; i < r->count; i += step) {
		size_t count = r->count - i < step ? r->count - i : step;

		if (!r->new_vtpms) {
			fleet_attest(&fleet, r->count, batch, ret_evidence);
			return;
		}
		if (r->new_boots)
			reboot_all();
		restart_all(r->new_boots ? step : fleet.vtpm_count);
		fleet_attest(&fleet, count, batch, ret_evidence + i);
	}
}

static struct measured measure(const struct row *r)
{
	struct fleet_evidence *evidence = calloc(r->count, sizeof evidence[0]), *seen = calloc(VTPMS, sizeof seen[0]);
	tcbind_policy *policy = NULL;
	tcbind_context *context = NULL;
	struct measured m;

	assert_true(evidence != NULL && seen != NULL);
	assert_int_equal(tcbind_policy_parse(fleet_policy(&fleet), strlen(fleet_policy(&fleet)), &policy, NULL), TCBIND_OK);
	restart_all(fleet.vtpm_count); /* whatever the row before has left */
	if (r->warm) {
		assert_int_equal(tcbind_context_new(1024, &context), TCBIND_OK);
		fleet_attest(&fleet, VTPMS, 1, seen);
		(void)judge(context, policy, seen, VTPMS, 1);
	}
	make_evidence(r, evidence);
	m = judge(context, policy, evidence, r->count, r->threads);
	for (size_t i = 0; i < r->count; i++)
		free(evidence[i].bytes);
	for (size_t i = 0; i < VTPMS; i++)
		free(seen[i].bytes);
	free(evidence);
	free(seen);
	tcbind_context_free(context);
	tcbind_policy_free(policy);
	return m;
}

/* The unit of it all. */
static double p256_per_s(void)
{
	struct p256_signature signature;
	struct p256_point point;
	EVP_PKEY *key = NULL;
	double start_s;

	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(crypto_p256_public(key, &point), TCB_OK);
	assert_int_equal(crypto_sign(key, span_of_text("message"), &signature), TCB_OK);
	start_s = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < P256_COUNT; i++)
		assert_int_equal(crypto_verify(&point, span_of_text("message"), &signature), TCB_OK);
	EVP_PKEY_free(key);
	return P256_COUNT / (seconds(CLOCK_THREAD_CPUTIME_ID) - start_s);
}

static json_t *run(FILE *table)
{
	json_t *list = json_array();
	double p256 = p256_per_s();

	(void)fprintf(table, "%-13s %-7s %10s %14s   %s\n", "evidence", "threads", "per second", "and per core", "");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		struct measured m = measure(r);
		double rate = (double)r->count / m.wall_s, core_rate = (double)r->count / m.cpu_s;

		(void)fprintf(table, "%-13s %-7u %10.0f %14.0f   %s\n", r->name, r->threads, rate, core_rate, r->what);
		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:I, s:f, s:f}", "name", r->name, "what", r->what,
							    "threads", (int)r->threads, "count", (json_int_t)r->count, "per_s", rate,
							    "per_core_s", core_rate));
	}
	(void)fprintf(table, "%-13s %-7u %10s %14.0f   %s\n", "P-256 verify", 1u, "", p256, "one signature, for scale");
	return json_pack("{s:s, s:I, s:o, s:f}", "bench", "verify", "evidence_bytes", (json_int_t)0, "rows", list, "p256_verify_per_s", p256);
}

int main(int argc, char **argv)
{
	bool to_output = argc == 2 && strcmp(argv[1], "--json") == 0, to_file = argc == 3 && strcmp(argv[1], "-o") == 0;
	struct fleet_evidence one = {0};
	json_t *result;
	int failed = 0;

	if (argc != 1 && !to_output && !to_file) {
		(void)fprintf(stderr, "usage: verify_bench [--json | -o FILE]\n");
		return 2;
	}
	rig_pki(0);
	fleet_init(&fleet, PLATFORMS, VTPMS);
	fleet_attest(&fleet, 1, 1, &one);
	result = run(to_output ? stderr : stdout);
	(void)json_object_set_new(result, "evidence_bytes", json_integer((json_int_t)one.size));
	if (to_output)
		failed = json_dumpf(result, stdout, JSON_INDENT(1));
	if (to_file)
		failed = json_dump_file(result, argv[2], JSON_INDENT(1));
	json_decref(result);
	free(one.bytes);
	fleet_end(&fleet);
	rig_end();
	return failed != 0;
}
