// SPDX-License-Identifier: MIT
/* A file of swtpm's file backend, read only. It has all states, behind a table in little-endian
 * numbers: "nilmptws" | u8 version 1 | u8 | u16 table's end | {u32 offset, u32 size, u32 room}...:
 * permanent, volatile, save state */
#ifndef TCBIND_HOST_SWTPM_FILE_H
#define TCBIND_HOST_SWTPM_FILE_H

#include "core/error.h"
#include "core/span.h"

/* The two states in such a file, borrowed; a state that is not there is empty. Any other file is a
 * permanent state. */
void swtpm_file_split(struct span file, struct span *ret_permanent, struct span *ret_volatile);

#endif
