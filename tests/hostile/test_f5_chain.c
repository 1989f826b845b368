// SPDX-License-Identifier: MIT
/* HOSTILE-HOST F5: custody was full after 256 hand-overs. Two real MigEs, with the test as both
 * hosts and as the vTPM, hand it over 5,000 times: the chain is folded, and the evidence with it
 * keeps its size and is trusted. A MigE does not fold what does not check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/cose.h"
#include "edge/custody_summary.h"
#include "enclave/vtpm/vtpm.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ledger.h"
#include "tests/verify/attester.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/quote.h"

enum { HAND_OVERS = 5000, MAILBOX_SIZE = 32768 };

static struct rig_platform a, b;
static struct rig_vtpm at_a, at_b; /* the one vTPM, by place */
static struct vtpm_record record;
static struct p256_point mige_key;
static struct handover_id handover;
static struct diagnosis d;

/* ---- a verifier, whose policy lists A alone ---- */

static struct policy policy;
static struct attester attester; /* the vTPM's enclave, and the PSE that endorses it */
static EVP_PKEY *pse_key;

static void accept(enum enclave_role role)
{
	struct policy_enclave *entry = &policy.enclaves[policy.enclave_count++];
	const struct enclave_identity enclave = fake_identity(role);

	*entry = (struct policy_enclave){.role = role, .has_mrsigner = true, .min_isv_svn = 1};
	memcpy(entry->mrsigner, enclave.mrsigner, sizeof entry->mrsigner);
}

static void make_policy(void)
{
	struct certified_ak ak;

	policy_default(&policy);
	policy.enclave_count = 0;
	accept(ROLE_PSE);
	accept(ROLE_VTPM);
	accept(ROLE_MIGE);
	assert_int_equal(
	    certified_ak_decode(attester_certified_ak(&attester,
						      span_of(a.ak_public, a.ak_public_size),
						      AK_SOURCE_MSR),
				&ak),
	    TCB_OK);
	policy.root_count = 1;
	assert_int_equal(quote_peek_root(ak.quote, &policy.roots[0]), TCB_OK);
	policy.unlisted_platforms = UNLISTED_BY_CUSTODY;
	policy.platform_count = 1;
	assert_int_equal(tpm_name_of(span_of(a.ak_public, a.ak_public_size),
				     &policy.platforms[0].ak_name),
			 TCB_OK);
}

/* The evidence of the vTPM where it is now. */
static struct span attest(struct rig_platform *on)
{
	static struct parts parts;

	attester.platform = on;
	attester.id = record.id;
	attester.generation = record.generation;
	attester.log = span_of(NULL, 0);
	memcpy(attester.custody, record.custody, record.custody_size);
	attester.custody_size = record.custody_size;
	attester_attest(&attester, &parts);
	return parts_sign(&parts, attester.residence);
}

static void assert_good(uint64_t hand_overs)
{
	const struct span evidence = attest(hand_overs % 2 == 1 ? &b : &a);
	const struct evidence_inputs in = {.evidence = evidence,
					   .nonce = SPAN_OF(attester.nonce),
					   .now_s = (uint64_t)time(NULL)};
	static struct checks checks;
	static struct evidence_claims claims;

	checks = (struct checks){0};
	if (evidence_appraise(&in, &policy, &checks, &claims) != TCB_OK)
		fail_msg("after %llu: %s", (unsigned long long)hand_overs,
			 checks_first_failure(&checks)->code);
	assert_int_equal(claims.custody_count, hand_overs);
	assert_true(evidence.size < MAILBOX_SIZE);
	print_message("# after %llu hand-overs: evidence %zu bytes, its chain %zu\n",
		      (unsigned long long)hand_overs, evidence.size, record.custody_size);
}

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	assert_int_equal(crypto_p256_new(&pse_key), TCB_OK);
	rig_pki(0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_end();
	EVP_PKEY_free(pse_key);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	rig_reset_connections();
	rig_platform_init(&a, 0, "A");
	rig_platform_init(&b, 0, "B");
	rig_start(&a);
	rig_start(&b);
	rig_vtpm_init(&at_a, &a, 1);
	rig_vtpm_init(&at_b, &b, 1);
	record = (struct vtpm_record){.id = {{1, 2, 3}}, .generation = 1};
	attester_init(&attester, &a, pse_key, 1);
	make_policy();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_platform_end(&a);
	rig_platform_end(&b);
	attester_end(&attester);
	return 0;
}

/* ---- the vTPM ---- */

