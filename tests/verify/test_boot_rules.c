// SPDX-License-Identifier: MIT
/* verify/appraise: what a policy says of a boot. Logs of platform and guest, rules on their events, reference values, clocks, the EK, custody and
 * freshness: each rule lets through what it should, and refuses by its code what it should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/custody.h"
#include "enclave/lib/cose_sign.h"
#include "sgxsim/pki.h"
#include "tests/enclave/rig/ptpm.h"
#include "tests/verify/attester.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/pcrs.h"
#include "verify/appraise/reference.h"

static struct rig_platform a, b;
static EVP_PKEY *pse_key, *pse_of_b;
static struct attester vm, moved;
static struct parts parts;
static struct policy policy;
static struct checks checks;
static struct evidence_claims claims;
static struct evidence_inputs inputs;
static struct reference_values references;
static uint64_t now_s;

/* ---- set-up ---- */

/* The policy of the rig, and these members besides. */
static void policy_with(const char *members)
{
	static char text[65536];
	struct diagnosis d = {0};
	struct certified_ak ak;
	struct digest256 root;
	char hex[2 * SHA256_SIZE + 1], signer[65];

	assert_int_equal(certified_ak_decode(parts.e.parts[EVIDENCE_CERTIFIED_AK], &ak), TCB_OK);
	assert_int_equal(quote_peek_root(ak.quote, &root), TCB_OK);
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		(void)snprintf(hex + 2 * i, 3, "%02x", root.bytes[i]);
		(void)snprintf(signer + 2 * i, 3, "%02x", vm.pse.mrsigner[i]);
	}
	(void)snprintf(text, sizeof text, "{\"roots\":[{\"spki_sha256\":\"%s\"}],\"enclaves\":{\"pse\":[{\"mrsigner\":\"%s\"}],"
					  "\"vtpm\":[{\"mrsigner\":\"%s\"}]}%s%s}",
		       hex, signer, signer, members[0] != '\0' ? "," : "", members);
	if (policy_decode(span_of_text(text), &policy, &d) != TCB_OK)
		fail_msg("%s: %s, wanted %s", text, d.found, d.wanted);
	if (strstr(members, "\"platforms\":{") == NULL)
		policy.unlisted_platforms = UNLISTED_ACCEPT;
	policy.references = &references;
}

static enum tcb_error appraise(const struct attester *by)
{
	checks = (struct checks){0};
	inputs.evidence = parts_sign(&parts, by->residence);
	inputs.nonce = SPAN_OF(by->nonce);
	inputs.now_s = now_s;
	return evidence_appraise(&inputs, &policy, &checks, &claims);
}

static void attest(const struct attester *by)
{
	inputs = (struct evidence_inputs){0};
	attester_attest(by, &parts);
}

static void assert_trusted_as(const struct attester *by)
{
	if (appraise(by) != TCB_OK || checks_first_failure(&checks) != NULL)
		fail_msg("refused: %s", checks_first_failure(&checks) != NULL ? checks_first_failure(&checks)->code : "missing");
}

static void assert_refused_as(const struct attester *by, const char *code)
{
	const struct check *failure;

	assert_int_equal(appraise(by), TCB_REFUSED);
	failure = checks_first_failure(&checks);
	assert_non_null(failure);
	if (strcmp(failure->code, code) != 0)
		fail_msg("refused as %s, not as %s", failure->code, code);
	assert_true(failure->expected[0] != '\0' && failure->got[0] != '\0');
}

static void trusted_with(const char *members)
{
	policy_with(members);
	assert_trusted_as(&vm);
}

