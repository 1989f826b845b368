// SPDX-License-Identifier: MIT
/* enclave/vtpm/pack: what is packed comes back, nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "enclave/vtpm/pack.h"

enum { SIZE = 4096 };

static uint8_t packed[4 * SIZE], again[4 * SIZE], out[SIZE];

static struct span pack_into(uint8_t *bytes, struct span plain)
{
	struct writer w = writer_of(bytes, 4 * SIZE);
	struct span span;

	pack(&w, plain);
	assert_int_equal(writer_end(&w, &span), TCB_OK);
	return span;
}

static void round_trip(struct span plain)
{
	struct span span = pack_into(packed, plain), back;

	assert_int_equal(unpack(span, out, sizeof out, &back), TCB_OK);
	assert_true(span_equal(back, plain));
	for (size_t size = 0; size < span.size && span.size < 300; size++)
		assert_int_not_equal(unpack(span_of(packed, size), out, sizeof out, &back), TCB_OK);
}

static void comes_back(void **state)
{
	static uint8_t plain[SIZE];

	(void)state;
	round_trip(span_of(plain, 0));
	round_trip(span_of(plain, 1));
	round_trip(span_of(plain, SIZE)); /* zeros */
	srandom(7);
	for (int n = 0; n < 3000; n++) {
		size_t size = (size_t)random() % SIZE, at = 0;

		while (at < size) { /* runs of both kinds, of lengths about the least */
			size_t run = (size_t)random() % (2 * PACK_RUN + 2);
			int fill = random() % 2 != 0;

			for (; run > 0 && at < size; run--)
				plain[at++] = fill ? (uint8_t)(random() % 255 + 1) : 0;
		}
		round_trip(span_of(plain, size));
	}
}

/* Whatever unpack() takes is what pack() writes. */
static void takes_one_form_only(void **state)
{
	static uint8_t plain[256], kept[1024];
	struct span span, back;
	size_t size, taken = 0;

	(void)state;
	memset(plain, 1, 40);
	memset(plain + 40 + PACK_RUN, 2, 20);
	span = pack_into(packed, SPAN_OF(plain));
	memcpy(kept, span.data, span.size);
	size = span.size;
	for (size_t at = 0; at < size; at++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(packed, kept, size);
			packed[at] ^= (uint8_t)(1 << bit);
			if (unpack(span_of(packed, size), out, sizeof out, &back) != TCB_OK)
				continue;
			taken++;
			assert_true(span_equal(pack_into(again, back), span_of(packed, size)));
		}
	assert_true(taken > 100); /* those in the bytes themselves */
}

static void is_bounded(void **state)
{
	static const uint8_t huge[] = { 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x20, 0 };
	struct span back;

	(void)state;
	assert_int_equal(unpack(SPAN_OF(huge), out, sizeof out, &back), TCB_LIMIT);
	assert_int_equal(unpack(SPAN_OF(huge), out, 100, &back), TCB_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(takes_one_form_only),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests_name("vtpm/pack", tests, NULL, NULL);
}
