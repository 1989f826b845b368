// SPDX-License-Identifier: MIT
#include "host/merkle.h"

#include "crypto/crypto.h"

static enum tcb_error hash_leaf(const struct digest256 *commitment, struct digest256 *ret_hash)
{
	static const uint8_t prefix = 0;

	return crypto_sha256_all((struct span[]){span_of(&prefix, 1), SPAN_OF(commitment->bytes)}, 2, ret_hash);
}

static enum tcb_error hash_node(const struct digest256 *left, const struct digest256 *right,
				struct digest256 *ret_hash)
{
	static const uint8_t prefix = 1;

	return crypto_sha256_all(
		(struct span[]){span_of(&prefix, 1), SPAN_OF(left->bytes), SPAN_OF(right->bytes)}, 3, ret_hash);
}

static enum tcb_error append(struct merkle_path *paths, size_t count, const struct digest256 *sibling)
{
	for (size_t i = 0; i < count; i++) {
		if (paths[i].count == LIMIT_MERKLE_PATH)
			return TCB_LIMIT;
		memcpy(paths[i].nodes + paths[i].count * SHA256_SIZE, sibling->bytes, SHA256_SIZE);
		paths[i].count++;
	}
	return TCB_OK;
}

enum tcb_error merkle_tree(const struct digest256 *commitments, size_t count, struct digest256 *ret_root, struct merkle_path *ret_paths)
{
	struct digest256 left, right;
	size_t split = 1; /* the largest power of two below count */

	if (count == 0)
		return TCB_LIMIT;
	if (count == 1) {
		ret_paths[0].count = 0;
		return hash_leaf(&commitments[0], ret_root);
	}
	while (split * 2 < count)
		split *= 2;
	/* Recursion is as deep as the tree. */
	TRY(merkle_tree(commitments, split, &left, ret_paths));
	TRY(merkle_tree(commitments + split, count - split, &right, ret_paths + split));
	TRY(append(ret_paths, split, &right));
	TRY(append(ret_paths + split, count - split, &left));
	return hash_node(&left, &right, ret_root);
}
