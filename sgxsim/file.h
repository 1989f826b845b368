// SPDX-License-Identifier: MIT
/* Whole files, for the processor's fuses, images and the test PKI. */
#ifndef TCBIND_SGXSIM_FILE_H
#define TCBIND_SGXSIM_FILE_H

#include <sys/types.h>

#include "core/error.h"
#include "core/span.h"

#define FILE_MAX_BYTES (64u * 1024 * 1024)

/* Owned; release with file_free(). */
struct file_bytes {
	uint8_t *data;
	size_t size;
};

static inline struct span file_span(const struct file_bytes *f) { return span_of(f->data, f->size); }

/* Code: file.read. */
enum tcb_error file_read(const char *path, struct file_bytes *ret_file, struct diagnosis *d) MUST_USE;
/* Creates or replaces. Code: file.write. */
enum tcb_error file_write(const char *path, struct span bytes, mode_t mode, struct diagnosis *d) MUST_USE;
void file_free(struct file_bytes *f);

/* "dir/name" in `ret_path`; code: path.long. */
enum tcb_error path_join(char *ret_path, size_t capacity, const char *dir, const char *name, struct diagnosis *d) MUST_USE;

#endif
