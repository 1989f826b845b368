// SPDX-License-Identifier: MIT
/* HOSTILE-HOST F18: a custody record vouches for itself. A platform that the policy does not list
 * is trusted only if each hand-over since a listed one is proven by the Migration Enclave that made
 * it. The attacker here has a processor's leaked key: it can make quotes of any enclave on that
 * processor, and signs with whatever key it needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/custody_proof.h"
#include "tests/enclave/fake_tee.h"
#include "tests/verify/attester.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/quote.h"

static struct rig_platform a, b, c, d; /* the policy lists A alone; D is of another root */
static EVP_PKEY *pse_of_a, *pse_of_b, *pse_of_c, *pse_of_d;
static struct attester first, vm; /* the vTPM as it was made; and as a test has it */
static struct parts parts;
static struct policy policy;
static struct checks checks;
static struct evidence_claims claims;
static struct span custody_collateral;

static enum tcb_error appraise(const struct attester *by)
{
	const struct evidence_inputs in = {.evidence = parts_sign(&parts, by->residence),
					   .nonce = SPAN_OF(by->nonce),
					   .custody_collateral = custody_collateral,
					   .now_s = (uint64_t)time(NULL)};

	checks = (struct checks){0};
	return evidence_appraise(&in, &policy, &checks, &claims);
}

static void assert_trusted(const struct attester *by)
{
	attester_attest(by, &parts);
	if (appraise(by) != TCB_OK || checks_first_failure(&checks) != NULL)
		fail_msg("refused: %s", checks_first_failure(&checks) != NULL
					    ? checks_first_failure(&checks)->code
					    : "missing");
}

static void assert_refused(const struct attester *by, const char *code)
{
	const struct check *failure;

	attester_attest(by, &parts);
	assert_int_equal(appraise(by), TCB_REFUSED);
	failure = checks_first_failure(&checks);
	assert_non_null(failure);
	if (strcmp(failure->code, code) != 0)
		fail_msg("refused as %s (%s), not as %s", failure->code, failure->got, code);
}

/* ---- set-up ---- */

static struct policy_platform list(const struct rig_platform *p)
{
	struct policy_platform listed = {.name = "listed"};

	assert_int_equal(tpm_name_of(span_of(p->ak_public, p->ak_public_size), &listed.ak_name),
			 TCB_OK);
	return listed;
}

static void accept(enum enclave_role role)
{
	struct policy_enclave *entry = &policy.enclaves[policy.enclave_count++];
	const struct enclave_identity enclave = fake_identity(role);

	*entry = (struct policy_enclave){.role = role, .has_mrsigner = true, .min_isv_svn = 1};
	memcpy(entry->mrsigner, enclave.mrsigner, sizeof entry->mrsigner);
}

static void trust_root_of(const struct attester *x)
{
	struct certified_ak ak;

	assert_int_equal(
	    certified_ak_decode(
		attester_certified_ak(
		    x, span_of(x->platform->ak_public, x->platform->ak_public_size), AK_SOURCE_MSR),
		&ak),
	    TCB_OK);
	assert_int_equal(quote_peek_root(ak.quote, &policy.roots[policy.root_count++]), TCB_OK);
}

static int fresh(void **state)
{
	(void)state;
	policy_default(&policy);
	policy.enclave_count = policy.root_count = 0;
	accept(ROLE_PSE);
	accept(ROLE_VTPM);
	policy.unlisted_platforms = UNLISTED_BY_CUSTODY;
	policy.platforms[0] = list(&a);
	policy.platform_count = 1;
	custody_collateral = span_of(NULL, 0);
	attester_init(&first, &a, pse_of_a, 1);
	vm = first;
	trust_root_of(&vm);
	return 0;
}

/* What a test moved, it moved as copies of this one, which own nothing. */
static int forget(void **state)
{
	(void)state;
	attester_end(&first);
	return 0;
}

static int begin(void **state)
{
	EVP_PKEY **const keys[] = {&pse_of_a, &pse_of_b, &pse_of_c, &pse_of_d};

	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_int_equal(crypto_p256_new(keys[i]), TCB_OK);
	rig_pki(0);
	rig_pki(1);
	rig_platform_init(&a, 0, "a");
	rig_platform_init(&b, 0, "b");
	rig_platform_init(&c, 0, "c");
	rig_platform_init(&d, 1, "d");
	return 0;
}

