// SPDX-License-Identifier: MIT
/* Enclave -> host: the answer to CALL_HOST_PTPM_QUOTE. */
#ifndef TCBIND_EDGE_HOST_H
#define TCBIND_EDGE_HOST_H

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

/* Untrusted throughout: the enclave passes it on, the verifier (or the source's MigE) judges it. */
struct host_platform_quote {
	struct span quote;     /* a tpm_quote document (edge/tpm_quote.h), with its Merkle path */
	struct span event_log; /* the host's TCG crypto-agile log; may be empty */
	struct span ima_log;   /* the host's IMA log, ASCII or binary; may be empty */
};

void host_platform_quote_encode(struct writer *w, const struct host_platform_quote *m);
enum tcb_error host_platform_quote_decode(struct span bytes, struct host_platform_quote *ret_m) MUST_USE;

#endif
