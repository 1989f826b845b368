// SPDX-License-Identifier: MIT
/* verify/appraise/evidence: no piece can come from another VM, platform, residence or request; no byte can be altered; and each thing that
 * DESIGN section 12 names is refused by its code. The attacker here is worse than a host: it signs with whatever key it needs. */
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
#include "sgxsim/pki.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ptpm.h"
#include "tests/verify/attester.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/quote.h"

static struct rig_platform a, b;
static EVP_PKEY *pse_of_a, *pse_of_b;
static struct attester base, other_vm, moved, restarted, asked_again;
static struct parts world[5], spoiled;
static struct policy policy;
static struct checks checks;
static struct evidence_claims claims;
static uint64_t now_s;

enum { BASE, OTHER_VM, OTHER_PLATFORM, OTHER_RESIDENCE, OTHER_REQUEST };

static enum tcb_error appraise_at(struct span bytes, uint64_t at_s)
{
	checks = (struct checks){0};
	return evidence_appraise(&(struct evidence_inputs){ .evidence = bytes, .nonce = SPAN_OF(base.nonce), .now_s = at_s }, &policy, &checks,
				 &claims);
}

static enum tcb_error appraise(struct span bytes)
{
	return appraise_at(bytes, now_s);
}

static void assert_trusted(struct span bytes)
{
	if (appraise(bytes) != TCB_OK || checks_first_failure(&checks) != NULL)
		fail_msg("refused: %s", checks_first_failure(&checks) != NULL ? checks_first_failure(&checks)->code : "missing");
}

static void assert_refused_as(const char *code, struct span bytes)
{
	const struct check *failure;

	assert_int_not_equal(appraise(bytes), TCB_OK);
	failure = checks_first_failure(&checks);
	assert_non_null(failure);
	if (strcmp(failure->code, code) != 0)
		fail_msg("refused as %s, not as %s", failure->code, code);
	assert_non_null(failure->layer);
	assert_true(failure->expected[0] != '\0' && failure->got[0] != '\0');
}

/* The base evidence with one part otherwise, signed by its residence key. */
static void assert_part_refused(const char *code, enum evidence_label label, struct span bytes)
{
	spoiled = world[BASE];
	for (unsigned i = 1; i < EVIDENCE_LABELS_END; i++) /* the copy borrows from the copy */
		if (spoiled.e.parts[i].data != NULL)
			spoiled.e.parts[i].data = spoiled.memory + (world[BASE].e.parts[i].data - world[BASE].memory);
	parts_set(&spoiled, label, bytes);
	assert_refused_as(code, parts_sign(&spoiled, base.residence));
}

/* ---- set-up ---- */

static void accept(enum enclave_role role, const struct enclave_identity *enclave)
{
	struct policy_enclave *entry = &policy.enclaves[policy.enclave_count++];

	*entry = (struct policy_enclave){ .role = role, .has_mrsigner = true, .min_isv_svn = 1 };
	memcpy(entry->mrsigner, enclave->mrsigner, sizeof entry->mrsigner);
}

static void make_policy(void)
{
	struct certified_ak ak;

	policy_default(&policy);
	policy.enclave_count = 0;
	accept(ROLE_PSE, &base.pse);
	accept(ROLE_VTPM, &base.vtpm);
	policy.unlisted_platforms = UNLISTED_ACCEPT;
	assert_int_equal(certified_ak_decode(world[BASE].e.parts[EVIDENCE_CERTIFIED_AK], &ak), TCB_OK);
	assert_int_equal(quote_peek_root(ak.quote, &policy.roots[0]), TCB_OK);
	policy.root_count = 1;
}

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK || crypto_p256_new(&pse_of_a) != TCB_OK || crypto_p256_new(&pse_of_b) != TCB_OK)
		return -1;
	now_s = (uint64_t)time(NULL);
	rig_pki(0);
	rig_pki(1);
	rig_platform_init(&a, 0, "a");
	rig_platform_init(&b, 0, "b");
	attester_init(&base, &a, pse_of_a, 1);
	attester_init(&other_vm, &a, pse_of_a, 2);
	base.log = other_vm.log = attester_log(0xaa, a.pcr0);
	moved = restarted = asked_again = base;
	moved.residence = restarted.residence = NULL;
	attester_move(&moved, &b, pse_of_b);
	moved.log = attester_log(0xbb, b.pcr0);
	attester_restart(&restarted);
	asked_again.nonce[0] ^= 1;
	attester_attest(&base, &world[BASE]);
	attester_attest(&other_vm, &world[OTHER_VM]);
	attester_attest(&moved, &world[OTHER_PLATFORM]);
	attester_attest(&restarted, &world[OTHER_RESIDENCE]);
	attester_attest(&asked_again, &world[OTHER_REQUEST]);
	make_policy();
	return 0;
}