static int end(void **state)
{
	(void)state;
	EVP_PKEY_free(pse_of_a);
	EVP_PKEY_free(pse_of_b);
	EVP_PKEY_free(pse_of_c);
	EVP_PKEY_free(pse_of_d);
	rig_platform_end(&a);
	rig_platform_end(&b);
	rig_platform_end(&c);
	rig_platform_end(&d);
	rig_end();
	return 0;
}

/* Another vTPM in place of the one on A. */
static void make_on(struct rig_platform *p, EVP_PKEY *pse_key)
{
	attester_end(&first);
	attester_init(&first, p, pse_key, 1);
	vm = first;
}

static struct custody_chain chain_of(const struct attester *x)
{
	struct custody_chain chain;

	assert_int_equal(custody_chain_decode(span_of(x->custody, x->custody_size), &chain),
			 TCB_OK);
	return chain;
}

/* ---- what is true is trusted ---- */

static void a_move_from_a_listed_platform_is_trusted(void **state)
{
	(void)state;
	attester_move(&vm, &b, pse_of_b);
	assert_trusted(&vm);
	assert_int_equal(claims.custody_count, 1);
	policy.unlisted_platforms = UNLISTED_REFUSE;
	assert_refused(&vm, "platform.unlisted");
}

static void each_hop_since_the_listed_one_is_proven(void **state)
{
	(void)state;
	attester_move(&vm, &b, pse_of_b);
	attester_move(&vm, &c, pse_of_c);
	assert_trusted(&vm);
	attester_move(&vm, &b, pse_of_b); /* three hops: A's proof is no longer in the chain */
	assert_refused(&vm, "custody.unproven");
	attester_move(&vm, &a, pse_of_a);
	assert_trusted(&vm);
	attester_move(&vm, &c, pse_of_c);
	assert_trusted(&vm);
}

static void no_listed_platform_is_no_ground(void **state)
{
	(void)state;
	make_on(&b, pse_of_b);
	assert_refused(&vm, "platform.unlisted");
	attester_move(&vm, &c, pse_of_c);
	assert_refused(&vm, "platform.unlisted");
}

/* ---- a leaked key of B's processor, and a made-up hand-over from A ---- */

/* The attacker's vTPM on B: its chain says that it came from A, in this record, with this proof. */
static void forge(struct attester *attacker, const struct custody_record *record, EVP_PKEY *signer,
		  struct span proof)
{
	struct attester signs = *attacker;
	struct custody_chain chain = {
	    .record_count = 1, .proof_count = proof.size > 0, .proofs = {proof}};

	signs.mige_key = signer;
	chain.records[0] = attester_record(&signs, record);
	attester_set_chain(attacker, &chain);
}

/* A's names on B's processor: what its key can be made to say. */
static struct attester pretend(void)
{
	struct attester as_a = vm;
	static struct rig_platform mixed;

	mixed = b;
	(void)snprintf(mixed.name, sizeof mixed.name, "a");
	memcpy(mixed.ak_public, a.ak_public, a.ak_public_size);
	mixed.ak_public_size = a.ak_public_size;
	as_a.platform = &mixed;
	as_a.pse_key = pse_of_b; /* the attacker's own */
	return as_a;
}

static void a_made_up_record_is_refused(void **state)
{
	const struct enclave_identity mige = fake_identity(ROLE_MIGE);
	struct custody_record record = attester_record_claims(&vm, &b);
	struct attester attacker = vm, as_a = pretend();

	(void)state;
	attacker.platform = &b;
	attacker.pse_key = pse_of_b;
	attacker.epoch = as_a.epoch = (struct boot_epoch){{7, 'b'}};
	attacker.generation = 2;
	forge(&attacker, &record, vm.mige_key, span_of(NULL, 0));
	assert_refused(&attacker, "custody.unproven");
	forge(&attacker, &record, vm.mige_key,
	      attester_proof(&attacker, &mige, b.ak)); /* B's own MigE */
	assert_refused(&attacker, "custody.proof");
	forge(&attacker, &record, vm.mige_key,
	      attester_proof(&as_a, &mige, b.ak)); /* A's TPM has not signed */
	assert_refused(&attacker, "custody.proof");
	policy.unlisted_platforms =
	    UNLISTED_ACCEPT; /* nor is it let pass where nothing rests on it */
	assert_refused(&attacker, "custody.proof");
}

