// SPDX-License-Identifier: MIT
/* enclave/mige/judge: every way in which a peer is not what it must be, one at a time. Real quotes under a test root; no processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "edge/certified_ak.h"
#include "enclave/mige/judge.h"
#include "enclave/mige/ratls.h"
#include "sgxsim/pki.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ptpm.h"
#include "tests/enclave/rig/rig.h"

static struct rig_platform own, peer_platform, third;
static struct judge judge;
static struct judged_peer peer;
static struct p256_point key = {{1, 2, 3}};
static struct diagnosis d;
static uint64_t now_s;

/* What the peer shows; each test spoils one thing. */
static struct enclave_identity mige_identity, pse_identity;
static struct rig_platform *mige_on, *pse_on;
static struct p256_point quoted_key;
static bool other_claims;
static struct span collateral;

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	rig_pki(0);
	rig_pki(1);
	rig_platform_init(&own, 0, "own");
	rig_platform_init(&peer_platform, 0, "peer");
	rig_platform_init(&third, 1, "third");
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_platform_end(&own);
	rig_platform_end(&peer_platform);
	rig_platform_end(&third);
	rig_end();
	return 0;
}

static struct span quote_of(struct rig_platform *p, const struct enclave_identity *identity, struct span digest,
			    uint8_t *memory)
{
	uint8_t report_data[SGX_REPORT_DATA_SIZE] = {0};
	struct writer w = writer_of(memory, LIMIT_QUOTE);

	memcpy(report_data, digest.data, digest.size);
	assert_int_equal(processor_quote(&p->processor, identity, report_data, &w), TCB_OK);
	return span_of(memory, w.size);
}

static int fresh(void **state)
{
	static uint8_t memory[LIMIT_QUOTE];
	const struct enclave_identity self = fake_identity(ROLE_MIGE);

	(void)state;
	d = (struct diagnosis){0};
	now_s = (uint64_t)time(NULL);
	mige_identity = fake_identity(ROLE_MIGE);
	pse_identity = fake_identity(ROLE_PSE);
	mige_on = pse_on = &peer_platform;
	quoted_key = key;
	other_claims = false;
	collateral = file_span(&peer_platform.collateral);
	fake_tee_become(&own.processor, &self);
	judge = (struct judge){0};
	return judge_init(&judge, quote_of(&own, &self, span_of("", 0), memory)) == TCB_OK ? 0 : -1;
}

static struct span certified_ak(uint8_t *memory, size_t capacity)
{
	static uint8_t claims_bytes[1024], quote_bytes[LIMIT_QUOTE];
	struct certified_ak ak = { .ak_public = span_of(pse_on->ak_public, pse_on->ak_public_size),
				   .ak_source = AK_SOURCE_MSR, .platform_name = span_of_text("peer") };
	struct writer claims = WRITER_OF(claims_bytes), w = writer_of(memory, capacity);
	struct digest256 digest;

	certified_ak_claims_encode(&claims, &ak);
	ak.claims_bytes = span_of(claims_bytes, claims.size);
	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(CERTIFIED_AK_LABEL), ak.claims_bytes}, 2, &digest),
			 TCB_OK);
	ak.quote = quote_of(pse_on, &pse_identity, SPAN_OF(digest.bytes), quote_bytes);
	if (other_claims)
		claims_bytes[claims.size - 1] ^= 1; /* another name under the same quote */
	certified_ak_encode(&w, &ak);
	return span_of(memory, w.size);
}

static enum tcb_error judge_as(enum judge_side side)
{
	static uint8_t ak_bytes[LIMIT_QUOTE + 2048];
	uint8_t report_data[SGX_REPORT_DATA_SIZE];
	struct wan_attest attest = { .certified_ak = certified_ak(ak_bytes, sizeof ak_bytes), .collateral = collateral };

