// SPDX-License-Identifier: MIT
/* enclave/pse/{ledger,register}: old, forked and copied states are refused, one enclave at a time acts as a vTPM, and what a hand-over changes
 * is changed once; across restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "enclave/lib/outbox.h"
#include "enclave/pse/ledger.h"
#include "tests/enclave/fake_store.h"

static struct fake_store store;
static struct ledger ledger;
static struct diagnosis d;
static struct journal_version journal; /* the MigE's newest */

static int fresh(void **state)
{
	(void)state;
	fake_store_begin(&store, 1, ROLE_PSE);
	journal = (struct journal_version){0};
	return crypto_init() == TCB_OK && ledger_load(&ledger, span_of(NULL, 0), NULL) == TCB_OK ? 0 : -1;
}

/* What was posted goes with an answer: here is one. */
static enum tcb_error answered(enum tcb_error error)
{
	outbox_send(span_of(NULL, 0));
	return error;
}

static void restart(void)
{
	assert_int_equal(ledger_load(&ledger, span_of(store.bytes, store.size), NULL), TCB_OK);
}

/* State `version` of vTPM `id`; `branch` tells one content from another. */
static struct ledger_entry entry_of(uint8_t id, uint64_t version, uint8_t branch, uint8_t previous_branch)
{
	struct ledger_entry e = { .id = {{id}}, .lineage = {{id, 7}}, .generation = 1, .version = version,
				  .digest = {{(uint8_t)version, branch}} };

	if (version > 1)
		e.previous = (struct digest256){{(uint8_t)(version - 1), previous_branch}};
	return e;
}

static struct ledger_lease lease;

static enum tcb_error open_entry(struct ledger_entry e, uint64_t session)
{
	d = (struct diagnosis){0};
	e.incarnation.bytes[0] = (uint8_t)session;
	return answered(register_open(&ledger, &e, session, &lease, &d));
}

static enum tcb_error open_state(uint8_t id, uint64_t version, uint8_t branch, uint64_t session)
{
	return open_entry(entry_of(id, version, branch, 0), session);
}

static enum tcb_error commit(uint8_t id, uint64_t version, uint8_t branch, uint64_t session)
{
	struct ledger_entry e = entry_of(id, version, branch, 0);

	d = (struct diagnosis){0};
	e.incarnation.bytes[0] = (uint8_t)session;
	return answered(register_commit(&ledger, &e, session, &d));
}

static enum tcb_error check(uint8_t id, uint64_t session)
{
	d = (struct diagnosis){0};
	return register_check(&ledger, &(struct uuid){{id}}, session, &lease, &d);
}

/* It is made, with its first state. */
static void begin(uint8_t id, uint64_t session)
{
	struct ledger_entry e = entry_of(id, 1, 0, 0);

	e.incarnation.bytes[0] = (uint8_t)session;
	assert_int_equal(answered(register_create(&ledger, &e, session, NULL)), TCB_OK);
}

static void assert_refused(enum tcb_error error, const char *code)
{
	assert_int_equal(error, TCB_REFUSED);
	assert_string_equal(d.code, code);
}

/* ---- the MigE ---- */

static enum tcb_error journal_does(enum journal_change change, uint8_t id, uint8_t handover)
{
	const struct journal_version next = { .version = journal.version + 1, .previous = journal.digest,
					      .digest = {{(uint8_t)(journal.version + 1), 3}}, .change = change,
					      .id = {{id}}, .handover = {{handover}} };

	d = (struct diagnosis){0};
	TRY(answered(register_commit_journal(&ledger, &next, 99, &d)));
	journal = next;
	return TCB_OK;
}

static void mige_starts(void)
{
	bool ahead;

	assert_int_equal(register_open_journal(&ledger, &journal, 99, &ahead, NULL), TCB_OK);
	assert_false(ahead);
}

static enum tcb_error offer(uint8_t id, uint64_t version, uint8_t handover, uint64_t session)
{
	const struct ledger_offer m = { .id = {{id}}, .version = version, .digest = {{(uint8_t)version}},
					.handover = {{handover}} };

	d = (struct diagnosis){0};
	return register_offer(&ledger, &m, session, &d);
}