/* A's host lends its TPM, too: then its processor tells. */
static void a_lent_tpm_does_not_make_the_processor(void **state)
{
	const struct enclave_identity mige = fake_identity(ROLE_MIGE);
	struct custody_record record = attester_record_claims(&vm, &b);
	struct attester attacker = vm, as_a = pretend(), real;

	(void)state;
	attacker.platform = &b;
	attacker.pse_key = pse_of_b;
	attacker.epoch = as_a.epoch = (struct boot_epoch){{7, 'b'}};
	attacker.generation = 2;
	attester_attest(&vm, &parts);
	assert_int_equal(appraise(&vm), TCB_OK);
	policy.platforms[0].has_ppid = true;
	memcpy(policy.platforms[0].ppid, claims.platform.quote.ppid,
	       sizeof policy.platforms[0].ppid);
	forge(&attacker, &record, vm.mige_key, attester_proof(&as_a, &mige, a.ak));
	assert_refused(&attacker, "custody.proof");
	real = vm;
	attester_move(&real, &b, pse_of_b);
	assert_trusted(&real);
}

/* A genuine proof of A is public; its key is not. */
static void a_borrowed_proof_proves_nothing(void **state)
{
	const struct enclave_identity mige = fake_identity(ROLE_MIGE);
	struct custody_record record = attester_record_claims(&vm, &b);
	struct span proof = attester_proof(&vm, &mige, a.ak);
	struct attester attacker = vm;
	EVP_PKEY *own;

	(void)state;
	assert_int_equal(crypto_p256_new(&own), TCB_OK);
	attacker.platform = &b;
	attacker.pse_key = pse_of_b;
	attacker.epoch = (struct boot_epoch){{7, 'b'}};
	attacker.generation = 2;
	forge(&attacker, &record, own, proof);
	assert_refused(&attacker, "custody.signature");
	assert_int_equal(crypto_p256_public(own, &record.mige_key), TCB_OK);
	forge(&attacker, &record, own, proof);
	assert_refused(&attacker, "custody.unproven");
	EVP_PKEY_free(own);
}

/* A gave it to B; another processor answers in B's place, with B's TPM. */
static void the_processor_that_took_it_answers(void **state)
{
	struct custody_record record = attester_record_claims(&vm, &b);
	struct custody_chain chain;
	struct attester moved = vm;

	(void)state;
	attester_move(&moved, &b, pse_of_b);
	chain = chain_of(&moved);
	record.to_ppid[3] ^= 1;
	chain.records[0] = attester_record(&vm, &record);
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.platform");
}

/* ---- what a proof must say ---- */

static void refused_by(const struct enclave_identity *mige, const struct enclave_identity *pse,
		       const char *code, const char *why)
{
	struct attester moved = vm;
	struct custody_chain chain;

	vm.pse = *pse;
	attester_move(&moved, &b, pse_of_b);
	chain = chain_of(&moved);
	chain.proofs[0] = attester_proof(&vm, mige, a.ak);
	attester_set_chain(&moved, &chain);
	vm.pse = fake_identity(ROLE_PSE);
	assert_refused(&moved, code);
	assert_memory_equal(checks_first_failure(&checks)->got, why, strlen(why));
}

static void enclaves_of_former_platforms_are_judged(void **state)
{
	const struct enclave_identity good_pse = fake_identity(ROLE_PSE),
				      good_mige = fake_identity(ROLE_MIGE);
	struct enclave_identity mige = good_mige, pse = good_pse;
	struct attester moved = vm;

	(void)state;
	mige.mrsigner[0] ^= 1;
	refused_by(&mige, &good_pse, "custody.proof", "custody.mige");
	mige = good_mige;
	mige.attributes |= SGX_FLAG_DEBUG;
	refused_by(&mige, &good_pse, "custody.proof", "custody.mige");
	mige = fake_identity(ROLE_VTPM);
	refused_by(&mige, &good_pse, "custody.proof", "custody.mige");
	pse.mrsigner[0] ^= 1;
	refused_by(&good_mige, &pse, "custody.proof", "platform.pse");
	accept(ROLE_MIGE);
	policy.enclaves[policy.enclave_count - 1].min_isv_svn = 2;
	refused_by(&good_mige, &good_pse, "custody.proof", "custody.mige");
	policy.enclaves[policy.enclave_count - 1].min_isv_svn = 1;
	attester_move(&moved, &b, pse_of_b);
	assert_trusted(&moved);
}

