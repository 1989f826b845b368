// SPDX-License-Identifier: MIT
/* Verification by the public library: requests in, results out, by one thread or several. Judging itself is verify/appraise/. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "verify/appraise/codes.h"
#include "verify/appraise/collateral_json.h"
#include "verify/lib/internal.h"

enum { THREADS_MAX = 256 };

/* What one thread needs while it judges; the rest of a judgement's memory is on its stack, and small. */
struct scratch {
	struct checks checks;
	struct evidence_claims evidence;
	struct quote_claims quote;
};

/* A collateral file that the caller brings: rare, and large. */
struct brought {
	struct collateral_memory decoded;
	struct collateral collateral;
	struct span document; /* the same in the form that evidence brings */
	uint8_t encoded[LIMIT_COLLATERAL];
};

const char *tcbind_verify_version(void)
{
	return TCBIND_VERSION;
}

/* ---- context ---- */

enum tcbind_error tcbind_context_new(size_t platforms, tcbind_context **ret_context)
{
	struct tcbind_context *c;

	if (ret_context == NULL || platforms > CACHE_PLATFORMS_MAX)
		return TCBIND_ERROR_ARGUMENT;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return TCBIND_ERROR_MEMORY;
	if (platforms > 0 && (c->cache = cache_new(platforms)) == NULL) {
		free(c);
		return TCBIND_ERROR_MEMORY;
	}
	*ret_context = c;
	return TCBIND_OK;
}

void tcbind_context_free(tcbind_context *context)
{
	if (context != NULL)
		cache_free(context->cache);
	free(context);
}

void tcbind_context_counts(const tcbind_context *context, uint64_t *ret_recalled, uint64_t *ret_made)
{
	*ret_recalled = *ret_made = 0;
	if (context != NULL && context->cache != NULL)
		cache_counts(context->cache, ret_recalled, ret_made);
}

/* ---- one request ---- */

static bool is_usable(const struct tcbind_request *r)
{
	return (r->evidence != NULL || r->evidence_size == 0) && (r->nonce != NULL || r->nonce_size == 0) &&
	       r->nonce_size <= LIMIT_NONCE && (r->collateral != NULL || r->collateral_size == 0) &&
	       (r->guest_log != NULL || r->guest_log_size == 0) && (r->guest_ima != NULL || r->guest_ima_size == 0) &&
	       (r->custody_collateral != NULL || r->custody_collateral_size == 0);
}

/* `ret_brought`: NULL where there is nothing; freed by the caller, also after an error. */
static enum tcb_error bring(const void *json, size_t size, struct brought **ret_brought, struct diagnosis *d)
{
	struct brought *b = NULL;
	struct writer w;

	if (size > 0 && (b = malloc(sizeof *b)) == NULL)
		return TCB_INTERNAL;
	*ret_brought = b;
	if (b == NULL)
		return TCB_OK;
	TRY(collateral_json_decode(span_of(json, size), &b->decoded, &b->collateral, d));
	w = WRITER_OF(b->encoded);
	collateral_encode(&w, &b->collateral);
	return writer_end(&w, &b->document);
}

/* What the caller brings; NULL: nothing. */
struct bag {
	struct brought *collateral, *custody;
};

static struct span document_of(const struct brought *b)
{
	return b != NULL ? b->document : span_of(NULL, 0);
}

static struct tcbind_result *judge_with(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *r, bool quote,
					const struct bag *bag, struct scratch *s)
{
	struct cache_view view = { .cache = context != NULL ? context->cache : NULL, .scope = policy->scope };
	const struct memo memo = cache_memo(&view);
	struct finding f = { .checks = &s->checks, .policy = policy, .time_s = r->time_s, .nonce_given = r->nonce_size > 0 };
	struct span bytes = span_of(r->evidence, r->evidence_size);
	const struct evidence_inputs in = { .evidence = bytes, .nonce = span_of(r->nonce, r->nonce_size),
					    .collateral = document_of(bag->collateral),
					    .custody_collateral = document_of(bag->custody),
					    .guest_log = span_of(r->guest_log, r->guest_log_size),
					    .guest_ima = span_of(r->guest_ima, r->guest_ima_size), .now_s = r->time_s };

	s->checks.count = 0; /* the list is filled in order, and is large */
	s->checks.overflowed = s->checks.missing = false;
	s->checks.memo = view.cache != NULL ? &memo : NULL;
	if (quote) {
		f.quote = &s->quote;
		f.error = quote_appraise(bytes, bag->collateral != NULL ? &bag->collateral->collateral : NULL, &policy->policy, r->time_s,
					 &s->checks, &s->quote);
	} else {
		f.evidence = &s->evidence;
		f.error = evidence_appraise(&in, &policy->policy, &s->checks, &s->evidence);
	}
	return result_new(&f);
}

