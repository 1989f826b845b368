// SPDX-License-Identifier: MIT
/* The daemon's HTTP API on DIR/run/tcbindd.sock (docs/daemon-api.md). */
#ifndef TCBIND_HOST_API_H
#define TCBIND_HOST_API_H

#include "host/vtpms.h"

/* Serves in threads of its own. Code: api.socket. */
enum tcb_error api_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;

#endif
