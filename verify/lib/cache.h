// SPDX-License-Identifier: MIT
/* A memory of bounded size for judgements that passed (verify/appraise/memo.h), shared by threads. */
#ifndef TCBIND_VERIFY_LIB_CACHE_H
#define TCBIND_VERIFY_LIB_CACHE_H

#include "verify/appraise/memo.h"

struct cache;

/* Room for `platforms` judgements with checks and a value, and CACHE_SIGNATURES times as many without. NULL: no memory. */
#define CACHE_SIGNATURES 16
#define CACHE_PLATFORMS_MAX 1000000u
struct cache *cache_new(size_t platforms);
void cache_free(struct cache *cache);
void cache_counts(const struct cache *cache, uint64_t *ret_recalled, uint64_t *ret_made);

/* The cache as seen under one policy: what was remembered under another is not known here. */
struct cache_view {
	struct cache *cache;
	struct digest256 scope;
};

/* A memo over the view, which must outlive it. */
struct memo cache_memo(struct cache_view *view);

#endif
