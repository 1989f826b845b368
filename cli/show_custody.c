// SPDX-License-Identifier: MIT
/* tcbind show: the custody chain in an evidence. */
#include "cli/show_custody.h"

#include "cli/hex_json.h"
#include "cli/print_checks.h"
#include "edge/custody.h"
#include "edge/custody_summary.h"

static json_t *time_json(uint64_t time_s)
{
	char text[TIME_TEXT_SIZE];

	time_text(time_s, text);
	return json_string(text);
}

static json_t *name_json(struct span name)
{
	return json_stringn((const char *)name.data, name.size);
}

static json_t *show_record(struct span signed_record)
{
	struct custody_record r;

	if (custody_record_read(signed_record, &r) != TCB_OK)
		return json_string("does not decode");
	return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o}", "from", name_json(r.from_name), "to",
			 name_json(r.to_name), "at", time_json(r.time_s), "generation",
			 (json_int_t)r.generation, "from_ak_name",
			 hex_json(SPAN_OF(r.from_ak.bytes)), "to_ak_name",
			 hex_json(SPAN_OF(r.to_ak.bytes)));
}

static json_t *show_summary(struct span signed_summary)
{
	struct custody_summary s;
	json_t *stays;

	if (custody_summary_read(signed_summary, &s) != TCB_OK)
		return json_string("does not decode");
	stays = json_array();
	for (size_t i = 0; i < s.stay_count; i++)
		(void)json_array_append_new(
		    stays, json_pack("{s:o, s:I, s:o}", "platform", name_json(s.stays[i].name),
				     "hand_overs", (json_int_t)s.stays[i].count, "ak_name",
				     hex_json(SPAN_OF(s.stays[i].ak.bytes))));
	return json_pack("{s:I, s:o, s:o, s:o, s:I}", "hand_overs",
			 (json_int_t)(s.last_generation - s.first_generation + 1), "first_at",
			 time_json(s.first_time_s), "last_at", time_json(s.last_time_s), "stays",
			 stays, "other_hand_overs", (json_int_t)s.others);
}

json_t *show_custody(struct span bytes)
{
	struct custody_chain chain;
	json_t *hand_overs, *shown;

	if (custody_chain_decode(bytes, &chain) != TCB_OK)
		return json_string("does not decode");
	hand_overs = json_array();
	for (size_t i = 0; i < chain.record_count; i++)
		(void)json_array_append_new(hand_overs, show_record(chain.records[i]));
	shown = json_object();
	if (chain.summary.size > 0)
		(void)json_object_set_new(shown, "folded", show_summary(chain.summary));
	(void)json_object_set_new(shown, "hand_overs", hand_overs);
	return shown;
}
