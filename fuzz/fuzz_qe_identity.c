// SPDX-License-Identifier: MIT
/* QE identity as if TCB Signing had signed it; the first byte: SGX or TDX. Must reach: json_check(), document_check(), decode_identity(),
 * check_masked(), svn_level_find(). Property: what passes is of the QE that the seeds' quotes have. */
#include "fuzz/target.h"
#include "verify/appraise/tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct checks checks;
	static struct quote_claims claims;
	uint8_t report[384] = {0};
	enum tcb_status status = TCB_NOT_SUPPORTED;
	bool tdx;

	if (size < 1)
		return 0;
	tdx = data[0] % 2 != 0;
	report[48] = 0x15;
	memcpy(report + 128, "rig's quoting enclave's signer!!", 32);
	report[256] = tdx ? 2 : 1;
	report[258] = 7;
	checks = (struct checks){0};
	claims = (struct quote_claims){0};
	if (qe_identity_appraise(span_of(data + 1, size - 1), SPAN_OF(report), tdx, FUZZ_NOW_S, &checks, &claims, &status)) {
		MUST_HOLD(checks_first_failure(&checks) == NULL);
		MUST_HOLD(status == TCB_UP_TO_DATE || status == TCB_OUT_OF_DATE || status == TCB_REVOKED);
	} else {
		MUST_HOLD(checks_first_failure(&checks) != NULL);
	}
	return 0;
}
