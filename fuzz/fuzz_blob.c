// SPDX-License-Identifier: MIT
/* A migration blob as QEMU brings it. Must reach: blob_decode(). Property: head and sealed part are all of it, and the head encodes to the same
 * bytes. */
#include "edge/blob.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[512];
	struct writer w = WRITER_OF(bytes);
	struct span in = span_of(data, size), aad, sealed, again;
	struct blob_head head;

	if (blob_decode(in, &head, &aad, &sealed) != TCB_OK)
		return 0;
	MUST_HOLD(aad.data == data && sealed.data == data + aad.size && aad.size + sealed.size == size);
	blob_head_encode(&w, &head);
	MUST_HOLD(writer_end(&w, &again) == TCB_OK && span_equal(again, aad));
	return 0;
}
