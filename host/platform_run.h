// SPDX-License-Identifier: MIT
/* The power button of one platform: physical TPM, processor (ACM first), firmware, daemon, in this order. */
#ifndef TCBIND_HOST_PLATFORM_RUN_H
#define TCBIND_HOST_PLATFORM_RUN_H

#include "core/error.h"

/* Runs the platform at DIR until SIGTERM, SIGINT or SIGHUP; prints `ready` when it is. A daemon that dies is started again;
 * a processor or a stand-in TPM that dies ends the platform. `idle_exit` (NULL: never): seconds without a registered vTPM
 * after which a private platform ends by itself. Codes: platform.running (another one runs it), platform.permission,
 * platform.part (a part that ends before it is ready), platform.slow, platform.reset, and those of config_read(). */
enum tcb_error platform_run(const char *dir, const char *idle_exit, struct diagnosis *d) MUST_USE;

#endif