static enum tcb_error expect(uint8_t id, uint64_t generation, uint8_t handover, uint64_t session)
{
	const struct ledger_arrival m = { .id = {{id}}, .lineage = {{id, 7}}, .generation = generation,
					  .handover = {{handover}} };

	d = (struct diagnosis){0};
	return register_expect(&ledger, &m, session, &d);
}

static void granted(uint8_t id, uint8_t handover)
{
	assert_int_equal(register_granted(&ledger, &(struct ledger_handover){ .id = {{id}}, .handover = {{handover}} }, 99, NULL), TCB_OK);
}

static enum tcb_error arrive(uint8_t id, uint64_t generation, uint8_t handover, uint64_t session)
{
	struct ledger_entry e = entry_of(id, 40 + generation, 0, 0);

	e.generation = generation;
	e.handover.bytes[0] = handover;
	e.incarnation.bytes[0] = (uint8_t)session;
	d = (struct diagnosis){0};
	return answered(register_arrive(&ledger, &e, session, &d));
}

/* It leaves by this hand-over, up to the grant. */
static void leave(uint8_t id, uint64_t version, uint8_t handover, uint64_t session)
{
	assert_int_equal(offer(id, version, handover, session), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_ESCROW, id, handover), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_GRANT, id, handover), TCB_OK);
}

static void commits_in_order(void **state)
{
	(void)state;
	begin(1, 10);
	for (uint64_t version = 2; version < 20; version++)
		assert_int_equal(commit(1, version, 0, 10), TCB_OK);
	assert_refused(commit(1, 19, 0, 10), "ledger.version");
	assert_refused(commit(1, 21, 0, 10), "ledger.version");
	assert_int_equal(store.writes, 19);
}

static void refuses_old_and_forked_states(void **state)
{
	(void)state;
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	assert_int_equal(commit(1, 3, 0, 10), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		assert_refused(open_state(1, 1, 0, 11), "ledger.state.old");
		assert_refused(open_state(1, 2, 0, 11), "ledger.state.old");
		assert_refused(open_state(1, 3, 7, 11), "ledger.state.forked");
		assert_refused(open_state(1, 5, 0, 11), "ledger.state.old"); /* nor one from nowhere */
	}
	assert_int_equal(open_state(1, 3, 0, 11), TCB_OK);
}

/* Power is cut after the state was stored and before its commit. */
static void accepts_the_state_being_written(void **state)
{
	struct ledger_entry other = entry_of(1, 3, 0, 9);

	(void)state;
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	restart();
	assert_int_equal(open_entry(other, 11), TCB_REFUSED); /* it does not follow the newest */
	assert_int_equal(open_state(1, 3, 0, 11), TCB_OK);
	assert_refused(open_state(1, 2, 0, 12), "ledger.state.old"); /* taken in: the one before is old now */
	assert_int_equal(commit(1, 4, 0, 11), TCB_OK);
}

static void a_copy_opened_later_supersedes(void **state)
{
	(void)state;
	begin(1, 10);
	assert_int_equal(open_state(1, 1, 0, 11), TCB_OK);
	assert_refused(commit(1, 2, 0, 10), "ledger.copy.superseded");
	assert_int_equal(commit(1, 2, 0, 11), TCB_OK);
	assert_refused(commit(2, 1, 0, 11), "ledger.unknown"); /* never made */
	restart();
	assert_refused(commit(1, 3, 0, 11), "ledger.copy.superseded"); /* nor after a restart, before it is opened */
}

/* Its session broke: the same enclave goes on, no other by its name. */
static void only_the_holder_resumes(void **state)
{
	struct ledger_entry e = entry_of(1, 2, 0, 0);

	(void)state;
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	e.resumes = true;
	e.incarnation.bytes[0] = 10;
	assert_int_equal(answered(register_open(&ledger, &e, 20, &lease, &d)), TCB_OK);
	assert_int_equal(check(1, 20), TCB_OK);
	assert_refused(check(1, 10), "ledger.copy.superseded");
	assert_int_equal(open_state(1, 2, 0, 11), TCB_OK); /* a copy is opened */
	d = (struct diagnosis){0};
	assert_refused(register_open(&ledger, &e, 21, &lease, &d), "ledger.copy.superseded");
	for (int again = 0; again < 2; again++, restart()) { /* a restart of the PSE gives the lease back to nobody */
		d = (struct diagnosis){0};
		assert_refused(register_open(&ledger, &e, 22, &lease, &d), "ledger.copy.superseded");
		e.incarnation.bytes[0] = 11;
		assert_int_equal(answered(register_open(&ledger, &e, 23, &lease, NULL)), TCB_OK);
		e.incarnation.bytes[0] = 10;
	}
}

