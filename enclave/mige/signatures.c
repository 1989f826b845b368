#include "enclave/mige/signatures.h"

#include "crypto/crypto.h"

enum { SEEN_MAX = 64 };

static struct {
	size_t count, next;
	struct digest256 digests[SEEN_MAX]; /* of key, digest of what is signed, signature: all of fixed size */
} seen;

static bool is_signature(const struct memo_question *question, struct digest256 *ret_digest)
{
	return strcmp(question->kind, "signature") == 0 && crypto_sha256_all(question->parts, question->count, ret_digest) == TCB_OK;
}

static bool recall(void *store, const struct memo_question *question, uint64_t now_s, struct checks *checks, void *ret_value)
{
	struct digest256 digest;

	(void)store;
	(void)now_s;
	(void)checks;
	(void)ret_value;
	if (!is_signature(question, &digest))
		return false;
	for (size_t i = 0; i < seen.count; i++)
		if (memcmp(&seen.digests[i], &digest, sizeof digest) == 0)
			return true;
	return false;
}

static void remember(void *store, const struct memo_question *question, uint64_t from_s, uint64_t until_s, const struct checks *checks,
		     size_t first, const void *value)
{
	struct digest256 digest;

	(void)store;
	(void)from_s;
	(void)until_s;
	(void)checks;
	(void)first;
	(void)value;
	if (!is_signature(question, &digest))
		return;
	seen.digests[seen.next] = digest;
	seen.next = (seen.next + 1) % SEEN_MAX;
	seen.count += seen.count < SEEN_MAX;
}

const struct memo *signatures_seen(void)
{
	static const struct memo memo = { .recall = recall, .remember = remember };

	return &memo;
}
