// SPDX-License-Identifier: MIT
#include "enclave/mige/memory.h"

#include "crypto/crypto.h"
#include "verify/appraise/quote.h"

enum { SIGNATURES = 64, PROCESSORS = 4, CHECKS_KEPT = 64 };

static struct digest256 policy_scope;

static struct {
	size_t count, next;
	struct digest256 digests[SIGNATURES]; /* of key, digest of what is signed, signature: all of fixed size */
} signatures;

static struct processor {
	struct digest256 key; /* of the scope, the quote and the collateral */
	uint64_t from_s, until_s;
	size_t check_count; /* 0: none is kept here */
	struct check checks[CHECKS_KEPT];
	struct quote_claims claims;
} processors[PROCESSORS];

static size_t next_processor;

static bool is_signature(const struct memo_question *q, struct digest256 *ret_digest)
{
	return strcmp(q->kind, "signature") == 0 && crypto_sha256_all(q->parts, q->count, ret_digest) == TCB_OK;
}

static bool is_processor(const struct memo_question *q, struct digest256 *ret_key)
{
	struct digest256 digests[2];
	struct span parts[3] = { SPAN_OF(policy_scope.bytes), SPAN_OF(digests[0].bytes), SPAN_OF(digests[1].bytes) };

	return strcmp(q->kind, "processor") == 0 && q->count == 2 && q->value_size == sizeof(struct quote_claims) &&
	       crypto_sha256(q->parts[0], &digests[0]) == TCB_OK && crypto_sha256(q->parts[1], &digests[1]) == TCB_OK &&
	       crypto_sha256_all(parts, 3, ret_key) == TCB_OK;
}

static bool has_signature(const struct digest256 *digest)
{
	for (size_t i = 0; i < signatures.count; i++)
		if (memcmp(&signatures.digests[i], digest, sizeof *digest) == 0)
			return true;
	return false;
}

static bool take_processor(const struct digest256 *key, uint64_t now_s, struct checks *checks, void *ret_value)
{
	for (size_t i = 0; i < PROCESSORS; i++) {
		const struct processor *p = &processors[i];

		if (p->check_count == 0 || memcmp(&p->key, key, sizeof *key) != 0 || now_s < p->from_s || now_s > p->until_s ||
		    !checks_append(checks, p->checks, p->check_count))
			continue;
		memcpy(ret_value, &p->claims, sizeof p->claims);
		return true;
	}
	return false;
}

static bool recall(void *store, const struct memo_question *q, uint64_t now_s, struct checks *checks, void *ret_value)
{
	struct digest256 digest;

	(void)store;
	if (is_signature(q, &digest))
		return has_signature(&digest);
	return is_processor(q, &digest) && take_processor(&digest, now_s, checks, ret_value);
}

static void keep_processor(const struct digest256 *key, uint64_t from_s, uint64_t until_s, const struct checks *checks, size_t first, const void *value)
{
	struct processor *p = &processors[next_processor];
	size_t count = checks->count - first;

	if (count == 0 || count > CHECKS_KEPT || from_s > until_s || !checks_hold(checks, first))
		return;
	p->key = *key;
	p->from_s = from_s;
	p->until_s = until_s;
	p->check_count = count;
	memcpy(p->checks, checks->list + first, count * sizeof p->checks[0]);
	memcpy(&p->claims, value, sizeof p->claims);
	next_processor = (next_processor + 1) % PROCESSORS;
}

static void remember(void *store, const struct memo_question *q, uint64_t from_s, uint64_t until_s, const struct checks *checks,
		     size_t first, const void *value)
{
	struct digest256 digest;

	(void)store;
	if (is_signature(q, &digest)) {
		signatures.digests[signatures.next] = digest;
		signatures.next = (signatures.next + 1) % SIGNATURES;
		signatures.count += signatures.count < SIGNATURES;
	} else if (is_processor(q, &digest)) {
		keep_processor(&digest, from_s, until_s, checks, first, value);
	}
}

const struct memo *memory_under(const struct digest256 *scope)
{
	static const struct memo memo = { .recall = recall, .remember = remember };

	policy_scope = *scope;
	return &memo;
}

const struct memo *memory_of_signatures(void)
{
	static const struct digest256 no_policy = {{3}};

	return memory_under(&no_policy);
}