static void an_id_is_one_vtpms(void **state)
{
	struct ledger_entry other = entry_of(1, 1, 0, 0);

	(void)state;
	begin(1, 9);
	begin(1, 10); /* the first one's creation was not finished */
	assert_refused(check(1, 9), "ledger.copy.superseded");
	assert_refused(open_entry((struct ledger_entry){ .id = {{1}}, .version = 1 }, 9), "ledger.lineage");
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	other.lineage.bytes[5] = 1;
	d = (struct diagnosis){0};
	assert_refused(register_create(&ledger, &other, 11, &d), "ledger.id.taken");
	assert_refused(open_entry(other, 11), "ledger.lineage");
	mige_starts();
	leave(1, 2, 0xa1, 10);
	{
		const struct ledger_arrival m = { .id = {{1}}, .lineage = {{9}}, .generation = 3, .handover = {{0xa2}} };

		d = (struct diagnosis){0};
		assert_refused(register_expect(&ledger, &m, 12, &d), "ledger.lineage");
	}
}

/* The enclave offers what is newest; nobody else, and nothing else, is escrowed. */
static void what_is_escrowed_was_offered(void **state)
{
	(void)state;
	mige_starts();
	begin(1, 10);
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), "ledger.phase");
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0), "ledger.phase");
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 2, 0xa1), "ledger.unknown");
	assert_refused(offer(1, 2, 0xa1, 10), "ledger.version");
	assert_refused(offer(1, 1, 0xa1, 11), "ledger.copy.superseded");
	assert_int_equal(offer(1, 1, 0xa1, 10), TCB_OK);
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa2), "ledger.phase");
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK); /* it went on: the offer was for the state before */
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), "ledger.phase");
	assert_int_equal(offer(1, 2, 0xa1, 10), TCB_OK);
	assert_int_equal(open_state(1, 2, 0, 11), TCB_OK); /* a copy is opened: the same */
	assert_refused(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), "ledger.phase");
	assert_int_equal(offer(1, 2, 0xa1, 11), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), TCB_OK);
	for (int again = 0; again < 2; again++, restart(), mige_starts()) {
		assert_int_equal(open_state(1, 2, 0, 12), TCB_OK);
		assert_int_equal(lease.phase, LEDGER_ESCROWED);
		assert_int_equal(lease.handover.bytes[0], 0xa1);
		assert_refused(commit(1, 3, 0, 12), "ledger.phase");
	}
	assert_int_equal(open_state(1, 2, 0, 12), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_REVOKE, 1, 0xa2), TCB_OK); /* of another hand-over: nothing */
	assert_refused(commit(1, 3, 0, 12), "ledger.phase");
	assert_int_equal(journal_does(JOURNAL_CHANGES_REVOKE, 1, 0xa1), TCB_OK);
	assert_int_equal(open_state(1, 2, 0, 13), TCB_OK);
	assert_int_equal(commit(1, 3, 0, 13), TCB_OK);
}

/* What was granted never acts here again; the state that was handed over, and no other, can be given again. */
static void what_was_granted_has_moved(void **state)
{
	(void)state;
	mige_starts();
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	leave(1, 2, 0xa1, 10);
	for (int again = 0; again < 2; again++, restart(), mige_starts()) {
		assert_refused(open_state(1, 1, 0, 11), "ledger.state.old");
		assert_refused(open_state(1, 3, 0, 11), "ledger.state.old"); /* a state that was never committed */
		assert_int_equal(open_state(1, 2, 0, 11), TCB_OK);
		assert_int_equal(lease.phase, LEDGER_MOVED);
		assert_refused(commit(1, 3, 0, 11), "ledger.phase");
		assert_refused(offer(1, 2, 0xa2, 11), "ledger.phase");
	}
	assert_int_equal(journal_does(JOURNAL_CHANGES_REVOKE, 1, 0xa1), TCB_OK); /* too late */
	assert_int_equal(open_state(1, 2, 0, 12), TCB_OK);
	assert_int_equal(lease.phase, LEDGER_MOVED);
	assert_int_equal(journal_does(JOURNAL_CHANGES_RETURN, 1, 0xa1), TCB_OK); /* its destination gave it back */
	assert_int_equal(commit(1, 3, 0, 12), TCB_OK);
}

