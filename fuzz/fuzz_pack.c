// SPDX-License-Identifier: MIT
/* A vTPM's packed state. Must reach: unpack(). Property: what is unpacked packs to the same bytes. */
#include "enclave/vtpm/pack.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 << 19], packed[1 << 20];
	struct writer w = WRITER_OF(packed);
	struct span state, again;

	if (unpack(span_of(data, size), bytes, sizeof bytes, &state) != TCB_OK)
		return 0;
	pack(&w, state);
	MUST_HOLD(writer_end(&w, &again) == TCB_OK && span_equal(again, span_of(data, size)));
	return 0;
}
