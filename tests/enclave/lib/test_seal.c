// SPDX-License-Identifier: MIT
/* enclave/lib/seal and certificate. The key that a process writes with is drawn once: each test that needs another writer forges the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"
#include "enclave/lib/certificate.h"
#include "enclave/lib/seal.h"
#include "tests/enclave/fake_tee.h"

#define LABEL "test v1"

static struct processor processor, other_processor;
static struct enclave_identity writer_identity;
static const char secret[] = "what is at rest";
static uint8_t sealed_bytes[256], plain_bytes[256];
static struct span sealed;

static int fresh(void **state)
{
	struct writer w = WRITER_OF(sealed_bytes);

	(void)state;
	fake_processor(&processor, 1);
	fake_processor(&other_processor, 2);
	memset(processor.fuses.cpu_svn, 5, sizeof processor.fuses.cpu_svn);
	memset(other_processor.fuses.cpu_svn, 5, sizeof other_processor.fuses.cpu_svn);
	writer_identity = fake_identity(ROLE_PSE);
	writer_identity.isv_svn = 5;
	fake_tee_become(&processor, &writer_identity);
	if (crypto_init() != TCB_OK || seal_bytes(LABEL, span_of_text(secret), &w) != TCB_OK)
		return -1;
	return writer_end(&w, &sealed) == TCB_OK ? 0 : -1;
}

static enum tcb_error open_with(struct processor *p, struct enclave_identity identity, const char *label,
				struct diagnosis *d)
{
	struct span plain;

	fake_tee_become(p, &identity);
	TRY(seal_open(label, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	assert_true(span_is_text(plain, secret));
	return TCB_OK;
}

static void opens_for_the_same_and_later_versions(void **state)
{
	struct enclave_identity reader_identity = writer_identity;

	(void)state;
	assert_int_equal(open_with(&processor, reader_identity, LABEL, NULL), TCB_OK);
	reader_identity.isv_svn = 6;
	reader_identity.mrenclave[0] ^= 1; /* an upgrade */
	assert_int_equal(open_with(&processor, reader_identity, LABEL, NULL), TCB_OK);
	assert_int_equal(sealed.size, strlen(secret) + SEAL_OVERHEAD);
}

static void assert_code(struct processor *p, struct enclave_identity identity, const char *label, const char *code)
{
	struct diagnosis d = {0};

	assert_int_not_equal(open_with(p, identity, label, &d), TCB_OK);
	assert_string_equal(d.code, code);
}

static void refuses_a_downgrade(void **state)
{
	struct enclave_identity older = writer_identity;

	(void)state;
	older.isv_svn = 4;
	assert_code(&processor, older, LABEL, "seal.svn");
	sealed_bytes[9] = 4; /* claim that it was written by the older one */
	assert_code(&processor, older, LABEL, "seal.foreign");
}

/* Row F11: a processor update costs no state; a downgrade reads nothing newer. */
static void opens_after_a_processor_update(void **state)
{
	(void)state;
	assert_true(seal_is_current(sealed));
	processor.fuses.cpu_svn[3]++;
	assert_int_equal(open_with(&processor, writer_identity, LABEL, NULL), TCB_OK);
	processor.fuses.cpu_svn[3] -= 2;
	assert_code(&processor, writer_identity, LABEL, "seal.svn");
	processor.fuses.cpu_svn[2] += 5; /* a component that is higher does not make up for one that is lower */
	assert_code(&processor, writer_identity, LABEL, "seal.svn");
	sealed_bytes[10 + 3] = processor.fuses.cpu_svn[3]; /* claim that it was written on the older one */
	assert_code(&processor, writer_identity, LABEL, "seal.foreign");
	assert_false(seal_is_current(sealed));
}

static void names_another_release(void **state)
{
	(void)state;
	sealed_bytes[7] = '1';
	assert_code(&processor, writer_identity, LABEL, "seal.release");
	sealed_bytes[7] = 'x';
	assert_code(&processor, writer_identity, LABEL, "seal.malformed");
}

