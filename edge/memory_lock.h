// SPDX-License-Identifier: MIT
/* Keeping a process out of swap, for those that hold long-lived secrets: the simulated processor, PSE and
 * MigE. Linux only; in the library of edge/descriptors.h. */
#ifndef TCBIND_EDGE_MEMORY_LOCK_H
#define TCBIND_EDGE_MEMORY_LOCK_H

#include <stdbool.h>

/* Locks every page that this process has or gets from now on, when the page is first touched: no page more
 * is used. Returns false, and locks nothing, where the process may not lock without limit (CAP_IPC_LOCK, or
 * a hard RLIMIT_MEMLOCK of infinity): within a limit a later allocation would fail. */
bool memory_lock(void);

#endif
