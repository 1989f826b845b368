// SPDX-License-Identifier: MIT
#include "verify/appraise/pcrs.h"

#include "crypto/crypto.h"
#include "verify/appraise/reference.h"

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

const char *pcr_name(unsigned pcr)
{
	static const char *const names[LIMIT_PCRS] = {
		"pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",
		"pcr8",  "pcr9",  "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
		"pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22", "pcr23",
	};

	return names[pcr];
}

/* What is wanted of one PCR, and whether it has it. */
struct wanted {
	size_t count;
	const struct digest256 *first;
	bool found;
};

static void take(struct wanted *wanted, const struct policy_pcr *entry, unsigned pcr, const struct digest256 *value)
{
	if (entry->index != pcr)
		return;
	if (wanted->count++ == 0)
		wanted->first = &entry->value;
	wanted->found |= memcmp(&entry->value, value, sizeof *value) == 0;
}

bool pcrs_check_policy(const struct digest256 pcrs[LIMIT_PCRS], const struct policy *policy, enum policy_layer layer,
		       const char *layer_name, const char *code, struct checks *checks)
{
	const struct policy_pcr *entries = layer == LAYER_PLATFORM ? policy->platform_pcrs : policy->guest_pcrs;
	size_t count = layer == LAYER_PLATFORM ? policy->platform_pcr_count : policy->guest_pcr_count;
	const struct reference_values *references = policy->references;
	bool passed = true;

	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		struct wanted wanted = {0};
		const struct digest256 *shown;

		for (size_t i = 0; i < count; i++)
			take(&wanted, &entries[i], pcr, &pcrs[pcr]);
		for (size_t i = 0; references != NULL && i < references->pcr_count; i++)
			if (references->pcrs[i].layer == layer)
				take(&wanted, &references->pcrs[i].pcr, pcr, &pcrs[pcr]);
		if (wanted.count == 0)
			continue;
		shown = wanted.found ? &pcrs[pcr] : wanted.first; /* of several, the first stands for all */
		passed &= check_bytes(checks, layer_name, pcr_name(pcr), code, SPAN_OF(shown->bytes), SPAN_OF(pcrs[pcr].bytes));
	}
	return passed;
}
