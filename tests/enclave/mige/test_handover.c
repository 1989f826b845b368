// SPDX-License-Identifier: MIT
/* Two and more real MigEs, each in its process, with the test as both hosts, the network and the vTPMs: a hand-over as edge/local.h and edge/wan.h
 * have it, and everything that must not become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "edge/mige.h"
#include "enclave/mige/ratls.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ledger.h"

static struct rig_platform a, b, c;
static struct rig_vtpm at_a, at_b, at_c; /* the one vTPM, by place */
static struct diagnosis d;

static const struct uuid id = {{1, 2, 3}};
static uint8_t key_bytes[32] = {0x77, 0x78};
static struct digest256 lineage; /* of the vTPM that the test is now */
static struct handover_id handover;
static uint64_t escrowed_generation;
static struct p256_point mige_key;
static char policy_text[4096];

/* What the destination's vTPM got. */
static struct {
	uint8_t key[32], record[LIMIT_CUSTODY_RECORD], certified_ak[LIMIT_QUOTE + 4096];
	size_t record_size, certified_ak_size;
} got;

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	rig_pki(0);
	rig_pki(1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	d = (struct diagnosis){0};
	rig_set_network(NULL, 0);
	rig_reset_connections();
	rig_platform_init(&a, 0, "A");
	rig_platform_init(&b, 0, "B");
	rig_start(&a);
	rig_start(&b);
	rig_vtpm_init(&at_a, &a, 1);
	rig_vtpm_init(&at_b, &b, 1);
	lineage = (struct digest256){{5}};
	handover = (struct handover_id){{0xaa}};
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_platform_end(&a);
	rig_platform_end(&b);
	rig_platform_end(&c);
	return 0;
}

static void start_c(int root)
{
	rig_platform_init(&c, root, "C");
	rig_start(&c);
	rig_vtpm_init(&at_c, &c, 1);
}

/* ---- the vTPM's requests to its PSE ---- */

/* The one state of each generation. */
static struct ledger_entry entry_of(uint64_t generation)
{
	return (struct ledger_entry){ .id = id, .lineage = lineage, .generation = generation, .version = generation,
				      .digest = {{(uint8_t)generation, 1}}, .incarnation = {{1}}, .handover = handover };
}

static enum tcb_error tell_ledger(struct rig_vtpm *v, enum local_request request, uint64_t generation, struct ledger_lease *ret_lease)
{
	const struct ledger_entry entry = entry_of(generation);

	d = (struct diagnosis){0};
	return rig_ledger(v, request, &entry, ret_lease, &d);
}

static enum tcb_error expect(struct rig_vtpm *v, uint64_t generation)
{
	const struct ledger_entry entry = entry_of(generation);

	d = (struct diagnosis){0};
	return rig_expect(v, &entry, &d);
}

/* ---- its requests to its MigE ---- */

static enum tcb_error escrow_as(struct rig_vtpm *v, enum local_request request, uint64_t generation, const char *policy)
{
	const struct local_escrow e = { .handover = handover, .id = id, .lineage = lineage, .generation = generation,
					.key_bytes = SPAN_OF(key_bytes), .last_custody = {{6}},
					.policy = span_of_text(policy) };
	static uint8_t body_bytes[LIMIT_POLICY + 256];
	struct writer w = WRITER_OF(body_bytes);
	struct local_escrowed escrowed;
	struct span reply;

	const struct ledger_entry entry = entry_of(generation);
	struct ledger_lease lease;

	(void)!rig_take_lease(v, &entry, &lease, NULL); /* what stands against it, the MigE says */
	if (request == LOCAL_ESCROW)
		(void)!rig_offer(v, &entry, NULL);
	d = (struct diagnosis){0};
	escrowed_generation = generation;
	local_escrow_encode(&w, &e);
	TRY(rig_ask(v, ROLE_MIGE, request, span_of(body_bytes, w.size), &reply, &d));
	assert_int_equal(local_escrowed_decode(reply, &escrowed), TCB_OK);
	assert_memory_equal(&escrowed.handover, &handover, sizeof handover);
	assert_true(span_is_text(escrowed.address, v->platform->address));
	mige_key = escrowed.mige_key;
	return TCB_OK;
}

static enum tcb_error escrow(struct rig_vtpm *v, uint64_t generation, const char *policy)
{
	return escrow_as(v, LOCAL_ESCROW, generation, policy);
}

static enum tcb_error redeem_from(struct rig_vtpm *v, const struct rig_platform *source, uint64_t generation)
{
	const struct local_redeem m = { .handover = handover, .id = id, .generation = generation, .lineage = lineage,
					.source_address = span_of_text(source->address), .source_mige_key = mige_key };
	struct local_redeemed redeemed;
	uint8_t body_bytes[512];
	struct writer w = WRITER_OF(body_bytes);
	struct span reply;

