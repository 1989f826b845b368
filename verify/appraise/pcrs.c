#include "verify/appraise/pcrs.h"

#include "crypto/crypto.h"

bool pcrs_check_digest(struct span values, const struct digest256 *quoted, const char *layer, const char *code,
		       struct checks *checks, struct digest256 ret_pcrs[LIMIT_PCRS])
{
	struct digest256 digest;

	if (crypto_sha256(values, &digest) != TCB_OK ||
	    !check_bytes(checks, layer, "pcr_digest", code, SPAN_OF(quoted->bytes), SPAN_OF(digest.bytes)))
		return false;
	for (size_t i = 0; i < LIMIT_PCRS; i++)
		memcpy(ret_pcrs[i].bytes, values.data + i * SHA256_SIZE, SHA256_SIZE);
	return true;
}

bool pcrs_check_policy(const struct digest256 pcrs[LIMIT_PCRS], const struct policy_pcr *wanted, size_t count,
		       const char *layer, const char *code, struct checks *checks)
{
	static const char *const names[LIMIT_PCRS] = {
		"pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",
		"pcr8",  "pcr9",  "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
		"pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22", "pcr23",
	};
	bool passed = true;

	for (size_t i = 0; i < count; i++)
		passed &= check_bytes(checks, layer, names[wanted[i].index], code, SPAN_OF(wanted[i].value.bytes),
				      SPAN_OF(pcrs[wanted[i].index].bytes));
	return passed;
}
