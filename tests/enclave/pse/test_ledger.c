// SPDX-License-Identifier: MIT
/* enclave/pse/ledger: old, forked and copied states are refused, across restarts. */
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

static int fresh(void **state)
{
	(void)state;
	fake_store_begin(&store, 1, ROLE_PSE);
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
	struct ledger_entry e = { .id = {{id}}, .version = version, .digest = {{(uint8_t)version, branch}} };

	if (version > 1)
		e.previous = (struct digest256){{(uint8_t)(version - 1), previous_branch}};
	return e;
}

static enum tcb_error open_state(uint8_t id, uint64_t version, uint8_t branch, uint64_t session)
{
	const struct ledger_entry e = entry_of(id, version, branch, 0);

	d = (struct diagnosis){0};
	return answered(ledger_open(&ledger, &e, session, &d));
}

static enum tcb_error commit(uint8_t id, uint64_t version, uint8_t branch, uint64_t session)
{
	const struct ledger_entry e = entry_of(id, version, branch, 0);

	d = (struct diagnosis){0};
	return answered(ledger_commit(&ledger, &e, session, &d));
}

/* It is made, with its first state. */
static void begin(uint8_t id, uint64_t session)
{
	const struct ledger_entry e = entry_of(id, 1, 0, 0);

	assert_int_equal(answered(ledger_adopt(&ledger, &e, session, NULL)), TCB_OK);
}

static void assert_refused(enum tcb_error error, const char *code)
{
	assert_int_equal(error, TCB_REFUSED);
	assert_string_equal(d.code, code);
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
	assert_int_equal(ledger_open(&ledger, &other, 11, &d), TCB_REFUSED); /* it does not follow the newest */
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

/* A vTPM comes back to a platform that knew it, or moves from one place to another. */
static void a_handover_supersedes_what_was_known(void **state)
{
	const struct ledger_entry place = entry_of(1, 1, 5, 0);

	(void)state;
	begin(1, 10);
	assert_int_equal(commit(1, 2, 0, 10), TCB_OK);
	assert_int_equal(answered(ledger_adopt(&ledger, &place, 11, &d)), TCB_OK);
	assert_refused(commit(1, 3, 0, 10), "ledger.copy.superseded");
	restart();
	assert_refused(open_state(1, 1, 0, 12), "ledger.state.forked");
	assert_refused(open_state(1, 2, 0, 12), "ledger.state.old");
	assert_int_equal(open_state(1, 1, 5, 12), TCB_OK);
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

		assert_int_equal(answered(ledger_drop(&ledger, &id, &e.digest, &dropped)), TCB_OK);
		assert_int_equal(dropped, version == 2);
		assert_int_equal(ledger_has(&ledger, &id), version != 2);
	}
	assert_int_equal(answered(ledger_drop(&ledger, &id, &(struct digest256){0}, &dropped)), TCB_OK); /* twice is once */
	assert_true(dropped);
	for (int again = 0; again < 2; again++, restart()) {
		assert_false(ledger_has(&ledger, &id));
		assert_true(ledger_has(&ledger, &other));
		assert_refused(open_state(1, 1, 0, 11), "ledger.unknown");
		assert_refused(open_state(1, 2, 0, 11), "ledger.unknown");
		assert_refused(commit(1, 3, 0, 10), "ledger.unknown"); /* nor does an enclave that still has it go on */
		d = (struct diagnosis){0};
		assert_refused(ledger_check(&ledger, &id, 10, &d), "ledger.unknown");
	}
	assert_int_equal(open_state(2, 1, 0, 12), TCB_OK);
	begin(1, 12); /* a new one of that id */
	assert_refused(open_state(1, 1, 7, 13), "ledger.state.forked"); /* a state of the former one */
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
	const struct uuid id = {{1}};

	(void)state;
	begin(1, 10);
	assert_int_equal(ledger_check(&ledger, &id, 10, NULL), TCB_OK);
	assert_int_equal(open_state(1, 1, 0, 11), TCB_OK);
	assert_refused(ledger_check(&ledger, &id, 10, &d), "ledger.copy.superseded");
	assert_int_equal(ledger_check(&ledger, &id, 11, NULL), TCB_OK);
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

		assert_int_equal(answered(ledger_adopt(&ledger, &e, 10, NULL)), TCB_OK);
		store.size = 0; /* it does not keep so many steps */
	}
	d = (struct diagnosis){0};
	assert_int_equal(ledger_adopt(&ledger, &one, 10, &d), TCB_LIMIT);
	assert_string_equal(d.code, "ledger.full");
	assert_int_equal(answered(ledger_drop(&ledger, &gone, &(struct digest256){0}, &dropped)), TCB_OK);
	begin(1, 10);
	assert_int_equal(ledger_snapshot(&ledger, NULL), TCB_OK); /* and all of it fits the stored form */
	restart();
	assert_int_equal(open_state(1, 1, 0, 10), TCB_OK);
	for (size_t i = 0; i < LEDGER_ENTRIES; i++) {
		const struct uuid id = numbered(i);

		assert_int_equal(ledger_has(&ledger, &id), i != 77);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(commits_in_order, fresh),
		cmocka_unit_test_setup(refuses_old_and_forked_states, fresh),
		cmocka_unit_test_setup(accepts_the_state_being_written, fresh),
		cmocka_unit_test_setup(a_copy_opened_later_supersedes, fresh),
		cmocka_unit_test_setup(a_handover_supersedes_what_was_known, fresh),
		cmocka_unit_test_setup(what_was_dropped_is_gone, fresh),
		cmocka_unit_test_setup(what_was_never_made_does_not_open, fresh),
		cmocka_unit_test_setup(only_the_last_that_opened_holds_it, fresh),
		cmocka_unit_test_setup(another_processors_ledger_does_not_open, fresh),
		cmocka_unit_test_setup(is_full_in_the_end, fresh),
		cmocka_unit_test_setup(steps_are_one_chain, fresh),
		cmocka_unit_test_setup(a_snapshot_passes_over_its_steps, fresh),
	};

	return cmocka_run_group_tests_name("pse/ledger", tests, NULL, NULL);
}
