// SPDX-License-Identifier: MIT
/* The trace of a program's file operations: record.c writes it, disk.c replays it.
 *
 * A trace is a sequence of struct trace_head in this machine's byte order, each followed by `path`,
 * `path_2` and the data, without terminators. The program and its client append to the same file.
 * So a mark stands after all operations that were finished before the client wrote it. */
#ifndef TCBIND_TESTS_POWER_TRACE_H
#define TCBIND_TESTS_POWER_TRACE_H

#include <stdint.h>

enum trace_kind {
	TRACE_MAKE = 1,     /* a new empty file */
	TRACE_WRITE = 2,    /* data at an offset */
	TRACE_TRUNCATE = 3, /* to the size `offset` */
	TRACE_SYNC = 4,     /* of a file or a directory */
	TRACE_RENAME = 5,   /* path to path_2 */
	TRACE_UNLINK = 6,
	TRACE_MKDIR = 7,
	TRACE_RMDIR = 8,
	TRACE_MARK = 9, /* `path` is a text of the client: what it asks for, or was told */
};

enum {
	TRACE_DURABLE = 1 /* a write that is durable when it returns */,
	TRACE_ZEROS = 2 /* `size` zeros, not stored */
};

struct trace_head {
	uint8_t kind, flags;
	uint16_t path_size, path_2_size;
	uint32_t size;
	uint64_t offset;
};

#endif
