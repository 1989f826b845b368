// SPDX-License-Identifier: MIT
/* verify/quote-strict: what a strict verifier refuses of a quote (DCAP notes 2.7; collateral: test_collateral_strict.c), one thing altered at a time and all signed anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "tests/verify/quote_rig.h"
#include "verify/appraise/quote_expect.h"
#include "verify/appraise/tcb.h"

static struct quote_rig rig;

/* where things are in a v3 quote; in v4 and v5 what follows the body is six bytes further from the attestation key on */
enum {
	AT_SIGNATURE_SIZE = 432,
	AT_SIGNATURE = 436,
	AT_KEY = 500,
	AT_QE_SIGNATURE = 948,
	AT_AUTH_SIZE = 1012,
	AT_TYPE = 1046,
	AT_SIZE = 1048,
};

static int start(void **state)
{
	(void)state;
	quote_rig_init(&rig, RIG_SGX3, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	quote_rig_end(&rig);
	return 0;
}

static void again(enum rig_kind kind)
{
	quote_rig_end(&rig);
	quote_rig_init(&rig, kind, 0);
}

/* ---- structure ---- */

static void versions_and_tees(void **state)
{
	(void)state;
	for (int kind = RIG_SGX3; kind <= RIG_TDX5; kind++) {
		again((enum rig_kind)kind);
		quote_rig_trusted(&rig);
		for (int version = 0; version < 8; version++) {
			if (version == 3 + kind)
				continue;
			rig.header[0] = (uint8_t)version;
			quote_rig_refused(&rig, "quote.malformed");
		}
		rig.header[0] = (uint8_t)(3 + kind);
		rig.header[4] ^= 0x81; /* the other TEE */
		quote_rig_refused(&rig, "quote.malformed");
		rig.header[4] = 1;
		quote_rig_refused(&rig, "quote.malformed");
	}
}

static void body_type(void **state)
{
	(void)state;
	again(RIG_TDX5);
	quote_rig_sign(&rig);
	for (uint8_t type = 0; type < 5; type++) {
		if (type == 3)
			continue;
		rig.quote[48] = type; /* with TD 1.5's size: SGX, TD 1.0, none */
		quote_rig_refused_as_is(&rig, "quote.malformed");
	}
	rig.quote[48] = 3;
	rig.quote[50]++;
	quote_rig_refused_as_is(&rig, "quote.malformed");
}

static void key_types(void **state)
{
	(void)state;
	for (int type = 0; type < 5; type++) {
		rig.header[2] = (uint8_t)type;
		if (type != 2)
			quote_rig_refused(&rig, "quote.malformed");
	}
}

static void reserved_header(void **state)
{
	(void)state;
	for (int kind = RIG_TDX4; kind <= RIG_TDX5; kind++) {
		again((enum rig_kind)kind);
		for (int i = 8; i < 12; i++) {
			rig.header[i] = 1;
			quote_rig_refused(&rig, "quote.malformed");
			rig.header[i] = 0;
		}
	}
}

static void reserved_body(void **state)
{
	static const int at[] = {20, 31, 96, 127, 160, 191, 262, 303};

	(void)state;
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		quote_rig_sgx(&rig)[at[i]] = 1;
		quote_rig_refused(&rig, "quote.reserved");
		quote_rig_sgx(&rig)[at[i]] = 0;
		rig.qe_report[at[i]] = 1;
		quote_rig_refused(&rig, "quote.reserved");
		rig.qe_report[at[i]] = 0;
	}
	quote_rig_sgx(&rig)[48] |= 0x8; /* attributes that no processor has */
	quote_rig_refused(&rig, "quote.reserved");
	quote_rig_sgx(&rig)[48] = 0x5;
	quote_rig_sgx(&rig)[55] = 0x80;
	quote_rig_refused(&rig, "quote.reserved");
	quote_rig_sgx(&rig)[55] = 0;
	quote_rig_sgx(&rig)[48] |= 0x80; /* KSS, AEX_NOTIFY */
	quote_rig_sgx(&rig)[49] |= 0x4;
	quote_rig_trusted(&rig);
}

