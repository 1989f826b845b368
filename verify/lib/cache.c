// SPDX-License-Identifier: MIT
/* Judgements under SHA-256 of all that they depend on, in sets of a few slots; in a full set the one that was used longest ago makes room.
 * Attackers choose keys, not what is kept: only what passed comes in. Each shard of sets has its lock, held for a copy. */
#include "verify/lib/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/writer.h"
#include "crypto/crypto.h"

enum { WAYS = 8, SHARDS = 16 };

/* A judgement's checks and value. Signatures have none. */
struct body {
	uint64_t from_s, until_s;
	size_t check_count, value_size;
	struct check checks[]; /* the value's bytes stand behind them */
};

struct slot {
	struct digest256 key;
	uint64_t used; /* the shard's tick at its last use; 0: empty */
	struct body *body;
};

struct table {
	size_t sets;
	struct slot *slots; /* sets * WAYS */
};

struct shard {
	pthread_mutex_t lock;
	uint64_t tick, recalled, made;
};

struct cache {
	struct table judgements, signatures;
	struct shard shards[SHARDS];
};

static bool table_init(struct table *t, size_t slots)
{
	t->sets = (slots + WAYS - 1) / WAYS;
	t->slots = calloc(t->sets * WAYS, sizeof t->slots[0]);
	return t->slots != NULL;
}

struct cache *cache_new(size_t platforms)
{
	struct cache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	if (!table_init(&c->judgements, platforms) || !table_init(&c->signatures, platforms * CACHE_SIGNATURES)) {
		free(c->judgements.slots);
		free(c);
		return NULL;
	}
	for (size_t i = 0; i < SHARDS; i++)
		(void)pthread_mutex_init(&c->shards[i].lock, NULL);
	return c;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->judgements.sets * WAYS; i++)
		free(c->judgements.slots[i].body);
	for (size_t i = 0; i < SHARDS; i++)
		(void)pthread_mutex_destroy(&c->shards[i].lock);
	free(c->judgements.slots);
	free(c->signatures.slots);
	free(c);
}

void cache_counts(const struct cache *cache, uint64_t *ret_recalled, uint64_t *ret_made)
{
	struct cache *c = (struct cache *)(uintptr_t)cache; /* its locks */

	*ret_recalled = *ret_made = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		(void)pthread_mutex_lock(&c->shards[i].lock);
		*ret_recalled += c->shards[i].recalled;
		*ret_made += c->shards[i].made;
		(void)pthread_mutex_unlock(&c->shards[i].lock);
	}
}

/* ---- one set ---- */

/* SHA-256 of scope, kind and parts, each with its size before it. */
static bool key_of(const struct cache_view *view, const struct memo_question *q, struct digest256 *ret_key)
{
	uint8_t head_bytes[SHA256_SIZE + 64 + 8 * (MEMO_PARTS_MAX + 1)];
	struct writer head = WRITER_OF(head_bytes);
	struct span parts[1 + MEMO_PARTS_MAX];

	writer_bytes(&head, SPAN_OF(view->scope.bytes));
	writer_sized(&head, span_of_text(q->kind));
	writer_u64(&head, q->value_size);
	for (size_t i = 0; i < q->count; i++) {
		writer_u64(&head, q->parts[i].size);
		parts[1 + i] = q->parts[i];
	}
	parts[0] = span_of(head_bytes, head.size);
	return head.error == TCB_OK && crypto_sha256_all(parts, 1 + q->count, ret_key) == TCB_OK;
}

static struct slot *set_of(struct cache *c, const struct memo_question *q, const struct digest256 *key, struct shard **ret_shard)
{
	struct table *t = q->value_size > 0 ? &c->judgements : &c->signatures;
	uint64_t number;
	size_t set;

	memcpy(&number, key->bytes, sizeof number);
	set = (size_t)(number % t->sets);
	*ret_shard = &c->shards[set % SHARDS];
	return t->slots + set * WAYS;
}

static struct slot *find(struct slot *set, const struct digest256 *key)
{
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].used != 0 && memcmp(&set[i].key, key, sizeof *key) == 0)
			return &set[i];
	return NULL;
}

static struct slot *oldest(struct slot *set)
{
	struct slot *found = set;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < found->used)
			found = &set[i];
	return found;
}

static bool copy_out(const struct body *body, uint64_t now_s, struct checks *checks, void *ret_value)
{
	if (now_s < body->from_s || now_s > body->until_s || !checks_append(checks, body->checks, body->check_count))
		return false;
	memcpy(ret_value, body->checks + body->check_count, body->value_size);
	return true;
}

static bool recall(void *store, const struct memo_question *q, uint64_t now_s, struct checks *checks, void *ret_value)
{
	struct cache_view *view = store;
	struct digest256 key;
	struct shard *shard;
	struct slot *set, *slot;
	bool found;

	if (!key_of(view, q, &key))
		return false;
	set = set_of(view->cache, q, &key, &shard);
	(void)pthread_mutex_lock(&shard->lock);
	slot = find(set, &key);
	found = slot != NULL && (slot->body == NULL || copy_out(slot->body, now_s, checks, ret_value));
	if (found)
		slot->used = ++shard->tick;
	if (q->value_size > 0)
		*(found ? &shard->recalled : &shard->made) += 1;
	(void)pthread_mutex_unlock(&shard->lock);
	return found;
}

/* NULL: no memory, or checks that are not all passes: then nothing is remembered. */
static struct body *body_new(const struct memo_question *q, uint64_t from_s, uint64_t until_s, const struct checks *checks,
			     size_t first, const void *value)
{
	size_t count = checks->count - first;
	struct body *body;

	if (!checks_hold(checks, first) || from_s > until_s)
		return NULL;
	body = malloc(sizeof *body + count * sizeof body->checks[0] + q->value_size);
	if (body == NULL)
		return NULL;
	*body = (struct body){ .from_s = from_s, .until_s = until_s, .check_count = count, .value_size = q->value_size };
	memcpy(body->checks, checks->list + first, count * sizeof body->checks[0]);
	memcpy(body->checks + count, value, q->value_size);
	return body;
}

static void remember(void *store, const struct memo_question *q, uint64_t from_s, uint64_t until_s, const struct checks *checks,
		     size_t first, const void *value)
{
	struct cache_view *view = store;
	struct body *body = NULL, *old;
	struct digest256 key;
	struct shard *shard;
	struct slot *set, *slot;

	if (q->value_size > 0 && (body = body_new(q, from_s, until_s, checks, first, value)) == NULL)
		return;
	if (!key_of(view, q, &key)) {
		free(body);
		return;
	}
	set = set_of(view->cache, q, &key, &shard);
	(void)pthread_mutex_lock(&shard->lock);
	slot = find(set, &key);
	if (slot == NULL)
		slot = oldest(set);
	old = slot->body;
	*slot = (struct slot){ .key = key, .used = ++shard->tick, .body = body };
	(void)pthread_mutex_unlock(&shard->lock);
	free(old);
}

struct memo cache_memo(struct cache_view *view)
{
	return (struct memo){ .store = view, .recall = recall, .remember = remember };
}
