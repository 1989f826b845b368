// SPDX-License-Identifier: MIT
/* The physical TPM: one worker thread; requests that arrive together share one TPM2_Quote through a Merkle tree. */
#ifndef TCBIND_HOST_PTPM_H
#define TCBIND_HOST_PTPM_H

#include "core/error.h"
#include "core/ids.h"
#include "core/writer.h"

struct ptpm;

/* Connects by TCTI and starts the worker. Code: ptpm.connect. */
enum tcb_error ptpm_open(const char *tcti, struct ptpm **ret_ptpm, struct diagnosis *d) MUST_USE;
void ptpm_close(struct ptpm *ptpm);

/* Waits for a quote over `commitment`; appends a tpm_quote document with its path. Any thread. Code: ptpm.quote. */
enum tcb_error ptpm_quote(struct ptpm *ptpm, const struct digest256 *commitment, struct writer *out,
			  struct diagnosis *d) MUST_USE;

/* Quotes made since the start. */
unsigned ptpm_quote_count(struct ptpm *ptpm);

#endif
