/* The platform behind swtpm's command line: TCBIND_PLATFORM, or a private one of this user, started when it is needed and ended when it is not: a
 * simulated processor with keys of its own, for a machine without set-up. Its evidence is worth what its test root is worth: nothing to others. */
#ifndef TCBIND_HOST_COMPAT_PLATFORM_H
#define TCBIND_HOST_COMPAT_PLATFORM_H

#include <jansson.h>

#include "core/error.h"

/* A connection to the registrar (host/registrar.h) with this message and these descriptors sent. Codes: compat.platform, path.*. */
enum tcb_error platform_register(const json_t *message, const int *fds, size_t fd_count, int *ret_connection,
				 struct diagnosis *d) MUST_USE;

/* The daemon's next message; NULL: it is gone. */
json_t *platform_receive(int connection);

#endif
