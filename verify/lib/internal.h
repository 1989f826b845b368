// SPDX-License-Identifier: MIT
/* What stands behind the opaque types of include/tcbind/verify.h. */
#ifndef TCBIND_VERIFY_LIB_INTERNAL_H
#define TCBIND_VERIFY_LIB_INTERNAL_H

#include <openssl/types.h>

#include "include/tcbind/verify.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/reference.h"
#include "verify/lib/cache.h"

struct tcbind_context {
	struct cache *cache; /* NULL: nothing is remembered */
};

struct tcbind_policy {
	struct policy policy;
	struct reference_values *references; /* owned; NULL: it names none, or they were not loaded */
	bool default_root;          /* no root is named: the only one is Intel's */
	struct digest256 text;      /* SHA-256 of the JSON as given: the policy's name in an EAR */
	struct digest256 scope;     /* of the JSON and the roots that were added: tells judgements under one policy from those under another.
				     * Reference values are no part: what is judged by them is never remembered */
};

/* One allocation: texts and lists stand behind the struct. */
struct tcbind_result {
	enum tcbind_verdict verdict;
	bool fresh; /* a nonce was given, and is the evidence's */
	struct digest256 policy_text;
	struct tcbind_claims claims;
	size_t check_count;
	const struct tcbind_check *checks;
	const struct quote_claims *quote; /* of a bare quote; NULL: evidence */
};

struct tcbind_key {
	EVP_PKEY *key;
	struct p256_point public;
};

/* verify.c's findings, made a result. `evidence` or `quote`: the other is NULL. */
struct finding {
	enum tcb_error error;
	const struct checks *checks;
	const struct evidence_claims *evidence;
	const struct quote_claims *quote;
	const struct tcbind_policy *policy;
	uint64_t time_s;
	bool nonce_given;
};

/* NULL: no memory. `tcbind quote verify` has more to say of a quote than a policy does, and makes its result by this, too. */
struct tcbind_result *result_new(const struct finding *finding);

/* Fills a failure (may be NULL) from a diagnosis; returns the class's public error. */
enum tcbind_error failure_of(enum tcb_error error, const struct diagnosis *d, struct tcbind_failure *ret_failure);

/* Base64url without padding (RFC 4648 section 5); `ret_text` takes 4 * ((size + 2) / 3) + 1 bytes. */
void base64url_encode(struct span bytes, char *ret_text);
#define BASE64URL_SIZE(size) (((size) + 2) / 3 * 4 + 1)

#endif
