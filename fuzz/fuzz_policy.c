// SPDX-License-Identifier: MIT
/* A policy in JSON. Must reach: policy_decode() and every member's decoder. Properties: counts within their tables; Revoked is never accepted; a
 * refusal says where. */
#include "fuzz/target.h"
#include "verify/appraise/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy;
	struct diagnosis d = {0};

	if (policy_decode(span_of(data, size), &policy, &d) != TCB_OK) {
		MUST_HOLD(d.code[0] != '\0');
		return 0;
	}
	MUST_HOLD(policy.root_count <= POLICY_ROOTS_MAX && policy.enclave_count <= POLICY_ENCLAVES_MAX);
	MUST_HOLD(policy.platform_count <= POLICY_PLATFORMS_MAX && policy.vtpm_count <= POLICY_VTPMS_MAX);
	MUST_HOLD((policy.accepted_statuses & (1u << TCB_REVOKED | 1u << TCB_NOT_SUPPORTED)) == 0);
	return 0;
}
