// SPDX-License-Identifier: MIT
/* The platform behind swtpm's command line: TCBIND_PLATFORM, or a private one of this user, started when it is needed and ended when it is not: a
 * simulated processor with keys of its own, for a machine without set-up. Its evidence is worth what its test root is worth: nothing to others. */
#ifndef TCBIND_HOST_COMPAT_PLATFORM_H
#define TCBIND_HOST_COMPAT_PLATFORM_H

#include <jansson.h>

#include "core/error.h"
#include "host/compat/settings.h"

struct platform {
	int connection; /* to the registrar (host/registration.h) */
	int lock;       /* held until the registration is sent, so that an idle daemon does not end in between; -1: none */
};

/* As the user that this process is now: --runas comes later. Codes: compat.platform, path.*. */
enum tcb_error platform_connect(struct platform *ret_platform, struct diagnosis *d) MUST_USE;
/* Into a registration; nothing if it was not given. */
void platform_add_key(json_t *message, const char *name, const struct key_option *key);
/* Sends a registration. */
enum tcb_error platform_register(struct platform *p, const json_t *message, const int *fds, size_t fd_count, struct diagnosis *d) MUST_USE;

/* The daemon's next message; NULL: it is gone. */
json_t *platform_receive(int connection);
/* The answer to a registration; what the daemon has to say before it (of a start that went wrong) goes to `log`. NULL: it is gone. */
json_t *platform_answer(int connection, void (*log)(void *context, const json_t *line), void *context);

#endif
