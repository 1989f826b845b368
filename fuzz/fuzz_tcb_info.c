// SPDX-License-Identifier: MIT
/* TCB info as if TCB Signing had signed it: of SGX where the first byte is even, else of TDX. Must reach: json_check(), document_check(),
 * find_levels(), find_module(), svn_level_find(), advisories_take(), judge_running(), tcb_conclude(), tcb_narrow(). Properties: a text that
 * passes has a status of the enumeration and its window holds now; no level of a document is a result. */
#include "fuzz/target.h"
#include "sgxsim/sgx_extension.h"
#include "verify/appraise/tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct checks checks;
	static struct quote_claims claims;
	struct pck_facts pck = { .pce_svn = 13 };
	struct td_tcb td = { .svn = {5, 1, 5}, .svn2 = {6, 1, 7}, .has_svn2 = true };
	struct tcb_findings findings;
	enum tcb_status status = TCB_NOT_SUPPORTED;
	uint64_t from_s = 0, until_s = UINT64_MAX;
	struct span text;

	if (size < 1)
		return 0;
	text = span_of(data + 1, size - 1);
	memset(pck.component_svn, 7, sizeof pck.component_svn);
	memcpy(pck.fmspc, pki_fmspc, sizeof pck.fmspc);
	checks = (struct checks){0};
	claims = (struct quote_claims){0};
	if (!tcb_info_appraise(text, &pck, data[0] % 2 == 0 ? NULL : &td, FUZZ_NOW_S, &checks, &claims, &findings)) {
		MUST_HOLD(checks_first_failure(&checks) != NULL);
		return 0;
	}
	MUST_HOLD(checks_first_failure(&checks) == NULL);
	MUST_HOLD(findings.platform <= TCB_OUT_OF_DATE_CONFIGURATION_NEEDED || findings.platform == TCB_REVOKED);
	MUST_HOLD(claims.advisory_count <= QUOTE_ADVISORIES_MAX);
	for (size_t i = 0; i < claims.advisory_count; i++)
		MUST_HOLD(memchr(claims.advisories[i], '\0', QUOTE_ADVISORY_SIZE) != NULL);
	tcb_narrow(text, &from_s, &until_s);
	MUST_HOLD(from_s <= FUZZ_NOW_S && FUZZ_NOW_S <= until_s);
	if (tcb_conclude(&findings, TCB_UP_TO_DATE, &status) == TCB_OK)
		MUST_HOLD(status <= TCB_NOT_SUPPORTED && tcb_status_name(status) != NULL);
	return 0;
}
