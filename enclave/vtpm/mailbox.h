// SPDX-License-Identifier: MIT
/* The NV indices by which an unmodified guest asks for evidence (DESIGN section 5b). Platform-owned, readable with an empty
 * authorization; what the enclave writes only the enclave can write: a policy that needs its secret.
 *   0x01400102  nonce, written by the guest, up to 64 bytes      0x01400103  u32 evidence length || SHA-256 (36 bytes)
 *   0x01400104  "ok", or why there is no evidence (256 bytes)    0x01400110.. evidence, 2048 bytes an index */
#ifndef TCBIND_ENCLAVE_VTPM_MAILBOX_H
#define TCBIND_ENCLAVE_VTPM_MAILBOX_H

#include "core/error.h"
#include "core/span.h"
#include "core/wipe.h"

#define MAILBOX_PAGES 16u
#define MAILBOX_PAGE_SIZE 2048u
#define MAILBOX_CAPACITY (MAILBOX_PAGES * MAILBOX_PAGE_SIZE)

/* Defines the indices that are missing; needs an empty platform authorization (as it is after each TPM Reset). */
enum tcb_error mailbox_ensure(const struct secret256 *secret) MUST_USE;

/* Whether a guest's command, which the TPM has just executed, asks for evidence; then `ret_nonce` (borrowed from it) is the
 * nonce. */
bool mailbox_is_request(struct span command, struct span *ret_nonce);

/* Publishes evidence, or (empty) a reason why there is none. Works with all session slots taken by the guest. */
enum tcb_error mailbox_publish(const struct secret256 *secret, struct span evidence, const char *reason) MUST_USE;

#endif
