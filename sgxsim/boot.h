// SPDX-License-Identifier: MIT
/* Platform reset: the ACM runs first and alone, with the bus to the physical TPM as its only company. */
#ifndef TCBIND_SGXSIM_BOOT_H
#define TCBIND_SGXSIM_BOOT_H

#include "core/error.h"
#include "sgxsim/processor.h"

/* Returns when the ACM has ended and the bank is locked. Codes: acm.signer, acm.svn, acm.failed, acm.bank.unlocked, ptpm.bus. */
enum tcb_error boot_acm(struct processor *p, const char *acm_path, const char *tcti, struct diagnosis *d) MUST_USE;

/* Reads one request from an enclave's instruction channel and answers it. False: the channel is closed. */
bool serve_instruction(struct processor *p, const struct enclave_identity *identity, int fd);

#endif