static int end(void **state)
{
	(void)state;
	EVP_PKEY_free(restarted.residence);
	attester_end(&base);
	attester_end(&other_vm);
	EVP_PKEY_free(pse_of_a);
	EVP_PKEY_free(pse_of_b);
	rig_platform_end(&a);
	rig_platform_end(&b);
	rig_end();
	return 0;
}

/* ---- tests ---- */

static void each_alone_is_trusted(void **state)
{
	(void)state;
	assert_trusted(parts_sign(&world[BASE], base.residence));
	assert_trusted(parts_sign(&world[OTHER_VM], other_vm.residence));
	assert_trusted(parts_sign(&world[OTHER_PLATFORM], moved.residence));
	assert_trusted(parts_sign(&world[OTHER_RESIDENCE], restarted.residence));
	assert_refused_as("evidence.nonce", parts_sign(&world[OTHER_REQUEST], base.residence));
}

/* Which check notices a part of another world. NULL: the part says the same in both, byte for byte, and collateral is of no platform. */
static const char *const swaps[][EVIDENCE_CUSTODY + 1] = {
	[OTHER_VM] = {
		[EVIDENCE_REQUEST] = "evidence.signature", [EVIDENCE_PLATFORM_QUOTE] = "platform.tpm.commitment",
		[EVIDENCE_ENDORSEMENT] = "vtpm.endorsement.id", [EVIDENCE_VTPM_KEYS] = "vtpm.ek",
		[EVIDENCE_VTPM_QUOTE] = "guest.quote.signature",
	},
	[OTHER_PLATFORM] = {
		[EVIDENCE_REQUEST] = "evidence.signature", [EVIDENCE_CERTIFIED_AK] = "platform.tpm.signature",
		[EVIDENCE_PLATFORM_QUOTE] = "platform.tpm.signature", [EVIDENCE_PLATFORM_LOG] = "platform.log.replay",
		[EVIDENCE_ENDORSEMENT] = "vtpm.endorsement.signature", [EVIDENCE_VTPM_QUOTE] = "guest.quote.commitment",
		[EVIDENCE_CUSTODY] = "custody.generation",
	},
	[OTHER_RESIDENCE] = {
		[EVIDENCE_REQUEST] = "evidence.signature", [EVIDENCE_PLATFORM_QUOTE] = "platform.tpm.commitment",
		[EVIDENCE_ENDORSEMENT] = "vtpm.endorsement.key", [EVIDENCE_VTPM_QUOTE] = "guest.quote.commitment",
	},
	[OTHER_REQUEST] = {
		[EVIDENCE_REQUEST] = "evidence.nonce", [EVIDENCE_PLATFORM_QUOTE] = "platform.tpm.commitment",
		[EVIDENCE_VTPM_QUOTE] = "guest.quote.commitment",
	},
};