static void an_endorsement_of_another_boot_or_pse_is_refused(void **state)
{
	const struct enclave_identity mige = fake_identity(ROLE_MIGE);
	struct attester moved = vm, other = vm;
	struct custody_chain chain;
	struct custody_proof moves, others;
	uint8_t bytes[LIMIT_CUSTODY_PROOF];
	struct writer w = WRITER_OF(bytes);

	(void)state;
	attester_move(&moved, &b, pse_of_b);
	chain = chain_of(&moved);
	other.epoch.bytes[5] ^= 1;
	assert_int_equal(custody_proof_decode(chain.proofs[0], &moves), TCB_OK);
	assert_int_equal(custody_proof_decode(attester_proof(&other, &mige, a.ak), &others),
			 TCB_OK);
	others.certified_ak = moves.certified_ak;
	custody_proof_encode(&w, &others);
	chain.proofs[0] = span_of(bytes, w.size);
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.proof");
}

static void no_byte_of_a_chain_is_idle(void **state)
{
	struct attester moved = vm;

	(void)state;
	attester_move(&moved, &b, pse_of_b);
	assert_trusted(&moved);
	for (size_t at = 0; at < moved.custody_size; at += at < 600 ? 1 : 7) {
		moved.custody[at] ^= (uint8_t)(1u << at % 8);
		attester_attest(&moved, &parts);
		if (appraise(&moved) == TCB_OK)
			fail_msg("byte %zu is not noticed", at);
		moved.custody[at] ^= (uint8_t)(1u << at % 8);
	}
}

/* ---- collateral of former platforms ---- */

static void without_collateral_it_is_not_judged(void **state)
{
	(void)state;
	make_on(&d, pse_of_d); /* D's processor is of another root, which the policy trusts, too */
	trust_root_of(&vm);
	policy.platforms[0] = list(&d);
	attester_move(&vm, &b, pse_of_b);
	attester_attest(&vm, &parts);
	assert_int_equal(appraise(&vm), TCB_WRONG_STATE);
	assert_null(checks_first_failure(&checks));
	assert_true(checks.missing);
	assert_string_equal(checks.list[checks.count - 1].code, "custody.collateral");
	custody_collateral = file_span(&d.collateral);
	assert_trusted(&vm);
	policy.root_count = 1; /* not trusted: then no collateral helps */
	assert_refused(&vm, "custody.proof");
}

/* ---- folded chains ---- */

static struct custody_summary summary_of(const struct attester *x, uint64_t last)
{
	struct custody_summary s = {.id = x->id,
				    .first_generation = 1,
				    .last_generation = last,
				    .first_time_s = 1,
				    .last_time_s = 2,
				    .stay_count = 1,
				    .stays = {{.name = span_of_text("b"), .count = last}},
				    .last = {{9}}};

	s.stays[0].ak = list(&b).ak_name;
	s.at_ak = list(x->platform).ak_name;
	assert_int_equal(crypto_p256_public(x->mige_key, &s.mige_key), TCB_OK);
	return s;
}

/* A vTPM whose first four hand-overs were folded on A, and that has moved from there to B. */
static void fold_and_move(const struct attester *before, const struct custody_summary *s,
			  struct attester *ret_moved)
{
	struct custody_chain chain;

	*ret_moved = *before;
	ret_moved->last_custody = s->last;
	attester_move(ret_moved, &b, pse_of_b);
	chain = chain_of(ret_moved);
	chain.summary = attester_summary(before, s);
	attester_set_chain(ret_moved, &chain);
}

static void a_summary_stands_for_what_it_folds(void **state)
{
	struct custody_summary s;
	struct attester moved;

	(void)state;
	vm.generation = 5;
	s = summary_of(&vm, 4);
	fold_and_move(&vm, &s, &moved);
	assert_trusted(&moved);
	assert_int_equal(claims.custody_count, 5);
	policy.custody_listed_only = true; /* B is in the summary */
	assert_refused(&moved, "custody.unlisted");
	policy.platforms[policy.platform_count++] = list(&b);
	assert_trusted(&moved);
	s.stays[0].count--;
	s.others++;
	fold_and_move(&vm, &s, &moved);
	assert_refused(&moved, "custody.unlisted"); /* a platform that is not named could be any */
}

