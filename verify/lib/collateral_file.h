// SPDX-License-Identifier: MIT
/* Collateral from the file system: one JSON document, or a directory with a provisioning service's answers as they were saved. docs/dcap.md has
 * the names. */
#ifndef TCBIND_VERIFY_LIB_COLLATERAL_FILE_H
#define TCBIND_VERIFY_LIB_COLLATERAL_FILE_H

#include "verify/appraise/collateral_json.h"

/* `path` is a file or a directory. The collateral borrows from `memory`. Codes: file.read, file.large, json.malformed,
 * collateral.malformed, collateral.file (a file of the directory that is missing, or there under two names). */
enum tcb_error collateral_load(const char *path, struct collateral_memory *memory, struct collateral *ret_collateral,
			       struct diagnosis *d) MUST_USE;

#endif
