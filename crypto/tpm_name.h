// SPDX-License-Identifier: MIT
/* The Name of a TPM object: nameAlg || H(TPMT_PUBLIC) (TPM 2.0 Part 1, section 16). SHA-256 only: every key that
 * tcbind names has that nameAlg. */
#ifndef TCBIND_CRYPTO_TPM_NAME_H
#define TCBIND_CRYPTO_TPM_NAME_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

/* TCB_MALFORMED when the public area's nameAlg is not SHA-256. */
enum tcb_error tpm_name_of(struct span tpmt_public, struct tpm_name *ret_name) MUST_USE;

#endif
