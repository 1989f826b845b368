// SPDX-License-Identifier: MIT
/* enclave/vtpm/handover: a source gives its blobs, and runs on when its hand-over is revoked, only once that is written; everything about it is made up
 * but the module itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "edge/local.h"
#include "enclave/tee/tee.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

static struct vtpm vtpm;
static struct diagnosis d;
static enum tcb_error mige_says, pse_says;
static enum revoke_outcome revoke_comes_to;
static unsigned saves, offers;
static bool running, changed;
static const struct handover_id granted = {{7}}; /* what the MigE knows of */

/* ---- what the module stands on ---- */

static enum tcb_error take_escrow(struct span body, bool again, struct span *ret_reply)
{
	struct local_escrowed escrowed = { .address = { (const uint8_t *)"h:1", 3 }, .mige_key = {{5}} };
	static uint8_t reply_bytes[128];
	struct writer w = WRITER_OF(reply_bytes);
	struct local_escrow asked;

	assert_int_equal(local_escrow_decode(body, &asked), TCB_OK);
	assert_memory_equal(&asked.id, &vtpm.record.id, sizeof asked.id);
	assert_int_equal(asked.generation, 3);
	assert_memory_not_equal(asked.key_bytes.data, (uint8_t[32]){0}, 32);
	escrowed.handover = again ? granted : asked.handover;
	local_escrowed_encode(&w, &escrowed);
	return writer_end(&w, ret_reply);
}

/* Every answer that comes is authenticated; TCB_PLATFORM: the host's, or none. */
enum tcb_error session_call(struct session *s, enum local_request request, struct span body, struct span *ret_reply, struct diagnosis *ret_d)
{
	static uint8_t outcome;

	(void)ret_d;
	assert_ptr_equal(s, &vtpm.mige);
	if (mige_says != TCB_OK)
		return mige_says;
	if (request == LOCAL_ESCROW || request == LOCAL_ESCROW_AGAIN)
		return take_escrow(body, request == LOCAL_ESCROW_AGAIN, ret_reply);
	assert_int_equal(request, LOCAL_REVOKE);
	assert_int_equal(body.size, UUID_SIZE + SHA256_SIZE + HANDOVER_ID_SIZE + 8);
	assert_memory_equal(body.data, vtpm.record.id.bytes, UUID_SIZE);
	assert_memory_equal(body.data + UUID_SIZE, vtpm.record.lineage.bytes, SHA256_SIZE);
	assert_memory_equal(body.data + UUID_SIZE + SHA256_SIZE, vtpm.out.handover.bytes, HANDOVER_ID_SIZE);
	assert_int_equal(body.data[body.size - 1], 3);
	outcome = (uint8_t)revoke_comes_to;
	*ret_reply = span_of(&outcome, 1);
	return TCB_OK;
}

enum tcb_error state_ask_pse(struct vtpm *v, enum local_request request, struct span body, struct span *ret_reply, struct diagnosis *ret_d)
{
	struct ledger_offer offer;

	assert_int_equal(request, LOCAL_LEDGER_OFFER);
	assert_int_equal(ledger_offer_decode(body, &offer), TCB_OK);
	assert_int_equal(offer.version, v->record.version);
	assert_memory_equal(&offer.digest, &v->digest, sizeof v->digest);
	assert_memory_equal(&offer.handover, &v->out.handover, sizeof offer.handover);
	offers++;
	*ret_reply = span_of(NULL, 0);
	return pse_says == TCB_OK ? TCB_OK : diagnose(ret_d, pse_says, "ledger.copy.superseded", "f", "w", "a");
}

enum tcb_error state_save(struct vtpm *v, struct diagnosis *ret_d)
{
	(void)v;
	(void)ret_d;
	saves++;
	return TCB_OK;
}

enum tcb_error lease_ensure(struct vtpm *v, struct diagnosis *ret_d)
{
	(void)v;
	(void)ret_d;
	return TCB_OK;
}

bool engine_take_changed(void) { return changed; }
uint32_t engine_version(void) { return 0x900; }
bool engine_running(void) { return running; }
void engine_stop(void) { running = false; }
struct span engine_permanent(void) { return span_of(NULL, 0); }
enum tcb_error engine_volatile(uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	(void)ret_bytes;
	(void)capacity;
	*ret_size = 0;
	return TCB_OK;
}
enum tcb_error engine_start(struct span permanent, struct span volatile_state, struct diagnosis *ret_d)
{
	(void)permanent;
	(void)volatile_state;
	(void)ret_d;
	return TCB_INTERNAL;
}
enum tcb_error state_arrive(struct vtpm *v, const struct handover_id *handover, struct diagnosis *ret_d)
{
	(void)handover;
	return state_save(v, ret_d);
}
enum tcb_error state_encode(const struct vtpm_record *record, struct span tpm, struct writer *w)
{
	(void)record;
	(void)tpm;
	writer_u32(w, 0);
	return TCB_OK;
}
enum tcb_error state_decode(struct span bytes, struct vtpm_record *ret_record, struct span *ret_tpm)
{
	(void)bytes;
	(void)ret_record;
	(void)ret_tpm;
	return TCB_INTERNAL;
}
void record_copy(struct vtpm_record *ret, const struct vtpm_record *record) { *ret = *record; }
enum tcb_error residence_begin(struct vtpm *v)
{
	(void)v;
	return TCB_INTERNAL;
}
void tee_release(void *memory, size_t size) { memset(memory, 0, size); }

