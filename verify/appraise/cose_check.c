// SPDX-License-Identifier: MIT
/* Signatures of our documents (verify/appraise/cose_check.h). */
#include "verify/appraise/cose_check.h"

#include "edge/cose.h"
#include "verify/appraise/memo.h"

enum tcb_error cose_check(const char *content_type, struct span payload,
			  const struct p256_point *key, const struct p256_signature *signature,
			  const struct memo *memo)
{
	uint8_t head[COSE_TBS_HEAD_MAX];
	struct writer w = WRITER_OF(head);

	cose_tbs_head_encode(&w, content_type, payload.size);
	TRY(writer_end(&w, NULL));
	return memo_verify(memo, key, (struct span[]){span_of(head, w.size), payload}, 2,
			   signature);
}
