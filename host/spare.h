// SPDX-License-Identifier: MIT
/* One vTPM enclave is kept ready: launched, its sessions with PSE and MigE open, no vTPM in it. Who needs an enclave takes it, which saves a starting
 * machine half its wait; the next is made meanwhile. */
#ifndef TCBIND_HOST_SPARE_H
#define TCBIND_HOST_SPARE_H

#include "host/daemon.h"

/* Starts the thread that makes them. After PSE and MigE. */
enum tcb_error spare_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;
/* The caller's from now on; its services are still to be pointed to the caller's context. False: none is ready now, launch one. */
bool spare_take(struct enclave_link *ret_link);

#endif
