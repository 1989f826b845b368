// SPDX-License-Identifier: MIT
/* Bytes at rest: sealed so that only enclaves of this signer and product, on this processor, can open them
 * (EGETKEY with MRSIGNER policy). ISVSVN and each component of CPUSVN must be at least the writer's: an
 * upgraded enclave or processor opens what was sealed before, a downgraded one does not.
 *   "TCBSEAL2" | u16 isv_svn | cpu_svn (16) | key id (32) | iv (12) | AES-256-GCM of the plaintext, tag last
 * AAD = all before the ciphertext, then the label, which says what the bytes are for: a ledger never opens as a journal. */
#ifndef TCBIND_ENCLAVE_LIB_SEAL_H
#define TCBIND_ENCLAVE_LIB_SEAL_H

#include "core/error.h"
#include "core/span.h"
#include "core/writer.h"

#define SEAL_OVERHEAD (8 + 2 + 16 + 32 + 12 + 16)
#define SEAL_LABEL_MAX 64

/* Whether it says of itself to be sealed. */
bool seal_is_sealed(struct span bytes);

/* What the first of the calls below would do: asks the processor for the key that this process writes under. */
enum tcb_error seal_prepare(void) MUST_USE;

/* Whether it was sealed under the versions that this enclave has now. What was not is to be sealed anew. */
bool seal_is_current(struct span sealed);

enum tcb_error seal_bytes(const char *label, struct span plain, struct writer *out) MUST_USE;

/* Codes: seal.malformed; seal.release (another release's format); seal.svn (written by a newer enclave or on newer
 * microcode); seal.foreign (another processor, signer, label, or altered:
 * the three cannot be told apart). `ret_plain` takes at least sealed.size bytes. */
enum tcb_error seal_open(const char *label, struct span sealed, uint8_t *ret_plain, size_t capacity,
			 struct span *ret_bytes, struct diagnosis *d) MUST_USE;

#endif
