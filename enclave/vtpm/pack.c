// SPDX-License-Identifier: MIT
#include "enclave/vtpm/pack.h"

/* How many zeros stand at the start. */
static size_t zeros_at(struct span bytes)
{
	static const uint8_t zeros[1024];
	size_t n = 0;

	for (size_t step = sizeof zeros; step > 0; step /= 4)
		while (n + step <= bytes.size && memcmp(bytes.data + n, zeros, step) == 0)
			n += step;
	return n;
}

/* Where the next run of PACK_RUN zeros or more starts, and its length; the size and none, if there is none. PACK_RUN bytes are looked at from their end:
 * behind the last that is no zero the next may start, and what stands before it is never looked at. */
static size_t find_run(struct span bytes, size_t *ret_zeros)
{
	size_t from = 0, at = PACK_RUN - 1; /* the first and the last of them */

	while (at < bytes.size) {
		size_t start = at + 1;

		while (start > from && bytes.data[start - 1] == 0)
			start--;
		if (start == from) {
			*ret_zeros = PACK_RUN + zeros_at(span_from(bytes, at + 1));
			return from;
		}
		from = start;
		at = start + PACK_RUN - 1;
	}
	*ret_zeros = 0;
	return bytes.size;
}

void pack(struct writer *w, struct span bytes)
{
	writer_u32(w, (uint32_t)bytes.size);
	while (bytes.size > 0) {
		size_t zeros, plain = find_run(bytes, &zeros);

		writer_sized(w, span_of(bytes.data, plain));
		writer_u32(w, (uint32_t)zeros);
		bytes = span_from(bytes, plain + zeros);
	}
}

enum tcb_error unpack(struct span packed, uint8_t *ret_bytes, size_t capacity, struct span *ret_unpacked)
{
	struct reader r = reader_of(packed);
	uint32_t size, zeros;
	size_t done = 0, run;
	struct span plain;

	TRY(reader_u32(&r, &size));
	if (size > capacity)
		return TCB_LIMIT;
	while (r.rest.size > 0) {
		TRY(reader_sized(&r, size - done, &plain));
		TRY(reader_u32(&r, &zeros));
		if (zeros > size - done - plain.size || find_run(plain, &run) != plain.size || (done > 0 && (plain.size == 0 || plain.data[0] == 0)) ||
		    (plain.size > 0 && zeros > 0 && plain.data[plain.size - 1] == 0) || (zeros < PACK_RUN && (zeros > 0 || r.rest.size > 0)) ||
		    plain.size + zeros == 0)
			return TCB_MALFORMED;
		memcpy(ret_bytes + done, plain.data, plain.size);
		memset(ret_bytes + done + plain.size, 0, zeros);
		done += plain.size + zeros;
	}
	if (done != size)
		return TCB_MALFORMED;
	*ret_unpacked = span_of(ret_bytes, size);
	return TCB_OK;
}
