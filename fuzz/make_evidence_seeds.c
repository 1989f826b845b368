// SPDX-License-Identifier: MIT
/* make_evidence_seeds DIR: seeds of fuzz_evidence and fuzz_tpm, DIR/TARGET/NAME: payloads of evidence whose request names the key 1 as residence
 * key, of a residence that began here, of one after a move, and of one whose custody chain is folded. Processors, quotes and collateral are sgxsim's; PSE, vTPM and pTPM are the tests' attester. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/tpm_quote.h"
#include "tests/verify/attester.h"

static const char *top;
static struct rig_platform a, b;
static struct attester attester;
static EVP_PKEY *pse_of_a, *pse_of_b;
static struct parts parts;

static void use_known_residence(void)
{
	static const uint8_t one[32] = { [31] = 1 };
	static EVP_PKEY *known;

	if (known == NULL) {
		EVP_PKEY_free(attester.residence);
		assert_int_equal(crypto_p256_from_scalar(one, &known), TCB_OK);
	}
	attester.residence = known;
}

static void save_bytes(const char *target, const char *name, uint8_t prefix, struct span seed)
{
	static uint8_t bytes[LIMIT_EVIDENCE + 1];
	struct writer w = WRITER_OF(bytes);
	char dir[4096], path[4096];

	writer_u8(&w, prefix);
	writer_bytes(&w, seed);
	assert_int_equal(path_join(dir, sizeof dir, top, target, NULL), TCB_OK);
	(void)mkdir(dir, 0700);
	assert_int_equal(path_join(path, sizeof path, dir, name, NULL), TCB_OK);
	assert_int_equal(file_write(path, span_of(bytes, w.size), 0644, NULL), TCB_OK);
}

/* `rule`: the first byte of fuzz_evidence's input. */
static void save(const char *name, uint8_t rule)
{
	static uint8_t bytes[LIMIT_EVIDENCE];
	struct writer w = WRITER_OF(bytes);
	struct tpm_quote quote;

	use_known_residence();
	attester_attest(&attester, &parts);
	evidence_encode(&w, &parts.e);
	save_bytes("evidence", name, rule, span_of(bytes, w.size));
	assert_int_equal(tpm_quote_decode(parts.e.parts[EVIDENCE_PLATFORM_QUOTE], &quote), TCB_OK);
	save_bytes("tpm", "attest", 0, quote.attest);
	save_bytes("tpm", "ak", 1, span_of(attester.ak_public, attester.ak_size));
	save_bytes("tpm", "signature", 2, quote.signature);
	save_bytes("tpm", "ek", 3, span_of(attester.ek_public, attester.ek_size));
}

/* Four hand-overs before the one that brought it here are folded. */
static void save_folded(void)
{
	struct attester before;
	struct custody_summary s = { .first_generation = 1, .last_generation = 4, .first_time_s = 1, .last_time_s = 2, .stay_count = 1,
				     .stays = { { .name = span_of_text("b"), .ak = {{1}}, .count = 3 } }, .others = 1, .last = {{9}} };
	struct custody_chain chain;

	attester.generation = 5;
	attester.last_custody = s.last;
	s.id = attester.id;
	assert_int_equal(tpm_name_of(span_of(a.ak_public, a.ak_public_size), &s.at_ak), TCB_OK);
	assert_int_equal(crypto_p256_public(attester.mige_key, &s.mige_key), TCB_OK);
	before = attester;
	attester_set_chain(&attester, &(struct custody_chain){0});
	attester_move(&attester, &b, pse_of_b);
	attester.log = attester_log(0xbb, b.pcr0);
	assert_int_equal(custody_chain_decode(span_of(attester.custody, attester.custody_size), &chain), TCB_OK);
	chain.summary = attester_summary(&before, &s);
	attester_set_chain(&attester, &chain);
	save("folded", 2);
}

static void make(void **state)
{
	struct attester first;

	(void)state;
	assert_int_equal(crypto_init(), TCB_OK);
	assert_int_equal(crypto_p256_new(&pse_of_a), TCB_OK);
	assert_int_equal(crypto_p256_new(&pse_of_b), TCB_OK);
	rig_pki(0);
	rig_platform_init(&a, 0, "a");
	rig_platform_init(&b, 0, "b");
	attester_init(&attester, &a, pse_of_a, 1);
	attester.log = attester_log(0xaa, a.pcr0);
	save("first", 0);
	first = attester;
	attester_move(&attester, &b, pse_of_b);
	attester.log = attester_log(0xbb, b.pcr0);
	save("moved", 0);
	save("by-custody", 2);
	attester = first;
	save_folded();
	attester_end(&attester);
	rig_platform_end(&a);
	rig_platform_end(&b);
	rig_end();
	EVP_PKEY_free(pse_of_a);
	EVP_PKEY_free(pse_of_b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest all[] = { cmocka_unit_test(make) };

	if (argc != 2)
		return 2;
	top = argv[1];
	(void)mkdir(top, 0700);
	return cmocka_run_group_tests_name("make_evidence_seeds", all, NULL, NULL);
}