static void no_piece_can_be_swapped(void **state)
{
	unsigned tried = 0;

	(void)state;
	for (unsigned other = OTHER_VM; other <= OTHER_REQUEST; other++) {
		for (unsigned label = EVIDENCE_REQUEST; label <= EVIDENCE_CUSTODY; label++) {
			struct span part = world[other].e.parts[label];

			if (swaps[other][label] == NULL) {
				/* PSEs sign and quote anew, so bytes differ where the claims do not */
				assert_true(span_equal(part, world[BASE].e.parts[label]) || label == EVIDENCE_COLLATERAL ||
					    label == EVIDENCE_CERTIFIED_AK || label == EVIDENCE_ENDORSEMENT);
				continue;
			}
			assert_part_refused(swaps[other][label], label, part);
			tried++;
		}
	}
	assert_int_equal(tried, 19);
}

/* Without the residence key, that is as a host, every one of them fails at once. */
static void a_host_can_swap_nothing(void **state)
{
	struct span whole = parts_sign(&world[BASE], base.residence);
	uint8_t *copy = malloc(whole.size);

	(void)state;
	assert_non_null(copy);
	memcpy(copy, whole.data, whole.size);
	for (size_t at = 0; at < whole.size; at++) {
		copy[at] ^= (uint8_t)(1u << at % 8);
		if (appraise(span_of(copy, whole.size)) == TCB_OK)
			fail_msg("byte %zu is not noticed", at);
		copy[at] ^= (uint8_t)(1u << at % 8);
	}
	for (size_t size = 0; size < whole.size; size++)
		if (appraise(span_of(copy, size)) == TCB_OK)
			fail_msg("%zu bytes are enough", size);
	assert_trusted(span_of(copy, whole.size));
	free(copy);
}

/* Under a good signature too, no byte of any part is idle, but for what a PCR does not cover in a log: the head's platform class, minor version and
 * errata, an event's type and its text. Those only the residence key vouches for. */
static void no_byte_of_a_part_is_idle(void **state)
{
	unsigned idle = 0, tried = 0, of_log = 0;

	(void)state;
	for (unsigned label = EVIDENCE_REQUEST; label <= EVIDENCE_CUSTODY; label++) {
		for (size_t at = 0; at < world[BASE].e.parts[label].size; at++) {
			spoiled = world[BASE];
			for (unsigned i = 1; i < EVIDENCE_LABELS_END; i++)
				if (spoiled.e.parts[i].data != NULL)
					spoiled.e.parts[i].data = spoiled.memory + (world[BASE].e.parts[i].data - world[BASE].memory);
			spoiled.memory[(size_t)(world[BASE].e.parts[label].data - world[BASE].memory) + at] ^= (uint8_t)(1u << at % 8);
			tried++;
			if (appraise(parts_sign(&spoiled, base.residence)) == TCB_OK) {
				print_message("# idle: %s, byte %zu\n", evidence_label_name((enum evidence_label)label), at);
				*(label == EVIDENCE_PLATFORM_LOG ? &of_log : &idle) += 1;
			}
		}
	}
	assert_true(tried > 6000);
	assert_int_equal(idle, 0);
	assert_int_equal(of_log, 11); /* three of the version, four of the type, four of the text */
}

static void another_ak_under_the_same_quote_is_refused(void **state)
{
	uint8_t bytes[LIMIT_QUOTE + 2048], claims_bytes[1024];
	struct writer c = WRITER_OF(claims_bytes), w = WRITER_OF(bytes);
	struct certified_ak ak;

	(void)state;
	assert_int_equal(certified_ak_decode(world[BASE].e.parts[EVIDENCE_CERTIFIED_AK], &ak), TCB_OK);
	ak.ak_public = span_of(b.ak_public, b.ak_public_size);
	certified_ak_claims_encode(&c, &ak);
	ak.claims_bytes = span_of(claims_bytes, c.size);
	certified_ak_encode(&w, &ak);
	assert_part_refused("platform.ak.binding", EVIDENCE_CERTIFIED_AK, span_of(bytes, w.size));
}