static void sizes(void **state)
{
	static const int at[] = {AT_SIGNATURE_SIZE, AT_AUTH_SIZE, AT_SIZE};

	(void)state;
	quote_rig_sign(&rig);
	assert_int_equal(rig.quote[AT_TYPE], 5);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		rig.quote[at[i]]++;
		quote_rig_refused_as_is(&rig, "quote.malformed");
		rig.quote[at[i]] = (uint8_t)(rig.quote[at[i]] - 2);
		quote_rig_refused_as_is(&rig, "quote.malformed");
		rig.quote[at[i]]++;
	}
	rig.quote_size++;
	quote_rig_refused_as_is(&rig, "quote.trailing");
	rig.quote_size -= 2;
	quote_rig_refused_as_is(&rig, "quote.malformed");
}

static void certification_types(void **state)
{
	(void)state;
	quote_rig_sign(&rig);
	for (uint8_t type = 0; type < 9; type++) {
		rig.quote[AT_TYPE] = type;
		if (type != 5)
			quote_rig_refused_as_is(&rig, "quote.malformed");
	}
	again(RIG_TDX4);
	quote_rig_sign(&rig);
	assert_int_equal(rig.quote[48 + 584 + 4 + 128], 6);
	rig.quote[48 + 584 + 4 + 128] = 5;
	quote_rig_refused_as_is(&rig, "quote.malformed");
}

/* ---- PEM ---- */

/* The chain of certificates in this order; 'l' leaf, 'i' intermediate, 'r' root. */
static void order(const char *letters, const char *code)
{
	X509 *const of[] = { ['l'] = rig.pck.certificate, ['i'] = rig.platform_ca.certificate, ['r'] = rig.root.certificate };
	size_t used = 0, size;
	char *pem;

	for (; *letters != '\0'; letters++) {
		assert_int_equal(certificate_pem(of[(int)*letters], &pem, &size), TCB_OK);
		assert_true(used + size < sizeof rig.chain);
		memcpy(rig.chain + used, pem, size);
		used += size;
		OPENSSL_free(pem);
	}
	rig.chain[used] = '\0';
	quote_rig_refused(&rig, code);
}

static void chain_order(void **state)
{
	(void)state;
	order("li", "quote.chain.malformed");
	order("l", "quote.chain.malformed");
	order("", "quote.chain.malformed");
	order("lirr", "quote.chain.malformed");
	order("llir", "quote.chain.malformed");
	order("lri", "quote.root.untrusted"); /* as one vendor's sample has it: the last one is no root */
	order("ril", "quote.root.untrusted");
	order("ilr", "quote.chain");
	order("lrr", "quote.chain");
	order("rrr", "quote.chain");
}

static void spoil(const char *from, const char *to)
{
	quote_rig_put_chain(&rig);
	RIG_EDIT(rig.chain, from, to);
	quote_rig_refused(&rig, "quote.chain.malformed");
}

static void is_taken(const char *from, const char *to)
{
	quote_rig_put_chain(&rig);
	RIG_EDIT(rig.chain, from, to);
	quote_rig_trusted(&rig);
}

static void chain_text(void **state)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end_line[] = "-----END CERTIFICATE-----\n";
	size_t size;

	(void)state;
	spoil(begin, "subject=CN\n-----BEGIN CERTIFICATE-----\n");
	spoil(begin, "-----BEGIN CERTIFICATE----- \n");
	spoil(begin, "-----BEGIN CERTIFICATE-----\r");
	spoil(begin, "-----BEGIN CERTIFICATE-----\n\t");
	spoil(begin, "-----BEGIN X509 CERTIFICATE-----\n");
	spoil(begin, "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n");
	spoil(end_line, "-----END CERTIFICATE-----\nbetween\n");
	spoil(end_line, "=\n-----END CERTIFICATE-----\n");
	/* behind the last */
	quote_rig_put_chain(&rig);
	size = strlen(rig.chain);
	strcpy(rig.chain + size, "x");
	quote_rig_refused(&rig, "quote.chain.malformed");
}