	if (expect(v, generation + 1) == TCB_REFUSED && strcmp(d.code, "ledger.arrived") == 0)
		return TCB_REFUSED;
	d = (struct diagnosis){0};
	memset(&got, 0, sizeof got);
	local_redeem_encode(&w, &m);
	TRY(rig_ask(v, ROLE_MIGE, LOCAL_REDEEM, span_of(body_bytes, w.size), &reply, &d));
	assert_int_equal(local_redeemed_decode(reply, &redeemed), TCB_OK);
	memcpy(got.key, redeemed.key_bytes.data, sizeof got.key);
	got.record_size = redeemed.custody_record.size;
	memcpy(got.record, redeemed.custody_record.data, got.record_size);
	got.certified_ak_size = redeemed.certified_ak.size;
	memcpy(got.certified_ak, redeemed.certified_ak.data, got.certified_ak_size);
	return TCB_OK;
}

static enum tcb_error redeem(struct rig_vtpm *v)
{
	return redeem_from(v, &a, 1);
}

/* `head`, then the vTPM's id, lineage and generation. */
static enum tcb_error ask(struct rig_vtpm *v, enum local_request request, struct span head, uint64_t generation, struct span *ret_reply)
{
	uint8_t body_bytes[64];
	struct writer w = WRITER_OF(body_bytes);

	d = (struct diagnosis){0};
	writer_bytes(&w, head);
	writer_bytes(&w, SPAN_OF(id.bytes));
	writer_bytes(&w, SPAN_OF(lineage.bytes));
	writer_u64(&w, generation);
	return rig_ask(v, ROLE_MIGE, request, span_of(body_bytes, w.size), ret_reply, &d);
}

static enum tcb_error ask_about(struct rig_vtpm *v, enum local_request request, const uint64_t *generation, struct span *ret_reply)
{
	const struct ledger_handover m = { .id = id, .lineage = lineage, .handover = handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);

	d = (struct diagnosis){0};
	ledger_handover_encode(&w, &m);
	if (generation != NULL)
		writer_u64(&w, *generation);
	return rig_ask(v, ROLE_MIGE, request, span_of(body_bytes, w.size), ret_reply, &d);
}

static enum tcb_error revoke(struct rig_vtpm *v)
{
	struct span reply;

	TRY(ask_about(v, LOCAL_REVOKE, &escrowed_generation, &reply));
	assert_int_equal(reply.size, 1);
	return reply.data[0] == REVOKE_DONE ? TCB_OK : diagnose(&d, TCB_REFUSED, "vtpm.moved", "f", "w", "a");
}

static enum tcb_error renounce(struct rig_vtpm *v)
{
	struct span reply;

	return ask_about(v, LOCAL_RENOUNCE, NULL, &reply);
}

/* Goes on as the TPM of this generation: by what was granted, or from what is stored here. */
static enum tcb_error activate(struct rig_vtpm *v, uint64_t generation)
{
	struct ledger_lease lease;

	if (tell_ledger(v, LOCAL_LEDGER_ARRIVE, generation, NULL) == TCB_OK)
		return TCB_OK;
	TRY(tell_ledger(v, LOCAL_LEDGER_OPEN, generation, &lease));
	if (lease.phase == LEDGER_ESCROWED)
		return revoke(v);
	return lease.phase == LEDGER_HERE ? TCB_OK : diagnose(&d, TCB_REFUSED, "vtpm.moved", "f", "w", "a");
}

static bool has_moved(struct rig_vtpm *v, uint64_t generation)
{
	struct span reply;

	assert_int_equal(ask(v, LOCAL_HAS_MOVED, span_of(NULL, 0), generation, &reply), TCB_OK);
	assert_int_equal(reply.size, 1);
	return reply.data[0] != 0;
}

static void assert_code(enum tcb_error error, const char *code)
{
	assert_int_not_equal(error, TCB_OK);
	assert_string_equal(d.code, code);
	assert_true(d.found[0] != '\0' && d.wanted[0] != '\0' && d.action[0] != '\0');
}

/* Refused with this code, because of this check. */
static void assert_refused_for(enum tcb_error error, const char *code, const char *check)
{
	assert_code(error, code);
	if (strstr(d.found, check) != d.found)
		fail_msg("found: %s, not %s", d.found, check);
}

static void assert_granted(void)
{
	assert_memory_equal(got.key, key_bytes, sizeof key_bytes);
}

/* ---- it works ---- */

static void hands_over(void **state)
{
	uint8_t tbs_bytes[LIMIT_CUSTODY_RECORD + 256];
	struct writer w = WRITER_OF(tbs_bytes);
	struct p256_signature signature;
	struct custody_record record;
	struct tpm_name ak_a, ak_b;
	struct certified_ak ak;
	struct span payload;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
	assert_int_equal(certified_ak_decode(span_of(got.certified_ak, got.certified_ak_size), &ak), TCB_OK);
	assert_true(span_is_text(ak.platform_name, "B"));
	assert_int_equal(cose_sign1_decode(span_of(got.record, got.record_size), CUSTODY_TYPE, &payload, &signature), TCB_OK);
	assert_int_equal(custody_record_decode(payload, &record), TCB_OK);
	cose_tbs_encode(&w, CUSTODY_TYPE, payload);
	assert_int_equal(crypto_verify(&mige_key, span_of(tbs_bytes, w.size), &signature), TCB_OK);
	assert_memory_equal(&record.mige_key, &mige_key, sizeof mige_key);
	assert_true(span_is_text(record.from_name, "A") && span_is_text(record.to_name, "B"));
	assert_int_equal(tpm_name_of(span_of(a.ak_public, a.ak_public_size), &ak_a), TCB_OK);
	assert_int_equal(tpm_name_of(span_of(b.ak_public, b.ak_public_size), &ak_b), TCB_OK);
	assert_memory_equal(&record.from_ak, &ak_a, sizeof ak_a);
	assert_memory_equal(&record.to_ak, &ak_b, sizeof ak_b);
	assert_int_equal(record.generation, 1);
	assert_int_equal(record.previous.bytes[0], 6);
	assert_code(revoke(&at_a), "vtpm.moved");
	assert_code(activate(&at_a, 1), "vtpm.moved");
	assert_int_equal(activate(&at_b, 2), TCB_OK);
}

