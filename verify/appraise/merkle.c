// SPDX-License-Identifier: MIT
#include "verify/appraise/merkle.h"

#include "crypto/crypto.h"

static enum tcb_error hash_node(struct span left, struct span right, struct digest256 *ret_node)
{
	static const uint8_t prefix = 1;

	return crypto_sha256_all((struct span[]){span_of(&prefix, 1), left, right}, 3, ret_node);
}

enum tcb_error merkle_path_root(const struct digest256 *commitment, uint64_t index, uint64_t count, struct span path,
				struct digest256 *ret_root)
{
	static const uint8_t leaf_prefix = 0;
	uint64_t fn = index, sn = count - 1;
	struct digest256 node, next;

	if (count == 0 || index >= count || path.size % SHA256_SIZE != 0)
		return TCB_MALFORMED;
	TRY(crypto_sha256_all((struct span[]){span_of(&leaf_prefix, 1), SPAN_OF(commitment->bytes)}, 2, &node));
	for (size_t at = 0; at < path.size; at += SHA256_SIZE) {
		struct span sibling = span_of(path.data + at, SHA256_SIZE);

		if (sn == 0)
			return TCB_MALFORMED;
		if ((fn & 1) != 0 || fn == sn) {
			TRY(hash_node(sibling, SPAN_OF(node.bytes), &next));
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			TRY(hash_node(SPAN_OF(node.bytes), sibling, &next));
		}
		node = next;
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0)
		return TCB_MALFORMED;
	*ret_root = node;
	return TCB_OK;
}