static void refuses_others(void **state)
{
	struct enclave_identity other = writer_identity;

	(void)state;
	assert_code(&other_processor, writer_identity, LABEL, "seal.foreign");
	assert_code(&processor, writer_identity, "test v2", "seal.foreign");
	other.mrsigner[0] ^= 1;
	assert_code(&processor, other, LABEL, "seal.foreign");
	other = writer_identity;
	other.isv_prod_id = ROLE_VTPM;
	assert_code(&processor, other, LABEL, "seal.foreign");
	other = writer_identity;
	other.attributes |= SGX_FLAG_DEBUG;
	assert_code(&processor, other, LABEL, "seal.foreign");
}

static void notices_every_bit_and_every_cut(void **state)
{
	const struct span whole = sealed;

	(void)state;
	for (size_t i = 0; i < whole.size * 8; i++) {
		sealed_bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(open_with(&processor, writer_identity, LABEL, NULL), TCB_OK);
		sealed_bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t size = 0; size < whole.size; size++) {
		sealed.size = size;
		assert_int_not_equal(open_with(&processor, writer_identity, LABEL, NULL), TCB_OK);
	}
	sealed.size = whole.size;
	assert_int_equal(open_with(&processor, writer_identity, LABEL, NULL), TCB_OK);
}

static void seals_nothing_twice_alike(void **state)
{
	uint8_t again[256];
	struct writer w = WRITER_OF(again);

	(void)state;
	assert_int_equal(seal_bytes(LABEL, span_of_text(secret), &w), TCB_OK);
	assert_int_equal(w.size, sealed.size);
	assert_memory_not_equal(again + 58, sealed_bytes + 58, sealed.size - 58);
}

/* ---- certificates ---- */

static X509 *make_certificate(EVP_PKEY *key, const char *type, struct span bytes, int records)
{
	X509 *certificate;

	assert_int_equal(certificate_new("issuer", "subject", key, 951782400, false, &certificate), TCB_OK); /* 29 February 2000 */
	for (int i = 0; i < records; i++)
		assert_int_equal(certificate_add_cmw(certificate, type, bytes), TCB_OK);
	assert_int_equal(certificate_sign(certificate, key), TCB_OK);
	return certificate;
}

static void certificates_carry_one_record(void **state)
{
	static uint8_t large[LIMIT_QUOTE] = {1, 2, 3};
	EVP_PKEY *key;
	X509 *certificate;
	struct span found;
	struct tm tm;

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	certificate = make_certificate(key, "a/b", SPAN_OF(large), 1);
	assert_int_equal(X509_verify(certificate, key), 1);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &tm), 1);
	assert_true(tm.tm_year == 100 && tm.tm_mon == 1 && tm.tm_mday == 29 && tm.tm_hour == 0);
	assert_int_equal(certificate_find_cmw(certificate, "a/b", &found), TCB_OK);
	assert_true(span_equal(found, SPAN_OF(large)));
	assert_int_equal(certificate_find_cmw(certificate, "a/c", &found), TCB_MALFORMED);
	X509_free(certificate);
	certificate = make_certificate(key, "a/b", SPAN_OF(large), 0);
	assert_int_equal(certificate_find_cmw(certificate, "a/b", &found), TCB_MALFORMED);
	X509_free(certificate);
	certificate = make_certificate(key, "a/b", SPAN_OF(large), 2);
	assert_int_equal(certificate_find_cmw(certificate, "a/b", &found), TCB_MALFORMED);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(opens_for_the_same_and_later_versions, fresh),
		cmocka_unit_test_setup(refuses_a_downgrade, fresh),
		cmocka_unit_test_setup(opens_after_a_processor_update, fresh),
		cmocka_unit_test_setup(names_another_release, fresh),
		cmocka_unit_test_setup(refuses_others, fresh),
		cmocka_unit_test_setup(notices_every_bit_and_every_cut, fresh),
		cmocka_unit_test_setup(seals_nothing_twice_alike, fresh),
		cmocka_unit_test(certificates_carry_one_record),
	};

	return cmocka_run_group_tests_name("enclave/seal", tests, NULL, NULL);
}
