// SPDX-License-Identifier: MIT
#ifndef TCBIND_CLI_HEX_JSON_H
#define TCBIND_CLI_HEX_JSON_H

#include <jansson.h>

#include "core/span.h"

/* A JSON string of hexadecimal digits, as checks_hex() writes them: cut with "..." behind 64 bytes. */
json_t *hex_json(struct span bytes);

#endif
