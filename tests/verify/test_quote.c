/* verify/appraise/quote: one bit anywhere in a real quote, and every truncation, is noticed. */
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

static struct file_bytes quote_file, collateral_file;
static struct collateral_memory memory;
static struct collateral collateral;
static struct policy policy;
static struct checks checks;
static uint64_t now_s;

static bool load(const char *bundle, uint64_t at_s)
{
	const char *vectors = getenv("TCBIND_VECTORS");
	char path[4096];

	file_free(&quote_file);
	file_free(&collateral_file);
	(void)snprintf(path, sizeof path, "%s/dcap/%s/quote.bin", vectors != NULL ? vectors : "../shared/vectors", bundle);
	if (file_read(path, &quote_file, NULL) != TCB_OK)
		return false;
	(void)snprintf(path, sizeof path, "%s/dcap/%s/collateral.json", vectors != NULL ? vectors : "../shared/vectors",
		       bundle);
	policy = (struct policy){ .root_count = 1, .roots = { intel_root_spki }, .accepted_statuses = 0x3f };
	now_s = at_s;
	return file_read(path, &collateral_file, NULL) == TCB_OK &&
	       collateral_json_decode(file_span(&collateral_file), &memory, &collateral, NULL) == TCB_OK;
}

static enum tcb_error appraise(size_t size)
{
	struct quote_claims claims;

	checks = (struct checks){0};
	return quote_appraise(span_of(quote_file.data, size), &collateral, &policy, now_s, &checks, &claims);
}

static void flip_and_cut(const char *bundle, uint64_t at_s)
{
	if (!load(bundle, at_s)) {
		print_message("no vectors\n");
		skip();
	}
	assert_int_equal(appraise(quote_file.size), TCB_OK);
	for (size_t i = 0; i < quote_file.size; i++) {
		uint8_t bit = (uint8_t)(1u << i % 8);

		quote_file.data[i] ^= bit;
		if (appraise(quote_file.size) == TCB_OK)
			fail_msg("%s: byte %zu, bit %zu is not noticed", bundle, i, i % 8);
		quote_file.data[i] ^= bit;
	}
	for (size_t size = 0; size < quote_file.size; size += 7)
		assert_int_equal(appraise(size), TCB_MALFORMED);
}

static void sgx3(void **state)
{
	(void)state;
	flip_and_cut("sgx3_00606a000000_22c0df5d_eval17", 1756530546);
}

static void tdx4(void **state)
{
	(void)state;
	flip_and_cut("tdx4_b0c06f000000_f1c85033_eval17", 1751624191);
}

static void tdx5(void **state)
{
	(void)state;
	flip_and_cut("tdx5_90c06f000000_cf77a6e9_eval18", 1771980350);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sgx3), cmocka_unit_test(tdx4), cmocka_unit_test(tdx5) };

	return cmocka_run_group_tests_name("verify/quote", tests, NULL, NULL);
}