static void refused_with(const char *members, const char *code)
{
	policy_with(members);
	assert_refused_as(&vm, code);
}

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK || crypto_p256_new(&pse_key) != TCB_OK || crypto_p256_new(&pse_of_b) != TCB_OK)
		return -1;
	now_s = (uint64_t)time(NULL);
	reference_init(&references);
	rig_pki(0);
	rig_platform_init(&a, 0, "a");
	rig_platform_init(&b, 0, "b");
	attester_init(&vm, &a, pse_key, 1);
	vm.log = attester_log(0xaa, a.pcr0);
	moved = vm;
	moved.residence = NULL;
	attester_move(&moved, &b, pse_of_b);
	moved.log = attester_log(0xbb, b.pcr0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	attester_end(&vm);
	EVP_PKEY_free(pse_key);
	EVP_PKEY_free(pse_of_b);
	rig_platform_end(&a);
	rig_platform_end(&b);
	rig_end();
	return 0;
}

#define D_AA "aa00000000000000000000000000000000000000000000000000000000000000"
#define D_AB "ab00000000000000000000000000000000000000000000000000000000000000"

#define D_ZEROS "00000000000000000000000000000000000000000000000000000000000000"

/* ---- logs ---- */

static void rules_on_the_platforms_log(void **state)
{
	(void)state;
	attest(&vm);
	trusted_with("");
	trusted_with("\"logs\":{\"platform\":{\"required\":true}}");
	trusted_with("\"logs\":{\"platform\":{\"must\":[{\"pcr\":0,\"type\":\"EV_S_CRTM_VERSION\",\"digest\":\"" D_AA "\"}]}}");
	trusted_with("\"logs\":{\"platform\":{\"must\":[{\"type\":8}],\"must_not\":[{\"digest\":\"" D_AB "\"},{\"type\":\"EV_IPL\"}]}}");
	refused_with("\"logs\":{\"platform\":{\"must\":[{\"digest\":\"" D_AB "\"}]}}", "platform.log.absent");
	refused_with("\"logs\":{\"platform\":{\"must\":[{\"pcr\":1,\"digest\":\"" D_AA "\"}]}}", "platform.log.absent");
	refused_with("\"logs\":{\"platform\":{\"must\":[{\"type\":\"EV_IPL\",\"digest\":\"" D_AA "\"}]}}", "platform.log.absent");
	refused_with("\"logs\":{\"platform\":{\"must_not\":[{\"digest\":\"" D_AA "\"}]}}", "platform.log.forbidden");
	refused_with("\"logs\":{\"platform\":{\"must_not\":[{\"pcr\":0,\"type\":8}]}}", "platform.log.forbidden");
	/* of what no quote vouches for, nothing can be said: not that it is there, nor that it is not */
	refused_with("\"logs\":{\"platform\":{\"replayed_pcrs\":[1,2],\"must_not\":[{\"pcr\":0,\"digest\":\"" D_AB "\"}]}}",
		     "platform.log.forbidden");
	refused_with("\"logs\":{\"platform\":{\"replayed_pcrs\":[1,2],\"must\":[{\"digest\":\"" D_AA "\"}]}}", "platform.log.absent");
}

static void a_log_that_is_wanted_must_be_there(void **state)
{
	struct attester silent = vm;

	(void)state;
	silent.log = span_of(NULL, 0);
	attest(&silent);
	trusted_with("");
	refused_with("\"logs\":{\"platform\":{\"required\":true}}", "platform.log.missing");
	refused_with("\"logs\":{\"platform\":{\"must_not\":[{\"type\":\"EV_IPL\"}]}}", "platform.log.missing");
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[0]}}", "platform.log.missing");
	refused_with("\"logs\":{\"guest\":{\"required\":true}}", "guest.log.missing");
}

/* Logs of an older form are told from altered ones. */
static void an_old_log_is_named(void **state)
{
	struct attester old = vm;
	uint8_t log[256];

	(void)state;
	memcpy(log, vm.log.data, vm.log.size);
	log[32 + 14] = '2';
	old.log = span_of(log, vm.log.size);
	attest(&old);
	refused_with("", "platform.log.sha1");
}

