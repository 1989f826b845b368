// SPDX-License-Identifier: MIT
/* RFC 9162 section 2.1.3.2: the root that an inclusion proof leads to. */
#ifndef TCBIND_VERIFY_APPRAISE_MERKLE_H
#define TCBIND_VERIFY_APPRAISE_MERKLE_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

/* TCB_MALFORMED when the path's length does not fit index and count. */
enum tcb_error merkle_path_root(const struct digest256 *commitment, uint64_t index, uint64_t count, struct span path,
				struct digest256 *ret_root) MUST_USE;

#endif
