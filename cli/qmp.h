// SPDX-License-Identifier: MIT
/* QMP, as much of it as a migration takes: one command at a time over a unix socket. */
#ifndef TCBIND_CLI_QMP_H
#define TCBIND_CLI_QMP_H

#include <jansson.h>
#include <sys/types.h>

#include "core/error.h"

struct qmp;

/* Connects and negotiates capabilities. Code: qmp.connect. */
enum tcb_error qmp_open(const char *socket_path, struct qmp **ret_qmp, struct diagnosis *d) MUST_USE;
void qmp_close(struct qmp *qmp);

/* Executes; `arguments` (may be NULL) is taken over. `ret_answer` (may be NULL): the `return` value, to be json_decref'd. Code: qmp.refused,
 * with QEMU's own words; qmp.broken, when what comes is not QMP. Events are passed over. */
enum tcb_error qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **ret_answer,
			   struct diagnosis *d) MUST_USE;

/* The process at the other end, as the kernel knows it; 0: unknown. */
pid_t qmp_peer(const struct qmp *qmp);

#endif