/* Its one state of this generation. */
static struct ledger_entry entry_now(void)
{
	return (struct ledger_entry){ .id = record.id, .lineage = {{5}}, .generation = record.generation, .version = record.generation,
				      .digest = {{(uint8_t)record.generation, (uint8_t)(record.generation >> 8)}},
				      .incarnation = {{1}}, .handover = handover };
}

/* Leaves it with the MigE, which may be another than the one where the register has it. */
static enum tcb_error leave(struct rig_vtpm *v)
{
	static const uint8_t key_bytes[32] = {7};
	static uint8_t body_bytes[LIMIT_CUSTODY + 512];
	const struct local_escrow e = {.handover = handover,
				       .id = record.id,
				       .generation = record.generation,
				       .key_bytes = SPAN_OF(key_bytes),
				       .last_custody = record.last_custody,
				       .custody = span_of(record.custody, record.custody_size)};
	struct writer w = WRITER_OF(body_bytes);
	struct local_escrowed escrowed;
	struct span reply;

	d = (struct diagnosis){0};
	local_escrow_encode(&w, &e);
	TRY(rig_ask(v, ROLE_MIGE, LOCAL_ESCROW, span_of(body_bytes, w.size), &reply, &d));
	TRY(local_escrowed_decode(reply, &escrowed));
	mige_key = escrowed.mige_key;
	return escrowed.custody.size > 0 ? custody_replace(&record, escrowed.custody) : TCB_OK;
}

static enum tcb_error escrow(struct rig_vtpm *v)
{
	const struct ledger_entry entry = entry_now();
	struct ledger_lease lease;

	TRY(rig_take_lease(v, &entry, &lease, &d));
	TRY(rig_offer(v, &entry, &d));
	return leave(v);
}

static enum tcb_error redeem(struct rig_vtpm *v, const struct rig_platform *source)
{
	const struct local_redeem m = {.handover = handover,
				       .id = record.id,
				       .generation = record.generation,
				       .lineage = {{5}},
				       .source_address = span_of_text(source->address),
				       .source_mige_key = mige_key};
	struct ledger_entry arrival = entry_now();
	struct local_redeemed redeemed;
	uint8_t body_bytes[512];
	struct writer w = WRITER_OF(body_bytes);
	struct span reply;

	arrival.generation++;
	TRY(rig_expect(v, &arrival, &d));
	local_redeem_encode(&w, &m);
	TRY(rig_ask(v, ROLE_MIGE, LOCAL_REDEEM, span_of(body_bytes, w.size), &reply, &d));
	TRY(local_redeemed_decode(reply, &redeemed));
	TRY(custody_append(&record, redeemed.custody_record, redeemed.custody_proof));
	record.generation++;
	return TCB_OK;
}

static enum tcb_error activate(struct rig_vtpm *v)
{
	const struct ledger_entry entry = entry_now();

	return rig_ledger(v, LOCAL_LEDGER_ARRIVE, &entry, NULL, &d);
}

/* The host has the PSE write its ledger anew before its steps have no room. */
static void shorten_ledger(struct rig_platform *p)
{
	if (p->ledger.size > sizeof p->ledger.bytes / 2)
		assert_int_equal(enclave_link_call(&p->pse.link, CALL_PSE_SNAPSHOT, span_of(NULL, 0), NULL, NULL), TCB_OK);
}

/* From where it is to the other platform. */
static void move(void)
{
	bool on_a = record.generation % 2 == 1;
	struct rig_vtpm *from = on_a ? &at_a : &at_b, *to = on_a ? &at_b : &at_a;

	memcpy(handover.bytes, &record.generation, sizeof record.generation);
	assert_int_equal(escrow(from), TCB_OK);
	assert_int_equal(redeem(to, from->platform), TCB_OK);
	assert_int_equal(activate(to), TCB_OK);
	shorten_ledger(&a);
	shorten_ledger(&b);
}

static struct custody_summary summary(void)
{
	struct p256_signature signature;
	struct custody_summary s;
	struct custody_chain chain;
	struct span payload;

	assert_int_equal(custody_chain_decode(span_of(record.custody, record.custody_size), &chain),
			 TCB_OK);
	assert_int_equal(
	    cose_sign1_decode(chain.summary, CUSTODY_SUMMARY_TYPE, &payload, &signature), TCB_OK);
	assert_int_equal(custody_summary_decode(payload, &s), TCB_OK);
	return s;
}

/* ---- tests ---- */

