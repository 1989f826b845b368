// SPDX-License-Identifier: MIT
/* Results as JSON (docs/result.schema.json): members in one order, so that the same judgement gives the same text. */
#include <jansson.h>
#include <stdlib.h>

#include "verify/lib/internal.h"
#include "verify/lib/quote_json.h"

static const char *const result_names[] = {
	[TCBIND_CHECK_NOT_RUN] = "not-run", [TCBIND_CHECK_PASS] = "pass", [TCBIND_CHECK_FAIL] = "fail",
};

static json_t *checks_json(const struct tcbind_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->check_count; i++) {
		const struct tcbind_check *c = &r->checks[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "layer", c->layer, "field", c->field,
							    "result", result_names[c->result], "expected", c->expected, "got",
							    c->got, "code", c->code));
	}
	return list;
}

/* JSON's integers end at 2^63 here; evidence that claims more is not trusted, and shows the largest. */
static json_int_t integer(uint64_t number)
{
	return number <= INT64_MAX ? (json_int_t)number : INT64_MAX;
}

static json_t *advisories_json(const struct tcbind_claims *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->advisory_count; i++)
		(void)json_array_append_new(list, json_string(c->advisory_ids[i]));
	return list;
}

static json_t *quote_json(const struct tcbind_result *r)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "verdict", tcbind_verdict_name(r->verdict), "tee", r->claims.tee, "tcb_status",
				   r->claims.tcb_status, "advisory_ids", advisories_json(&r->claims));

	if (object == NULL)
		return NULL;
	quote_json_add(object, r->quote);
	(void)json_object_set_new(object, "judged_at", json_integer(integer(r->claims.judged_at_s)));
	(void)json_object_set_new(object, "checks", checks_json(r));
	return object;
}

static json_t *hand_overs_json(const struct tcbind_custody *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->hand_over_count; i++) {
		const struct tcbind_hand_over *h = &c->hand_overs[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "from", h->from, "to", h->to, "at", integer(h->time_s),
							    "generation", integer(h->generation)));
	}
	return list;
}

/* null: nothing is folded. */
static json_t *folded_json(const struct tcbind_custody *c)
{
	json_t *stays;

	if (c->folded_count == 0)
		return json_null();
	stays = json_array();
	for (size_t i = 0; i < c->stay_count; i++)
		(void)json_array_append_new(stays, json_pack("{s:s, s:I}", "platform", c->stays[i].platform, "hand_overs",
							     integer(c->stays[i].hand_overs)));
	return json_pack("{s:I, s:I, s:I, s:o, s:I}", "hand_overs", integer(c->folded_count), "first_at", integer(c->folded_first_s),
			 "last_at", integer(c->folded_last_s), "stays", stays, "other_hand_overs", integer(c->other_count));
}

/* null: the judgement did not come so far. */
static json_t *custody_json(const struct tcbind_custody *c)
{
	return c == NULL ? json_null() : json_pack("{s:o, s:o}", "folded", folded_json(c), "hand_overs", hand_overs_json(c));
}

/* json_pack() gives NULL, and releases what it was given, when memory ends or a text is no UTF-8: neither is passed on half. */
static json_t *result_json(const struct tcbind_result *r)
{
	const struct tcbind_claims *c = &r->claims;

	if (r->quote != NULL)
		return quote_json(r);
	return json_pack("{s:s, s:{s:s, s:s, s:s, s:o}, s:{s:s, s:I, s:I, s:o}, s:s, s:b, s:I, s:o}", "verdict", tcbind_verdict_name(r->verdict), "platform",
			 "name", c->platform_name, "tee", c->tee, "tcb_status", c->tcb_status, "advisory_ids", advisories_json(c),
			 "vtpm", "id", c->vtpm_id, "generation", integer(c->generation), "hand_overs",
			 integer(c->custody_count), "custody", custody_json(c->custody), "ak_source", c->ak_source, "fresh", (int)r->fresh, "judged_at",
			 integer(c->judged_at_s), "checks", checks_json(r));
}

enum tcbind_error tcbind_result_json(const tcbind_result *result, char **ret_text)
{
	json_t *object;
	char *text;

	if (result == NULL || ret_text == NULL)
		return TCBIND_ERROR_ARGUMENT;
	object = result_json(result);
	text = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
	json_decref(object);
	if (text == NULL)
		return TCBIND_ERROR_MEMORY;
	*ret_text = text;
	return TCBIND_OK;
}