static void a_summary_that_is_not_this_one_is_refused(void **state)
{
	struct custody_summary good, s;
	struct custody_chain chain;
	struct attester moved;
	EVP_PKEY *other;

	(void)state;
	assert_int_equal(crypto_p256_new(&other), TCB_OK);
	vm.generation = 5;
	good = s = summary_of(&vm, 4);
	s.id.bytes[0] ^= 1;
	fold_and_move(&vm, &s, &moved);
	assert_refused(&moved, "custody.summary"); /* of another vTPM */
	fold_and_move(&vm, &good, &moved);
	chain = chain_of(&moved);
	*((uint8_t *)(uintptr_t)chain.summary.data + chain.summary.size - 70) ^= 1;
	assert_refused(&moved, "custody.summary"); /* altered */
	s = good;
	s.first_generation = 2;
	s.last_generation = 5;
	fold_and_move(&vm, &s, &moved);
	assert_refused(&moved, "custody.summary"); /* without the first */
	s = good;
	s.last_generation = s.stays[0].count = 3;
	fold_and_move(&vm, &s, &moved);
	assert_refused(&moved, "custody.chain"); /* one between is missing */
	s = good;
	fold_and_move(&vm, &s, &moved);
	chain = chain_of(&moved);
	s.last.bytes[0] ^= 1;
	chain.summary = attester_summary(&vm, &s);
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.chain"); /* of another history */
	chain.summary = attester_summary(&(struct attester){.mige_key = other}, &good);
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.summary"); /* signed by another key */
	assert_int_equal(crypto_p256_public(other, &good.mige_key), TCB_OK);
	chain.summary = attester_summary(&(struct attester){.mige_key = other}, &good);
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.unproven"); /* nobody knows whose */
	EVP_PKEY_free(other);
}

static void a_record_dropped_from_the_middle_is_missed(void **state)
{
	struct attester moved = vm;
	struct custody_chain chain;

	(void)state;
	for (int i = 0; i < 3; i++)
		attester_move(&moved, i % 2 == 0 ? &b : &a, i % 2 == 0 ? pse_of_b : pse_of_a);
	assert_trusted(&moved);
	chain = chain_of(&moved);
	chain.records[1] = chain.records[2];
	chain.record_count--;
	attester_set_chain(&moved, &chain);
	assert_refused(&moved, "custody.chain");
}

static void counts_that_do_not_add_up_are_malformed(void **state)
{
	struct custody_summary s = summary_of(&vm, 4), decoded;
	uint8_t payload[LIMIT_CUSTODY_SUMMARY];
	struct writer w = WRITER_OF(payload);

	(void)state;
	s.others = 1;
	custody_summary_encode(&w, &s);
	assert_int_equal(custody_summary_decode(span_of(payload, w.size), &decoded), TCB_MALFORMED);
	s.others = UINT64_MAX;
	s.stays[0].count = 5;
	w = WRITER_OF(payload);
	custody_summary_encode(&w, &s);
	assert_int_equal(custody_summary_decode(span_of(payload, w.size), &decoded), TCB_MALFORMED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_move_from_a_listed_platform_is_trusted),
	    TEST(each_hop_since_the_listed_one_is_proven),
	    TEST(no_listed_platform_is_no_ground),
	    TEST(a_made_up_record_is_refused),
	    TEST(a_lent_tpm_does_not_make_the_processor),
	    TEST(a_borrowed_proof_proves_nothing),
	    TEST(the_processor_that_took_it_answers),
	    TEST(enclaves_of_former_platforms_are_judged),
	    TEST(an_endorsement_of_another_boot_or_pse_is_refused),
	    TEST(no_byte_of_a_chain_is_idle),
	    TEST(without_collateral_it_is_not_judged),
	    TEST(a_summary_stands_for_what_it_folds),
	    TEST(a_summary_that_is_not_this_one_is_refused),
	    TEST(a_record_dropped_from_the_middle_is_missed),
	    TEST(counts_that_do_not_add_up_are_malformed),
	};

	return cmocka_run_group_tests_name("hostile/F18", tests, begin, end);
}