static void an_arrival_is_one_step(void **state)
{
	(void)state;
	mige_starts();
	assert_refused(arrive(1, 2, 0xa1, 10), "ledger.arrival.unknown");
	assert_int_equal(expect(1, 2, 0xa1, 10), TCB_OK);
	assert_refused(arrive(1, 2, 0xa1, 10), "ledger.arrival.unknown"); /* not granted */
	granted(1, 0xa1);
	assert_refused(arrive(1, 2, 0xa1, 11), "ledger.arrival.unknown"); /* another enclave, with the same blobs */
	assert_refused(arrive(1, 3, 0xa1, 10), "ledger.arrival.unknown");
	assert_refused(arrive(1, 2, 0xa2, 10), "ledger.arrival.unknown");
	assert_int_equal(arrive(1, 2, 0xa1, 10), TCB_OK);
	assert_int_equal(check(1, 10), TCB_OK);
	for (int again = 0; again < 2; again++, restart(), mige_starts()) { /* the blobs once more */
		assert_refused(expect(1, 2, 0xa1, 12), "ledger.arrived");
		granted(1, 0xa1);
		assert_refused(arrive(1, 2, 0xa1, 12), "ledger.arrival.unknown");
	}
	assert_int_equal(open_entry((struct ledger_entry){ .id = {{1}}, .lineage = {{1, 7}}, .generation = 2, .version = 42, .digest = {{42}} }, 13),
			 TCB_OK);
	assert_int_equal(lease.phase, LEDGER_HERE);
	assert_refused(expect(1, 3, 0xa3, 14), "ledger.phase"); /* it is here: no later one can be elsewhere */
}

/* An enclave that has the key of what was given back does not adopt it. */
static void what_is_renounced_does_not_arrive(void **state)
{
	const struct ledger_handover m = { .id = {{1}}, .handover = {{0xa1}} };

	(void)state;
	mige_starts();
	assert_int_equal(expect(1, 2, 0xa1, 10), TCB_OK);
	granted(1, 0xa1);
	d = (struct diagnosis){0};
	assert_refused(register_renounce(&ledger, &m, 98, &d), "ledger.journal.superseded");
	assert_int_equal(register_renounce(&ledger, &m, 99, &d), TCB_OK);
	assert_refused(arrive(1, 2, 0xa1, 10), "ledger.arrival.unknown");
	assert_int_equal(expect(1, 2, 0xa1, 10), TCB_OK);
	granted(1, 0xa1);
	assert_int_equal(arrive(1, 2, 0xa1, 10), TCB_OK);
	d = (struct diagnosis){0};
	assert_refused(register_renounce(&ledger, &m, 99, &d), "ledger.phase"); /* adopted: too late */
}

/* On one platform: the register that is left is the one that it arrives in. */
static void it_moves_within_the_platform(void **state)
{
	(void)state;
	mige_starts();
	begin(1, 10);
	assert_int_equal(expect(1, 2, 0xa1, 11), TCB_REFUSED); /* it is here, and not offered */
	assert_int_equal(offer(1, 1, 0xa1, 10), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), TCB_OK);
	assert_int_equal(expect(1, 2, 0xa1, 11), TCB_OK);
	granted(1, 0xa1);
	assert_refused(arrive(1, 2, 0xa1, 11), "ledger.phase"); /* not decided */
	assert_int_equal(journal_does(JOURNAL_CHANGES_GRANT, 1, 0xa1), TCB_OK);
	assert_int_equal(arrive(1, 2, 0xa1, 11), TCB_OK);
	assert_refused(check(1, 10), "ledger.copy.superseded");
	assert_int_equal(check(1, 11), TCB_OK);
	assert_int_equal(lease.phase, LEDGER_HERE);
}