/* The guest's log, as the caller has it from the guest, against the guest's own quote. */
static void the_guests_log_must_replay(void **state)
{
	struct attester guest = vm;
	uint8_t altered[256], pcr0[SHA256_SIZE];
	struct span log = attester_log(0xcc, guest.guest_pcr0), other = attester_log(0xcd, pcr0);

	(void)state;
	attest(&guest);
	inputs.guest_log = log;
	trusted_with("\"logs\":{\"guest\":{\"required\":true,\"must\":[{\"pcr\":0,\"type\":\"EV_S_CRTM_VERSION\"}]}}");
	refused_with("\"logs\":{\"guest\":{\"must_not\":[{\"pcr\":0,\"type\":8}]}}", "guest.log.forbidden");
	inputs.guest_log = other; /* of another boot */
	refused_with("", "guest.log.replay");
	for (size_t size = 1; size < log.size; size++) {
		inputs.guest_log = span_of(log.data, size);
		policy_with("");
		assert_int_equal(appraise(&guest), TCB_REFUSED);
		assert_memory_equal(checks_first_failure(&checks)->code, "guest.log.", 10);
	}
	memcpy(altered, log.data, log.size);
	altered[log.size - 20] ^= 1;
	inputs.guest_log = span_of(altered, log.size);
	refused_with("", "guest.log.replay");
	/* in the evidence itself */
	inputs.guest_log = span_of(NULL, 0);
	parts_set(&parts, EVIDENCE_VTPM_LOG, log);
	trusted_with("\"logs\":{\"guest\":{\"required\":true}}");
	parts_set(&parts, EVIDENCE_VTPM_LOG, other);
	refused_with("", "guest.log.replay");
}

/* One entry of the template ima-ng for `path`, whose file has this digest; PCR 10 is extended. */
static struct span ima_entry(uint8_t file, const char *path, struct digest256 *pcr10)
{
	static uint8_t lists[4][512], data[256];
	static unsigned count;
	struct writer w = writer_of(lists[count++ % 4], sizeof lists[0]), t = WRITER_OF(data);
	uint8_t digest[SHA256_SIZE] = {file}, sha1[20];
	struct digest256 of_data;

	writer_u32_le(&t, 8 + SHA256_SIZE);
	writer_bytes(&t, span_of("sha256:\0", 8));
	writer_bytes(&t, SPAN_OF(digest));
	writer_u32_le(&t, (uint32_t)strlen(path) + 1);
	writer_bytes(&t, span_of(path, strlen(path) + 1));
	assert_int_equal(EVP_Digest(data, t.size, sha1, NULL, EVP_sha1(), NULL), 1);
	writer_u32_le(&w, 10);
	writer_bytes(&w, SPAN_OF(sha1));
	writer_u32_le(&w, 6);
	writer_bytes(&w, span_of_text("ima-ng"));
	writer_u32_le(&w, (uint32_t)t.size);
	writer_bytes(&w, span_of(data, t.size));
	assert_int_equal(w.error | t.error, TCB_OK);
	assert_int_equal(crypto_sha256(span_of(data, t.size), &of_data), TCB_OK);
	assert_int_equal(crypto_sha256_all((struct span[]){SPAN_OF(pcr10->bytes), SPAN_OF(of_data.bytes)}, 2, pcr10), TCB_OK);
	return span_of(w.data, w.size);
}

static void an_ima_list_must_replay(void **state)
{
	struct digest256 pcr10 = {{0}}, ignored = {{0}};
	struct span list = ima_entry(0xe1, "/bin/true", &pcr10), other = ima_entry(0xe2, "/bin/true", &ignored);

	(void)state;
	fake_set_pcr10(pcr10.bytes);
	attest(&vm);
	fake_set_pcr10(NULL);
	trusted_with(""); /* no list: said, not judged */
	assert_int_equal(checks_first_failure(&checks) == NULL, 1);
	refused_with("\"logs\":{\"platform\":{\"replayed_pcrs\":[0,10]}}", "platform.log.replay");
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[10]}}", "platform.log.unknown");
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, list);
	trusted_with("");
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[10]}}", "platform.log.unknown");
	assert_int_equal(reference_add_event(&references, LAYER_PLATFORM, &(struct digest256){{0xe1}}), TCB_OK);
	trusted_with("\"logs\":{\"platform\":{\"known_pcrs\":[10]}}");
	references.event_count[LAYER_PLATFORM] = 0;
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, other);
	refused_with("", "platform.log.replay");
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, span_of(list.data, list.size - 1));
	refused_with("", "platform.ima.malformed");
}

