// SPDX-License-Identifier: MIT
/* What the registrar does for one registered vTPM (host/registration.h). */
#ifndef TCBIND_HOST_REGISTERED_H
#define TCBIND_HOST_REGISTERED_H

#include "host/vtpms.h"

/* Reads the registration from a new connection, serves its vTPM until that ends, answers, and closes
 * the connection. Blocks for as long as the vTPM lives. */
void registered_serve(struct daemon *daemon, int fd);
/* Tells a client why it is not served. The connection stays open. */
void registered_refuse(int fd, const struct diagnosis *d);

#endif
