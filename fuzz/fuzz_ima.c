// SPDX-License-Identifier: MIT
/* Linux' IMA list. Must reach: ima_next(), ima_replay(). Property: what replays walks to its end, and the other way round. */
#include "fuzz/target.h"
#include "verify/appraise/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct digest256 pcrs[LIMIT_PCRS];
	struct span rest = span_of(data, size);
	struct ima_entry entry;
	struct ima_covered covered;
	bool end = false;
	enum tcb_error error;

	while ((error = ima_next(&rest, &end, &entry)) == TCB_OK && !end)
		MUST_HOLD(entry.path.size <= size && entry.file_digest.size <= size);
	MUST_HOLD((ima_replay(span_of(data, size), NULL, pcrs, &covered) == TCB_OK) == (error == TCB_OK));
	return 0;
}
