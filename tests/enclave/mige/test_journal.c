// SPDX-License-Identifier: MIT
/* enclave/mige/journal: revoked and redeemed exclude each other; nothing comes twice; all of it across restarts and failed writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "enclave/mige/journal.h"
#include "tests/enclave/fake_store.h"

static struct fake_store store;
static struct journal journal;
static struct diagnosis d;

static const struct uuid id = {{1}};
static const struct handover_id first = {{0xa1}}, second = {{0xa2}};
static const struct journal_platform there = { .ak = {{7}}, .ppid = {8} };
static const uint8_t key_bytes[32] = {9};

static int fresh(void **state)
{
	(void)state;
	fake_store_begin(&store, 1, ROLE_MIGE);
	wipe(&journal, sizeof journal);
	d = (struct diagnosis){0};
	return crypto_init() == TCB_OK ? 0 : -1;
}

static void restart(void)
{
	wipe(&journal, sizeof journal);
	assert_int_equal(journal_open(&journal, span_of(store.bytes, store.size), NULL), TCB_OK);
}

static enum tcb_error escrow(const struct uuid *vtpm, const struct handover_id *handover, uint64_t generation,
			     struct span policy)
{
	const struct local_escrow e = { .handover = *handover, .id = *vtpm, .generation = generation,
					.key_bytes = SPAN_OF(key_bytes), .policy = policy };

	d = (struct diagnosis){0};
	return journal_escrow(&journal, &e, &d);
}

static enum tcb_error redeem(const struct handover_id *handover)
{
	struct journal_entry *entry = journal_find_handover(&journal, handover);

	assert_non_null(entry);
	return journal_redeem(&journal, entry, &there, span_of_text("record"), NULL);
}

static enum tcb_error activate(uint64_t generation)
{
	d = (struct diagnosis){0};
	return journal_activate(&journal, &id, generation, &d);
}

static enum tcb_error revoke(const struct handover_id *handover, uint64_t generation)
{
	d = (struct diagnosis){0};
	return journal_revoke(&journal, handover, &id, generation, &d);
}

static enum tcb_error arrive(const struct handover_id *handover, uint64_t generation)
{
	d = (struct diagnosis){0};
	return journal_arrive(&journal, &id, handover, generation, span_of_text("source:1"), &d);
}

static enum tcb_error confirm(const struct handover_id *handover)
{
	struct journal_entry *entry = journal_find_handover(&journal, handover);

	assert_non_null(entry);
	d = (struct diagnosis){0};
	return journal_confirm(&journal, entry, &d);
}

static void assert_refused(enum tcb_error error, const char *code)
{
	assert_int_equal(error, TCB_REFUSED);
	assert_string_equal(d.code, code);
}

static void redeemed_is_not_revoked(void **state)
{
	const struct journal_entry *entry;

	(void)state;
	assert_int_equal(escrow(&id, &first, 3, span_of_text("{}")), TCB_OK);
	restart();
	assert_int_equal(redeem(&first), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		assert_refused(revoke(&first, 3), "mige.handover.gone");
		assert_refused(activate(3), "vtpm.moved");
		assert_refused(activate(2), "vtpm.moved");
		assert_refused(escrow(&id, &second, 3, span_of(NULL, 0)), "vtpm.moved");
	}
	entry = journal_find_handover(&journal, &first);
	assert_non_null(entry);
	assert_memory_equal(entry->key.bytes, key_bytes, sizeof key_bytes); /* to be given again */
	assert_memory_equal(&entry->grant->redeemer, &there, sizeof there);
	assert_true(span_is_text(span_of(entry->grant->record, entry->grant->record_size), "record"));
	assert_null(entry->policy);
}

/* The key is gone, that it left is not. */
static void confirmed_is_still_not_revoked(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 3, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(confirm(&first), TCB_INTERNAL); /* not decided */
	assert_int_equal(redeem(&first), TCB_OK);
	assert_int_equal(confirm(&first), TCB_OK);
	assert_false(journal.grants[0].used);
	for (int again = 0; again < 2; again++, restart()) {
		static const struct secret256 none;

		assert_null(journal_find_handover(&journal, &first));
		assert_memory_equal(&journal_find(&journal, &id)->key, &none, sizeof none);
		assert_refused(revoke(&first, 3), "mige.handover.gone");
		assert_refused(activate(3), "vtpm.moved");
		assert_refused(escrow(&id, &second, 3, span_of(NULL, 0)), "vtpm.moved");
		assert_refused(arrive(&second, 3), "mige.handover.consumed");
		assert_true(journal_has_moved(&journal, &id, 3));
	}
	assert_int_equal(arrive(&second, 4), TCB_OK); /* it comes back */
}

