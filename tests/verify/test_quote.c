// SPDX-License-Identifier: MIT
/* verify/quote: quotes of real Intel processors, read in place (TCBIND_VECTORS): verdict, TCB status, both ends of the window, one bit of every
 * byte, truncations, trailing bytes. Without the vectors every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "sgxsim/file.h"
#include "verify/appraise/collateral_json.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/tcb.h"

#define ALL_STATUSES ((1u << TCB_REVOKED) - 1)

struct bundle {
	const char *name;
	uint64_t at_s;
	enum tcb_status status;
	const char *code; /* what fails even where every status is accepted; NULL: nothing */
	const char *trailing;
};

/* the README of the vectors */
static const struct bundle bundles[] = {
	{"dcap/sgx3_00a067110000_f8b81014_eval17", 1751624924, TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED, NULL, NULL},
	{"dcap/sgx3_00606a000000_22c0df5d_eval17", 1756530546, TCB_SW_HARDENING_NEEDED, NULL, NULL},
	{"dcap/sgx3_00606a000000_2008020f_eval17", 1756530546, TCB_OUT_OF_DATE_CONFIGURATION_NEEDED, NULL, NULL},
	{"dcap/sgx3_00906ed50000_727e2e69_eval17", 1738752225, TCB_SW_HARDENING_NEEDED, NULL, NULL},
	{"dcap/sgx3_00906ed50000_727e2e69_eval19", 1749946637, TCB_OUT_OF_DATE, NULL, NULL},
	{"dcap/sgx3_00a067110000_743a7a64_eval17", 1748697900, TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED, "quote.enclave.debug", NULL},
	{"dcap/sgx3_00606a000000_57316ac1_eval17", 1756530546, TCB_NOT_SUPPORTED, "quote.chain", "quote.trailing4736.bin"},
	{"dcap/tdx4_b0c06f000000_f1c85033_eval17", 1751624191, TCB_UP_TO_DATE, NULL, "quote.trailing5006.bin"},
	{"dcap/tdx4_c0806f000000_46ca3f90_eval17", 1759892503, TCB_UP_TO_DATE, NULL, NULL},
	{"dcap/tdx4_c0806f000000_46ca3f90_eval18", 1764652144, TCB_OUT_OF_DATE, NULL, NULL},
	{"dcap/tdx5_90c06f000000_cf77a6e9_eval18", 1771980350, TCB_UP_TO_DATE, NULL, NULL},
	{"dcap-more/tdx5_90c06f000000_d21a11db_eval18", 1767249180, TCB_TD_RELAUNCH_ADVISED, NULL, NULL},
	{"dcap-more/sgx3_00606a000000_46f71613_eval17", 1756530546, TCB_OUT_OF_DATE, NULL, NULL},
	{"dcap-more/tdx4_90c06f000000_f8f82dc7_eval18", 1764651829, TCB_NOT_SUPPORTED, "quote.tcb.unsupported", NULL},
};

static struct file_bytes quote_file, collateral_file;
static struct collateral_memory memory;
static struct collateral collateral;
static struct policy policy;
static struct checks checks;
static struct quote_claims claims;
static uint64_t now_s;

static bool read_vector(const char *bundle, const char *name, struct file_bytes *ret_file)
{
	const char *vectors = getenv("TCBIND_VECTORS");
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/%s/%s", vectors != NULL ? vectors : "../shared/vectors", bundle, name);
	return file_read(path, ret_file, NULL) == TCB_OK;
}

static enum tcb_error appraise_bytes(struct span quote)
{
	checks = (struct checks){0};
	return quote_appraise(quote, &collateral, &policy, now_s, &checks, &claims);
}

static enum tcb_error appraise(void)
{
	return appraise_bytes(file_span(&quote_file));
}

static void load(const struct bundle *b)
{
	assert_true(read_vector(b->name, "quote.bin", &quote_file));
	assert_true(read_vector(b->name, "collateral.json", &collateral_file));
	assert_int_equal(collateral_json_decode(file_span(&collateral_file), &memory, &collateral, NULL), TCB_OK);
	assert_true(collateral.pck_chain.size > 0 || strncmp(b->name, "dcap-more/", 10) == 0);
	policy = (struct policy){ .root_count = 1, .roots = { intel_root_spki }, .accepted_statuses = ALL_STATUSES };
	now_s = b->at_s;
}

static int unload(void **state)
{
	(void)state;
	file_free(&quote_file);
	file_free(&collateral_file);
	return 0;
}

