// SPDX-License-Identifier: MIT
/* Judgements that many evidences share: a platform's quote with its collateral, a signature over bytes seen before. Who appraises many
 * evidences brings a memory for them (verify/lib/cache.h); NULL: none, and every judgement is made anew.
 *
 * Only a judgement that passed is remembered, under all bytes that it depends on; recalled, it adds the same checks as it did when it was
 * made. What else it depends on (the policy) is the memory's owner's to tell apart. */
#ifndef TCBIND_VERIFY_APPRAISE_MEMO_H
#define TCBIND_VERIFY_APPRAISE_MEMO_H

#include "core/ids.h"
#include "verify/appraise/checks.h"

#define MEMO_PARTS_MAX 3

struct memo_question {
	const char *kind; /* constant; no two judgements share one */
	size_t count;
	struct span parts[MEMO_PARTS_MAX];
	size_t value_size; /* bytes of what the judgement found; plain bytes without pointers */
};

struct memo {
	void *store;
	/* False: not known, or not valid at `now_s`. Else the remembered checks are added and `ret_value` is filled. */
	bool (*recall)(void *store, const struct memo_question *question, uint64_t now_s, struct checks *checks, void *ret_value);
	/* The checks are those from `first` on. The judgement holds from `from_s` to `until_s`, both included. May do nothing. */
	void (*remember)(void *store, const struct memo_question *question, uint64_t from_s, uint64_t until_s,
			 const struct checks *checks, size_t first, const void *value);
};

/* ECDSA as crypto_verify_all() does it; a signature that checked before, under this key, is not checked again.
 * `memo` NULL: it is. */
enum tcb_error memo_verify(const struct memo *memo, const struct p256_point *key, const struct span *parts, size_t count,
			   const struct p256_signature *signature) MUST_USE;

#endif