static void revoked_is_not_redeemed(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	assert_int_equal(revoke(&first, 1), TCB_OK);
	assert_null(journal_find_handover(&journal, &first));
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_int_equal(revoke(&first, 1), TCB_OK); /* again */
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(activate(1), TCB_OK); /* the vTPM goes on here: that revokes, too */
	restart();
	assert_null(journal_find_handover(&journal, &first));
}

static void a_second_escrow_replaces_the_first(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	assert_int_equal(escrow(&id, &second, 1, span_of_text("{ }")), TCB_OK);
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_int_equal(journal_find_handover(&journal, &second)->policy->size, 3);
}

static void what_came_does_not_come_again(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	restart();
	assert_int_equal(arrive(&first, 4), TCB_OK); /* the vTPM died before it was durable: asked for again */
	assert_refused(activate(4), "vtpm.moved");   /* it is the next generation that runs here */
	assert_int_equal(activate(5), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		assert_refused(arrive(&first, 4), "mige.handover.consumed");
		assert_refused(arrive(&second, 3), "mige.handover.consumed");
		assert_int_equal(activate(5), TCB_OK);
	}
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* while it is leaving */
	assert_int_equal(revoke(&second, 5), TCB_OK);
	restart();
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* after it stayed */
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(redeem(&second), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* after it left */
	assert_refused(arrive(&second, 5), "mige.handover.consumed");
	assert_int_equal(arrive(&(struct handover_id){{0xa3}}, 6), TCB_OK); /* and when it comes home */
	assert_refused(activate(6), "vtpm.moved");
	assert_int_equal(activate(7), TCB_OK);
}

static void an_arrival_that_leaves_at_once_is_settled(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_refused(escrow(&id, &second, 4, span_of(NULL, 0)), "vtpm.moved");
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(revoke(&second, 5), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed");
}

static void assert_to_be_told(const struct handover_id *handover, uint64_t round)
{
	const struct journal_entry *entry = journal_next_arrival(&journal, round);

	assert_non_null(entry);
	assert_memory_equal(&entry->arrival.handover, handover, sizeof *handover);
	assert_true(span_is_text(span_of(entry->arrival.address, entry->arrival.address_size), "source:1"));
	assert_null(journal_next_arrival(&journal, round)); /* once a round */
}

static void a_source_is_told_once_it_is_durable_here(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_null(journal_next_arrival(&journal, 1)); /* its enclave may die yet */
	assert_int_equal(activate(5), TCB_OK);
	assert_to_be_told(&first, 1);
	restart();
	assert_to_be_told(&first, 2);
	assert_false(journal_may_drop(journal_find(&journal, &id)));
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK); /* it goes on before the source was told */
	assert_to_be_told(&first, 3);
	assert_int_equal(redeem(&second), TCB_OK);
	restart();
	assert_to_be_told(&first, 4);
	assert_int_equal(confirm(&second), TCB_OK);
	restart();
	assert_to_be_told(&first, 5);
	store.fails = true;
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_PLATFORM);
	store.fails = false;
	assert_to_be_told(&first, 6);
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_OK);
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_OK); /* again */
	for (int again = 0; again < 2; again++, restart()) {
		assert_null(journal_next_arrival(&journal, 7));
		assert_true(journal_may_drop(journal_find(&journal, &id)));
	}
}

