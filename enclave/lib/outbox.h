// SPDX-License-Identifier: MIT
/* What an enclave writes to the host's stream: what can wait goes with what follows it, so that the host is woken once. */
#ifndef TCBIND_ENCLAVE_LIB_OUTBOX_H
#define TCBIND_ENCLAVE_LIB_OUTBOX_H

#include "core/span.h"

/* Goes with the next outbox_send(), or before it where there is no room; copied. */
void outbox_put(struct span bytes);
/* Goes now, after all that was put. */
void outbox_send(struct span bytes);

#endif
