// SPDX-License-Identifier: MIT
/* Durable files: what an enclave was told is stored survives a power cut. Holds ciphertext only. */
#ifndef TCBIND_HOST_STORE_H
#define TCBIND_HOST_STORE_H

#include <stdbool.h>

#include "core/error.h"
#include "core/span.h"

/* Replaces DIR/name as a whole: temporary, fsync, rename, fsync of the directory. Code: store.put. */
enum tcb_error store_put(const char *dir, const char *name, struct span bytes, struct diagnosis *d) MUST_USE;
/* The same, whole or not at all while the machine runs; a power cut may take it back. */
enum tcb_error store_put_soft(const char *dir, const char *name, struct span bytes) MUST_USE;
/* Into the file DIR/name as it is there: no name appears in DIR. Durable, but not as a whole: a crash may leave it torn. `ret_there`: there is a file
 * of that name. Code: store.put, also for one that is not DIR's owner's alone. */
enum tcb_error store_overwrite(const char *dir, const char *name, struct span bytes, bool *ret_there, struct diagnosis *d) MUST_USE;
/* Into the file DIR/name, which keeps its size. A power cut leaves any mixture of old and new bytes. */
enum tcb_error store_patch_soft(const char *dir, const char *name, struct span bytes) MUST_USE;
/* DIR/name, and what a crash left of one that was to replace it. A power cut may bring it back. */
void store_remove(const char *dir, const char *name);
/* All of DIR/name in memory that free() releases; no such file: empty. Code: store.get. */
enum tcb_error store_get(const char *dir, const char *name, size_t max, struct span *ret_bytes, struct diagnosis *d) MUST_USE;

/* Names in a directory are durable when the directory is synced. Each of these returns false with errno set. */
bool store_sync_dir(const char *dir);
/* Makes the directory `path`, whose parent must be there. EEXIST: it is there. Its name is durable then, too. */
bool store_make_dir(const char *path);

#endif
