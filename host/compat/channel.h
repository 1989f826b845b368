// SPDX-License-Identifier: MIT
/* The sockets of swtpm's command line. */
#ifndef TCBIND_HOST_COMPAT_CHANNEL_H
#define TCBIND_HOST_COMPAT_CHANNEL_H

#include "host/compat/settings.h"

/* Opens it. `*ret_connected`: the descriptor is a connection, not a listener. False: said why. */
bool channel_open(const struct channel *c, int *ret_fd, bool *ret_connected);
/* Removes what it left in the file system. */
void channel_remove(const struct channel *c);

#endif
