// SPDX-License-Identifier: MIT
/* Reference values as appraisal asks for them: this much of them is measured as part of the MigE. Files are read by reference_file.c. */
#include "verify/appraise/reference.h"

void reference_init(struct reference_values *ret_values)
{
	ret_values->from_s = 0;
	ret_values->until_s = UINT64_MAX;
	ret_values->pcr_count = 0;
	memset(ret_values->event_count, 0, sizeof ret_values->event_count);
}

void reference_narrow(struct reference_values *values, uint64_t from_s, uint64_t until_s)
{
	if (from_s > values->from_s)
		values->from_s = from_s;
	if (until_s < values->until_s)
		values->until_s = until_s;
}

enum tcb_error reference_add_pcr(struct reference_values *values, enum policy_layer layer, uint8_t index,
				 const struct digest256 *value)
{
	if (values->pcr_count == REFERENCE_PCRS_MAX)
		return TCB_LIMIT;
	values->pcrs[values->pcr_count++] = (struct reference_pcr){ .layer = layer, .pcr = { .index = index, .value = *value } };
	return TCB_OK;
}

enum tcb_error reference_add_event(struct reference_values *values, enum policy_layer layer, const struct digest256 *digest)
{
	if (values->event_count[layer] == REFERENCE_EVENTS_MAX)
		return TCB_LIMIT;
	values->events[layer][values->event_count[layer]++] = *digest;
	return TCB_OK;
}

bool reference_knows_event(const struct reference_values *values, enum policy_layer layer, struct span digest)
{
	for (size_t i = 0; values != NULL && i < values->event_count[layer]; i++)
		if (span_equal(SPAN_OF(values->events[layer][i].bytes), digest))
			return true;
	return false;
}