/* ---- tests ---- */

static int escrowed(void **state)
{
	(void)state;
	vtpm.record = (struct vtpm_record){ .id = {{1}}, .generation = 3, .version = 8, .state = VTPM_ESCROWED };
	vtpm.digest = (struct digest256){{8}};
	vtpm.out.active = running = true;
	vtpm.out.handover = (struct handover_id){{2}};
	mige_says = pse_says = TCB_OK;
	revoke_comes_to = REVOKE_DONE;
	saves = offers = 0;
	changed = false;
	d = (struct diagnosis){0};
	return crypto_init() == TCB_OK ? 0 : -1;
}

/* Another copy was opened since, say: not even when it is asked twice. */
static void gives_nothing_that_the_ledger_does_not_have(void **state)
{
	(void)state;
	vtpm.record.state = VTPM_RUNNING;
	vtpm.out.active = false;
	pse_says = TCB_REFUSED;
	for (unsigned again = 1; again <= 2; again++) {
		assert_int_equal(handover_export(&vtpm, &d), TCB_REFUSED);
		assert_true(vtpm.record.state == VTPM_RUNNING && !vtpm.out.active && offers == again);
	}
	pse_says = TCB_OK;
	changed = true; /* what has changed is committed first */
	assert_int_equal(handover_export(&vtpm, &d), TCB_OK);
	assert_int_equal(saves, 1);
	for (unsigned again = 1; again <= 2; again++) { /* the same hand-over, asked for again */
		assert_int_equal(handover_export(&vtpm, &d), TCB_OK);
		assert_true(vtpm.record.state == VTPM_ESCROWED && vtpm.out.active && offers == 3);
	}
}

static void goes_on(void **state)
{
	(void)state;
	assert_int_equal(handover_revoke(&vtpm, &d), TCB_OK);
	assert_true(vtpm.record.state == VTPM_RUNNING && !vtpm.out.active && running && saves == 0);
}

/* The engine stays: the destination may give it back. */
static void what_was_granted_has_moved(void **state)
{
	(void)state;
	revoke_comes_to = REVOKE_GRANTED;
	assert_int_equal(handover_revoke(&vtpm, &d), TCB_REFUSED);
	assert_string_equal(d.code, "vtpm.moved");
	assert_true(vtpm.record.state == VTPM_MOVED && running && saves == 0);
}

/* Loaded again after it was granted: its blobs are made anew, for the same hand-over; it does not run, and is nothing else than before. */
static void what_was_granted_is_given_again(void **state)
{
	(void)state;
	vtpm.record.state = VTPM_MOVED;
	vtpm.out.active = running = false;
	vtpm.out.volatile_size = 9;
	mige_says = TCB_REFUSED; /* it has come */
	assert_int_equal(handover_export(&vtpm, &d), TCB_REFUSED);
	assert_false(vtpm.out.active);
	mige_says = TCB_OK;
	assert_int_equal(handover_export(&vtpm, &d), TCB_OK);
	assert_true(vtpm.record.state == VTPM_MOVED && vtpm.out.active && !running && saves == 0);
	assert_memory_equal(&vtpm.out.handover, &granted, sizeof granted);
	assert_true(vtpm.out.permanent_size > 0 && vtpm.out.volatile_size == 0);
}

/* No error decides: neither the host's nor the MigE's. */
static void an_error_changes_nothing(void **state)
{
	static const enum tcb_error errors[] = { TCB_PLATFORM, TCB_REFUSED, TCB_WRONG_STATE, TCB_LIMIT, TCB_MALFORMED };

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		mige_says = errors[i];
		assert_int_equal(handover_revoke(&vtpm, &d), errors[i]);
		assert_true(vtpm.record.state == VTPM_ESCROWED && vtpm.out.active && saves == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gives_nothing_that_the_ledger_does_not_have, escrowed),
		cmocka_unit_test_setup(goes_on, escrowed),
		cmocka_unit_test_setup(what_was_granted_has_moved, escrowed),
		cmocka_unit_test_setup(what_was_granted_is_given_again, escrowed),
		cmocka_unit_test_setup(an_error_changes_nothing, escrowed),
	};

	return cmocka_run_group_tests_name("vtpm/handover", tests, NULL, NULL);
}