static const struct check *find_check(const char *code)
{
	for (size_t i = 0; i < checks.count; i++)
		if (strcmp(checks.list[i].code, code) == 0)
			return &checks.list[i];
	return NULL;
}

/* Appends an entry to a list in `memory`. */
static void append_entry(struct writer *list, uint8_t file, const char *path, struct digest256 *pcr10)
{
	writer_bytes(list, ima_entry(file, path, pcr10));
	assert_int_equal(list->error, TCB_OK);
}

/* A list that was read a moment after the quote has more entries: the quote vouches for those before. */
static void an_ima_list_may_have_grown(void **state)
{
	uint8_t memory[2048];
	struct writer w = WRITER_OF(memory);
	struct digest256 pcr10 = {{0}}, later;
	size_t covered;

	(void)state;
	append_entry(&w, 0xe1, "/bin/true", &pcr10);
	append_entry(&w, 0xe2, "/bin/false", &pcr10);
	covered = w.size;
	later = pcr10;
	append_entry(&w, 0xe3, "/bin/later", &later);
	append_entry(&w, 0xe4, "/bin/latest", &later);
	fake_set_pcr10(pcr10.bytes);
	attest(&vm);
	fake_set_pcr10(NULL);
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, span_of(memory, covered));
	trusted_with("");
	assert_null(find_check("platform.ima.uncovered"));
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, span_of(memory, w.size));
	trusted_with("");
	assert_non_null(find_check("platform.ima.uncovered"));
	assert_int_equal(find_check("platform.ima.uncovered")->result, CHECK_NOT_RUN);
	assert_string_equal(find_check("platform.ima.uncovered")->got, "the quote covers 2 entries; the 2 behind them are not judged");
	/* rules are about what is vouched for, and about that alone */
	refused_with("\"logs\":{\"platform\":{\"must\":[{\"digest\":\"e3" D_ZEROS "\"}]}}", "platform.log.absent");
	trusted_with("\"logs\":{\"platform\":{\"must\":[{\"digest\":\"e2" D_ZEROS "\"}]}}");
	trusted_with("\"logs\":{\"platform\":{\"must_not\":[{\"digest\":\"e3" D_ZEROS "\"}]}}");
	/* fewer entries than the quote has seen lead nowhere, and so does another list */
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, ima_entry(0xe1, "/bin/true", &(struct digest256){{0}}));
	refused_with("", "platform.log.replay");
	memory[30] ^= 1;
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, span_of(memory, w.size));
	refused_with("", "platform.ima.malformed");
}

/* A list in which no entry is vouched for is refused, although nothing was measured when the TPM quoted. */
static void an_ima_list_without_a_vouched_entry_is_refused(void **state)
{
	(void)state;
	attest(&vm);
	parts_set(&parts, EVIDENCE_PLATFORM_IMA, ima_entry(0xe1, "/bin/true", &(struct digest256){{0}}));
	refused_with("", "platform.log.replay");
}

