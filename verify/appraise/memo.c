// SPDX-License-Identifier: MIT
#include "verify/appraise/memo.h"

#include "crypto/crypto.h"

enum tcb_error memo_verify(const struct memo *memo, const struct p256_point *key, const struct span *parts, size_t count,
			   const struct p256_signature *signature)
{
	struct memo_question question = { .kind = "signature", .count = 3 };
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, count, &digest));
	question.parts[0] = SPAN_OF(key->bytes);
	question.parts[1] = SPAN_OF(digest.bytes);
	question.parts[2] = SPAN_OF(signature->bytes);
	if (memo != NULL && memo->recall(memo->store, &question, 0, NULL, NULL))
		return TCB_OK;
	TRY(crypto_verify_digest(key, &digest, signature));
	if (memo != NULL)
		memo->remember(memo->store, &question, 0, UINT64_MAX, NULL, 0, NULL);
	return TCB_OK;
}
