// SPDX-License-Identifier: MIT
/* What the process may still do once its vTPM is served by the daemon: wait, write its log, remove its files, end. */
#ifndef TCBIND_HOST_COMPAT_SANDBOX_H
#define TCBIND_HOST_COMPAT_SANDBOX_H

#include <stdbool.h>

/* What happens on a system call that is not on the list. */
enum sandbox_action { SECCOMP_OFF, SECCOMP_LOG, SECCOMP_KILL };

/* False: said why; a sandbox that is wanted and cannot be had is fatal. */
bool sandbox_enter(enum sandbox_action action);

#endif