/* Servers measure thousands of files; what is too large is told from what is malformed. */
static void large_lists(void **state)
{
	enum { ENTRIES = 3500 };
	static uint8_t memory[LIMIT_IMA_LOG + 1], log[LIMIT_EVENT_LOG + 1];
	struct attester guest = vm;
	struct writer w = WRITER_OF(memory);
	struct digest256 pcr10 = {{0}};
	char path[64];

	(void)state;
	for (int i = 0; i < ENTRIES; i++) {
		(void)snprintf(path, sizeof path, "/usr/lib/x86_64-linux-gnu/libexample.so.%d", i);
		append_entry(&w, 0xe1, path, &pcr10);
	}
	assert_true(w.size > LIMIT_EVENT_LOG);
	fake_set_pcr10(pcr10.bytes);
	inputs = (struct evidence_inputs){0};
	inputs.guest_log = attester_log(0xcc, guest.guest_pcr0);
	attester_attest(&guest, &parts);
	fake_set_pcr10(NULL);
	inputs.guest_ima = span_of(memory, w.size);
	trusted_with("\"logs\":{\"guest\":{\"required\":true,\"must\":[{\"digest\":\"e1" D_ZEROS "\"}]}}");
	append_entry(&w, 0xe2, "/bin/later", &pcr10); /* the quote does not cover it */
	inputs.guest_ima = span_of(memory, w.size);
	trusted_with("");
	assert_non_null(find_check("guest.ima.uncovered"));
	assert_int_equal(find_check("guest.ima.uncovered")->result, CHECK_NOT_RUN);
	inputs.guest_ima = SPAN_OF(memory);
	refused_with("", "guest.ima.large");
	inputs.guest_ima = span_of(memory, w.size - 1);
	refused_with("", "guest.ima.malformed");
	inputs.guest_log = SPAN_OF(log);
	refused_with("", "guest.log.large");
	assert_string_equal(checks_first_failure(&checks)->expected, "a log of at most 256 KiB");
	attest(&vm);
	parts_set(&parts, EVIDENCE_PLATFORM_LOG, SPAN_OF(log));
	refused_with("", "platform.log.large");
}

/* A document that is too large is told from one that is no evidence or no quote. */
static void large_documents(void **state)
{
	static uint8_t memory[LIMIT_EVIDENCE + 1024];
	struct quote_claims quote;

	(void)state;
	attest(&vm);
	policy_with("");
	inputs.evidence = SPAN_OF(memory);
	checks = (struct checks){0};
	assert_int_equal(evidence_appraise(&inputs, &policy, &checks, &claims), TCB_MALFORMED);
	assert_string_equal(checks_first_failure(&checks)->code, "evidence.large");
	checks = (struct checks){0};
	assert_int_equal(quote_appraise(SPAN_OF(memory), NULL, &policy, now_s, &checks, &quote), TCB_MALFORMED);
	assert_string_equal(checks_first_failure(&checks)->code, "quote.large");
}

static void known_events_are_reference_values(void **state)
{
	(void)state;
	attest(&vm);
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[0,2]}}", "platform.log.unknown");
	assert_int_equal(reference_add_event(&references, LAYER_GUEST, &(struct digest256){{0xaa}}), TCB_OK);
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[0,2]}}", "platform.log.unknown"); /* known of guests only */
	assert_int_equal(reference_add_event(&references, LAYER_PLATFORM, &(struct digest256){{0xaa}}), TCB_OK);
	trusted_with("\"logs\":{\"platform\":{\"known_pcrs\":[0,2]}}");
	refused_with("\"logs\":{\"platform\":{\"known_pcrs\":[0],\"replayed_pcrs\":[1]}}", "platform.log.unknown");
	reference_init(&references);
}

/* ---- PCRs ---- */

static void a_pcr_may_have_several_values(void **state)
{
	static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
	char members[512];

	(void)state;
	attest(&vm);
	(void)snprintf(members, sizeof members, "\"platform_pcrs\":{\"1\":[\"" D_AA "\",\"%s\"],\"2\":\"%s\"}", zero, zero);
	trusted_with(members);
	refused_with("\"platform_pcrs\":{\"1\":[\"" D_AA "\",\"" D_AB "\"]}", "platform.pcr");
	refused_with("\"guest_pcrs\":{\"1\":\"" D_AA "\"}", "guest.pcr");
	/* the same by reference values; they add to what the policy has */
	assert_int_equal(reference_add_pcr(&references, LAYER_PLATFORM, 1, &(struct digest256){{0xaa}}), TCB_OK);
	refused_with("", "platform.pcr");
	(void)snprintf(members, sizeof members, "\"platform_pcrs\":{\"1\":\"%s\"}", zero);
	trusted_with(members);
	reference_init(&references);
}

