// SPDX-License-Identifier: MIT
/* A judgement as its caller keeps it: one allocation, with all texts inside. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "edge/custody_summary.h"
#include "verify/appraise/tcb.h"
#include "verify/lib/internal.h"

enum {
	UUID_TEXT_SIZE = 37,
	RESULT_SIZE = (sizeof(struct tcbind_result) + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t),
};

/* Texts and lists, laid one after the other behind the result. Measured first (`at` NULL), then written: the same code does both. */
struct layout {
	uint8_t *at; /* NULL: measure */
	size_t used;
};

static void *take(struct layout *l, size_t size)
{
	void *place = l->at != NULL ? l->at + l->used : NULL;

	l->used += size;
	return place;
}

static const void *keep(struct layout *l, const void *bytes, size_t size)
{
	void *place = take(l, size);

	if (place != NULL && size > 0)
		memcpy(place, bytes, size);
	return place;
}

static const char *keep_text(struct layout *l, const char *text)
{
	return keep(l, text, strlen(text) + 1);
}

/* What comes next may be anything. */
static void align(struct layout *l)
{
	while (l->used % _Alignof(max_align_t) != 0)
		(void)take(l, 1);
}

static enum tcbind_verdict verdict_of(enum tcb_error error)
{
	switch (error) {
	case TCB_OK: return TCBIND_TRUSTED;
	case TCB_MALFORMED: return TCBIND_NOT_EVIDENCE;
	case TCB_WRONG_STATE: return TCBIND_NOT_JUDGED;
	default: return TCBIND_NOT_TRUSTED;
	}
}

const char *tcbind_verdict_name(enum tcbind_verdict verdict)
{
	switch (verdict) {
	case TCBIND_TRUSTED: return "trusted";
	case TCBIND_NOT_EVIDENCE: return "malformed";
	case TCBIND_NOT_JUDGED: return "not-judged";
	default: return "not-trusted";
	}
}

static void uuid_text(const struct uuid *id, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < sizeof id->bytes; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret_text[at++] = '-';
		ret_text[at++] = digits[id->bytes[i] >> 4];
		ret_text[at++] = digits[id->bytes[i] & 15];
	}
	ret_text[at] = '\0';
}

static void keep_quote(struct layout *l, const struct quote_claims *q, struct tcbind_claims *c)
{
	const char **advisories = take(l, q->advisory_count * sizeof advisories[0]);

	for (size_t i = 0; i < q->advisory_count; i++) {
		const char *text = keep_text(l, q->advisories[i]);

		if (advisories != NULL)
			advisories[i] = text;
	}
	c->advisory_ids = advisories;
	c->advisory_count = q->advisory_count;
	c->tee = q->tee == QUOTE_TEE_TDX ? "TDX" : "SGX";
	c->tcb_status = tcb_status_name(q->tcb_status);
}

static const char *source_name(enum ak_source source)
{
	return source == AK_SOURCE_MSR ? "msr" : source == AK_SOURCE_ENROLLED ? "enrolled" : "";
}

static void keep_evidence(struct layout *l, const struct evidence_claims *e, struct tcbind_claims *c)
{
	bool known = e->request.nonce.size > 0; /* it came so far as to decode */
	char id[UUID_TEXT_SIZE] = "";

	if (known)
		uuid_text(&e->request.id, id);
	c->vtpm_id = keep_text(l, id);
	c->platform_name = keep_text(l, e->platform_name);
	c->generation = e->request.generation;
	c->ak_source = source_name(e->platform.ak.ak_source);
	c->custody_count = e->custody_count;
	c->nonce = keep(l, e->request.nonce.data, e->request.nonce.size);
	c->nonce_size = e->request.nonce.size;
}

/* ---- custody ---- */

static const char *keep_platform(struct layout *l, const struct policy *policy, const struct tpm_name *ak, struct span name)
{
	const struct policy_platform *listed = policy_find_platform(policy, ak);
	char text[LIMIT_NAME + 1] = "";

	if (listed != NULL)
		return keep_text(l, listed->name);
	memcpy(text, name.data, name.size);
	return keep_text(l, text);
}

static void keep_hand_overs(struct layout *l, const struct custody_chain *chain, const struct policy *policy, struct tcbind_custody *ret_c)
{
	struct tcbind_hand_over *list = take(l, chain->record_count * sizeof list[0]);
	struct custody_record r;

	for (size_t i = 0; i < chain->record_count; i++) {
		struct tcbind_hand_over one;

		if (custody_record_read(chain->records[i], &r) != TCB_OK)
			return; /* never: it was judged */
		one = (struct tcbind_hand_over){ .from = keep_platform(l, policy, &r.from_ak, r.from_name),
						 .to = keep_platform(l, policy, &r.to_ak, r.to_name), .time_s = r.time_s,
						 .generation = r.generation };
		if (list != NULL)
			list[i] = one;
	}
	ret_c->hand_overs = list;
	ret_c->hand_over_count = chain->record_count;
}