static void who_is_not_told_is_not_forgotten(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_int_equal(activate(5), TCB_OK);
	assert_int_equal(arrive(&second, 7), TCB_OK); /* it was elsewhere meanwhile; the first source may still grant what it had */
	assert_int_equal(activate(8), TCB_OK);
	assert_to_be_told(&second, 1);
	assert_int_equal(journal_told(&journal, &second, NULL), TCB_OK);
	for (int again = 0; again < 2; again++, restart())
		assert_false(journal_may_drop(journal_find(&journal, &id)));
	assert_int_equal(escrow(&id, &first, 8, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(redeem(&first), TCB_OK);
	assert_int_equal(confirm(&first), TCB_OK);
	assert_false(journal_may_drop(journal_find(&journal, &id)));
}

static void passes_over_all_of_an_address(void **state)
{
	struct uuid other = {{2}};

	(void)state;
	assert_int_equal(arrive(&first, 1), TCB_OK);
	assert_int_equal(activate(2), TCB_OK);
	assert_int_equal(journal_arrive(&journal, &other, &second, 1, span_of_text("source:1"), NULL), TCB_OK);
	assert_int_equal(journal_activate(&journal, &other, 2, NULL), TCB_OK);
	other.bytes[1] = 1;
	assert_int_equal(journal_arrive(&journal, &other, &(struct handover_id){{0xa3}}, 1, span_of_text("source:2"), NULL), TCB_OK);
	assert_int_equal(journal_activate(&journal, &other, 2, NULL), TCB_OK);
	assert_memory_equal(&journal_next_arrival(&journal, 1)->arrival.handover, &first, sizeof first);
	journal_pass_over(&journal, &first, 1);
	assert_int_equal(journal_next_arrival(&journal, 1)->arrival.handover.bytes[0], 0xa3);
	assert_null(journal_next_arrival(&journal, 1));
}

static void drops_what_it_is_told(void **state)
{
	struct uuid many = id;
	struct journal_entry *going[2];

	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		many.bytes[15] = i;
		assert_int_equal(journal_arrive(&journal, &many, &first, 1, span_of(NULL, 0), NULL), TCB_OK);
		assert_int_equal(journal_activate(&journal, &many, 2, NULL), TCB_OK);
		if (i % 2 == 1)
			going[i / 2] = journal_find(&journal, &many);
	}
	store.fails = true;
	assert_int_equal(journal_drop(&journal, going, 2, NULL), TCB_PLATFORM);
	store.fails = false;
	assert_true(going[0] == journal_find(&journal, &going[0]->id) && going[1] == journal_find(&journal, &many));
	assert_int_equal(journal_drop(&journal, going, 2, NULL), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		for (uint8_t i = 0; i < 4; i++) {
			many.bytes[15] = i;
			assert_int_equal(journal_find(&journal, &many) != NULL, i % 2 == 0);
		}
	}
	assert_int_equal(journal_check_arrival(&journal, &many, 1, NULL), TCB_OK);
}

/* A platform that vTPMs leave for years. */
static void many_that_leave_do_not_fill_it(void **state)
{
	struct uuid many = id;
	struct handover_id handover = first;
	static const uint8_t record[400];
	enum tcb_error error = TCB_OK;
	size_t kept = 0;

	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		many.bytes[14] = handover.bytes[14] = (uint8_t)(i >> 8);
		many.bytes[15] = handover.bytes[15] = (uint8_t)i;
		assert_int_equal(escrow(&many, &handover, 1, span_of(NULL, 0)), TCB_OK);
		assert_int_equal(journal_redeem(&journal, journal_find_handover(&journal, &handover), &there, SPAN_OF(record), NULL), TCB_OK);
		assert_int_equal(confirm(&handover), TCB_OK);
	}
	assert_true(store.size < 1500 * 32);
	restart();
	assert_int_equal(journal.used, 1500);
	assert_true(journal_has_moved(&journal, &many, 1));
	for (many.bytes[0] = 9; error == TCB_OK && kept < 1500; kept += error == TCB_OK) { /* and where no destination confirms */
		many.bytes[14] = handover.bytes[14] = (uint8_t)(kept >> 8);
		many.bytes[15] = handover.bytes[15] = (uint8_t)kept;
		error = escrow(&many, &handover, 1, span_of(NULL, 0));
		if (error == TCB_OK)
			error = journal_redeem(&journal, journal_find_handover(&journal, &handover), &there, SPAN_OF(record), &d);
	}
	assert_int_equal(error, TCB_LIMIT);
	assert_string_equal(d.code, "mige.journal.full");
	assert_true(kept > 700);
	assert_int_equal(journal_revoke(&journal, &handover, &many, 1, NULL), TCB_OK); /* it goes on here */
	restart();
}

