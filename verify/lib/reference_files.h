// SPDX-License-Identifier: MIT
/* The files of reference values that a policy names, found beside the policy, and read. */
#ifndef TCBIND_VERIFY_LIB_REFERENCE_FILES_H
#define TCBIND_VERIFY_LIB_REFERENCE_FILES_H

#include "verify/appraise/reference.h"

/* Fills `ret_values` from all files that `policy` names; names that are not absolute are taken from the directory of `policy_path`. The caller
 * then sets `policy->references`. Codes: file.read, and those of reference_add(). */
enum tcb_error reference_files_load(const struct policy *policy, const char *policy_path, struct reference_values *ret_values,
				    struct diagnosis *d) MUST_USE;

#endif
