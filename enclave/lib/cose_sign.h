// SPDX-License-Identifier: MIT
/* Signing documents with an enclave's key. */
#ifndef TCBIND_ENCLAVE_LIB_COSE_SIGN_H
#define TCBIND_ENCLAVE_LIB_COSE_SIGN_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/span.h"
#include "core/writer.h"

/* Appends a COSE_Sign1 (edge/cose.h) of `payload` to `out`. The payload must not stand in `out`'s memory. */
enum tcb_error cose_sign(EVP_PKEY *key, const char *content_type, struct span payload, struct writer *out) MUST_USE;

#endif