/* Every change of state, with a store that fails: nothing has changed, and it can be done again. */
static void a_write_that_fails_changes_nothing(void **state)
{
	(void)state;
	store.fails = true;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_PLATFORM);
	assert_null(journal_find(&journal, &id));
	assert_false(journal.policies[0].used);
	store.fails = false;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	store.fails = true;
	assert_int_equal(redeem(&first), TCB_PLATFORM);
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_ESCROWED);
	assert_non_null(journal_find_handover(&journal, &first)->policy);
	assert_int_equal(revoke(&first, 1), TCB_PLATFORM);
	assert_non_null(journal_find_handover(&journal, &first));
	assert_int_equal(activate(1), TCB_PLATFORM);
	assert_non_null(journal_find_handover(&journal, &first));
	store.fails = false;
	assert_int_equal(redeem(&first), TCB_OK);
	store.fails = true;
	assert_int_equal(confirm(&first), TCB_PLATFORM);
	assert_memory_equal(journal_find_handover(&journal, &first)->key.bytes, key_bytes, sizeof key_bytes);
	assert_true(journal_find_handover(&journal, &first)->grant->used);
	assert_int_equal(arrive(&second, 2), TCB_PLATFORM);
	assert_refused(activate(1), "vtpm.moved");
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_REDEEMED);
}

static void has_room_for_many_policies_and_vtpms(void **state)
{
	static uint8_t policy[JOURNAL_POLICY_MAX + 1];
	struct uuid many = id;
	size_t i;

	(void)state;
	assert_int_equal(escrow(&id, &first, 1, SPAN_OF(policy)), TCB_LIMIT);
	assert_string_equal(d.code, "mige.journal.full");
	for (i = 0; i < JOURNAL_POLICIES; i++) {
		many.bytes[15] = (uint8_t)(i + 1);
		assert_int_equal(escrow(&many, &first, 1, span_of_text("{}")), TCB_OK);
	}
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_LIMIT);
	assert_int_equal(escrow(&id, &second, 1, span_of(NULL, 0)), TCB_OK); /* without a policy there is room */
	assert_int_equal(journal_activate(&journal, &many, 1, NULL), TCB_OK);
	assert_int_equal(escrow(&id, &second, 1, span_of_text("{}")), TCB_OK);
	restart();
	for (i = 0; i < JOURNAL_ENTRIES; i++)
		if (journal.entries[i].state == JOURNAL_FREE)
			journal.entries[i] = (struct journal_entry){ .state = JOURNAL_SETTLED, .settled = 1,
								     .id = {{3, (uint8_t)(i >> 8), (uint8_t)i}} };
	journal.used = JOURNAL_ENTRIES;
	d = (struct diagnosis){0};
	assert_int_equal(journal_check_arrival(&journal, &(struct uuid){{4}}, 1, &d), TCB_LIMIT);
	assert_string_equal(d.code, "mige.journal.full");
	assert_int_equal(activate(1), TCB_OK); /* all of it still fits the stored form */
	restart();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(redeemed_is_not_revoked, fresh),
		cmocka_unit_test_setup(confirmed_is_still_not_revoked, fresh),
		cmocka_unit_test_setup(revoked_is_not_redeemed, fresh),
		cmocka_unit_test_setup(a_second_escrow_replaces_the_first, fresh),
		cmocka_unit_test_setup(what_came_does_not_come_again, fresh),
		cmocka_unit_test_setup(an_arrival_that_leaves_at_once_is_settled, fresh),
		cmocka_unit_test_setup(a_source_is_told_once_it_is_durable_here, fresh),
		cmocka_unit_test_setup(who_is_not_told_is_not_forgotten, fresh),
		cmocka_unit_test_setup(passes_over_all_of_an_address, fresh),
		cmocka_unit_test_setup(drops_what_it_is_told, fresh),
		cmocka_unit_test_setup(many_that_leave_do_not_fill_it, fresh),
		cmocka_unit_test_setup(a_write_that_fails_changes_nothing, fresh),
		cmocka_unit_test_setup(has_room_for_many_policies_and_vtpms, fresh),
	};

	return cmocka_run_group_tests_name("mige/journal", tests, NULL, NULL);
}