static void bytes_may_come_one_by_one(void **state)
{
	(void)state;
	rig_set_network(NULL, 97);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

static void there_and_back_again(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(activate(&at_b, 2), TCB_OK);
	handover.bytes[0]++;
	assert_int_equal(escrow(&at_b, 2, ""), TCB_OK);
	assert_int_equal(redeem_from(&at_a, &b, 2), TCB_OK);
	assert_granted();
	assert_int_equal(activate(&at_a, 3), TCB_OK);
	assert_code(activate(&at_a, 1), "ledger.state.old"); /* what A was before stays gone */
	assert_code(activate(&at_b, 2), "vtpm.moved");
}

static void a_connection_is_kept(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK); /* asked for again: its answer was lost, say */
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(rig_connections(), 1);
	rig_kill(&a.mige);
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK); /* the kept one is dead: a new one is made */
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
	assert_int_equal(rig_connections(), 2);
}

/* ---- decided once ---- */

static void the_same_grant_again_and_to_no_other(void **state)
{
	uint8_t record[LIMIT_CUSTODY_RECORD];
	size_t record_size;

	(void)state;
	start_c(0);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	record_size = got.record_size;
	memcpy(record, got.record, record_size);
	assert_code(redeem(&at_c), "mige.handover.redeemed");
	rig_start(&b); /* PSE and MigE start anew, with new keys, before the vTPM was durable */
	rig_vtpm_init(&at_b, &b, 2);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
	assert_int_equal(got.record_size, record_size);
	assert_memory_equal(got.record, record, record_size);
	assert_code(redeem(&at_c), "mige.handover.redeemed");
	assert_int_equal(activate(&at_b, 2), TCB_OK); /* now it runs there: the blobs have served */
	assert_code(redeem(&at_b), "ledger.arrived");
	rig_start(&b);
	rig_vtpm_init(&at_b, &b, 3);
	rig_kill(&a.mige); /* it is known without asking the source */
	assert_code(redeem(&at_b), "ledger.arrived");
}

/* Its blobs were lost, and its destination's enclave: another key for the same hand-over, and the same platform. */
static void granted_under_another_key(void **state)
{
	uint8_t first[sizeof key_bytes];

	(void)state;
	start_c(0);
	memcpy(first, key_bytes, sizeof first);
	assert_code(escrow_as(&at_a, LOCAL_ESCROW_AGAIN, 1, ""), "mige.handover.none"); /* there is nothing */
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_code(escrow_as(&at_a, LOCAL_ESCROW_AGAIN, 1, ""), "mige.handover.none"); /* it is not decided: the VM can go on */
	assert_int_equal(redeem(&at_b), TCB_OK);
	rig_start(&a);
	rig_vtpm_init(&at_a, &a, 2);
	rig_start(&b);
	rig_vtpm_init(&at_b, &b, 2);
	key_bytes[0] ^= 1;
	assert_code(escrow_as(&at_a, LOCAL_ESCROW_AGAIN, 2, ""), "mige.handover.none"); /* another generation */
	assert_int_equal(escrow_as(&at_a, LOCAL_ESCROW_AGAIN, 1, ""), TCB_OK);
	assert_code(activate(&at_a, 1), "vtpm.moved");
	assert_code(redeem(&at_c), "mige.handover.redeemed");
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
	assert_int_equal(activate(&at_b, 2), TCB_OK);
	key_bytes[0] ^= 2;
	(void)!escrow_as(&at_a, LOCAL_ESCROW_AGAIN, 1, ""); /* before the confirmation has come */
	assert_code(redeem(&at_b), "ledger.arrived");
	memcpy(key_bytes, first, sizeof first);
}

static void revoked_is_not_granted(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(revoke(&at_a), TCB_OK);
	assert_code(redeem(&at_b), "mige.handover.unknown");
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(activate(&at_a, 1), TCB_OK);
	assert_code(redeem(&at_b), "mige.handover.unknown");
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_code(redeem_from(&at_b, &a, 2), "mige.handover.unknown"); /* another generation */
	assert_int_equal(redeem_from(&at_b, &a, 1), TCB_OK);
}

static void an_escrow_outlives_its_mige(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, "{\"version\":1,\"platforms\":{\"unlisted\":\"accept\"}}"), TCB_OK);
	rig_start(&a);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
	rig_start(&a);
	rig_vtpm_init(&at_a, &a, 2);
	assert_code(revoke(&at_a), "vtpm.moved");
}

