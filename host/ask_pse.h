// SPDX-License-Identifier: MIT
/* The way of all enclaves' messages to the PSE: many may ask at once, one call takes them all. */
#ifndef TCBIND_HOST_ASK_PSE_H
#define TCBIND_HOST_ASK_PSE_H

#include "host/daemon.h"

/* `message` comes from the enclave of `session`; its reply goes to `ret`, sized. What the asker stored before, and the ledger's step that the PSE made
 * of it, are durable then; where this thread's waits are held (log_hold), they may be so later, at the latest when it waits. Any thread. */
enum tcb_error ask_pse(struct daemon *daemon, uint64_t session, struct span message, struct writer *ret, struct diagnosis *d) MUST_USE;

/* The vTPM whose newest sealed state has this digest (NULL: whatever it is) is wanted on this platform no more: durable on return. False: its newest state is another. */
enum tcb_error pse_drop(struct daemon *daemon, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped, struct diagnosis *d) MUST_USE;

#endif
