// SPDX-License-Identifier: MIT
/* The events of logs, as JSON for people: [{"pcr", "type", "digest", "text", "vouched"}]. */
#ifndef TCBIND_CLI_SHOW_EVENTS_H
#define TCBIND_CLI_SHOW_EVENTS_H

#include <jansson.h>

#include "core/span.h"

/* Of a TCG log. `vouched`: the digest is that of the text's data; else the text is its writer's word. A string says why there are none. */
json_t *show_event_log(struct span log);
/* Of an IMA list: `text` is the path, `digest` the file's, `violation` where there was one. */
json_t *show_ima_log(struct span list);

#endif
