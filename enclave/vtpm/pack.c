#include "enclave/vtpm/pack.h"

/* How many zeros stand at the start. */
static size_t zeros_at(struct span bytes)
{
	size_t n = 0;

	while (n + 8 <= bytes.size && memcmp(bytes.data + n, (const uint8_t[8]){0}, 8) == 0)
		n += 8;
	while (n < bytes.size && bytes.data[n] == 0)
		n++;
	return n;
}

/* Where the next run of PACK_RUN zeros starts; the size, if there is none. */
static size_t find_run(struct span bytes)
{
	for (size_t i = 0; i + PACK_RUN <= bytes.size;) {
		const uint8_t *zero = memchr(bytes.data + i, 0, bytes.size - i);
		size_t run;

		if (zero == NULL)
			break;
		i = (size_t)(zero - bytes.data);
		run = zeros_at(span_of(zero, bytes.size - i));
		if (run >= PACK_RUN)
			return i;
		i += run;
	}
	return bytes.size;
}

void pack(struct writer *w, struct span bytes)
{
	writer_u32(w, (uint32_t)bytes.size);
	while (bytes.size > 0) {
		size_t plain = find_run(bytes);
		size_t zeros = zeros_at(span_of(bytes.data + plain, bytes.size - plain));

		writer_sized(w, span_of(bytes.data, plain));
		writer_u32(w, (uint32_t)zeros);
		bytes = span_of(bytes.data + plain + zeros, bytes.size - plain - zeros);
	}
}

enum tcb_error unpack(struct span packed, uint8_t *ret_bytes, size_t capacity, struct span *ret_unpacked)
{
	struct reader r = reader_of(packed);
	uint32_t size, zeros;
	size_t done = 0;
	struct span plain;

	TRY(reader_u32(&r, &size));
	if (size > capacity)
		return TCB_LIMIT;
	while (r.rest.size > 0) {
		TRY(reader_sized(&r, size - done, &plain));
		TRY(reader_u32(&r, &zeros));
		if (zeros > size - done - plain.size || find_run(plain) != plain.size || (done > 0 && (plain.size == 0 || plain.data[0] == 0)) ||
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