/* Line ends are where the tools that wrote the text put them. */
static void chain_line_ends(void **state)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end_line[] = "-----END CERTIFICATE-----\n";
	char *second;

	(void)state;
	is_taken(begin, "\n-----BEGIN CERTIFICATE-----\n");
	is_taken(begin, "-----BEGIN CERTIFICATE-----\r\n");
	is_taken(begin, "-----BEGIN CERTIFICATE-----\n\n");
	is_taken(end_line, "-----END CERTIFICATE-----\r\n\r\n");
	is_taken(end_line, "-----END CERTIFICATE-----");
	quote_rig_put_chain(&rig); /* a character of a line goes to the next */
	memmove(rig.chain + 28 + 64, (char[]){rig.chain[28 + 65], '\n'}, 2);
	quote_rig_trusted(&rig);
	quote_rig_put_chain(&rig); /* one long line */
	second = strstr(rig.chain, end_line);
	for (char *at = rig.chain + sizeof begin - 1; at < second - 1; at++)
		if (*at == '\n') {
			memmove(at, at + 1, strlen(at));
			second--;
		}
	quote_rig_trusted(&rig);
	quote_rig_put_chain(&rig); /* no line end, but the NUL */
	rig.chain[strlen(rig.chain) - 1] = '\0';
	quote_rig_trusted(&rig);
}

/* Bits that base64's padding leaves over: another text of the same bytes. */
static void chain_padding(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *padding;
	char *spare;

	(void)state;
	for (int i = 0; (padding = strchr(rig.chain, '=')) == NULL && i < 20; i++) /* sizes of signatures vary by a byte or two */
		quote_rig_issue_pck(&rig);
	assert_non_null(padding);
	quote_rig_trusted(&rig);
	spare = rig.chain + (padding - rig.chain) - 1;
	*spare = digits[(strchr(digits, *spare) - digits) | 1];
	quote_rig_refused(&rig, "quote.chain.malformed");
}

static void two_nuls(void **state)
{
	(void)state;
	quote_rig_sign(&rig);
	rig.quote[rig.quote_size++] = 0; /* sizes say so, too */
	rig.quote[AT_SIZE]++;
	rig.quote[AT_SIGNATURE_SIZE]++;
	if (rig.quote[AT_SIZE] != 0 && rig.quote[AT_SIGNATURE_SIZE] != 0)
		quote_rig_refused_as_is(&rig, "quote.chain.malformed");
	rig.quote_size -= 2; /* none is as good as one */
	rig.quote[AT_SIZE] = (uint8_t)(rig.quote[AT_SIZE] - 2);
	rig.quote[AT_SIGNATURE_SIZE] = (uint8_t)(rig.quote[AT_SIGNATURE_SIZE] - 2);
	if (rig.quote[AT_SIZE] < 0xfe && rig.quote[AT_SIGNATURE_SIZE] < 0xfe)
		assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
}

static void chain_given(void **state)
{
	char given[sizeof rig.chain];

	(void)state;
	quote_rig_sign(&rig);
	memcpy(given, rig.chain, sizeof given);
	rig.collateral.pck_chain = span_of_text(given);
	assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
	rig.collateral.pck_chain.size--; /* without the last line's end */
	assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
	quote_rig_issue_pck(&rig); /* the same processor's, issued again */
	quote_rig_sign(&rig);
	rig.collateral.pck_chain = span_of_text(given);
	quote_rig_refused_as_is(&rig, "quote.pck.other");
}

/* ---- keys and signatures ---- */

