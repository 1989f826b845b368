// SPDX-License-Identifier: MIT
/* A COSE_Sign1 of one of our types (edge/cose.h), opened and checked. */
#ifndef TCBIND_VERIFY_APPRAISE_COSE_CHECK_H
#define TCBIND_VERIFY_APPRAISE_COSE_CHECK_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

struct memo;

/* ES256 over the Sig_structure, hashed where the payload stands. TCB_CRYPTO: it does not check.
 * `memo` may be NULL. */
enum tcb_error cose_check(const char *content_type, struct span payload,
			  const struct p256_point *key, const struct p256_signature *signature,
			  const struct memo *memo) MUST_USE;

#endif
