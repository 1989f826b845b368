// SPDX-License-Identifier: MIT
/* Policies' rules on what was booted and when: PCRs, logs, clocks, reference values, custody, freshness. */
#include "verify/appraise/policy_decode.h"

#include "verify/appraise/event_text.h"

/* ---- PCRs ---- */

static enum tcb_error add_pcr(struct decoding *x, struct span value, uint8_t index, struct policy_pcr *pcrs, size_t *count)
{
	if (*count == POLICY_PCRS_MAX)
		return policy_refuse(x, value, "at most 128 PCR values");
	if (json_hex(value, pcrs[*count].value.bytes, SHA256_SIZE) != TCB_OK)
		return policy_refuse(x, value, "an SHA-256 value, 64 hexadecimal digits, or an array of them");
	pcrs[(*count)++].index = index;
	return TCB_OK;
}

static enum tcb_error decode_pcrs(struct decoding *x, struct span object, struct policy_pcr *pcrs, size_t *count)
{
	struct span rest = object, name, value, one;
	uint64_t index;

	if (!json_opens_object(object))
		return policy_refuse(x, object, "an object");
	while (json_next_member(&rest, &name, &value)) {
		size_t before = *count;
		struct span list = value;

		if (json_uint(name, LIMIT_PCRS - 1, &index) != TCB_OK || name.size > 2 || (name.size == 2 && name.data[0] == '0'))
			return policy_refuse(x, name, "a PCR from 0 to 23");
		if (!json_opens_array(value)) {
			TRY(add_pcr(x, value, (uint8_t)index, pcrs, count));
			continue;
		}
		while (json_next_element(&list, &one))
			TRY(add_pcr(x, one, (uint8_t)index, pcrs, count));
		if (*count == before)
			return policy_refuse(x, value, "at least one value");
	}
	return TCB_OK;
}

enum tcb_error policy_decode_platform_pcrs(struct decoding *x, struct span value)
{
	return decode_pcrs(x, value, x->policy->platform_pcrs, &x->policy->platform_pcr_count);
}

enum tcb_error policy_decode_guest_pcrs(struct decoding *x, struct span value)
{
	return decode_pcrs(x, value, x->policy->guest_pcrs, &x->policy->guest_pcr_count);
}

/* [0, 4, 7], as bits. */
static enum tcb_error decode_pcr_set(struct decoding *x, struct span array, uint32_t *ret_bits)
{
	struct span rest = array, value;
	uint32_t bits = 0;
	uint64_t pcr;

	if (!json_opens_array(array))
		return policy_refuse(x, array, "an array of PCRs");
	while (json_next_element(&rest, &value)) {
		if (json_uint(value, LIMIT_PCRS - 1, &pcr) != TCB_OK || (bits & 1u << pcr) != 0)
			return policy_refuse(x, value, "a PCR from 0 to 23, once");
		bits |= 1u << pcr;
	}
	*ret_bits = bits;
	return TCB_OK;
}

/* ---- logs ---- */

static enum tcb_error decode_event_type(struct decoding *x, struct span value)
{
	struct policy_event *e = x->entry;
	struct span name;
	uint64_t number;

	e->has_type = true;
	if (json_text(value, &name) == TCB_OK)
		return event_type_parse(name, &e->type) ? TCB_OK : policy_refuse(x, value, "the name of an event's type, or its number");
	if (json_uint(value, UINT32_MAX, &number) != TCB_OK)
		return policy_refuse(x, value, "the name of an event's type, or its number");
	e->type = (uint32_t)number;
	return TCB_OK;
}

static enum tcb_error decode_event_pcr(struct decoding *x, struct span value)
{
	struct policy_event *e = x->entry;
	uint64_t pcr;

	if (json_uint(value, LIMIT_PCRS - 1, &pcr) != TCB_OK)
		return policy_refuse(x, value, "a PCR from 0 to 23");
	e->pcr = (uint32_t)pcr;
	e->has_pcr = true;
	return TCB_OK;
}

static enum tcb_error add_event(struct decoding *x, struct span value, struct policy_event *events, size_t *count)
{
	static const struct member members[] = {
		{"pcr", decode_event_pcr},
		{"type", decode_event_type},
		{"digest", NULL, MEMBER_HEX, offsetof(struct policy_event, digest), SHA256_SIZE,
		 offsetof(struct policy_event, has_digest)},
	};
	struct policy_event e = {0};

	if (*count == POLICY_EVENTS_MAX)
		return policy_refuse(x, value, "at most 32 events");
	TRY(policy_entry(x, value, MEMBERS(members), &e));
	if (!e.has_type && !e.has_digest)
		return policy_refuse(x, value, "an event with a type or a digest");
	events[(*count)++] = e;
	return TCB_OK;
}

static enum tcb_error decode_must_one(struct decoding *x, struct span value)
{
	struct policy_log *log = x->entry;

	return add_event(x, value, log->must, &log->must_count);
}

static enum tcb_error decode_must_not_one(struct decoding *x, struct span value)
{
	struct policy_log *log = x->entry;

	return add_event(x, value, log->must_not, &log->must_not_count);
}

static enum tcb_error decode_must(struct decoding *x, struct span value) { return policy_list(x, value, decode_must_one); }
static enum tcb_error decode_must_not(struct decoding *x, struct span value) { return policy_list(x, value, decode_must_not_one); }

static enum tcb_error decode_replayed(struct decoding *x, struct span value)
{
	struct policy_log *log = x->entry;

	log->has_replayed = true;
	TRY(decode_pcr_set(x, value, &log->replayed));
	return log->replayed != 0 ? TCB_OK : policy_refuse(x, value, "at least one PCR: a log that leads nowhere says nothing");
}

