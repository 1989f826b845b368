// SPDX-License-Identifier: MIT
/* TPM structures; the first byte says which. Must reach: tpm_attest_decode(), tpm_ak_decode(), tpm_ek_decode(),
 * tpm_signature_decode(). Property: a prefix of what decodes does not. */
#include "fuzz/target.h"
#include "verify/appraise/tpm.h"

static enum tcb_error decode(uint8_t which, struct span in)
{
	struct p256_signature signature;
	struct tpm_attest attest;
	struct p256_point key;

	switch (which % 4) {
	case 0: return tpm_attest_decode(in, &attest);
	case 1: return tpm_ak_decode(in, &key);
	case 2: return tpm_signature_decode(in, &signature);
	default: return tpm_ek_decode(in, &key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || decode(data[0], span_of(data + 1, size - 1)) != TCB_OK)
		return 0;
	MUST_HOLD(decode(data[0], span_of(data + 1, size - 2)) != TCB_OK);
	return 0;
}
