// SPDX-License-Identifier: MIT
/* RFC 9162 section 2.1 Merkle trees over 32-byte commitments: leaf = SHA-256(0 || d), node = SHA-256(1 || left || right). */
#ifndef TCBIND_HOST_MERKLE_H
#define TCBIND_HOST_MERKLE_H

#include <stddef.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"

struct merkle_path {
	size_t count;
	uint8_t nodes[LIMIT_MERKLE_PATH * SHA256_SIZE]; /* from the leaf upwards */
};

/* Root of `count` (1 .. 2^LIMIT_MERKLE_PATH) commitments, and the inclusion path of each. Each node is hashed once. */
enum tcb_error merkle_tree(const struct digest256 *commitments, size_t count, struct digest256 *ret_root,
			   struct merkle_path *ret_paths) MUST_USE;

#endif
