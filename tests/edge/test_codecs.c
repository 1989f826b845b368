// SPDX-License-Identifier: MIT
/* edge/: what our encoders write is what our decoders take, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/blob.h"
#include "edge/frame.h"
#include "tests/edge/codecs.h"

static uint8_t sample_bytes[8192], again_bytes[8192];

static struct span sample_of(const struct codec *codec)
{
	struct writer w = WRITER_OF(sample_bytes);
	struct span sample;

	codec->sample(&w);
	if (writer_end(&w, &sample) != TCB_OK || sample.size == 0)
		fail_msg("%s: no sample", codec->name);
	return sample;
}

static enum tcb_error again_of(const struct codec *codec, struct span in, struct span *ret_again)
{
	struct writer w = WRITER_OF(again_bytes);

	TRY(codec->again(in, &w));
	return writer_end(&w, ret_again);
}

static void every_sample_comes_back_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < codec_count; i++) {
		struct span sample = sample_of(&codecs[i]), again;

		if (again_of(&codecs[i], sample, &again) != TCB_OK || !span_equal(sample, again))
			fail_msg("%s does not come back as it was", codecs[i].name);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < codec_count; i++) {
		struct span sample = sample_of(&codecs[i]), again;

		for (size_t size = 0; size < sample.size; size++)
			if (again_of(&codecs[i], span_of(sample.data, size), &again) == TCB_OK)
				fail_msg("%s: accepted when cut to %zu of %zu", codecs[i].name, size, sample.size);
	}
}

static void a_trailing_byte_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < codec_count; i++) {
		struct span sample = sample_of(&codecs[i]), again;

		if (codecs[i].again == codecs[codec_count - 1].again)
			continue; /* a blob's head is followed by its sealed part */
		sample_bytes[sample.size] = 0;
		if (again_of(&codecs[i], span_of(sample.data, sample.size + 1), &again) == TCB_OK)
			fail_msg("%s: accepted a trailing byte", codecs[i].name);
	}
}

/* Flip each bit: the decoder refuses, or what it understood encodes to exactly the flipped bytes. */
static void nothing_decodes_to_what_encodes_differently(void **state)
{
	(void)state;
	for (size_t i = 0; i < codec_count; i++) {
		struct span sample = sample_of(&codecs[i]), again;

		for (size_t bit = 0; bit < sample.size * 8; bit++) {
			sample_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (again_of(&codecs[i], sample, &again) == TCB_OK && !span_equal(sample, again))
				fail_msg("%s: bit %zu is not canonical", codecs[i].name, bit);
			sample_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void a_frame_that_is_too_large_is_a_limit(void **state)
{
	const uint8_t bytes[FRAME_HEAD_SIZE] = {0x00, 0x30, 0x00, 0x01, 1, 0, 2, 1};
	struct frame_head head;

	(void)state;
	assert_int_equal(frame_head_decode(SPAN_OF(bytes), &head), TCB_LIMIT);
}

static void a_call_carries_no_error(void **state)
{
	const uint8_t bytes[FRAME_HEAD_SIZE] = {0, 0, 0, 0, FRAME_OCALL, 0, 8, 1, 0, 0, 0, TCB_REFUSED};
	struct frame_head head;

	(void)state;
	assert_int_equal(frame_head_decode(SPAN_OF(bytes), &head), TCB_MALFORMED);
}

static void a_diagnosis_cannot_drive_a_terminal(void **state)
{
	struct diagnosis d = { .code = "x", .found = "\x1b[2J", .wanted = "", .action = "" }, got;
	uint8_t bytes[256];
	struct writer w = WRITER_OF(bytes);
	struct span written;
	struct reader r;

	(void)state;
	diagnosis_encode(&w, &d);
	assert_int_equal(writer_end(&w, &written), TCB_OK);
	r = reader_of(written);
	assert_int_equal(diagnosis_decode(&r, &got), TCB_OK);
	assert_string_equal(got.found, "?[2J");
	bytes[2 + 1 + 2] = 0x1b; /* as a hostile peer would write it */
	r = reader_of(written);
	assert_int_equal(diagnosis_decode(&r, &got), TCB_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_comes_back_the_same),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_trailing_byte_is_refused),
		cmocka_unit_test(nothing_decodes_to_what_encodes_differently),
		cmocka_unit_test(a_frame_that_is_too_large_is_a_limit),
		cmocka_unit_test(a_call_carries_no_error),
		cmocka_unit_test(a_diagnosis_cannot_drive_a_terminal),
	};

	return cmocka_run_group_tests_name("edge/codecs", tests, NULL, NULL);
}
