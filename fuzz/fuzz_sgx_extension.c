// SPDX-License-Identifier: MIT
/* The SGX extension of a PCK certificate. Must reach: pck_extension_decode() and every member's decoder. Property: a prefix of what decodes does
 * not. */
#include "fuzz/target.h"
#include "verify/appraise/pck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pck_facts facts;

	if (pck_extension_decode(span_of(data, size), &facts) != TCB_OK)
		return 0;
	MUST_HOLD(facts.sgx_type <= 2);
	MUST_HOLD(pck_extension_decode(span_of(data, size - 1), &facts) != TCB_OK);
	return 0;
}