	wipe(&peer, sizeof peer);
	peer.key = key;
	assert_int_equal(ratls_report_data(&quoted_key, report_data), TCB_OK);
	peer.quote_size = quote_of(mige_on, &mige_identity, SPAN_OF(report_data), peer.quote).size;
	d = (struct diagnosis){0};
	return judge_peer(&judge, side, &attest, now_s, &peer, &d);
}

/* Both sides refuse, and say which check it was. */
static void assert_refused(const char *check)
{
	assert_int_equal(judge_as(JUDGE_SOURCE), TCB_REFUSED);
	assert_string_equal(d.code, "mige.source.refused");
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_REFUSED);
	assert_string_equal(d.code, "mige.destination.refused");
	if (strncmp(d.found, check, strlen(check)) != 0)
		fail_msg("found: %s, not %s", d.found, check);
}

static void lets_a_peer_pass(void **state)
{
	(void)state;
	assert_int_equal(judge_as(JUDGE_SOURCE), TCB_OK);
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	assert_true(span_is_text(span_of(peer.name, peer.name_size), "peer"));
	mige_identity.isv_svn = 7; /* a newer one */
	mige_identity.mrenclave[4] ^= 1;
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
}

/* No repair of one host helps where the two have too little in common. */
static void assert_advises(const char *what)
{
	if (strstr(d.action, what) == NULL)
		fail_msg("advises: %s, not %s", d.action, what);
}

static void refuses_another_key(void **state)
{
	(void)state;
	quoted_key.bytes[63] ^= 1;
	assert_refused("mige.peer.key");
}

static void refuses_another_root(void **state)
{
	(void)state;
	mige_on = pse_on = &third;
	collateral = file_span(&third.collateral);
	assert_refused("quote.root.untrusted");
	assert_advises("of one root");
}

static void refuses_another_mige(void **state)
{
	(void)state;
	mige_identity.mrsigner[7] ^= 1;
	assert_refused("mige.peer.signer");
	assert_advises("-Denclave_signer");
	(void)fresh(NULL);
	mige_identity.isv_prod_id = ROLE_VTPM;
	assert_refused("mige.peer.role");
	(void)fresh(NULL);
	mige_identity.attributes |= SGX_FLAG_DEBUG;
	assert_refused("quote.enclave.debug");
	assert_advises("not signed for debugging");
	(void)fresh(NULL);
	judge.self.isv_svn = 2;
	assert_refused("mige.peer.svn");
	assert_advises("older enclaves");
}

static void refuses_another_pse(void **state)
{
	(void)state;
	pse_identity.mrsigner[7] ^= 1;
	assert_refused("mige.peer.signer");
	(void)fresh(NULL);
	pse_identity.isv_prod_id = ROLE_MIGE;
	assert_refused("mige.peer.role");
	(void)fresh(NULL);
	pse_identity.attributes |= SGX_FLAG_DEBUG;
	assert_refused("quote.enclave.debug");
	(void)fresh(NULL);
	pse_identity.isv_svn = 0;
	assert_refused("mige.peer.svn");
	(void)fresh(NULL);
	other_claims = true;
	assert_refused("platform.ak.binding");
}

/* The certified AK of a good platform, shown by a MigE on another. */
static void refuses_the_ak_of_another_processor(void **state)
{
	(void)state;
	pse_on = &own;
	assert_refused("mige.peer.processor");
}

static void refuses_what_it_cannot_judge(void **state)
{
	(void)state;
	collateral = span_of("", 0);
	assert_refused("mige.peer.malformed");
	(void)fresh(NULL);
	collateral = file_span(&third.collateral);
	assert_refused("quote.collateral.root");
	(void)fresh(NULL);
	now_s = 4000000000u;
	assert_refused("quote.chain.expired");
}

/* ---- the hand-over ---- */

/* To the peer that was judged last. */
static enum tcb_error decide(const char *policy, struct rig_platform *tpm, const struct p256_point *committed_key, uint8_t committed_nonce)
{
	static uint8_t quote_bytes[LIMIT_QUOTE];
	const uint8_t nonce[SHA256_SIZE] = {9}, other_nonce[SHA256_SIZE] = {committed_nonce};
	struct writer w = WRITER_OF(quote_bytes);
	struct digest256 commitment;
	struct wan_redeem proof;

