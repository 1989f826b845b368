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

enum tcb_error merkle_root(const struct digest256 *commitments, size_t count, size_t index, struct digest256 *ret_root,
			   struct merkle_path *ret_path)
{
	struct digest256 left, right, *sibling;
	size_t split = 1; /* the largest power of two below count */

	if (count == 0)
		return TCB_LIMIT;
	if (count == 1) {
		if (ret_path != NULL)
			ret_path->count = 0;
		return hash_leaf(&commitments[0], ret_root);
	}
	while (split * 2 < count)
		split *= 2;
	/* Only the side of the leaf needs a path; recursion is as deep as the tree. */
	TRY(merkle_root(commitments, split, index, &left, index < split ? ret_path : NULL));
	TRY(merkle_root(commitments + split, count - split, index - split, &right, index < split ? NULL : ret_path));
	if (ret_path != NULL) {
		if (ret_path->count == LIMIT_MERKLE_PATH)
			return TCB_LIMIT;
		sibling = index < split ? &right : &left;
		memcpy(ret_path->nodes + ret_path->count * SHA256_SIZE, sibling->bytes, SHA256_SIZE);
		ret_path->count++;
	}
	return hash_node(&left, &right, ret_root);
}