static void reference_files_must_be_loaded(void **state)
{
	(void)state;
	attest(&vm);
	policy_with("\"reference_values\":[{\"file\":\"fw.corim\",\"layer\":\"platform\"}]");
	assert_trusted_as(&vm);
	reference_narrow(&references, 0, now_s);
	assert_trusted_as(&vm);
	reference_narrow(&references, 0, now_s - 1);
	assert_refused_as(&vm, "policy.reference.expired");
	reference_init(&references);
	reference_narrow(&references, now_s + 1, UINT64_MAX);
	assert_refused_as(&vm, "policy.reference.expired");
	reference_init(&references);
	policy.references = NULL;
	assert_refused_as(&vm, "policy.reference.missing");
}

/* ---- TPMs ---- */

static void clocks_are_judged(void **state)
{
	(void)state;
	fake_set_clock((struct fake_clock){ .reset_count = 7, .restart_count = 2, .safe = true });
	attest(&vm);
	trusted_with("\"clocks\":{\"platform\":{\"safe\":true,\"reset_count\":7,\"restart_count\":2},\"guest\":{\"min_reset_count\":7}}");
	trusted_with("\"clocks\":{\"platform\":{\"min_restart_count\":1,\"min_reset_count\":6}}");
	refused_with("\"clocks\":{\"platform\":{\"reset_count\":6}}", "platform.tpm.clock");
	refused_with("\"clocks\":{\"platform\":{\"min_reset_count\":8}}", "platform.tpm.clock");
	refused_with("\"clocks\":{\"platform\":{\"restart_count\":0}}", "platform.tpm.clock");
	refused_with("\"clocks\":{\"guest\":{\"reset_count\":0}}", "guest.clock");
	refused_with("\"clocks\":{\"guest\":{\"min_restart_count\":3}}", "guest.clock");
	refused_with("\"vtpms\":[{\"id\":\"01000000000000000000000000000000\",\"clock\":{\"min_reset_count\":8}}]", "guest.clock");
	trusted_with("\"vtpms\":[{\"id\":\"01000000000000000000000000000000\",\"clock\":{\"min_reset_count\":7}}]");
	fake_set_clock((struct fake_clock){0});
	attest(&vm);
	refused_with("\"clocks\":{\"platform\":{\"safe\":true}}", "platform.tpm.clock");
	refused_with("\"clocks\":{\"guest\":{\"safe\":true}}", "guest.clock");
	trusted_with("\"clocks\":{\"guest\":{\"safe\":false}}");
}

/* The endorsed key must be an EK: of every attribute the opposite, another policy, a point off the curve. */
static void an_ek_is_of_the_template(void **state)
{
	static const unsigned bits[] = {1, 2, 4, 5, 6, 7, 10, 11, 16, 17, 18};
	struct attester other = vm;
	struct p256_point key;

	(void)state;
	assert_int_equal(tpm_ek_decode(span_of(vm.ek_public, vm.ek_size), &key), TCB_OK);
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
		other = vm;
		other.ek_public[4 + 3 - bits[i] / 8] ^= (uint8_t)(1u << bits[i] % 8);
		attest(&other);
		refused_with("", "vtpm.ek.template");
	}
	for (size_t at = 0; at < vm.ek_size; at++) {
		other = vm;
		other.ek_public[at] ^= 0x04;
		assert_int_not_equal(tpm_ek_decode(span_of(other.ek_public, other.ek_size), &key), TCB_OK);
	}
	for (size_t size = 0; size < vm.ek_size; size++)
		assert_int_not_equal(tpm_ek_decode(span_of(vm.ek_public, size), &key), TCB_OK);
	other = vm; /* a signing key, endorsed as EK */
	memcpy(other.ek_public, vm.ak_public, vm.ak_size);
	other.ek_size = vm.ak_size;
	attest(&other);
	refused_with("", "vtpm.ek.template");
}

/* ---- the owner's policy ---- */

/* An evidence whose PSE endorses this digest of an owner's policy. */
static void endorse_owner_policy(const struct digest256 *digest)
{
	struct endorsement e = attester_endorsement_claims(&vm);

	e.policy_digest = *digest;
	attest(&vm);
	parts_set(&parts, EVIDENCE_ENDORSEMENT, attester_endorsement(&vm, &e));
}

