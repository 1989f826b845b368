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

static enum tcb_error revoke(const struct handover_id *handover)
{
	d = (struct diagnosis){0};
	return journal_revoke(&journal, handover, &d);
}

static enum tcb_error arrive(const struct handover_id *handover, uint64_t generation)
{
	d = (struct diagnosis){0};
	return journal_arrive(&journal, &id, handover, generation, &d);
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
		assert_refused(revoke(&first), "mige.handover.gone");
		assert_refused(activate(3), "vtpm.moved");
		assert_refused(activate(2), "vtpm.moved");
		assert_refused(escrow(&id, &second, 3, span_of(NULL, 0)), "vtpm.moved");
	}
	entry = journal_find_handover(&journal, &first);
	assert_non_null(entry);
	assert_memory_equal(entry->key.bytes, key_bytes, sizeof key_bytes); /* to be given again */
	assert_memory_equal(&entry->redeemer, &there, sizeof there);
	assert_true(span_is_text(span_of(entry->record, entry->record_size), "record"));
	assert_null(entry->policy);
}

static void revoked_is_not_redeemed(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	assert_int_equal(revoke(&first), TCB_OK);
	assert_null(journal_find_handover(&journal, &first));
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_int_equal(revoke(&first), TCB_OK); /* again */
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
	assert_int_equal(revoke(&second), TCB_OK);
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
	assert_int_equal(revoke(&second), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed");
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
	assert_int_equal(revoke(&first), TCB_PLATFORM);
	assert_non_null(journal_find_handover(&journal, &first));
	assert_int_equal(activate(1), TCB_PLATFORM);
	assert_non_null(journal_find_handover(&journal, &first));
	store.fails = false;
	assert_int_equal(redeem(&first), TCB_OK);
	store.fails = true;
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
		cmocka_unit_test_setup(revoked_is_not_redeemed, fresh),
		cmocka_unit_test_setup(a_second_escrow_replaces_the_first, fresh),
		cmocka_unit_test_setup(what_came_does_not_come_again, fresh),
		cmocka_unit_test_setup(an_arrival_that_leaves_at_once_is_settled, fresh),
		cmocka_unit_test_setup(a_write_that_fails_changes_nothing, fresh),
		cmocka_unit_test_setup(has_room_for_many_policies_and_vtpms, fresh),
	};

	return cmocka_run_group_tests_name("mige/journal", tests, NULL, NULL);
}
