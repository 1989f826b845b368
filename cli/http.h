// SPDX-License-Identifier: MIT
/* Requests to a platform's daemon, over its unix socket. */
#ifndef TCBIND_CLI_HTTP_H
#define TCBIND_CLI_HTTP_H

#include <jansson.h>

#include "core/error.h"
#include "core/span.h"

/* `method` PATH with an optional JSON body; 2xx: the answer's bytes (owned, free()). Waits for TCBIND_TIMEOUT seconds, or 120.
 * On failure: the daemon's own diagnosis, or one of the codes daemon.unreachable, daemon.permission, daemon.silent,
 * platform.config (no platform). */
enum tcb_error http_request(const char *platform_dir, const char *method, const char *path, const json_t *body,
			    struct span *ret_answer, struct diagnosis *d) MUST_USE;
/* The same for an answer that is a JSON object; json_decref() it. */
enum tcb_error http_json(const char *platform_dir, const char *method, const char *path, const json_t *body,
			 json_t **ret_answer, struct diagnosis *d) MUST_USE;

#endif
