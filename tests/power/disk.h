// SPDX-License-Identifier: MIT
/* A file system that loses power. It has what a trace (trace.h) did to a tree, and gives the trees
 * that a power cut may leave behind.
 *
 * The model is a journalling file system that promises no more than POSIX does:
 *   data   an unsynced write may be lost, in each sector of 512 bytes for itself, whatever came of
 *          earlier or later writes; so may be a write that is under way. fsync(), fdatasync() and
 *          O_DSYNC make it durable. A file's size is as old or as new as it likes.
 *   names  an unsynced creation, rename or removal may be lost; those of one directory are kept in
 *          order, those of two directories are not. fsync() of the directory makes them durable.
 *          fsync() of a file does not. A rename is never torn. */
#ifndef TCBIND_TESTS_POWER_DISK_H
#define TCBIND_TESTS_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/power/trace.h"

/* One operation of a trace. Borrows the trace. */
struct operation {
	struct trace_head head;
	const char *path, *path_2; /* not terminated */
	const uint8_t *data;       /* NULL: zeros */
};

/* The operation at `*at`, which moves on. False: the trace ends. */
bool operation_read(const uint8_t *trace, size_t size, size_t *at, struct operation *ret);

struct disk;

/* A disk that durably has what is below the directory `root` now. Paths in traces begin with
 * `name`, which is the root that was recorded. */
struct disk *disk_new(const char *root, const char *name);

/* The operation is under way: it may be lost, whole, or torn. */
void disk_begin(struct disk *disk, const struct operation *o);
/* It has returned. */
void disk_finish(struct disk *disk, const struct operation *o);
/* Whether a power cut now can leave more than one tree. */
bool disk_is_uncertain(const struct disk *disk);

/* What happens to unsynced changes. */
enum fate {
	FATE_LOST,
	FATE_KEPT,
	FATE_MIXED,
	FATE_LAST_TORN /* data only: all but the last write are kept */
};

/* Makes the directory `into` the tree that a cut leaves. Directories that are there already stay
 * the same inodes. `seed` chooses where a fate is mixed. `parts` names the paths, relative to the
 * root, that are made so; others are left alone. Ends the program on failure. */
void disk_image(const struct disk *disk, enum fate names, enum fate data, uint64_t seed,
		const char *const *parts, const char *into);

#endif