	assert_int_equal(wan_commitment(other_nonce, committed_key, &commitment), TCB_OK);
	assert_int_equal(fake_quote(tpm->ak, &commitment, tpm->pcr0, &w), TCB_OK);
	proof = (struct wan_redeem){ .platform_quote = span_of(quote_bytes, w.size) };
	d = (struct diagnosis){0};
	return judge_handover(&judge, &peer, span_of_text(policy), &proof, nonce, now_s, &d);
}

static enum tcb_error hand_over(const char *policy, struct rig_platform *tpm, const struct p256_point *committed_key,
				uint8_t committed_nonce)
{
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	return decide(policy, tpm, committed_key, committed_nonce);
}

static void assert_handover_refused(enum tcb_error error, const char *check)
{
	assert_int_equal(error, TCB_REFUSED);
	if (strncmp(d.found, check, strlen(check)) != 0)
		fail_msg("found: %s, not %s", d.found, check);
}

static void wants_a_fresh_quote_of_that_platform(void **state)
{
	struct p256_point other = key;

	(void)state;
	other.bytes[0] ^= 1;
	assert_int_equal(hand_over("", &peer_platform, &key, 9), TCB_OK);
	assert_handover_refused(hand_over("", &peer_platform, &key, 8), "platform.tpm.commitment"); /* an older one */
	assert_handover_refused(hand_over("", &peer_platform, &other, 9), "platform.tpm.commitment"); /* for another MigE */
	assert_handover_refused(hand_over("", &own, &key, 9), "platform.tpm.signature"); /* of another TPM */
}

static void the_owners_policy_is_added_to_ours(void **state)
{
	(void)state;
	assert_int_equal(hand_over("{\"version\":1,\"platforms\":{\"unlisted\":\"accept\"}}", &peer_platform, &key, 9), TCB_OK);
	assert_handover_refused(hand_over("{\"version\":1}", &peer_platform, &key, 9), "platform.unlisted");
	assert_handover_refused(hand_over("{\"version\":1,\"platforms\":{\"unlisted\":\"accept\"},\"enclaves\":{\"pse\":[{\"mrsigner\":"
					  "\"00000000000000000000000000000000000000000000000000000000000000ff\"}]}}",
					  &peer_platform, &key, 9),
				"platform.pse");
	/* an owner cannot widen the root: ours stays the only one */
	mige_on = pse_on = &third;
	collateral = file_span(&third.collateral);
	assert_refused("quote.root.untrusted");
}

static const char accepts[] = "{\"version\":1,\"tcb\":{\"accept\":[\"UpToDate\",\"OutOfDate\"]},\"platforms\":{\"unlisted\":\"accept\"}}";

/* The processors' certificate says an older SVN than the collateral wants from now on. */
static void want_newer(struct pki_collateral_options *ret_options, struct file_bytes *ret_newer)
{
	pki_collateral_defaults(ret_options);
	ret_options->up_to_date_svn = PKI_COMPONENT_SVN + 1;
	rig_issue_collateral(0, ret_options, ret_newer);
	collateral = file_span(ret_newer);
}

static void a_worse_tcb_is_for_the_owner_to_accept(void **state)
{
	struct pki_collateral_options options;
	struct file_bytes newer = {0};

	(void)state;
	want_newer(&options, &newer);
	assert_int_equal(judge_as(JUDGE_SOURCE), TCB_REFUSED);
	assert_handover_refused(hand_over("", &peer_platform, &key, 9), "quote.tcb.status");
	assert_int_equal(hand_over(accepts, &peer_platform, &key, 9), TCB_OK);
	options.revoke_pck = true;
	rig_issue_collateral(0, &options, &newer);
	collateral = file_span(&newer);
	assert_refused("quote.pck.revoked"); /* no policy can accept this */
	file_free(&newer);
}

