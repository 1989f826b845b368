// SPDX-License-Identifier: MIT
/* verify/appraise/tpm: the TPM's structures, each field otherwise than it must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/writer.h"
#include "verify/appraise/tpm.h"

static uint8_t memory[512];

/* What a quote says; the defaults are right. */
struct attest {
	uint32_t magic;
	uint16_t type;
	uint8_t safe;
	uint32_t selections;
	uint16_t bank;
	uint8_t selected_size;
	const char *selected;
	size_t digest_size, extra;
};

static const struct attest right = { 0xff544347, 0x8018, 1, 1, 0x000b, 3, "\xff\xff\xff\xff", 32, 0 };

static struct span put_attest(const struct attest *a)
{
	static const uint8_t digest[64] = {0xd1};
	struct writer w = WRITER_OF(memory);
	struct span bytes;

	writer_u32(&w, a->magic);
	writer_u16(&w, a->type);
	writer_tpm2b(&w, span_of_text("qualified signer"));
	writer_tpm2b(&w, span_of_text("qualifying data"));
	writer_u64(&w, 77000);
	writer_u32(&w, 5);
	writer_u32(&w, 6);
	writer_u8(&w, a->safe);
	writer_u64(&w, 1);
	writer_u32(&w, a->selections);
	for (uint32_t i = 0; i < a->selections; i++) {
		writer_u16(&w, a->bank);
		writer_u8(&w, a->selected_size);
		writer_bytes(&w, span_of(a->selected, a->selected_size));
	}
	writer_tpm2b(&w, span_of(digest, a->digest_size));
	writer_zeros(&w, a->extra);
	assert_int_equal(writer_end(&w, &bytes), TCB_OK);
	return bytes;
}

static void a_quote_is_read(void **state)
{
	struct tpm_attest a;

	(void)state;
	assert_int_equal(tpm_attest_decode(put_attest(&right), &a), TCB_OK);
	assert_true(span_is_text(a.qualifying, "qualifying data"));
	assert_int_equal(a.clock.clock_ms, 77000);
	assert_int_equal(a.clock.reset_count, 5);
	assert_int_equal(a.clock.restart_count, 6);
	assert_true(a.clock.safe);
	assert_int_equal(a.pcr_digest.bytes[0], 0xd1);
}

static void other_attestations_are_malformed(void **state)
{
	struct attest wrong[12];
	struct tpm_attest a;
	struct span whole;

	(void)state;
	for (size_t i = 0; i < 12; i++)
		wrong[i] = right;
	wrong[0].magic ^= 1;             /* not made inside a TPM */
	wrong[1].type = 0x8017;          /* a certification */
	wrong[2].safe = 2;
	wrong[3].selections = 0;
	wrong[4].selections = 2;
	wrong[5].bank = 0x0004;          /* SHA-1 */
	wrong[6].selected = "\xff\xff\x7f"; /* without PCR 23 */
	wrong[7].selected_size = 2;
	wrong[8].selected_size = 4;
	wrong[9].digest_size = 20;
	wrong[10].digest_size = 48;
	wrong[11].extra = 1;
	for (size_t i = 0; i < 12; i++)
		if (tpm_attest_decode(put_attest(&wrong[i]), &a) != TCB_MALFORMED)
			fail_msg("case %zu", i);
	whole = put_attest(&right);
	for (size_t size = 0; size < whole.size; size++)
		assert_int_equal(tpm_attest_decode(span_of(whole.data, size), &a), TCB_MALFORMED);
}

/* An attestation key by its fields, in the order of TPMT_PUBLIC. */
static struct span put_ak(const uint16_t fields[8], uint32_t attributes, size_t number_size)
{
	static const uint8_t number[33] = {1};
	struct writer w = WRITER_OF(memory);
	struct span bytes;

	writer_u16(&w, fields[0]);
	writer_u16(&w, fields[1]);
	writer_u32(&w, attributes);
	writer_tpm2b(&w, span_of(NULL, 0));
	for (unsigned i = 2; i < 7; i++)
		writer_u16(&w, fields[i]);
	writer_tpm2b(&w, span_of(number, number_size));
	writer_tpm2b(&w, span_of(number, 32));
	assert_int_equal(writer_end(&w, &bytes), TCB_OK);
	return bytes;
}

static void an_ak_is_restricted_and_the_tpms_own(void **state)
{
	static const uint16_t fields[8] = { 0x0023, 0x000b, 0x0010, 0x0018, 0x000b, 0x0003, 0x0010 };
	static const unsigned needed[] = { 1, 4, 5, 16, 18 };
	const uint32_t good = 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 16 | 1u << 18;
	struct p256_point key;

	(void)state;
	assert_int_equal(tpm_ak_decode(put_ak(fields, good, 32), &key), TCB_OK);
	assert_int_equal(tpm_ak_decode(put_ak(fields, good, 31), &key), TCB_OK); /* a TPM may leave out leading zeros */
	assert_int_equal(key.bytes[0], 0);
	assert_int_equal(key.bytes[1], 1);
	assert_int_equal(tpm_ak_decode(put_ak(fields, good, 0), &key), TCB_MALFORMED);
	assert_int_equal(tpm_ak_decode(put_ak(fields, good, 33), &key), TCB_MALFORMED);
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		assert_int_equal(tpm_ak_decode(put_ak(fields, good & ~(1u << needed[i]), 32), &key), TCB_REFUSED);
	assert_int_equal(tpm_ak_decode(put_ak(fields, good | 1u << 17, 32), &key), TCB_REFUSED); /* decrypts, too */
	for (size_t i = 0; i < 7; i++) {
		uint16_t other[8];

		memcpy(other, fields, sizeof other);
		other[i] ^= 1;
		assert_int_not_equal(tpm_ak_decode(put_ak(other, good, 32), &key), TCB_OK);
	}
}

static void a_signature_is_ecdsa_with_sha256(void **state)
{
	static const uint8_t number[32] = {1};
	struct p256_signature signature;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct writer w = WRITER_OF(memory);

		writer_u16(&w, i == 1 ? 0x001a : 0x0018); /* ECDAA */
		writer_u16(&w, i == 2 ? 0x000c : 0x000b); /* SHA-384 */
		writer_tpm2b(&w, SPAN_OF(number));
		writer_tpm2b(&w, SPAN_OF(number));
		writer_zeros(&w, i == 3 ? 1 : 0);
		assert_int_equal(tpm_signature_decode(span_of(memory, w.size), &signature),
				 i == 0 ? TCB_OK : i == 3 ? TCB_MALFORMED : TCB_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quote_is_read),
		cmocka_unit_test(other_attestations_are_malformed),
		cmocka_unit_test(an_ak_is_restricted_and_the_tpms_own),
		cmocka_unit_test(a_signature_is_ecdsa_with_sha256),
	};

	return cmocka_run_group_tests_name("verify/tpm", tests, NULL, NULL);
}