static void owner_policy(void **state)
{
	static const struct digest256 none, given = {{0xaa}}, other = {{0xbb}};
	const char *entry = "\"vtpms\":[{\"id\":\"01000000000000000000000000000000\",\"owner_policy\":\"%s\"}]";
	char wants_none[256], wants_given[256];

	(void)state;
	(void)snprintf(wants_none, sizeof wants_none, entry, "none");
	(void)snprintf(wants_given, sizeof wants_given, entry, D_AA);
	endorse_owner_policy(&given);
	trusted_with(wants_given);
	refused_with(wants_none, "policy.vtpm.owner_policy");
	trusted_with("\"vtpms\":[{\"id\":\"01000000000000000000000000000000\"}]"); /* a policy that does not speak of it */
	endorse_owner_policy(&other);
	refused_with(wants_given, "policy.vtpm.owner_policy");
	endorse_owner_policy(&none); /* the host made the vTPM without its owner's policy */
	refused_with(wants_given, "policy.vtpm.owner_policy");
	assert_string_equal(checks_first_failure(&checks)->got, "none");
	trusted_with(wants_none);
}

/* ---- custody, freshness ---- */

static char *platform_entry(const struct rig_platform *p, char ret_text[256])
{
	struct tpm_name name;
	char hex[2 * TPM_NAME_SIZE + 1];

	assert_int_equal(tpm_name_of(span_of(p->ak_public, p->ak_public_size), &name), TCB_OK);
	for (size_t i = 0; i < TPM_NAME_SIZE; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", name.bytes[i]);
	(void)snprintf(ret_text, 256, "{\"name\":\"%s\",\"ak_name\":\"%s\",\"clock\":{\"reset_count\":0}}", p->name, hex);
	return ret_text;
}

static void custody_rules(void **state)
{
	char of_a[256], of_b[256], both[1024], one[1024];

	(void)state;
	(void)snprintf(both, sizeof both, "\"custody\":{\"platforms\":\"listed\",\"max_hand_overs\":1},\"platforms\":{\"listed\":[%s,%s]}",
		       platform_entry(&a, of_a), platform_entry(&b, of_b));
	(void)snprintf(one, sizeof one, "\"custody\":{\"platforms\":\"listed\"},\"platforms\":{\"listed\":[%s]}", of_b);
	attest(&moved);
	policy_with(both);
	assert_trusted_as(&moved);
	policy_with(one);
	assert_refused_as(&moved, "custody.unlisted");
	policy_with("\"custody\":{\"max_hand_overs\":0}");
	assert_refused_as(&moved, "custody.hand_overs");
	policy_with("\"custody\":{\"max_hand_overs\":1,\"platforms\":\"any\"}");
	assert_trusted_as(&moved);
	attest(&vm);
	trusted_with("\"custody\":{\"max_hand_overs\":0,\"platforms\":\"listed\"}");
	fake_set_clock((struct fake_clock){ .reset_count = 1 });
	attest(&vm); /* a listed platform was reset */
	refused_with(both, "platform.tpm.clock");
	fake_set_clock((struct fake_clock){0});
}

/* Every rule that a policy can have, at once. */
static void the_verdict_has_room_for_all_rules(void **state)
{
	static char members[65536];
	struct span guest_log = attester_log(0xcc, vm.guest_pcr0);
	size_t size = 0;

	(void)state;
	attest(&vm);
	inputs.guest_log = guest_log;
	size += (size_t)snprintf(members, sizeof members, "\"logs\":{");
	for (int layer = 0; layer < 2; layer++) {
		size += (size_t)snprintf(members + size, sizeof members - size, "%s\"%s\":{", layer > 0 ? "," : "", layer > 0 ? "guest" : "platform");
		for (int kind = 0; kind < 2; kind++) {
			size += (size_t)snprintf(members + size, sizeof members - size, "%s\"%s\":[", kind > 0 ? "," : "", kind > 0 ? "must_not" : "must");
			for (int i = 0; i < POLICY_EVENTS_MAX; i++)
				size += (size_t)snprintf(members + size, sizeof members - size, "%s{\"pcr\":%d,\"type\":%d}", i > 0 ? "," : "",
							 0, kind > 0 ? 100 + i : 8);
			size += (size_t)snprintf(members + size, sizeof members - size, "]");
		}
		size += (size_t)snprintf(members + size, sizeof members - size, "}");
	}
	(void)snprintf(members + size, sizeof members - size, "}");
	trusted_with(members);
	memset(vm.guest_pcr0, 0, sizeof vm.guest_pcr0);
}

/* Nothing failed, and one check that the verdict needs was not run. */
static void not_judged_for(const char *code)
{
	const struct check *needed = NULL;

	checks = (struct checks){0};
	assert_int_equal(evidence_appraise(&inputs, &policy, &checks, &claims), TCB_WRONG_STATE);
	assert_null(checks_first_failure(&checks));
	for (size_t i = 0; i < checks.count; i++)
		if (checks.list[i].needed)
			needed = &checks.list[i];
	assert_non_null(needed);
	assert_string_equal(needed->code, code);
	assert_int_equal(needed->result, CHECK_NOT_RUN);
}

static void freshness(void **state)
{
	struct pki_collateral_options options;
	struct file_bytes collateral = {0};

	(void)state;
	attest(&vm);
	policy_with("\"freshness\":{\"nonce\":\"required\"}");
	assert_trusted_as(&vm);
	inputs.nonce = span_of(NULL, 0);
	not_judged_for("evidence.freshness");
	policy_with(""); /* a policy that does not speak of it requires a nonce */
	not_judged_for("evidence.freshness");
	policy_with("\"platforms\":{\"unlisted\":\"refuse\"}"); /* what fails fails, with or without a nonce */
	checks = (struct checks){0};
	assert_int_equal(evidence_appraise(&inputs, &policy, &checks, &claims), TCB_REFUSED);
	assert_string_equal(checks_first_failure(&checks)->code, "platform.unlisted");
	policy_with("\"freshness\":{\"nonce\":\"optional\"}");
	checks = (struct checks){0};
	assert_int_equal(evidence_appraise(&inputs, &policy, &checks, &claims), TCB_OK);
	pki_collateral_defaults(&options);
	rig_issue_collateral(0, &options, &collateral);
	parts_set(&parts, EVIDENCE_COLLATERAL, file_span(&collateral));
	trusted_with("\"freshness\":{\"max_collateral_age_days\":2}");
	now_s += 5 * 86400;
	trusted_with("");
	trusted_with("\"freshness\":{\"max_collateral_age_days\":7}");
	refused_with("\"freshness\":{\"max_collateral_age_days\":2}", "quote.collateral.old");
	now_s -= 5 * 86400;
	file_free(&collateral);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_on_the_platforms_log),
		cmocka_unit_test(a_log_that_is_wanted_must_be_there),
		cmocka_unit_test(an_old_log_is_named),
		cmocka_unit_test(the_guests_log_must_replay),
		cmocka_unit_test(an_ima_list_must_replay),
		cmocka_unit_test(an_ima_list_may_have_grown),
		cmocka_unit_test(an_ima_list_without_a_vouched_entry_is_refused),
		cmocka_unit_test(large_lists),
		cmocka_unit_test(large_documents),
		cmocka_unit_test(known_events_are_reference_values),
		cmocka_unit_test(a_pcr_may_have_several_values),
		cmocka_unit_test(reference_files_must_be_loaded),
		cmocka_unit_test(clocks_are_judged),
		cmocka_unit_test(an_ek_is_of_the_template),
		cmocka_unit_test(custody_rules),
		cmocka_unit_test(the_verdict_has_room_for_all_rules),
		cmocka_unit_test(owner_policy),
		cmocka_unit_test(freshness),
	};

	return cmocka_run_group_tests_name("verify/boot-rules", tests, begin, end);
}
