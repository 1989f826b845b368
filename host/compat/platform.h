// SPDX-License-Identifier: MIT
/* The platform behind swtpm's command line: TCBIND_PLATFORM, or a private one of this user, started when it is needed and ended when it is not: a
 * simulated processor with keys of its own, for a machine without set-up. Its evidence is worth what its test root is worth: nothing to others. */
#ifndef TCBIND_HOST_COMPAT_PLATFORM_H
#define TCBIND_HOST_COMPAT_PLATFORM_H

#include <jansson.h>

#include "core/error.h"
#include "host/compat/settings.h"

struct platform {
	int connection; /* to the registrar (host/registration.h); -1: not there yet */
	int lock;       /* held until the registration is sent, so that an idle daemon does not end in between; -1: none */
	int starter;    /* to a child process that starts a private platform, and sends connection and lock when it is there; -1: none */
	pid_t starter_pid;
};

#define PLATFORM_NONE { .connection = -1, .lock = -1, .starter = -1 }

/* Looks for the platform as the user that this process is now, before --runas and --chroot. Does not wait: where a private platform must be started
 * first, a child process does that, and `connection` is still -1 on return. Codes: compat.platform, path.*. */
enum tcb_error platform_begin(struct platform *ret_platform, struct diagnosis *d) MUST_USE;
/* Waits until `connection` is there. Where `stop` (-1: none) becomes readable first, returns TCB_WRONG_STATE without a diagnosis. */
enum tcb_error platform_await(struct platform *p, int stop, struct diagnosis *d) MUST_USE;
/* Into a registration; nothing if it was not given. */
void platform_add_key(json_t *message, const char *name, const struct key_option *key);
/* Sends a registration. */
enum tcb_error platform_register(struct platform *p, const json_t *message, const int *fds, size_t fd_count, struct diagnosis *d) MUST_USE;

/* The daemon's next message; NULL: it is gone. */
json_t *platform_receive(int connection);
/* Waits for the answer to a registration. What the daemon has to say before it (of a start that went wrong) goes to `log`. NULL: the daemon is gone, or
 * `stop` (-1: none) became readable. */
json_t *platform_answer(int connection, int stop, void (*log)(void *context, const json_t *line), void *context);

#endif
