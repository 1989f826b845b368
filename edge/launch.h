// SPDX-License-Identifier: MIT
/* Host -> simulated processor: the unix stream socket by which tcbindd has enclaves launched. One request a
 * connection; the answer carries the enclave's host stream as a descriptor (SCM_RIGHTS).
 *   request  u16 size | text path of the image (its signature is beside it, PATH.sig)
 *   answer   u8 error class | enclave identity: mrenclave 32, mrsigner 32, isv_prod_id u16, isv_svn u16,
 *            attributes u64, u32 pid            or, if the class is not 0, an encoded diagnosis */
#ifndef TCBIND_EDGE_LAUNCH_H
#define TCBIND_EDGE_LAUNCH_H

#include "core/ids.h"
#include "core/reader.h"
#include "core/writer.h"

#define LAUNCH_PATH_MAX 4096u
#define LAUNCH_ANSWER_MAX 1024u

void enclave_identity_encode(struct writer *w, const struct enclave_identity *identity);
enum tcb_error enclave_identity_decode(struct reader *r, struct enclave_identity *ret_identity) MUST_USE;

#endif
