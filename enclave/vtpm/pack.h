// SPDX-License-Identifier: MIT
/* A TPM's state without its runs of zeros, which are most of it: fewer bytes to seal and to store at every change.
 *   packed = u32 size when unpacked | parts: u32 bytes, the bytes, u32 zeros that follow
 * Each part but the last has PACK_RUN zeros or more; only the last may have none. */
#ifndef TCBIND_ENCLAVE_VTPM_PACK_H
#define TCBIND_ENCLAVE_VTPM_PACK_H

#include "core/error.h"
#include "core/reader.h"
#include "core/span.h"
#include "core/writer.h"

#define PACK_RUN 32u

void pack(struct writer *w, struct span bytes);
/* TCB_MALFORMED unless pack() writes just this; TCB_LIMIT if it is more than `capacity`. */
enum tcb_error unpack(struct span packed, uint8_t *ret_bytes, size_t capacity, struct span *ret_unpacked) MUST_USE;

#endif