static void forget(struct rig_vtpm *v)
{
	assert_int_equal(enclave_link_call(&v->platform->pse.link, CALL_PSE_DROP, SPAN_OF(id.bytes), NULL, NULL), TCB_OK);
}

static unsigned lost_after; /* the message of A that is lost, counting from 1 */

static bool lose_one(const struct rig_platform *from, uint8_t *bytes, size_t size)
{
	(void)bytes;
	(void)size;
	return from != &a || lost_after == 0 || --lost_after > 0;
}

/* Whichever message of the source is lost: afterwards either side, never both, can go on. */
static void a_lost_message_loses_nothing(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 6; lost++) {
		bool decided;

		handover.bytes[1] = (uint8_t)lost;
		assert_int_equal(escrow(&at_a, lost, ""), TCB_OK);
		lost_after = lost;
		rig_set_network(lose_one, 0);
		(void)redeem_from(&at_b, &a, lost);
		lost_after = 0;
		decided = revoke(&at_a) != TCB_OK;
		assert_int_equal(redeem_from(&at_b, &a, lost) == TCB_OK, decided);
		if (!decided) {
			assert_int_equal(escrow(&at_a, lost, ""), TCB_OK);
			assert_int_equal(redeem_from(&at_b, &a, lost), TCB_OK);
		}
		assert_granted();
		rig_start(&a); /* so that the next round begins with a handshake, too */
		rig_start(&b);
		rig_vtpm_init(&at_a, &a, 1);
		rig_vtpm_init(&at_b, &b, 1);
		forget(&at_a); /* the next generation is made anew */
	}
}

static void what_cannot_be_written_is_not_granted(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	a.store_fails = true;
	assert_code(redeem(&at_b), "store.full");
	a.store_fails = false;
	assert_int_equal(revoke(&at_a), TCB_OK);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	b.store_fails = true; /* granted, but the destination cannot write it down: its vTPM gets nothing yet */
	assert_code(redeem(&at_b), "store.full");
	assert_code(revoke(&at_a), "vtpm.moved");
	b.store_fails = false;
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

/* ---- whom it is given to ---- */

static const char *policy_for(const struct rig_platform *p, const char *more)
{
	char hex[2 * TPM_NAME_SIZE + 1];
	struct tpm_name name;

	assert_int_equal(tpm_name_of(span_of(p->ak_public, p->ak_public_size), &name), TCB_OK);
	for (size_t i = 0; i < sizeof name.bytes; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", name.bytes[i]);
	(void)snprintf(policy_text, sizeof policy_text,
		       "{\"version\":1,\"platforms\":{\"unlisted\":\"refuse\",\"listed\":[{\"name\":\"x\",\"ak_name\":\"%s\"}]}%s}",
		       hex, more);
	return policy_text;
}

static void the_owner_decides_and_the_escrow_stays_open(void **state)
{
	(void)state;
	start_c(0);
	assert_int_equal(escrow(&at_a, 1, policy_for(&c, "")), TCB_OK);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "platform.unlisted");
	assert_int_equal(redeem(&at_c), TCB_OK); /* another destination, that the owner lists */
	assert_granted();
}

static void the_owner_may_want_firmware(void **state)
{
	static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
	char more[256];

	(void)state;
	(void)snprintf(more, sizeof more, ",\"platform_pcrs\":{\"0\":\"%s\"}", zero);
	b.pcr0[5] = 1;
	assert_int_equal(escrow(&at_a, 1, policy_for(&b, more)), TCB_OK);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "platform.pcr");
	b.pcr0[5] = 0;
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

static void an_owner_may_forbid_it_and_errors_show_early(void **state)
{
	(void)state;
	assert_code(escrow(&at_a, 1, "{\"version\":1,\"migration\":{\"allow\":false}}"), "mige.policy.no-migration");
	assert_code(escrow(&at_a, 1, "{\"version\":1,\"migration\":"), "mige.policy.malformed");
	assert_int_equal(escrow(&at_a, 1, "{\"version\":1,\"tcb\":{\"min_evaluation_number\":4000000}}"), TCB_OK);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "quote.tcbinfo.old");
	assert_int_equal(revoke(&at_a), TCB_OK);
	assert_int_equal(escrow(&at_a, 1, "{\"version\":1,\"enclaves\":{\"mige\":[{\"mrenclave\":"
					  "\"1111111111111111111111111111111111111111111111111111111111111111\"}]}}"),
			 TCB_OK);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "mige.peer.enclave");
}

static void a_relayed_tpm_is_refused(void **state)
{
	(void)state;
	start_c(0);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	b.quotes_from = &c;
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "platform.tpm.signature");
	b.quotes_from = NULL;
	assert_int_equal(redeem(&at_b), TCB_OK);
}

static void expired_collateral_is_refused(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	a.now_s = 4000000000u;
	assert_code(redeem(&at_b), "mige.destination.refused");
	a.now_s = 0;
	assert_int_equal(redeem(&at_b), TCB_OK);
}

/* ---- impostors ---- */

