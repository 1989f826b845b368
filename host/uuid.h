// SPDX-License-Identifier: MIT
/* Ids of vTPMs as text: 8-4-4-4-12 hexadecimal digits. */
#ifndef TCBIND_HOST_UUID_H
#define TCBIND_HOST_UUID_H

#include <stdbool.h>

#include "core/error.h"
#include "core/ids.h"

#define UUID_TEXT_SIZE 37 /* with the terminator */

/* Whether `text` is an id; digits may be of either case. */
bool uuid_parse(const char *text, struct uuid *ret_id);
/* Version 4. */
enum tcb_error uuid_random(struct uuid *ret_id) MUST_USE;
void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE]);

#endif