static void flip(size_t at, const char *code)
{
	quote_rig_sign(&rig);
	rig.quote[at] ^= 1;
	quote_rig_refused_as_is(&rig, code);
}

static void points(void **state)
{
	(void)state;
	flip(AT_KEY + 63, "quote.qe.binding");
	/* bound by the QE, and not on the curve: a QE that signed anything */
	quote_rig_sign(&rig);
	rig.bind_qe = false;
	for (int i = 0; i < 2; i++) {
		uint8_t key[64], auth[32];
		struct digest256 digest;
		struct p256_signature signature;

		memset(key, i == 0 ? 0 : 0xff, sizeof key);
		memcpy(auth, rig.qe_auth, sizeof auth);
		assert_int_equal(crypto_sha256_all((struct span[]){SPAN_OF(key), SPAN_OF(auth)}, 2, &digest), TCB_OK);
		memset(rig.qe_report + 320, 0, 64);
		memcpy(rig.qe_report + 320, digest.bytes, sizeof digest.bytes);
		quote_rig_sign(&rig);
		memcpy(rig.quote + AT_KEY, key, sizeof key);
		assert_int_equal(crypto_sign(rig.pck.key, SPAN_OF(rig.qe_report), &signature), TCB_OK);
		memcpy(rig.quote + AT_QE_SIGNATURE, signature.bytes, sizeof signature.bytes);
		quote_rig_refused_as_is(&rig, "quote.signature");
	}
}

/* r or s of a signature: zero, the order, more. */
static void scalars(size_t at, const char *code)
{
	static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

	for (size_t half = 0; half < 64; half += 32) {
		quote_rig_sign(&rig);
		memset(rig.quote + at + half, 0, 32);
		quote_rig_refused_as_is(&rig, code);
		memcpy(rig.quote + at + half, n, 32);
		quote_rig_refused_as_is(&rig, code);
		memset(rig.quote + at + half, 0xff, 32);
		quote_rig_refused_as_is(&rig, code);
	}
	memset(rig.quote + at, 0, 64);
	quote_rig_refused_as_is(&rig, code);
}

static void signatures(void **state)
{
	(void)state;
	scalars(AT_SIGNATURE, "quote.signature");
	scalars(AT_QE_SIGNATURE, "quote.qe.report");
}