static void impostor(int root, uint8_t signer, uint16_t svn)
{
	rig_platform_init(&c, root, "C");
	c.mige_identity.mrsigner[0] = c.pse_identity.mrsigner[0] = signer;
	c.mige_identity.isv_svn = svn;
	rig_start(&c);
	rig_vtpm_init(&at_c, &c, 1);
	at_c.identity.mrsigner[0] = signer;
}

static void an_impostor_gets_nothing(void **state)
{
	const uint8_t signer = fake_identity(ROLE_MIGE).mrsigner[0];

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	impostor(1, signer, 1); /* a root that anyone can make */
	assert_refused_for(redeem(&at_c), "mige.source.refused", "quote.root.untrusted");
	assert_ptr_equal(rig_closed_by(), &a); /* and it is mutual: the source had refused already */
	rig_platform_end(&c);
	rig_reset_connections();
	impostor(0, (uint8_t)(signer ^ 1), 1); /* an enclave that anyone can write */
	assert_refused_for(redeem(&at_c), "mige.source.refused", "mige.peer.signer");
	assert_ptr_equal(rig_closed_by(), &a);
	rig_platform_end(&c);
	assert_int_equal(revoke(&at_a), TCB_OK); /* nothing was decided by it */
}

/* A genuine MigE's quote, in the certificate of a key that it is not about. */
static void a_stolen_quote_gets_nothing(void **state)
{
	static uint8_t quote_bytes[LIMIT_QUOTE];
	uint8_t report_data[SGX_REPORT_DATA_SIZE];
	struct p256_point key = {{1}};
	struct writer w = WRITER_OF(quote_bytes);

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(ratls_report_data(&key, report_data), TCB_OK);
	assert_int_equal(processor_quote(&b.processor, &b.mige_identity, report_data, &w), TCB_OK);
	b.stolen_quote = span_of(quote_bytes, w.size);
	rig_start(&b);
	rig_vtpm_init(&at_b, &b, 2);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "mige.peer.key");
	assert_int_equal(revoke(&at_a), TCB_OK);
}

/* The destination's TPM is moved to another board: it is not the platform that has the grant. */
static void a_moved_tpm_is_another_platform(void **state)
{
	(void)state;
	rig_platform_init(&c, 0, "C");
	memcpy(c.processor.bank.ak_public, b.ak_public, b.ak_public_size);
	c.quotes_from = &b;
	rig_start(&c);
	rig_vtpm_init(&at_c, &c, 1);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_code(redeem(&at_c), "mige.handover.redeemed");
}

static struct rig_vtpm meanwhile;
static enum tcb_error meanwhile_error;

/* Another vTPM under the host's number of the one that waits. */
static void ask_meanwhile(void)
{
	struct rig_vtpm waiting = at_b;

	rig_vtpm_init(&meanwhile, &b, at_b.number);
	meanwhile_error = revoke(&meanwhile);
	fake_tee_become(&b.processor, &waiting.identity);
}

