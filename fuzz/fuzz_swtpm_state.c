// SPDX-License-Identifier: MIT
/* swtpm's state files and blobs; the first byte picks the key: none, 128 or 256 bits. Must reach: swtpm_state_open(), plain, encrypted and
 * HMAC'ed. Property: a state is no larger than the file. */
#include "fuzz/target.h"
#include "host/swtpm_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct swtpm_key key = {0};
	struct diagnosis d = {0};
	struct span state = {0};

	if (size < 1)
		return 0;
	key.size = data[0] % 3 * 16;
	memset(key.bytes, 7, key.size);
	if (swtpm_state_open(span_of(data + 1, size - 1), &key, &state, &d) != TCB_OK) {
		MUST_HOLD(d.code[0] != '\0');
		return 0;
	}
	MUST_HOLD(state.size < size);
	free((void *)(uintptr_t)state.data);
	return 0;
}