static void keep_summary(struct layout *l, struct span summary, const struct policy *policy, struct tcbind_custody *ret_c)
{
	struct custody_summary s;
	struct tcbind_stay *list;

	if (summary.size == 0 || custody_summary_read(summary, &s) != TCB_OK)
		return;
	align(l);
	list = take(l, s.stay_count * sizeof list[0]);
	for (size_t i = 0; i < s.stay_count; i++) {
		const char *name = keep_platform(l, policy, &s.stays[i].ak, s.stays[i].name);

		if (list != NULL)
			list[i] = (struct tcbind_stay){ .platform = name, .hand_overs = s.stays[i].count };
	}
	ret_c->folded_count = s.last_generation - s.first_generation + 1;
	ret_c->folded_first_s = s.first_time_s;
	ret_c->folded_last_s = s.last_time_s;
	ret_c->stay_count = s.stay_count;
	ret_c->stays = list;
	ret_c->other_count = s.others;
}

static const struct tcbind_custody *keep_custody(struct layout *l, const struct evidence_claims *e, const struct policy *policy)
{
	struct tcbind_custody custody = {0}, *kept;

	if (!e->custody_known)
		return NULL;
	align(l);
	kept = take(l, sizeof custody);
	keep_hand_overs(l, &e->custody, policy, &custody);
	keep_summary(l, e->custody.summary, policy, &custody);
	if (kept != NULL)
		*kept = custody;
	return kept;
}

static const struct tcbind_check *keep_checks(struct layout *l, const struct checks *checks)
{
	static const enum tcbind_check_result results[] = {
		[CHECK_NOT_RUN] = TCBIND_CHECK_NOT_RUN, [CHECK_PASS] = TCBIND_CHECK_PASS, [CHECK_FAIL] = TCBIND_CHECK_FAIL,
	};
	struct tcbind_check *list = take(l, checks->count * sizeof list[0]);

	for (size_t i = 0; i < checks->count; i++) {
		const struct check *c = &checks->list[i];
		const char *expected = keep_text(l, c->expected);
		bool same = strcmp(c->expected, c->got) == 0; /* most often */
		const char *got = same ? expected : keep_text(l, c->got);

		if (list != NULL)
			list[i] = (struct tcbind_check){ .result = results[c->result], .layer = c->layer, .field = c->field,
							 .code = c->code, .expected = expected, .got = got,
							 .needed = c->needed };
	}
	return list;
}

/* What the layout makes of a finding; lists first, so that they are aligned. */
static struct tcbind_result lay_out(struct layout *l, const struct finding *f)
{
	const struct quote_claims *quote = f->quote != NULL ? f->quote : &f->evidence->platform.quote;
	struct tcbind_result r = { .verdict = verdict_of(f->error), .policy_text = f->policy->text };
	struct tcbind_claims *c = &r.claims;

	*c = (struct tcbind_claims){ .platform_name = "", .vtpm_id = "", .ak_source = "", .judged_at_s = f->time_s };
	r.check_count = f->checks->count;
	r.checks = keep_checks(l, f->checks);
	align(l);
	if (f->quote != NULL)
		r.quote = keep(l, f->quote, sizeof *f->quote);
	keep_quote(l, quote, c);
	if (f->evidence != NULL) {
		keep_evidence(l, f->evidence, c);
		c->custody = keep_custody(l, f->evidence, &f->policy->policy);
	}
	for (size_t i = 0; i < f->checks->count; i++)
		r.fresh |= f->nonce_given && strcmp(f->checks->list[i].code, "evidence.nonce") == 0 &&
			   f->checks->list[i].result == CHECK_PASS;
	return r;
}

struct tcbind_result *result_new(const struct finding *finding)
{
	struct layout l = {0};
	struct tcbind_result *r;

	(void)lay_out(&l, finding);
	r = malloc(RESULT_SIZE + l.used);
	if (r == NULL)
		return NULL;
	l = (struct layout){ .at = (uint8_t *)r + RESULT_SIZE };
	*r = lay_out(&l, finding);
	return r;
}

void tcbind_result_free(tcbind_result *result)
{
	free(result);
}

enum tcbind_verdict tcbind_result_verdict(const tcbind_result *result)
{
	return result->verdict;
}

size_t tcbind_result_check_count(const tcbind_result *result)
{
	return result->check_count;
}

const struct tcbind_check *tcbind_result_check(const tcbind_result *result, size_t index)
{
	return index < result->check_count ? &result->checks[index] : NULL;
}

const struct tcbind_claims *tcbind_result_claims(const tcbind_result *result)
{
	return &result->claims;
}

void tcbind_text_free(char *text)
{
	free(text);
}
