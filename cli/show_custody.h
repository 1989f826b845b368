/* SPDX-License-Identifier: MIT */
/* A custody chain for people: who gave the vTPM to whom, when, and which generation ended. Nothing
 * is judged. */
#ifndef TCBIND_CLI_SHOW_CUSTODY_H
#define TCBIND_CLI_SHOW_CUSTODY_H

#include <jansson.h>

#include "core/span.h"

/* {"folded": ..., "hand_overs": [...]}, as docs/result.schema.json has it, but times are RFC 3339,
 * AK names stand beside names, and `folded` is left out where nothing is. */
json_t *show_custody(struct span chain);

#endif