static enum tcbind_error judge(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *r, bool quote,
			       struct scratch *s, struct tcbind_result **ret_result, struct tcbind_failure *failure)
{
	struct tcbind_result *result = NULL;
	struct diagnosis d = {0};
	struct bag bag = {0};
	enum tcb_error error;

	error = bring(r->collateral, r->collateral_size, &bag.collateral, &d);
	if (error == TCB_OK)
		error = bring(r->custody_collateral, r->custody_collateral_size, &bag.custody, &d);
	if (error == TCB_OK)
		result = judge_with(context, policy, r, quote, &bag, s);
	free(bag.collateral);
	free(bag.custody);
	if (error != TCB_OK && error != TCB_INTERNAL)
		return failure_of(error, &d, failure);
	if (result == NULL)
		return TCBIND_ERROR_MEMORY;
	*ret_result = result;
	return TCBIND_OK;
}

static enum tcbind_error judge_one(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *r, bool quote,
				   tcbind_result **ret_result, struct tcbind_failure *failure)
{
	enum tcbind_error error;
	struct scratch *s;

	if (policy == NULL || r == NULL || ret_result == NULL || !is_usable(r))
		return TCBIND_ERROR_ARGUMENT;
	s = malloc(sizeof *s);
	if (s == NULL)
		return TCBIND_ERROR_MEMORY;
	error = judge(context, policy, r, quote, s, ret_result, failure);
	free(s);
	return error;
}

enum tcbind_error tcbind_verify(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *request,
				tcbind_result **ret_result, struct tcbind_failure *failure)
{
	return judge_one(context, policy, request, false, ret_result, failure);
}

enum tcbind_error tcbind_verify_quote(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *request,
				      tcbind_result **ret_result, struct tcbind_failure *failure)
{
	return judge_one(context, policy, request, true, ret_result, failure);
}

/* ---- many ---- */

struct batch {
	tcbind_context *context;
	const tcbind_policy *policy;
	const struct tcbind_request *requests;
	size_t count;
	tcbind_result **results;
	atomic_size_t next;
	_Atomic enum tcbind_error error; /* the first */
};

static void fail_batch(struct batch *b, enum tcbind_error error)
{
	enum tcbind_error none = TCBIND_OK;

	(void)atomic_compare_exchange_strong(&b->error, &none, error);
}

static void *work(void *context)
{
	struct batch *b = context;
	struct scratch *s = malloc(sizeof *s);
	size_t i;

	if (s == NULL) {
		fail_batch(b, TCBIND_ERROR_MEMORY);
		return NULL;
	}
	while ((i = atomic_fetch_add(&b->next, 1)) < b->count) {
		enum tcbind_error error = TCBIND_ERROR_ARGUMENT;

		if (is_usable(&b->requests[i]))
			error = judge(b->context, b->policy, &b->requests[i], false, s, &b->results[i], NULL);
		if (error != TCBIND_OK)
			fail_batch(b, error);
	}
	free(s);
	return NULL;
}

enum tcbind_error tcbind_verify_batch(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *requests,
				      size_t count, unsigned threads, tcbind_result **ret_results)
{
	struct batch b = { .context = context, .policy = policy, .requests = requests, .count = count, .results = ret_results };
	pthread_t helpers[THREADS_MAX];
	unsigned started = 0;

	if (policy == NULL || (count > 0 && (requests == NULL || ret_results == NULL)) || threads == 0 || threads > THREADS_MAX)
		return TCBIND_ERROR_ARGUMENT;
	for (size_t i = 0; i < count; i++)
		ret_results[i] = NULL;
	while (started + 1 < threads && pthread_create(&helpers[started], NULL, work, &b) == 0)
		started++;
	(void)work(&b); /* fewer threads than asked for do all of it, too */
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(helpers[i], NULL);
	return atomic_load(&b.error);
}

int tcbind_explain(const char *code, const char **ret_meaning, const char **ret_action)
{
	const struct code_explanation *found = code != NULL ? code_explain(code) : NULL;

	if (found == NULL)
		return 0;
	*ret_meaning = found->meaning;
	*ret_action = found->action;
	return 1;
}