static void verdict(void **state)
{
	const struct bundle *b = *state;
	const struct check *failed;
	enum tcb_error error;

	load(b);
	error = appraise();
	failed = checks_first_failure(&checks);
	assert_int_equal(error, b->code == NULL ? TCB_OK : TCB_REFUSED);
	if (b->code != NULL)
		assert_string_equal(failed->code, b->code);
	assert_string_equal(tcb_status_name(claims.tcb_status), tcb_status_name(b->status));
	/* a policy that accepts all but this status, and one that accepts none, refuse it */
	policy.accepted_statuses = ALL_STATUSES & ~(1u << b->status);
	assert_int_equal(appraise(), TCB_REFUSED);
	policy.accepted_statuses = 0;
	assert_int_equal(appraise(), TCB_REFUSED);
}

static void window(void **state)
{
	const struct bundle *b = *state;
	uint64_t from_s, until_s;

	load(b);
	if (b->code != NULL) { /* refused at any time */
		for (int days = -400; days <= 400; days += 10) {
			now_s = b->at_s + (uint64_t)(days * 86400);
			assert_int_equal(appraise(), TCB_REFUSED);
		}
		return;
	}
	assert_int_equal(appraise(), TCB_OK);
	from_s = claims.valid_from_s;
	until_s = claims.valid_until_s;
	assert_true(from_s <= b->at_s && b->at_s <= until_s && until_s - from_s <= 31 * 86400);
	now_s = from_s;
	assert_int_equal(appraise(), TCB_OK);
	now_s = until_s;
	assert_int_equal(appraise(), TCB_OK);
	now_s = from_s - 2;
	assert_int_equal(appraise(), TCB_REFUSED);
	now_s = until_s + 2;
	assert_int_equal(appraise(), TCB_REFUSED);
}

/* One bit of every byte; where a chain was altered by one byte already, one more bit does not help. */
static void flips(void **state)
{
	const struct bundle *b = *state;

	load(b);
	for (size_t i = 0; i < quote_file.size; i++) {
		uint8_t bit = (uint8_t)(1u << i % 8);

		quote_file.data[i] ^= bit;
		if (appraise() == TCB_OK)
			fail_msg("%s: byte %zu, bit %zu is not noticed", b->name, i, i % 8);
		quote_file.data[i] ^= bit;
	}
}

static void sizes(void **state)
{
	const struct bundle *b = *state;
	struct file_bytes trailing = {0};
	uint8_t longer[16384] = {0};

	load(b);
	for (size_t size = 0; size < quote_file.size; size += size < 1200 ? 1 : 7)
		assert_int_equal(appraise_bytes(span_of(quote_file.data, size)), TCB_MALFORMED);
	assert_true(quote_file.size + 1 < sizeof longer);
	memcpy(longer, quote_file.data, quote_file.size);
	assert_int_equal(appraise_bytes(span_of(longer, quote_file.size + 1)), TCB_MALFORMED);
	if (b->trailing == NULL)
		return;
	assert_true(read_vector(b->name, b->trailing, &trailing));
	assert_true(trailing.size > quote_file.size);
	assert_int_equal(appraise_bytes(file_span(&trailing)), TCB_MALFORMED);
	file_free(&trailing);
}

#define BUNDLES (sizeof bundles / sizeof bundles[0])

static bool has_vectors(void)
{
	bool has = read_vector(bundles[0].name, "quote.bin", &quote_file);

	file_free(&quote_file);
	return has;
}

/* As TAP says it: this cmocka's own skip() prints "not ok". */
static int skip_all(const struct CMUnitTest *tests, size_t count)
{
	(void)printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++)
		(void)printf("ok %zu - %s # SKIP no vectors (TCBIND_VECTORS)\n", i + 1, tests[i].name);
	return 0;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void **state);
	} kinds[] = { {"verdict", verdict}, {"window", window}, {"flips", flips}, {"sizes", sizes} };
	static char names[BUNDLES * 4][64];
	struct CMUnitTest tests[BUNDLES * 4];

	for (size_t i = 0; i < BUNDLES * 4; i++) {
		const struct bundle *b = &bundles[i / 4];

		(void)snprintf(names[i], sizeof names[i], "%s %s", b->name, kinds[i % 4].name);
		tests[i] = (struct CMUnitTest){ names[i], kinds[i % 4].run, NULL, unload, (void *)(uintptr_t)b };
	}
	if (!has_vectors())
		return skip_all(tests, BUNDLES * 4);
	return cmocka_run_group_tests_name("verify/quote", tests, NULL, NULL);
}