static void an_answer_goes_to_no_other_session(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	rig_set_interlude(ask_meanwhile);
	assert_code(redeem(&at_b), "session.broken");
	assert_int_equal(meanwhile_error, TCB_OK);
	assert_true(has_moved(&meanwhile, 1)); /* its session has not been touched */
	assert_true(meanwhile.mige.open && meanwhile.mige.keys.received == 2);
	at_b.number = 77;
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

static void an_older_mige_gets_nothing(void **state)
{
	(void)state;
	rig_kill(&a.mige);
	a.mige_identity.isv_svn = 2;
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_refused_for(redeem(&at_b), "mige.destination.refused", "mige.peer.svn");
	rig_kill(&b.mige);
	b.mige_identity.isv_svn = 2; /* upgraded */
	assert_int_equal(rig_start_mige(&b, NULL), TCB_OK);
	rig_vtpm_init(&at_b, &b, 2);
	assert_int_equal(redeem(&at_b), TCB_OK);
}

static void an_impostor_gives_nothing(void **state)
{
	(void)state;
	impostor(1, fake_identity(ROLE_MIGE).mrsigner[0], 1);
	assert_int_equal(escrow(&at_c, 1, ""), TCB_OK);
	assert_refused_for(redeem_from(&at_b, &c, 1), "mige.source.refused", "quote.root.untrusted");
}

static size_t altered_at, seen;

static bool alter_one(const struct rig_platform *from, uint8_t *bytes, size_t size)
{
	(void)from;
	if (altered_at >= seen && altered_at < seen + size)
		bytes[altered_at - seen] ^= 0x10;
	seen += size;
	return true;
}

/* A man in the middle who alters one byte anywhere: nothing but an error comes of it, and the next attempt works. */
static void a_man_in_the_middle_gets_nothing(void **state)
{
	size_t total;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	altered_at = SIZE_MAX;
	seen = 0;
	rig_set_network(alter_one, 0);
	assert_int_equal(redeem(&at_b), TCB_OK);
	total = seen;
	for (size_t i = 0; i < 24; i++) {
		rig_reset_connections();
		rig_start(&b);
		rig_vtpm_init(&at_b, &b, 1);
		altered_at = total * i / 24 + 7;
		seen = 0;
		assert_int_not_equal(redeem(&at_b), TCB_OK);
		altered_at = SIZE_MAX;
		assert_int_equal(redeem(&at_b), TCB_OK);
		assert_granted();
	}
}

/* ---- hosts and strangers ---- */

static enum tcb_error feed(uint64_t number, bool closed, struct span bytes, struct mige_step *ret_step)
{
	static uint8_t body_bytes[LIMIT_FRAME];
	const struct mige_net m = { .connection = number, .closed = closed, .bytes = bytes };
	struct writer w = WRITER_OF(body_bytes);
	struct span answer;

	mige_net_encode(&w, &m);
	TRY(enclave_link_call(&a.mige.link, CALL_MIGE_NET, span_of(body_bytes, w.size), &answer, NULL));
	return mige_step_decode(answer, ret_step);
}

static void strangers_cost_their_connection_only(void **state)
{
	static const uint8_t client_hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01}; /* the start of one */
	uint8_t garbage[512];
	struct mige_step step;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	memset(garbage, 'G', sizeof garbage);
	assert_int_equal(feed(MIGE_CONNECTION_INBOUND | 1000, false, SPAN_OF(garbage), &step), TCB_OK);
	assert_true(step.close && !step.answered && step.connection == (MIGE_CONNECTION_INBOUND | 1000));
	assert_int_equal(feed(5, false, SPAN_OF(garbage), &step), TCB_OK); /* one that it never asked for */
	assert_true(step.close && !step.answered);
	assert_int_equal(feed(5, true, span_of(NULL, 0), &step), TCB_OK);
	for (uint64_t i = 0; i < 200; i++) { /* more than it keeps: the oldest go */
		assert_int_equal(feed(MIGE_CONNECTION_INBOUND | (2000 + i), false, SPAN_OF(client_hello), &step), TCB_OK);
		assert_false(step.close);
	}
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

static void nobody_there_is_said_so(void **state)
{
	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	rig_kill(&a.mige);
	assert_code(redeem(&at_b), "mige.source.unreachable");
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
}

/* A machine saved and restored, or its vTPM moved to another place of the same platform. */
static void one_platform_hands_over_to_itself_once(void **state)
{
	struct rig_vtpm twin;

	(void)state;
	rig_vtpm_init(&twin, &a, 9);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&twin), TCB_OK);
	assert_granted();
	assert_code(revoke(&at_a), "vtpm.moved");
	assert_code(activate(&at_a, 1), "vtpm.moved");
	assert_code(redeem(&at_b), "mige.handover.redeemed"); /* no other platform */
	assert_int_equal(redeem(&twin), TCB_OK);              /* an answer that was lost */
	assert_int_equal(activate(&twin, 2), TCB_OK);
	assert_code(redeem(&twin), "ledger.arrived");
}

/* ---- the source is told, and keeps nothing ---- */

static void move_to_b(void)
{
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(activate(&at_b, 2), TCB_OK);
}

static void the_source_is_told_and_forgets_the_key(void **state)
{
	size_t with_key;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(rig_tidy(&b, 1), 0); /* it may be lost there yet, and granted again */
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(activate(&at_b, 2), TCB_OK);
	with_key = a.journal.size;
	assert_int_equal(rig_tidy(&b, 2), 1);
	assert_true(a.journal.size + 300 < with_key);
	assert_int_equal(rig_connections(), 1); /* the one that was idle */
	assert_int_equal(rig_tidy(&b, 3), 0);
	assert_code(redeem(&at_b), "ledger.arrived");
	for (int again = 0; again < 2; again++) { /* nothing is granted a second time */
		start_c(0);
		assert_code(redeem(&at_c), "mige.handover.unknown");
		rig_platform_end(&c);
		assert_code(revoke(&at_a), "vtpm.moved"); /* nor does it go on at A */
		assert_code(activate(&at_a, 1), "vtpm.moved");
		rig_start(&a);
		rig_vtpm_init(&at_a, &a, 2);
	}
}

static void only_the_redeemer_confirms(void **state)
{
	size_t with_key;

	(void)state;
	start_c(0);
	move_to_b();
	with_key = a.journal.size;
	memcpy(b.processor.bank.ak_public, c.ak_public, c.ak_public_size); /* B's processor beside another TPM: another platform */
	b.quotes_from = &c;
	rig_start(&b);
	assert_int_equal(rig_tidy(&b, 1), 1);
	assert_int_equal(a.journal.size, with_key);
	assert_int_equal(rig_tidy(&b, 2), 1); /* it stays to be said */
	memcpy(b.processor.bank.ak_public, b.ak_public, b.ak_public_size);
	b.quotes_from = NULL;
	rig_start(&b);
	assert_int_equal(rig_tidy(&b, 1), 1);
	assert_true(a.journal.size < with_key);
}

/* A's journal is set back to before the decision, or taken away. */
static void an_old_journal_does_not_start(void **state)
{
	struct rig_stored open;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	open = a.journal;
	assert_int_equal(redeem(&at_b), TCB_OK);
	for (int again = 0; again < 2; again++) {
		rig_kill(&a.mige);
		a.journal = open;
		d = (struct diagnosis){0};
		assert_int_equal(rig_start_mige(&a, &d), TCB_REFUSED);
		assert_string_equal(d.code, again == 0 ? "ledger.journal.old" : "ledger.journal.missing");
		open.size = 0;
	}
}