static void a_second_mige_takes_over(void **state)
{
	const struct journal_version old = { .version = 0 };
	bool ahead;

	(void)state;
	mige_starts();
	begin(1, 10);
	assert_int_equal(offer(1, 1, 0xa1, 10), TCB_OK);
	assert_int_equal(journal_does(JOURNAL_CHANGES_ESCROW, 1, 0xa1), TCB_OK);
	d = (struct diagnosis){0};
	assert_refused(register_open_journal(&ledger, &old, 97, &ahead, &d), "ledger.journal.missing"); /* with an empty journal */
	assert_int_equal(register_open_journal(&ledger, &journal, 97, &ahead, NULL), TCB_OK);
	assert_refused(journal_does(JOURNAL_CHANGES_GRANT, 1, 0xa1), "ledger.journal.superseded");
	d = (struct diagnosis){0};
	assert_refused(register_check_journal(&ledger, 99, &d), "ledger.journal.superseded"); /* nor does it repeat what it decided */
	assert_int_equal(register_check_journal(&ledger, 97, NULL), TCB_OK);
}

static bool drop(uint8_t id, const struct digest256 *newest)
{
	bool is_dropped;

	assert_int_equal(answered(register_drop(&ledger, &(struct uuid){{id}}, newest, &is_dropped, NULL)), TCB_OK);
	return is_dropped;
}

/* The host deletes what has just arrived: its blobs must not serve again before the source was told. */
static void what_is_deleted_early_does_not_come_again(void **state)
{
	(void)state;
	mige_starts();
	assert_int_equal(expect(1, 2, 0xa1, 10), TCB_OK);
	granted(1, 0xa1);
	assert_int_equal(arrive(1, 2, 0xa1, 10), TCB_OK);
	assert_true(drop(1, NULL));
	for (int again = 0; again < 2; again++, restart(), mige_starts()) {
		assert_refused(expect(1, 2, 0xa1, 11), "ledger.arrived");
		assert_refused(check(1, 10), "ledger.unknown");
		d = (struct diagnosis){0};
		assert_refused(register_create(&ledger, &(struct ledger_entry){ .id = {{1}} }, 12, &d), "ledger.id.taken");
	}
	assert_int_equal(journal_does(JOURNAL_CHANGES_SETTLE, 1, 0xa1), TCB_OK);
	assert_null(ledger_find(&ledger, &(struct uuid){{1}}));
}

/* The host has no use for what has moved: it goes when its destination has confirmed, or when it is told in any case. */
static void what_has_moved_is_kept_until_it_settles(void **state)
{
	const struct digest256 newest = {{1}};

	(void)state;
	mige_starts();
	begin(1, 10);
	leave(1, 1, 0xa1, 10);
	assert_true(drop(1, &newest));
	restart();
	mige_starts();
	assert_non_null(ledger_find(&ledger, &(struct uuid){{1}}));
	assert_int_equal(journal_does(JOURNAL_CHANGES_SETTLE, 1, 0xa1), TCB_OK);
	assert_null(ledger_find(&ledger, &(struct uuid){{1}}));
	begin(1, 10);
	leave(1, 1, 0xa2, 10);
	assert_true(drop(1, NULL));
	assert_null(ledger_find(&ledger, &(struct uuid){{1}}));
}

