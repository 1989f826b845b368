// SPDX-License-Identifier: MIT
/* A state in a file or block device of fixed size, which is written where it stands:
 *   "tcbind vTPM p1\n\0" (16 bytes) | u32 size | that many bytes | anything
 * A file without this head holds a state that another program wrote, or an older release of this
 * one. */
#ifndef TCBIND_HOST_IN_PLACE_H
#define TCBIND_HOST_IN_PLACE_H

#include <stdbool.h>

#include "core/error.h"
#include "core/span.h"

#define IN_PLACE_MAX (1024u * 1024u) /* bytes that are looked at; states are far smaller */

/* The state in the descriptor `fd`, in memory that free() releases. Empty: the file is empty, or
 * zeros stand where a state begins. A state without our head comes with all that follows it. Code:
 * store.get. */
enum tcb_error in_place_read(int fd, struct span *ret_bytes, struct diagnosis *d) MUST_USE;
/* Writes head and state to the beginning, durably. A file keeps its size unless it is too small. A
 * crash may leave the state torn. Codes: store.put; store.small (a device, or a file at its limit,
 * that is too small). */
enum tcb_error in_place_write(int fd, struct span bytes, struct diagnosis *d) MUST_USE;
/* The descriptor is of a file that still has a name, or of a device. */
bool in_place_is_linked(int fd);

#endif