/* A second MigE of the platform, with a copy of the newest journal: the first decides nothing any more. */
static void a_second_mige_supersedes_the_first(void **state)
{
	struct rig_enclave first;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	first = a.mige;
	a.mige = (struct rig_enclave){0};
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
	rig_kill(&a.mige);
	a.mige = first;
	assert_code(redeem(&at_b), "ledger.journal.superseded");
}

/* The destination cannot adopt what it was granted: the source goes on, the destination never does. */
static void what_cannot_be_adopted_is_given_back(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 2; lost++) {
		handover.bytes[1] = (uint8_t)lost;
		assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
		assert_int_equal(redeem(&at_b), TCB_OK);
		if (lost == 1)
			rig_kill(&a.mige); /* it cannot be told now */
		assert_int_equal(renounce(&at_b) == TCB_OK, lost == 0);
		assert_code(activate(&at_b, 2), "ledger.unknown");
		if (lost == 1) {
			assert_code(redeem(&at_b), "mige.handover.returned");
			assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
			rig_vtpm_init(&at_a, &a, 5);
			assert_code(activate(&at_a, 1), "vtpm.moved"); /* not yet */
			assert_int_equal(rig_tidy(&b, 1), 1);
		}
		assert_int_equal(activate(&at_a, 1), TCB_OK);
		assert_int_equal(revoke(&at_a), TCB_OK);
		assert_code(redeem(&at_b), "mige.handover.unknown");
	}
	handover.bytes[1] = 9; /* and it can go there once more */
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_int_equal(activate(&at_b, 2), TCB_OK);
	assert_code(renounce(&at_b), "ledger.phase"); /* adopted: too late */
}

static void be_vtpm(uint8_t number)
{
	lineage = (struct digest256){{number}};
	handover = (struct handover_id){{number}};
}

/* A host has made two vTPMs under one id, and both come to B at once. One may; the other goes back, and on. */
static void two_of_one_id_come_at_once(void **state)
{
	struct rig_vtpm second_at_b;

	(void)state;
	start_c(0);
	rig_vtpm_init(&second_at_b, &b, 2);
	be_vtpm(5);
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(redeem(&at_b), TCB_OK);
	be_vtpm(6);
	assert_int_equal(escrow(&at_c, 1, ""), TCB_OK);
	assert_int_equal(redeem_from(&second_at_b, &c, 1), TCB_OK);
	assert_int_equal(activate(&second_at_b, 2), TCB_OK);
	be_vtpm(5);
	assert_code(tell_ledger(&at_b, LOCAL_LEDGER_ARRIVE, 2, NULL), "ledger.lineage");
	assert_int_equal(renounce(&at_b), TCB_OK);
	assert_code(redeem(&at_b), "mige.handover.unknown");
	escrowed_generation = 1;
	assert_int_equal(activate(&at_a, 1), TCB_OK);
	be_vtpm(6);
	assert_true(has_moved(&at_c, 1));
	assert_int_equal(rig_tidy(&b, 1), 1); /* C is told; A was */
	assert_int_equal(redeem_from(&second_at_b, &c, 1), TCB_REFUSED);
}

/* The enclave that is to get the key is older than the one that left it. */
static void no_older_vtpm_enclave_gets_it(void **state)
{
	(void)state;
	at_a.identity.isv_svn = 2;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	at_b.identity.isv_svn = 1;
	assert_refused_for(redeem(&at_b), "mige.destination.enclave", "mige.vtpm.svn");
	rig_vtpm_init(&at_b, &b, 7);
	at_b.identity.isv_svn = 2;
	assert_int_equal(redeem(&at_b), TCB_OK);
	assert_granted();
}

static void a_confirmation_that_is_lost_is_repeated(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 5; lost++) {
		uint64_t round = 10 * lost;

		handover.bytes[1] = (uint8_t)lost;
		assert_int_equal(escrow(&at_a, 2 * lost, ""), TCB_OK);
		assert_int_equal(redeem_from(&at_b, &a, 2 * lost), TCB_OK);
		assert_int_equal(activate(&at_b, 2 * lost + 1), TCB_OK);
		if (lost > 1) { /* of a new connection: a message of its handshake or after it */
			rig_start(&b);
			rig_vtpm_init(&at_b, &b, 1);
		}
		lost_after = lost > 1 ? lost - 1 : 1;
		rig_set_network(lose_one, 0);
		assert_int_equal(rig_tidy(&b, round), 1);
		lost_after = 0;
		(void)rig_tidy(&b, round + 1); /* where the idle connection was tried first, it has been done anew already */
		assert_int_equal(rig_tidy(&b, round + 2), 0);
		assert_code(redeem_from(&at_b, &a, 2 * lost), "ledger.arrived");
		forget(&at_a);
		forget(&at_b); /* the next one is made anew */
	}
}

