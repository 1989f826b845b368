// SPDX-License-Identifier: MIT
/* The daemon's side of host/registration.h: registrar.c listens, registered.c serves one vTPM,
 * registration.c decodes the message. */
#ifndef TCBIND_HOST_REGISTRAR_H
#define TCBIND_HOST_REGISTRAR_H

#include "host/vtpms.h"

/* Serves in threads of its own. Code: registrar.socket. */
enum tcb_error registrar_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;

/* For a private platform: sends SIGTERM to this process once nobody has been registered for `seconds`, while it holds the lock (`lock` beside DIR) that
 * who would register holds. */
void registrar_end_when_idle(unsigned seconds);

#endif