/* A PSE that says another source, or certifies a key that is not the TPM's own. */
static void what_a_pse_certifies_is_judged(void **state)
{
	uint8_t public[LIMIT_TPM_PUBLIC];
	struct span own = span_of(a.ak_public, a.ak_public_size);

	(void)state;
	assert_part_refused("platform.ak.source", EVIDENCE_CERTIFIED_AK, attester_certified_ak(&base, own, AK_SOURCE_ENROLLED));
	memcpy(public, own.data, own.size);
	public[5] &= (uint8_t)~1u; /* TPMA_OBJECT.restricted is bit 16: byte 5 of the public area */
	assert_part_refused("platform.ak.key", EVIDENCE_CERTIFIED_AK,
			    attester_certified_ak(&base, span_of(public, own.size), AK_SOURCE_MSR));
}

static void a_relayed_quote_is_refused(void **state)
{
	uint8_t bytes[4096];
	struct writer w = WRITER_OF(bytes);
	struct digest256 commitment;

	(void)state;
	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(PLATFORM_QUOTE_LABEL), world[BASE].e.parts[EVIDENCE_REQUEST]}, 2,
					   &commitment), TCB_OK);
	assert_int_equal(fake_quote(b.ak, &commitment, a.pcr0, &w), TCB_OK);
	assert_part_refused("platform.tpm.signature", EVIDENCE_PLATFORM_QUOTE, span_of(bytes, w.size));
}

static void enclaves_are_judged(void **state)
{
	struct attester wrong = base;
	struct parts *p = &spoiled;

	(void)state;
	wrong.pse.mrsigner[0] ^= 1;
	attester_attest(&wrong, p);
	assert_refused_as("platform.pse", parts_sign(p, base.residence));
	wrong = base;
	wrong.pse.attributes |= SGX_FLAG_DEBUG;
	attester_attest(&wrong, p);
	assert_refused_as("quote.enclave.debug", parts_sign(p, base.residence));
	wrong = base;
	wrong.pse.isv_svn = 0;
	attester_attest(&wrong, p);
	assert_refused_as("platform.pse", parts_sign(p, base.residence));
	wrong = base;
	wrong.vtpm.mrsigner[0] ^= 1;
	attester_attest(&wrong, p);
	assert_refused_as("vtpm.enclave", parts_sign(p, base.residence));
	wrong.vtpm = fake_identity(ROLE_MIGE); /* a true enclave of another role */
	attester_attest(&wrong, p);
	assert_refused_as("vtpm.enclave", parts_sign(p, base.residence));
	wrong.vtpm = base.vtpm;
	wrong.vtpm.attributes |= SGX_FLAG_DEBUG;
	attester_attest(&wrong, p);
	assert_refused_as("vtpm.enclave", parts_sign(p, base.residence));
}

static void an_endorsement_is_for_one_residence(void **state)
{
	struct endorsement e;

	(void)state;
	e = attester_endorsement_claims(&base);
	e.generation++;
	assert_part_refused("vtpm.endorsement.generation", EVIDENCE_ENDORSEMENT, attester_endorsement(&base, &e));
	e = attester_endorsement_claims(&base);
	e.epoch.bytes[5] ^= 1; /* of another boot */
	assert_part_refused("vtpm.endorsement.epoch", EVIDENCE_ENDORSEMENT, attester_endorsement(&base, &e));
	e = attester_endorsement_claims(&base);
	e.origin = ORIGIN_IMPORTED;
	assert_part_refused("vtpm.origin", EVIDENCE_ENDORSEMENT, attester_endorsement(&base, &e));
	e = attester_endorsement_claims(&base);
	e.ak_name.bytes[9] ^= 1;
	assert_part_refused("vtpm.ak", EVIDENCE_ENDORSEMENT, attester_endorsement(&base, &e));
}

