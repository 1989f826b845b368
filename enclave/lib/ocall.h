// SPDX-License-Identifier: MIT
/* Calls of an enclave to its host: synchronous, one at a time (edge/frame.h). Everything that comes back is
 * the host's word and is judged by the caller; errors of the host come as its error class and diagnosis. */
#ifndef TCBIND_ENCLAVE_LIB_OCALL_H
#define TCBIND_ENCLAVE_LIB_OCALL_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "edge/calls.h"
#include "edge/host.h"

/* Sends the concatenation of `parts`. `ret_body` (may be NULL) is borrowed until the next call of any function
 * here. A host that answers another call, or no frame, ends the enclave. */
enum tcb_error host_call(enum call call, const struct span *parts, size_t count, struct span *ret_body,
			 struct diagnosis *d) MUST_USE;

/* TCB_OK only when the host says that the bytes are durable. */
enum tcb_error host_store(enum store_slot slot, struct span bytes, struct diagnosis *d) MUST_USE;

/* The same with what follows: the next call of the host, which fails if this did; or, if there is none, the return of the call that is being served,
 * which a host that could not store this does not take for an answer. */
void host_store_posted(enum store_slot slot, struct span bytes);

/* One message to the PSE or MigE of this platform and its reply (edge/local.h); see enclave/lib/session.h.
 * TCB_WRONG_STATE: that enclave was started anew and knows no session. */
enum tcb_error host_peer(enum enclave_role role, struct span message, struct span *ret_reply,
			 struct diagnosis *d) MUST_USE;

/* A fresh quote of the physical TPM that commits to `commitment`. */
enum tcb_error host_platform_quote(const struct digest256 *commitment, struct host_platform_quote *ret_quote,
				   struct diagnosis *d) MUST_USE;

/* The host's clock, seconds since 1970; worth what the host is worth. */
enum tcb_error host_time(uint64_t *ret_seconds, struct diagnosis *d) MUST_USE;

/* The platform's collateral document (edge/collateral.h). */
enum tcb_error host_collateral(struct span *ret_collateral, struct diagnosis *d) MUST_USE;

#endif