static void a_chain_has_no_end(void **state)
{
	struct custody_summary s;

	(void)state;
	for (uint64_t i = 1; i <= HAND_OVERS; i++) {
		move();
		if (i == 1 || i == 8 || i == 9 || i == 10 || i == 100 || i == 257 || i == 300 ||
		    i == HAND_OVERS)
			assert_good(i);
	}
	s = summary();
	assert_int_equal(s.last_generation, HAND_OVERS - LIMIT_CUSTODY_RECORDS);
	assert_int_equal(s.stay_count, 2);
	assert_int_equal(s.stays[0].count + s.stays[1].count, s.last_generation);
	assert_int_equal(s.others, 0);
	assert_true(s.first_time_s <= s.last_time_s);
}

/* Both platforms' enclaves start anew in each hand-over: the summary's and the record's keys may
 * then be two, both proven. */
static void a_mige_that_starts_anew_breaks_no_chain(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 20; i++) {
		bool on_a = record.generation % 2 == 1;
		struct rig_vtpm *from = on_a ? &at_a : &at_b, *to = on_a ? &at_b : &at_a;

		memcpy(handover.bytes, &record.generation, sizeof record.generation);
		assert_int_equal(escrow(from), TCB_OK);
		rig_start(from->platform); /* PSE and MigE, with new keys */
		assert_int_equal(redeem(to, from->platform), TCB_OK);
		assert_int_equal(activate(to), TCB_OK);
		rig_start(to->platform);
		rig_vtpm_init(&at_a, &a, 2 * i);
		rig_vtpm_init(&at_b, &b, 2 * i);
		assert_good(i);
	}
}

/* A grant is repeated after the source's MigE has started anew: by the new key, for the same
 * hand-over. */
static void a_repeated_grant_is_proven_too(void **state)
{
	struct vtpm_record *before = malloc(sizeof *before);

	(void)state;
	assert_non_null(before);
	assert_int_equal(escrow(&at_a), TCB_OK);
	*before = record;
	assert_int_equal(redeem(&at_b, &a), TCB_OK);
	record = *before;
	rig_start(&a);
	assert_int_equal(redeem(&at_b, &a), TCB_OK);
	assert_good(1);
	free(before);
}

static void assert_code(enum tcb_error error, const char *code)
{
	assert_int_not_equal(error, TCB_OK);
	assert_string_equal(d.code, code);
}

/* The TPM that answers is another platform's: the hand-over does not begin to be decided. */
static void no_proof_no_grant(void **state)
{
	(void)state;
	a.quotes_from = &b;
	rig_start(&a);
	rig_vtpm_init(&at_a, &a, 2);
	assert_int_equal(escrow(&at_a), TCB_OK);
	assert_code(redeem(&at_b, &a), "mige.custody.proof");
	a.quotes_from = NULL;
	assert_int_equal(redeem(&at_b, &a), TCB_OK);
	assert_good(1);
}

static void refused_with(size_t at, struct span (*chain_member)(struct custody_chain *chain))
{
	struct custody_chain chain;
	uint8_t *byte;

	assert_int_equal(custody_chain_decode(span_of(record.custody, record.custody_size), &chain),
			 TCB_OK);
	byte = (uint8_t *)(uintptr_t)chain_member(&chain).data + at;
	*byte ^= 1;
	assert_code(leave(record.generation % 2 == 1 ? &at_a : &at_b), "mige.custody.chain");
	*byte ^= 1;
}

static struct span first_record(struct custody_chain *chain) { return chain->records[0]; }
static struct span newest_record(struct custody_chain *chain)
{
	return chain->records[chain->record_count - 1];
}
static struct span the_summary(struct custody_chain *chain) { return chain->summary; }

/* What does not check is not folded; the VM goes on where it is. */
static void a_bad_chain_is_not_folded(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		move();
	refused_with(300, first_record);
	refused_with(300, newest_record);
	refused_with(200, the_summary);
	record.generation++;
	assert_code(leave(&at_b), "mige.custody.chain"); /* a hand-over is missing */
	record.generation--;
	record.last_custody.bytes[0] ^= 1;
	assert_code(leave(&at_a), "mige.custody.chain");
	record.last_custody.bytes[0] ^= 1;
	assert_code(leave(&at_b), "mige.custody.chain"); /* it is not on B */
	move();
	assert_good(11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_chain_has_no_end),
	    TEST(a_mige_that_starts_anew_breaks_no_chain),
	    TEST(a_repeated_grant_is_proven_too),
	    TEST(no_proof_no_grant),
	    TEST(a_bad_chain_is_not_folded),
	};

	return cmocka_run_group_tests_name("hostile/F5-chain", tests, begin, end);
}