static void a_log_must_replay(void **state)
{
	uint8_t log[256];
	struct span whole = base.log;
	unsigned malformed = 0;

	(void)state;
	memcpy(log, whole.data, whole.size);
	log[whole.size - 20] ^= 1; /* in the digest */
	assert_part_refused("platform.log.replay", EVIDENCE_PLATFORM_LOG, span_of(log, whole.size));
	for (size_t size = 1; size < whole.size; size++) {
		struct check failure;

		spoiled = world[BASE];
		parts_set(&spoiled, EVIDENCE_PLATFORM_LOG, span_of(whole.data, size));
		assert_int_not_equal(appraise(parts_sign(&spoiled, base.residence)), TCB_OK);
		failure = *checks_first_failure(&checks);
		assert_memory_equal(failure.code, "platform.log.", 13);
		malformed += strcmp(failure.code, "platform.log.malformed") == 0;
	}
	assert_int_equal(malformed, whole.size - 2); /* cut behind the first event it is a log, of other PCRs */
}

static void collateral_is_judged(void **state)
{
	struct pki_collateral_options options;
	struct file_bytes otherwise = {0};

	(void)state;
	pki_collateral_defaults(&options);
	options.up_to_date_svn = PKI_COMPONENT_SVN + 1;
	rig_issue_collateral(0, &options, &otherwise);
	assert_part_refused("quote.tcb.status", EVIDENCE_COLLATERAL, file_span(&otherwise));
	pki_collateral_defaults(&options);
	options.revoke_pck = true;
	rig_issue_collateral(0, &options, &otherwise);
	assert_part_refused("quote.pck.revoked", EVIDENCE_COLLATERAL, file_span(&otherwise));
	pki_collateral_defaults(&options);
	rig_issue_collateral(1, &options, &otherwise); /* another root's: its signatures are worth nothing here */
	spoiled = world[BASE];
	parts_set(&spoiled, EVIDENCE_COLLATERAL, file_span(&otherwise));
	assert_int_not_equal(appraise(parts_sign(&spoiled, base.residence)), TCB_OK);
	assert_memory_equal(checks_first_failure(&checks)->code, "quote.", 6);
	assert_int_not_equal(appraise_at(parts_sign(&world[BASE], base.residence), now_s + 20ull * 365 * 86400), TCB_OK);
	assert_string_equal(checks_first_failure(&checks)->code, "quote.collateral.expired");
	policy.roots[0].bytes[0] ^= 1;
	assert_refused_as("quote.root.untrusted", parts_sign(&world[BASE], base.residence));
	policy.roots[0].bytes[0] ^= 1;
	file_free(&otherwise);
}

static void custody_must_lead_here(void **state)
{
	struct custody_chain chain;

	(void)state;
	spoiled = world[OTHER_PLATFORM];
	spoiled.used = world[OTHER_PLATFORM].used;
	parts_set(&spoiled, EVIDENCE_CUSTODY, span_of("\x83\x40\x80\x80", 4)); /* the hand-over is kept quiet */
	assert_refused_as("custody.generation", parts_sign(&spoiled, moved.residence));
	spoiled = world[OTHER_PLATFORM];
	parts_set(&spoiled, EVIDENCE_CUSTODY, span_of(moved.custody, moved.custody_size));
	assert_int_equal(custody_chain_decode(spoiled.e.parts[EVIDENCE_CUSTODY], &chain), TCB_OK);
	*((uint8_t *)(uintptr_t)chain.records[0].data + chain.records[0].size - 1) ^= 1;
	assert_refused_as("custody.signature", parts_sign(&spoiled, moved.residence));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_alone_is_trusted),
		cmocka_unit_test(no_piece_can_be_swapped),
		cmocka_unit_test(a_host_can_swap_nothing),
		cmocka_unit_test(no_byte_of_a_part_is_idle),
		cmocka_unit_test(another_ak_under_the_same_quote_is_refused),
		cmocka_unit_test(what_a_pse_certifies_is_judged),
		cmocka_unit_test(a_relayed_quote_is_refused),
		cmocka_unit_test(enclaves_are_judged),
		cmocka_unit_test(an_endorsement_is_for_one_residence),
		cmocka_unit_test(a_log_must_replay),
		cmocka_unit_test(collateral_is_judged),
		cmocka_unit_test(custody_must_lead_here),
	};

	return cmocka_run_group_tests_name("verify/evidence", tests, begin, end);
}