static void a_source_that_is_away_is_told_later(void **state)
{
	(void)state;
	move_to_b();
	rig_kill(&a.mige);
	assert_int_equal(rig_tidy(&b, 1), 1);
	assert_int_equal(rig_tidy(&b, 1), 0); /* once a round */
	rig_start(&b);
	assert_int_equal(rig_tidy(&b, 2), 1);
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
	assert_int_equal(rig_tidy(&b, 2), 0);
	assert_int_equal(rig_tidy(&b, 3), 1);
	assert_int_equal(rig_tidy(&b, 4), 0);
}

static void what_is_settled_goes_with_the_ledgers_entry(void **state)
{
	size_t empty, kept;

	(void)state;
	assert_int_equal(rig_tidy(&b, 1), 0);
	start_c(0);
	assert_int_equal(escrow(&at_c, 1, ""), TCB_OK);
	assert_int_equal(revoke(&at_c), TCB_OK);
	empty = c.journal.size;
	move_to_b();
	forget(&at_b); /* the host deletes it before its source was told */
	rig_kill(&a.mige);
	assert_int_equal(rig_tidy(&b, 2), 1);
	kept = b.journal.size;
	assert_true(has_moved(&at_b, 1)); /* A was not told: it stays known */
	assert_int_equal(rig_start_mige(&a, NULL), TCB_OK);
	rig_vtpm_init(&at_a, &a, 6);
	assert_int_equal(rig_tidy(&b, 3), 1);
	assert_true(b.journal.size < kept);
	b.store_fails = true;
	(void)rig_tidy(&b, 4);
	b.store_fails = false;
	assert_int_equal(rig_tidy(&b, 5), 0);
	assert_int_equal(b.journal.size, empty);
	assert_false(has_moved(&at_b, 1));
	assert_code(redeem(&at_b), "mige.handover.unknown"); /* and the blobs serve nowhere */
	assert_int_equal(rig_tidy(&a, 1), 0);
	assert_true(has_moved(&at_a, 1)); /* at A it can still be opened */
	forget(&at_a);
	assert_int_equal(rig_tidy(&a, 2), 0);
	assert_false(has_moved(&at_a, 1));
	assert_int_equal(a.journal.size, empty);
}

/* A vTPM that is deleted while its hand-over is open takes no room for ever. */
static void an_escrow_goes_with_its_vtpm(void **state)
{
	size_t empty, kept;

	(void)state;
	assert_int_equal(escrow(&at_a, 1, ""), TCB_OK);
	assert_int_equal(revoke(&at_a), TCB_OK);
	empty = a.journal.size;
	assert_int_equal(escrow(&at_a, 1, "{\"version\":1,\"platforms\":{\"unlisted\":\"accept\"}}"), TCB_OK);
	kept = a.journal.size;
	assert_int_equal(rig_tidy(&a, 1), 0);
	assert_int_equal(a.journal.size, kept);
	forget(&at_a);
	assert_int_equal(rig_tidy(&a, 2), 0);
	assert_int_equal(a.journal.size, empty);
	assert_code(redeem(&at_b), "mige.handover.unknown");
}

static void only_vtpms_may_ask(void **state)
{
	(void)state;
	at_a.identity = fake_identity(ROLE_PSE);
	assert_code(escrow(&at_a, 1, ""), "session.peer");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hands_over),
		TEST(bytes_may_come_one_by_one),
		TEST(there_and_back_again),
		TEST(a_connection_is_kept),
		TEST(the_same_grant_again_and_to_no_other),
		TEST(granted_under_another_key),
		TEST(revoked_is_not_granted),
		TEST(an_escrow_outlives_its_mige),
		TEST(a_lost_message_loses_nothing),
		TEST(what_cannot_be_written_is_not_granted),
		TEST(the_owner_decides_and_the_escrow_stays_open),
		TEST(the_owner_may_want_firmware),
		TEST(an_owner_may_forbid_it_and_errors_show_early),
		TEST(a_relayed_tpm_is_refused),
		TEST(expired_collateral_is_refused),
		TEST(an_impostor_gets_nothing),
		TEST(a_stolen_quote_gets_nothing),
		TEST(a_moved_tpm_is_another_platform),
		TEST(an_answer_goes_to_no_other_session),
		TEST(an_older_mige_gets_nothing),
		TEST(an_impostor_gives_nothing),
		TEST(a_man_in_the_middle_gets_nothing),
		TEST(strangers_cost_their_connection_only),
		TEST(nobody_there_is_said_so),
		TEST(one_platform_hands_over_to_itself_once),
		TEST(the_source_is_told_and_forgets_the_key),
		TEST(only_the_redeemer_confirms),
		TEST(an_old_journal_does_not_start),
		TEST(a_second_mige_supersedes_the_first),
		TEST(what_cannot_be_adopted_is_given_back),
		TEST(two_of_one_id_come_at_once),
		TEST(no_older_vtpm_enclave_gets_it),
		TEST(a_confirmation_that_is_lost_is_repeated),
		TEST(a_source_that_is_away_is_told_later),
		TEST(what_is_settled_goes_with_the_ledgers_entry),
		TEST(an_escrow_goes_with_its_vtpm),
		TEST(only_vtpms_may_ask),
	};

	return cmocka_run_group_tests_name("mige/handover", tests, begin, end);
}
