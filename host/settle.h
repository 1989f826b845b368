// SPDX-License-Identifier: MIT
/* The MigE's journal is kept small while nobody waits: sources are told what arrived here, and entries go that say nothing any more. In rounds: at
 * the start, a moment after something came or went, and now and then, since a source may have been away. */
#ifndef TCBIND_HOST_SETTLE_H
#define TCBIND_HOST_SETTLE_H

#include "host/daemon.h"

/* Starts the thread that does it. After PSE, MigE and agent. */
enum tcb_error settle_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;
/* The journal has changed, or a vTPM was deleted: a round in some two seconds. From any thread; waits for nothing. */
void settle_soon(void);

#endif
