// SPDX-License-Identifier: MIT
/* What a quote says, as members of a result's JSON (docs/result.schema.json). */
#ifndef TCBIND_VERIFY_LIB_QUOTE_JSON_H
#define TCBIND_VERIFY_LIB_QUOTE_JSON_H

#include <jansson.h>

#include "verify/appraise/quote.h"

/* Statuses, numbers, identities of the platform, and the enclave's or the trust domain's own. */
void quote_json_add(json_t *object, const struct quote_claims *claims);

#endif
