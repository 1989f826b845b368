// SPDX-License-Identifier: MIT
/* Whole small files of a relying party: read with a bound, replaced so that after a power cut the old or the new one is there. */
#ifndef TCBIND_VERIFY_LIB_FILES_H
#define TCBIND_VERIFY_LIB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/span.h"

/* Memory that free() releases. `*ret_bytes` NULL with TCB_OK, where `may_miss`: there is no such file. Codes: file.read, file.large. */
enum tcb_error files_read(const char *path, size_t max, bool may_miss, uint8_t **ret_bytes, size_t *ret_size, struct diagnosis *d) MUST_USE;
/* Temporary file beside it, fsync, rename, fsync of the directory. Code: file.write. */
enum tcb_error files_replace(const char *path, struct span bytes, struct diagnosis *d) MUST_USE;

#endif