/* What is remembered of a processor holds under the policy that it was judged by, for as long as its windows last, and for these very bytes. */
static void what_was_judged_is_judged_anew_otherwise(void **state)
{
	struct pki_collateral_options options;
	struct file_bytes newer = {0};
	uint64_t then = now_s;

	(void)state;
	want_newer(&options, &newer);
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(decide(accepts, &peer_platform, &key, 9), TCB_OK);
		assert_handover_refused(decide(accepts, &peer_platform, &key, 8), "platform.tpm.commitment");
		assert_handover_refused(decide("", &peer_platform, &key, 9), "quote.tcb.status");
		now_s = 4000000000u;
		assert_handover_refused(decide(accepts, &peer_platform, &key, 9), "quote.chain.expired");
		now_s = then;
	}
	peer.collateral[peer.collateral_size - 1] ^= 1;
	assert_int_equal(decide(accepts, &peer_platform, &key, 9), TCB_REFUSED);
	file_free(&newer);
}

static void repeats_only_for_a_peer_that_proves_itself(void **state)
{
	static uint8_t quote_bytes[LIMIT_QUOTE];
	const uint8_t nonce[SHA256_SIZE] = {9}, other_nonce[SHA256_SIZE] = {8};
	struct writer w = WRITER_OF(quote_bytes);
	struct digest256 commitment;
	struct wan_redeem proof;

	(void)state;
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	assert_int_equal(wan_commitment(nonce, &key, &commitment), TCB_OK);
	assert_int_equal(fake_quote(peer_platform.ak, &commitment, peer_platform.pcr0, &w), TCB_OK);
	proof = (struct wan_redeem){ .platform_quote = span_of(quote_bytes, w.size) };
	assert_int_equal(judge_repetition(&judge, &peer, &proof, nonce, now_s, NULL), TCB_OK);
	assert_int_equal(judge_repetition(&judge, &peer, &proof, other_nonce, now_s, &d), TCB_REFUSED);
	assert_string_equal(d.code, "mige.destination.refused");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

/* Row F15: a peer is judged by collateral of its own choice. What our own host has, and what we have seen, is the least. */
static void old_collateral_does_not_pass_beside_newer(void **state)
{
	struct file_bytes newer = {0};
	struct pki_collateral_options options;

	(void)state;
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	pki_collateral_defaults(&options);
	options.evaluation_number++;
	rig_issue_collateral(0, &options, &newer);
	judge_note_own_collateral(&judge, file_span(&newer), now_s);
	assert_refused("quote.tcbinfo.old");
	collateral = file_span(&newer);
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	judge = (struct judge){ .self = judge.self, .root = judge.root, .own_quote = judge.own_quote };
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK); /* seen with one peer, it holds for the next */
	collateral = file_span(&peer_platform.collateral);
	assert_refused("quote.tcbinfo.old");
	judge = (struct judge){ .self = judge.self, .root = judge.root, .own_quote = judge.own_quote };
	judge_note_own_collateral(&judge, span_of_text("no collateral"), now_s); /* says nothing */
	assert_int_equal(judge_as(JUDGE_DESTINATION), TCB_OK);
	free(newer.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lets_a_peer_pass),
		TEST(old_collateral_does_not_pass_beside_newer),
		TEST(refuses_another_key),
		TEST(refuses_another_root),
		TEST(refuses_another_mige),
		TEST(refuses_another_pse),
		TEST(refuses_the_ak_of_another_processor),
		TEST(refuses_what_it_cannot_judge),
		TEST(wants_a_fresh_quote_of_that_platform),
		TEST(the_owners_policy_is_added_to_ours),
		TEST(a_worse_tcb_is_for_the_owner_to_accept),
		TEST(what_was_judged_is_judged_anew_otherwise),
		TEST(repeats_only_for_a_peer_that_proves_itself),
	};

	return cmocka_run_group_tests_name("mige/judge", tests, begin, end);
}