static enum tcb_error decode_known(struct decoding *x, struct span value)
{
	return decode_pcr_set(x, value, &((struct policy_log *)x->entry)->known);
}

static enum tcb_error decode_log(struct decoding *x, struct span value, enum policy_layer layer)
{
	static const struct member members[] = {
		{"required", NULL, MEMBER_BOOL, offsetof(struct policy_log, required)},
		{"replayed_pcrs", decode_replayed},
		{"known_pcrs", decode_known},
		{"must", decode_must},
		{"must_not", decode_must_not},
	};

	return policy_entry(x, value, MEMBERS(members), &x->policy->logs[layer]);
}

static enum tcb_error decode_platform_log(struct decoding *x, struct span value) { return decode_log(x, value, LAYER_PLATFORM); }
static enum tcb_error decode_guest_log(struct decoding *x, struct span value) { return decode_log(x, value, LAYER_GUEST); }

enum tcb_error policy_decode_logs(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"platform", decode_platform_log}, {"guest", decode_guest_log} };

	return policy_members(x, value, MEMBERS(members));
}

/* ---- clocks ---- */

enum tcb_error policy_clock_decode(struct decoding *x, struct span value, struct policy_clock *ret_clock)
{
	static const struct member members[] = {
		{"safe", NULL, MEMBER_BOOL, offsetof(struct policy_clock, safe)},
		{"reset_count", NULL, MEMBER_UINT32, offsetof(struct policy_clock, reset_count), 0,
		 offsetof(struct policy_clock, has_reset_count)},
		{"restart_count", NULL, MEMBER_UINT32, offsetof(struct policy_clock, restart_count), 0,
		 offsetof(struct policy_clock, has_restart_count)},
		{"min_reset_count", NULL, MEMBER_UINT32, offsetof(struct policy_clock, min_reset_count)},
		{"min_restart_count", NULL, MEMBER_UINT32, offsetof(struct policy_clock, min_restart_count)},
	};

	return policy_entry(x, value, MEMBERS(members), ret_clock);
}

static enum tcb_error decode_platform_clock(struct decoding *x, struct span value)
{
	return policy_clock_decode(x, value, &x->policy->clocks[LAYER_PLATFORM]);
}

static enum tcb_error decode_guest_clock(struct decoding *x, struct span value)
{
	return policy_clock_decode(x, value, &x->policy->clocks[LAYER_GUEST]);
}

enum tcb_error policy_decode_clocks(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"platform", decode_platform_clock}, {"guest", decode_guest_clock} };

	return policy_members(x, value, MEMBERS(members));
}

/* ---- reference values ---- */

static enum tcb_error decode_file(struct decoding *x, struct span value)
{
	struct policy_reference *r = x->entry;
	struct span text;

	if (json_text(value, &text) != TCB_OK || text.size == 0 || text.size > POLICY_FILE_NAME_MAX)
		return policy_refuse(x, value, "a file's name of at most 255 bytes, without escapes");
	memcpy(r->file, text.data, text.size);
	return TCB_OK;
}

static enum tcb_error decode_layer(struct decoding *x, struct span value)
{
	struct policy_reference *r = x->entry;

	if (!span_is_text(value, "\"platform\"") && !span_is_text(value, "\"guest\""))
		return policy_refuse(x, value, "platform or guest");
	r->layer = span_is_text(value, "\"guest\"") ? LAYER_GUEST : LAYER_PLATFORM;
	return TCB_OK;
}

static enum tcb_error decode_reference(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"file", decode_file, .required = true},
		{"layer", decode_layer, .required = true},
		{"signer", NULL, MEMBER_HEX, offsetof(struct policy_reference, signer), P256_POINT_SIZE,
		 offsetof(struct policy_reference, has_signer)},
	};

	if (x->policy->reference_count == POLICY_REFERENCES_MAX)
		return policy_refuse(x, value, "at most 8 files of reference values");
	TRY(policy_entry(x, value, MEMBERS(members), &x->policy->reference_files[x->policy->reference_count]));
	x->policy->reference_count++;
	return TCB_OK;
}

enum tcb_error policy_decode_references(struct decoding *x, struct span value)
{
	return policy_list(x, value, decode_reference);
}

/* ---- custody, freshness ---- */

static enum tcb_error decode_custody_platforms(struct decoding *x, struct span value)
{
	if (!span_is_text(value, "\"any\"") && !span_is_text(value, "\"listed\""))
		return policy_refuse(x, value, "any or listed");
	x->policy->custody_listed_only = span_is_text(value, "\"listed\"");
	return TCB_OK;
}

enum tcb_error policy_decode_custody(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"max_hand_overs", NULL, MEMBER_UINT32, offsetof(struct policy, max_hand_overs), 0,
		 offsetof(struct policy, limits_hand_overs)},
		{"platforms", decode_custody_platforms},
	};

	return policy_entry(x, value, MEMBERS(members), x->policy);
}

static enum tcb_error decode_nonce(struct decoding *x, struct span value)
{
	if (!span_is_text(value, "\"required\"") && !span_is_text(value, "\"optional\""))
		return policy_refuse(x, value, "required or optional");
	x->policy->require_nonce = span_is_text(value, "\"required\"");
	return TCB_OK;
}

enum tcb_error policy_decode_freshness(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"nonce", decode_nonce},
		{"max_collateral_age_days", NULL, MEMBER_UINT32, offsetof(struct policy, max_collateral_age_days)},
	};

	return policy_entry(x, value, MEMBERS(members), x->policy);
}
