// SPDX-License-Identifier: MIT
/* Every decoder of edge/ on hostile bytes. The first byte picks the codec; the rest is the message.
 * Must reach: each *_decode() of edge/. Property: what decodes encodes to the same bytes. */
#include "fuzz/target.h"
#include "tests/edge/codecs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 << 20];
	struct writer w = WRITER_OF(bytes);
	struct span again, in;

	if (size < 1 || size > sizeof bytes / 2)
		return 0;
	in = span_of(data + 1, size - 1);
	if (codecs[data[0] % codec_count].again(in, &w) != TCB_OK)
		return 0;
	MUST_HOLD(writer_end(&w, &again) == TCB_OK && span_equal(in, again));
	return 0;
}
