/* SPDX-License-Identifier: MIT */
/* accept() for the daemon's listeners. A daemon that has no descriptor left neither spins nor leaves its clients without an answer. */
#ifndef TCBIND_HOST_ACCEPT_H
#define TCBIND_HOST_ACCEPT_H

#include "core/error.h"

/* Sets one descriptor aside. Call it before the first listener is there. */
void accept_prepare(void);
/* A connection, close-on-exec, or -1. When no descriptor is left, takes the connection by the one set aside, hands it to `refuse` (NULL:
 * nobody) and closes it. Any thread. */
int accept_connection(int listener, void (*refuse)(int fd, const struct diagnosis *d));
/* Returns TCB_LIMIT. Code: daemon.descriptors. */
enum tcb_error accept_no_descriptors(struct diagnosis *d);

#endif