static void what_was_dropped_is_gone(void **state)
{
	const struct uuid id = {{1}}, other = {{2}};
	bool dropped;

	(void)state;
	begin(1, 10);
	begin(2, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	for (uint64_t version = 1; version <= 2; version++) { /* by its newest state only */
		const struct ledger_entry e = entry_of(1, version, 0, 0);

		assert_int_equal(answered(register_drop(&ledger, &id, &e.digest, &dropped, NULL)), TCB_OK);
		assert_int_equal(dropped, version == 2);
		assert_int_equal((ledger_find(&ledger, &id) != NULL), version != 2);
	}
	assert_int_equal(answered(register_drop(&ledger, &id, &(struct digest256){0}, &dropped, NULL)), TCB_OK); /* twice is once */
	assert_true(dropped);
	for (int again = 0; again < 2; again++, restart()) {
		assert_false((ledger_find(&ledger, &id) != NULL));
		assert_true((ledger_find(&ledger, &other) != NULL));
		assert_refused(open_state(1, 1, 0, 11), "ledger.unknown");
		assert_refused(open_state(1, 2, 0, 11), "ledger.unknown");
		assert_refused(commit(1, 3, 0, 10), "ledger.unknown"); /* nor does an enclave that still has it go on */
		d = (struct diagnosis){0};
		assert_refused(check(1, 10), "ledger.unknown");
	}
	assert_int_equal(open_state(2, 1, 0, 12), TCB_OK);
	begin(1, 12); /* a new one of that id */
	assert_refused(open_state(1, 1, 7, 13), "ledger.state.forked"); /* a state of the former one, were it of one lineage */
}

static void what_was_never_made_does_not_open(void **state)
{
	(void)state;
	for (uint64_t version = 1; version < 4; version++)
		assert_refused(open_state(1, version, 0, 10), "ledger.unknown");
	assert_int_equal(store.writes, 0);
}

static void only_the_last_that_opened_holds_it(void **state)
{
	(void)state;
	begin(1, 10);
	assert_int_equal(check(1, 10), TCB_OK);
	assert_int_equal(open_state(1, 1, 0, 11), TCB_OK);
	assert_refused(check(1, 10), "ledger.copy.superseded");
	assert_int_equal(check(1, 11), TCB_OK);
}

static void another_processors_ledger_does_not_open(void **state)
{
	static uint8_t kept[4096];
	size_t size;

	(void)state;
	begin(1, 10);
	size = store.size;
	memcpy(kept, store.bytes, size);
	fake_store_begin(&store, 2, ROLE_PSE);
	d = (struct diagnosis){0};
	assert_int_equal(ledger_load(&ledger, span_of(kept, size), &d), TCB_CRYPTO);
	assert_string_equal(d.code, "seal.foreign");
}

static struct uuid numbered(size_t i)
{
	return (struct uuid){{0x80, (uint8_t)(i * 37 >> 8), (uint8_t)(i * 37), (uint8_t)i, (uint8_t)(i >> 8)}}; /* not in their order */
}

static void is_full_in_the_end(void **state)
{
	const struct ledger_entry one = entry_of(1, 1, 0, 0);
	const struct uuid gone = numbered(77);
	bool dropped;

	(void)state;
	for (size_t i = 0; i < LEDGER_ENTRIES; i++) {
		const struct ledger_entry e = { .id = numbered(i), .version = 1 };

		assert_int_equal(answered(register_create(&ledger, &e, 10, NULL)), TCB_OK);
		store.size = 0; /* it does not keep so many steps */
	}
	d = (struct diagnosis){0};
	assert_int_equal(register_create(&ledger, &one, 10, &d), TCB_LIMIT);
	assert_string_equal(d.code, "ledger.full");
	assert_int_equal(answered(register_drop(&ledger, &gone, &(struct digest256){0}, &dropped, NULL)), TCB_OK);
	begin(1, 10);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK); /* and all of it fits the stored form */
	restart();
	assert_int_equal(open_state(1, 1, 0, 10), TCB_OK);
	for (size_t i = 0; i < LEDGER_ENTRIES; i++) {
		const struct uuid id = numbered(i);

		assert_int_equal((ledger_find(&ledger, &id) != NULL), i != 77);
	}
}

/* What is stored is one history: a step that is missing, twice, altered or of another history is not taken. */
static void steps_are_one_chain(void **state)
{
	static uint8_t kept[16384], cut[16384];
	size_t ends[8], count = 0, first;

	(void)state;
	begin(1, 10);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	ends[count++] = store.size;
	for (uint64_t version = 2; version < 6; version++) {
		assert_int_equal(commit(1, version, 0, 10), TCB_OK);
		ends[count++] = store.size;
	}
	memcpy(kept, store.bytes, store.size);
	for (size_t i = 0; i < count; i++) { /* cut at its end: the state of then */
		assert_int_equal(ledger_load(&ledger, span_of(kept, ends[i]), NULL), TCB_OK);
		assert_int_equal(open_state(1, i + 1, 0, 11), TCB_OK);
	}
	for (size_t i = 1; i + 1 < count; i++) { /* one taken out */
		memcpy(cut, kept, ends[i - 1]);
		memcpy(cut + ends[i - 1], kept + ends[i], ends[count - 1] - ends[i]);
		d = (struct diagnosis){0};
		assert_refused(ledger_load(&ledger, span_of(cut, ends[i - 1] + ends[count - 1] - ends[i]), &d), "ledger.chain");
	}
	first = ends[0];
	for (size_t at = first; at < ends[1]; at++) { /* any byte altered, or the end in the middle of a step */
		memcpy(cut, kept, ends[count - 1]);
		cut[at] ^= 1;
		assert_int_not_equal(ledger_load(&ledger, span_of(cut, ends[count - 1]), NULL), TCB_OK);
		if (at > first)
			assert_int_not_equal(ledger_load(&ledger, span_of(kept, at), NULL), TCB_OK);
	}
}