/* n - s signs as well as s: accepted, which is why a quote's bytes are no identity. */
static void high_s(void **state)
{
	BIGNUM *n = NULL, *s = BN_new(), *other = BN_new();

	(void)state;
	quote_rig_sign(&rig);
	assert_true(BN_hex2bn(&n, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551") > 0);
	assert_non_null(BN_bin2bn(rig.quote + AT_SIGNATURE + 32, 32, s));
	assert_int_equal(BN_sub(other, n, s), 1);
	assert_int_equal(BN_bn2binpad(other, rig.quote + AT_SIGNATURE + 32, 32), 32);
	assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
	BN_free(n);
	BN_free(s);
	BN_free(other);
}

static void qe_report_data(void **state)
{
	(void)state;
	quote_rig_trusted(&rig);
	rig.bind_qe = false;
	for (int i = 32; i < 64; i++) {
		rig.qe_report[320 + i] = 1;
		quote_rig_refused(&rig, "quote.qe.binding");
		rig.qe_report[320 + i] = 0;
	}
	rig.qe_report[320] ^= 1;
	quote_rig_refused(&rig, "quote.qe.binding");
	rig.qe_report[320] ^= 1;
	rig.qe_auth[0] ^= 1; /* authentication data is bound, too */
	quote_rig_refused(&rig, "quote.qe.binding");
}

/* ---- attributes ---- */

static void qe_attributes(void **state)
{
	(void)state;
	rig.qe_report[48] |= 0x2;
	quote_rig_refused(&rig, "quote.qe.debug");
	RIG_EDIT(rig.qe_identity, "\"FBFFFFFFFFFFFFFF", "\"F9FFFFFFFFFFFFFF"); /* even where the identity does not mask it */
	quote_rig_refused(&rig, "quote.qe.debug");
	rig.qe_report[48] = 0x14;
	quote_rig_refused(&rig, "quote.qe.debug");
	rig.qe_report[48] = 0x11; /* MODE64 is masked out */
	quote_rig_trusted(&rig);
	rig.qe_report[48] = 0x01;
	quote_rig_refused(&rig, "quote.qe.identity");
}

static void qe_is_another(void **state)
{
	(void)state;
	rig.qe_report[128] ^= 1; /* MRSIGNER */
	quote_rig_refused(&rig, "quote.qe.identity");
	rig.qe_report[128] ^= 1;
	rig.qe_report[256] ^= 1; /* ISVPRODID */
	quote_rig_refused(&rig, "quote.qe.identity");
	rig.qe_report[256] ^= 1;
	rig.qe_report[16] ^= 1; /* MISCSELECT */
	quote_rig_refused(&rig, "quote.qe.identity");
	rig.qe_report[16] ^= 1;
	rig.qe_report[258] = 5; /* ISVSVN */
	quote_rig_refused(&rig, "quote.qe.level");
}

static void isv_attributes(void **state)
{
	uint8_t *flags = quote_rig_sgx(&rig) + 48;

	(void)state;
	*flags = 0x1; /* MODE64 clear */
	quote_rig_refused(&rig, "quote.enclave.debug");
	*flags = 0x4; /* INIT clear */
	quote_rig_refused(&rig, "quote.enclave.debug");
	*flags = 0x15;
	quote_rig_refused(&rig, "quote.enclave.keys");
	*flags = 0x25;
	quote_rig_refused(&rig, "quote.enclave.keys");
}

/* What a loader can set beside the measurement: for enclaves that are ours, nothing. */
static void plain_enclave(void **state)
{
	static const int at[] = {32, 47, 192, 255, 260, 261, 304, 319};

	(void)state;
	quote_rig_trusted(&rig);
	assert_true(quote_expect_plain(&rig.claims, "quote", "platform.pse", &rig.checks));
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		quote_rig_sgx(&rig)[at[i]] = 1;
		quote_rig_trusted(&rig); /* a genuine quote */
		assert_false(quote_expect_plain(&rig.claims, "quote", "platform.pse", &rig.checks));
		quote_rig_sgx(&rig)[at[i]] = 0;
	}
	again(RIG_TDX4); /* and no TD */
	quote_rig_trusted(&rig);
	assert_false(quote_expect_plain(&rig.claims, "quote", "platform.pse", &rig.checks));
}

static void every_bit_of_three_quotes(void **state)
{
	(void)state;
	for (int kind = RIG_SGX3; kind <= RIG_TDX5; kind++) {
		again((enum rig_kind)kind);
		quote_rig_trusted(&rig);
		for (size_t i = 0; i < rig.quote_size; i++) {
			uint8_t bit = (uint8_t)(1u << i % 8);

			rig.quote[i] ^= bit;
			if (quote_rig_appraise(&rig) == TCB_OK)
				fail_msg("kind %d: byte %zu is not noticed", kind, i);
			rig.quote[i] ^= bit;
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(versions_and_tees),
		TEST(body_type),
		TEST(key_types),
		TEST(reserved_header),
		TEST(reserved_body),
		TEST(sizes),
		TEST(certification_types),
		TEST(chain_order),
		TEST(chain_text),
		TEST(chain_line_ends),
		TEST(chain_padding),
		TEST(two_nuls),
		TEST(chain_given),
		TEST(points),
		TEST(signatures),
		TEST(high_s),
		TEST(qe_report_data),
		TEST(qe_attributes),
		TEST(qe_is_another),
		TEST(isv_attributes),
		TEST(plain_enclave),
		TEST(every_bit_of_three_quotes),
	};

	return cmocka_run_group_tests_name("verify/quote-strict", tests, NULL, NULL);
}