/* Power is cut after a snapshot was stored and before the steps it has were dropped. */
static void a_snapshot_passes_over_its_steps(void **state)
{
	static uint8_t stored[16384];
	size_t steps, snapshot;

	(void)state;
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	snapshot = store.size;
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	steps = store.size - snapshot;
	memcpy(stored, store.bytes + snapshot, steps);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	memmove(stored + store.size, stored, steps);
	memcpy(stored, store.bytes, store.size);
	steps += store.size;
	assert_int_equal(ledger_load(&ledger, span_of(stored, steps), NULL), TCB_OK);
	assert_int_equal(open_state(1, 2, 0, 11), TCB_OK);
}

/* The host stored a snapshot and said that it did not. */
static void a_snapshot_that_was_not_answered_breaks_no_chain(void **state)
{
	static uint8_t steps[16384];
	size_t size;

	(void)state;
	begin(1, 10);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	size = store.size;
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK); /* a step that names the one before the snapshot */
	memcpy(steps, store.bytes + size, store.size - size);
	size = store.size - size;
	store.fails = true;
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_PLATFORM);
	store.fails = false;
	assert_int_equal(commit(1, 3, 0, 10), TCB_OK);
	restart();
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	memcpy(store.bytes + store.size, steps, size); /* a step that the snapshot has */
	store.size += size;
	restart();
	assert_int_equal(open_state(1, 3, 0, 11), TCB_OK);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK);
	restart();
	assert_int_equal(open_state(1, 3, 0, 12), TCB_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(commits_in_order, fresh),
		cmocka_unit_test_setup(refuses_old_and_forked_states, fresh),
		cmocka_unit_test_setup(accepts_the_state_being_written, fresh),
		cmocka_unit_test_setup(a_copy_opened_later_supersedes, fresh),
		cmocka_unit_test_setup(only_the_holder_resumes, fresh),
		cmocka_unit_test_setup(an_id_is_one_vtpms, fresh),
		cmocka_unit_test_setup(what_is_escrowed_was_offered, fresh),
		cmocka_unit_test_setup(what_was_granted_has_moved, fresh),
		cmocka_unit_test_setup(an_arrival_is_one_step, fresh),
		cmocka_unit_test_setup(what_is_renounced_does_not_arrive, fresh),
		cmocka_unit_test_setup(it_moves_within_the_platform, fresh),
		cmocka_unit_test_setup(a_second_mige_takes_over, fresh),
		cmocka_unit_test_setup(what_is_deleted_early_does_not_come_again, fresh),
		cmocka_unit_test_setup(what_has_moved_is_kept_until_it_settles, fresh),
		cmocka_unit_test_setup(what_was_dropped_is_gone, fresh),
		cmocka_unit_test_setup(what_was_never_made_does_not_open, fresh),
		cmocka_unit_test_setup(only_the_last_that_opened_holds_it, fresh),
		cmocka_unit_test_setup(another_processors_ledger_does_not_open, fresh),
		cmocka_unit_test_setup(is_full_in_the_end, fresh),
		cmocka_unit_test_setup(steps_are_one_chain, fresh),
		cmocka_unit_test_setup(a_snapshot_passes_over_its_steps, fresh),
		cmocka_unit_test_setup(a_snapshot_that_was_not_answered_breaks_no_chain, fresh),
	};

	return cmocka_run_group_tests_name("pse/ledger", tests, NULL, NULL);
}
