// SPDX-License-Identifier: MIT
/* enclave/mige/journal: revoked and redeemed exclude each other; nothing comes twice; all of it across restarts and failed writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/session.h"
#include "enclave/mige/journal.h"
#include "tests/enclave/fake_store.h"

static struct fake_store store;
static struct journal journal;
static struct diagnosis d;

static const struct uuid id = {{1}};
static const struct digest256 lineage = {{5}};
static const struct handover_id first = {{0xa1}}, second = {{0xa2}};
static const struct journal_platform there = { .ak = {{7}}, .ppid = {8} };
static const uint8_t key_bytes[32] = {9};

/* ---- the PSE, as far as the journal knows it ---- */

static struct session pse_session;
static struct {
	uint64_t version;
	struct digest256 digest;
	struct journal_version last; /* committed */
	bool answer_is_lost;         /* of the next commit */
	bool step_is_withheld;       /* of the next commit: the version is stored, and the PSE does not hear of it */
	bool is_silent;
	bool refuses_grants;
	bool opened; /* the journal's lease was taken */
} pse;

static enum tcb_error lose_session(struct session *s)
{
	s->open = false;
	return TCB_PLATFORM;
}

static enum tcb_error open_in_pse(const struct journal_version *m, struct span *ret_reply, struct diagnosis *ret_d)
{
	static uint8_t ahead;

	pse.opened = true;
	ahead = m->version == pse.version + 1 && memcmp(&m->previous, &pse.digest, sizeof pse.digest) == 0;
	if (ahead == 0 && (m->version != pse.version || memcmp(&m->digest, &pse.digest, sizeof pse.digest) != 0))
		return diagnose(ret_d, TCB_REFUSED, "ledger.journal.old", "f", "w", "a");
	*ret_reply = span_of(&ahead, 1);
	return TCB_OK;
}

static enum tcb_error commit_in_pse(struct session *s, const struct journal_version *m, struct span *ret_reply)
{
	struct span unused;

	if (host_peer(ROLE_PSE, span_of(NULL, 0), &unused, NULL) != TCB_OK) /* what was posted goes with it */
		return lose_session(s);
	if (pse.step_is_withheld) {
		pse.step_is_withheld = false;
		return lose_session(s);
	}
	if (pse.refuses_grants && m->change == JOURNAL_CHANGES_GRANT)
		return TCB_REFUSED;
	assert_int_equal(m->version, pse.version + 1);
	assert_memory_equal(&m->previous, &pse.digest, sizeof pse.digest);
	pse.version = m->version;
	pse.digest = m->digest;
	pse.last = *m;
	*ret_reply = span_of(NULL, 0);
	if (!pse.answer_is_lost)
		return TCB_OK;
	pse.answer_is_lost = false;
	return lose_session(s);
}

enum tcb_error session_call(struct session *s, enum local_request request, struct span body, struct span *ret_reply,
			    struct diagnosis *ret_d)
{
	struct journal_version m;

	assert_ptr_equal(s, &pse_session);
	assert_int_equal(journal_version_decode(body, &m), TCB_OK);
	if (pse.is_silent)
		return lose_session(s);
	s->open = true;
	if (request == LOCAL_JOURNAL_OPEN)
		return open_in_pse(&m, ret_reply, ret_d);
	assert_int_equal(request, LOCAL_JOURNAL_COMMIT);
	return commit_in_pse(s, &m, ret_reply);
}

/* ---- the journal ---- */

static void begin(void)
{
	wipe(&journal, sizeof journal);
	journal.pse = &pse_session;
	pse_session.open = true;
}

static int fresh(void **state)
{
	(void)state;
	fake_store_begin(&store, 1, ROLE_MIGE);
	memset(&pse, 0, sizeof pse);
	begin();
	d = (struct diagnosis){0};
	return crypto_init() == TCB_OK ? 0 : -1;
}

static void restart(void)
{
	begin();
	assert_int_equal(journal_open(&journal, span_of(store.bytes, store.size), NULL), TCB_OK);
}

static enum tcb_error escrow(const struct uuid *vtpm, const struct handover_id *handover, uint64_t generation,
			     struct span policy)
{
	const struct local_escrow e = { .handover = *handover, .id = *vtpm, .lineage = lineage, .generation = generation,
					.key_bytes = SPAN_OF(key_bytes), .policy = policy };

	d = (struct diagnosis){0};
	return journal_escrow(&journal, &e, 1, &d);
}

static enum tcb_error redeem(const struct handover_id *handover)
{
	struct journal_entry *entry = journal_find_handover(&journal, handover);

	assert_non_null(entry);
	return journal_redeem(&journal, entry, &there, span_of_text("record"), NULL);
}

/* As tidying does it, once the ledger has the next generation. */
static enum tcb_error settle(const struct uuid *vtpm)
{
	d = (struct diagnosis){0};
	return journal_settle(&journal, journal_find(&journal, vtpm, &lineage), &d);
}

static void assert_revoke(const struct handover_id *handover, uint64_t generation, enum revoke_outcome wanted)
{
	const struct ledger_handover m = { .id = id, .lineage = lineage, .handover = *handover };
	enum revoke_outcome outcome;

	assert_int_equal(journal_revoke(&journal, &m, generation, &outcome, NULL), TCB_OK);
	assert_int_equal(outcome, wanted);
}

static enum tcb_error renounce(const struct handover_id *handover)
{
	const struct ledger_handover m = { .id = id, .lineage = lineage, .handover = *handover };
	struct journal_arrival source;

	d = (struct diagnosis){0};
	TRY(journal_renounce(&journal, &m, &source, &d));
	assert_true(span_is_text(span_of(source.address, source.address_size), "source:1"));
	return TCB_OK;
}

static enum tcb_error arrive_as(const struct uuid *vtpm, const struct digest256 *of, const struct handover_id *handover, uint64_t generation,
				const char *source)
{
	const struct local_redeem granted = { .handover = *handover, .id = *vtpm, .lineage = *of, .generation = generation,
					      .source_address = span_of_text(source) };

	d = (struct diagnosis){0};
	return journal_arrive(&journal, &granted, &d);
}

static enum tcb_error arrive(const struct handover_id *handover, uint64_t generation)
{
	return arrive_as(&id, &lineage, handover, generation, "source:1");
}

static enum tcb_error check_arrival(const struct uuid *vtpm)
{
	const struct local_redeem asked = { .handover = first, .id = *vtpm, .lineage = lineage, .generation = 1 };

	return journal_check_arrival(&journal, &asked, &d);
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

/* And what was not answered is found out. */
static void fails_no_more(void)
{
	store.fails = false;
	assert_int_equal(journal_certain(&journal, NULL), TCB_OK);
}

static void redeemed_is_not_revoked(void **state)
{
	const struct journal_entry *entry;

	(void)state;
	assert_int_equal(escrow(&id, &first, 3, span_of_text("{}")), TCB_OK);
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_ESCROW);
	restart();
	assert_int_equal(redeem(&first), TCB_OK);
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_GRANT);
	assert_memory_equal(&pse.last.id, &id, sizeof id);
	assert_memory_equal(&pse.last.handover, &first, sizeof first);
	for (int again = 0; again < 2; again++, restart()) {
		assert_revoke(&first, 3, REVOKE_GRANTED);
		assert_true(journal_has_moved(&journal, &id, &lineage, 3));
		assert_true(journal_has_moved(&journal, &id, &lineage, 2));
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
		assert_memory_equal(&journal_find(&journal, &id, &lineage)->key, &none, sizeof none);
		assert_revoke(&first, 3, REVOKE_GRANTED);
		assert_refused(escrow(&id, &second, 3, span_of(NULL, 0)), "vtpm.moved");
		assert_refused(arrive(&second, 3), "mige.handover.consumed");
		assert_true(journal_has_moved(&journal, &id, &lineage, 3));
	}
	assert_int_equal(arrive(&second, 4), TCB_OK); /* it comes back */
}

static void revoked_is_not_redeemed(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	assert_revoke(&first, 1, REVOKE_DONE);
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_REVOKE);
	assert_null(journal_find_handover(&journal, &first));
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_revoke(&first, 1, REVOKE_DONE); /* again */
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
	assert_int_equal(settle(&id), TCB_OK);
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_SETTLE);
	for (int again = 0; again < 2; again++, restart()) {
		assert_refused(arrive(&first, 4), "mige.handover.consumed");
		assert_refused(arrive(&second, 3), "mige.handover.consumed");
	}
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* while it is leaving */
	assert_revoke(&second, 5, REVOKE_DONE);
	restart();
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* after it stayed */
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(redeem(&second), TCB_OK);
	assert_refused(arrive(&first, 4), "mige.handover.consumed"); /* after it left */
	assert_refused(arrive(&second, 5), "mige.handover.consumed");
	assert_int_equal(arrive(&(struct handover_id){{0xa3}}, 6), TCB_OK); /* and when it comes home */
	assert_true(journal_has_moved(&journal, &id, &lineage, 6));
	assert_false(journal_has_moved(&journal, &id, &lineage, 7));
}

/* The source goes on with what its destination cannot adopt; the destination takes it no more. */
static void what_is_renounced_is_returned(void **state)
{
	(void)state;
	assert_refused(renounce(&first), "mige.handover.adopted");
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_refused(renounce(&second), "mige.handover.adopted");
	assert_int_equal(renounce(&first), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		assert_int_equal(renounce(&first), TCB_OK);
		assert_refused(arrive(&first, 4), "mige.handover.returned");
		assert_false(journal_has_moved(&journal, &id, &lineage, 4));
	}
	assert_non_null(journal_next_untold(&journal, 1));
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_OK);
	assert_null(journal_find(&journal, &id, &lineage));
	assert_int_equal(escrow(&id, &second, 4, span_of(NULL, 0)), TCB_OK); /* the other side of it */
	assert_int_equal(redeem(&second), TCB_OK);
	assert_int_equal(journal_return(&journal, journal_find_handover(&journal, &second), NULL), TCB_OK);
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_RETURN);
	restart();
	assert_null(journal_find_handover(&journal, &second));
	assert_revoke(&second, 4, REVOKE_DONE);
}

/* The ledger has made the step, or has not; the journal finds out before anything else is asked of it. */
static void an_answer_that_is_lost_is_found_out(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	pse.answer_is_lost = true;
	assert_int_equal(redeem(&first), TCB_PLATFORM);
	pse.is_silent = true;
	assert_int_equal(journal_certain(&journal, &d), TCB_PLATFORM);
	assert_int_equal(escrow(&(struct uuid){{2}}, &second, 1, span_of(NULL, 0)), TCB_PLATFORM);
	pse.is_silent = false;
	assert_int_equal(journal_certain(&journal, NULL), TCB_OK);
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_REDEEMED);
	assert_false(journal.policies[0].used);
	restart();
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_REDEEMED);
}

/* Power is cut between a version and its step. */
static void a_version_without_its_step_is_finished(void **state)
{
	const struct digest256 none = {{0}};

	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	pse.version = 0; /* the step of the escrow did not last */
	pse.digest = none;
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_NONE);
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	{
		const uint64_t version = pse.version;
		const struct digest256 digest = pse.digest;

		assert_int_equal(redeem(&first), TCB_OK);
		pse.version = version;
		pse.digest = digest;
	}
	pse.last = (struct journal_version){0};
	restart();
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_GRANT);
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_REDEEMED);
}

/* A second enclave of the vTPM escrows; the ledger refuses it, but its version is what the host has. */
static void an_escrow_that_was_undone_takes_none_along(void **state)
{
	struct journal_version committed;

	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	committed = pse.last;
	assert_int_equal(escrow(&id, &second, 1, span_of(NULL, 0)), TCB_OK);
	pse.version = committed.version;
	pse.digest = committed.digest;
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_revoke(&first, 1, REVOKE_DONE); /* the register is told */
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_REVOKE);
	assert_memory_equal(&pse.last.id, &id, sizeof id);
	assert_memory_equal(&pse.last.handover, &first, sizeof first);
}

/* The register was not escrowed under this hand-over. The MigE starts all the same. */
static void a_grant_that_the_ledger_refuses_is_undone(void **state)
{
	struct journal_version committed;

	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	committed = pse.last;
	assert_int_equal(redeem(&first), TCB_OK);
	pse.version = committed.version;
	pse.digest = committed.digest;
	pse.refuses_grants = true;
	restart();
	assert_null(journal_find_handover(&journal, &first));
	assert_int_equal(pse.last.change, JOURNAL_CHANGES_NONE);
	assert_revoke(&first, 1, REVOKE_DONE);
}

struct kept_journal {
	size_t size;
	uint8_t bytes[8192];
};

static void keep_journal(struct kept_journal *ret_kept)
{
	assert_true(store.size <= sizeof ret_kept->bytes);
	ret_kept->size = store.size;
	memcpy(ret_kept->bytes, store.bytes, store.size);
}

static enum tcb_error open_kept(const struct kept_journal *kept)
{
	begin();
	d = (struct diagnosis){0};
	return journal_open(&journal, span_of(kept->bytes, kept->size), &d);
}

/* The host withholds the step that gives a hand-over back, and keeps the journal. The MigE goes on without it,
 * or is started from the journal before, and the vTPM is adopted. Then it must not be given back any more. */
static void a_version_that_was_not_made_is_never_made(void **state)
{
	static struct kept_journal before, returning;

	for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
		assert_int_equal(fresh(state), 0);
		assert_int_equal(arrive(&first, 4), TCB_OK);
		keep_journal(&before);
		pse.step_is_withheld = true;
		assert_int_equal(renounce(&first), TCB_PLATFORM);
		keep_journal(&returning);
		assert_int_equal(is_restarted ? open_kept(&before) : journal_certain(&journal, NULL), TCB_OK);
		assert_int_equal(arrive(&first, 4), TCB_OK);
		assert_refused(open_kept(&returning), "ledger.journal.old");
	}
}

/* Something else opened the session anew. */
static void a_new_session_takes_the_lease_again(void **state)
{
	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	pse_session.openings++;
	pse.opened = false;
	assert_int_equal(redeem(&first), TCB_OK);
	assert_true(pse.opened);
}

/* The host gives an older journal, or none. */
static void an_old_journal_is_refused(void **state)
{
	static uint8_t kept[8192];
	size_t size;

	(void)state;
	assert_int_equal(escrow(&id, &first, 1, span_of(NULL, 0)), TCB_OK);
	size = store.size;
	memcpy(kept, store.bytes, size);
	assert_int_equal(redeem(&first), TCB_OK);
	assert_int_equal(confirm(&first), TCB_OK);
	begin();
	d = (struct diagnosis){0};
	assert_refused(journal_open(&journal, span_of(kept, size), &d), "ledger.journal.old");
	begin();
	d = (struct diagnosis){0};
	assert_refused(journal_open(&journal, span_of(NULL, 0), &d), "ledger.journal.old");
	restart();
}

static void an_arrival_that_leaves_at_once_is_settled(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_refused(escrow(&id, &second, 4, span_of(NULL, 0)), "vtpm.moved");
	assert_int_equal(escrow(&id, &second, 5, span_of(NULL, 0)), TCB_OK);
	assert_revoke(&second, 5, REVOKE_DONE);
	assert_refused(arrive(&first, 4), "mige.handover.consumed");
}

static void assert_to_be_told(const struct handover_id *handover, uint64_t round)
{
	const struct journal_entry *entry = journal_next_untold(&journal, round);

	assert_non_null(entry);
	assert_memory_equal(&entry->arrival.handover, handover, sizeof *handover);
	assert_true(span_is_text(span_of(entry->arrival.address, entry->arrival.address_size), "source:1"));
	assert_null(journal_next_untold(&journal, round)); /* once a round */
}

static void a_source_is_told_once_it_is_durable_here(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_null(journal_next_untold(&journal, 1)); /* its enclave may die yet */
	assert_int_equal(settle(&id), TCB_OK);
	assert_to_be_told(&first, 1);
	restart();
	assert_to_be_told(&first, 2);
	assert_false(journal_may_drop(journal_find(&journal, &id, &lineage)));
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
	fails_no_more();
	assert_to_be_told(&first, 6);
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_OK);
	assert_int_equal(journal_told(&journal, &first, NULL), TCB_OK); /* again */
	for (int again = 0; again < 2; again++, restart()) {
		assert_null(journal_next_untold(&journal, 7));
		assert_true(journal_may_drop(journal_find(&journal, &id, &lineage)));
	}
}

static void who_is_not_told_is_not_forgotten(void **state)
{
	(void)state;
	assert_int_equal(arrive(&first, 4), TCB_OK);
	assert_int_equal(settle(&id), TCB_OK);
	assert_int_equal(arrive(&second, 7), TCB_OK); /* it was elsewhere meanwhile; the first source may still grant what it had */
	assert_int_equal(settle(&id), TCB_OK);
	assert_to_be_told(&second, 1);
	assert_int_equal(journal_told(&journal, &second, NULL), TCB_OK);
	for (int again = 0; again < 2; again++, restart())
		assert_false(journal_may_drop(journal_find(&journal, &id, &lineage)));
	assert_int_equal(escrow(&id, &first, 8, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(redeem(&first), TCB_OK);
	assert_int_equal(confirm(&first), TCB_OK);
	assert_false(journal_may_drop(journal_find(&journal, &id, &lineage)));
}

static void passes_over_all_of_an_address(void **state)
{
	struct uuid other = {{2}};

	(void)state;
	assert_int_equal(arrive(&first, 1), TCB_OK);
	assert_int_equal(settle(&id), TCB_OK);
	assert_int_equal(arrive_as(&other, &lineage, &second, 1, "source:1"), TCB_OK);
	assert_int_equal(settle(&other), TCB_OK);
	other.bytes[1] = 1;
	assert_int_equal(arrive_as(&other, &lineage, &(struct handover_id){{0xa3}}, 1, "source:2"), TCB_OK);
	assert_int_equal(settle(&other), TCB_OK);
	assert_memory_equal(&journal_next_untold(&journal, 1)->arrival.handover, &first, sizeof first);
	journal_pass_over(&journal, &first, 1);
	assert_int_equal(journal_next_untold(&journal, 1)->arrival.handover.bytes[0], 0xa3);
	assert_null(journal_next_untold(&journal, 1));
}

static void drops_what_it_is_told(void **state)
{
	struct uuid many = id;
	struct journal_entry *going[2];

	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		many.bytes[15] = i;
		assert_int_equal(arrive_as(&many, &lineage, &first, 1, ""), TCB_OK);
		assert_int_equal(settle(&many), TCB_OK);
		if (i % 2 == 1)
			going[i / 2] = journal_find(&journal, &many, &lineage);
	}
	store.fails = true;
	assert_int_equal(journal_drop(&journal, going, 2, NULL), TCB_PLATFORM);
	fails_no_more();
	assert_true(going[0] == journal_find(&journal, &going[0]->id, &lineage) && going[1] == journal_find(&journal, &many, &lineage));
	assert_int_equal(journal_drop(&journal, going, 2, NULL), TCB_OK);
	for (int again = 0; again < 2; again++, restart()) {
		for (uint8_t i = 0; i < 4; i++) {
			many.bytes[15] = i;
			assert_int_equal(journal_find(&journal, &many, &lineage) != NULL, i % 2 == 0);
		}
	}
	assert_int_equal(check_arrival(&many), TCB_OK);
}

/* A platform that vTPMs leave for years. */
static void many_that_leave_do_not_fill_it(void **state)
{
	struct uuid many = id;
	struct handover_id handover = first;
	static const uint8_t record[400];
	enum tcb_error error = TCB_OK;
	enum revoke_outcome outcome;
	size_t kept = 0;

	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		many.bytes[14] = handover.bytes[14] = (uint8_t)(i >> 8);
		many.bytes[15] = handover.bytes[15] = (uint8_t)i;
		assert_int_equal(escrow(&many, &handover, 1, span_of(NULL, 0)), TCB_OK);
		assert_int_equal(journal_redeem(&journal, journal_find_handover(&journal, &handover), &there, SPAN_OF(record), NULL), TCB_OK);
		assert_int_equal(confirm(&handover), TCB_OK);
	}
	assert_true(store.size < 1500 * 64);
	restart();
	assert_int_equal(journal.used, 1500);
	assert_true(journal_has_moved(&journal, &many, &lineage, 1));
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
	assert_int_equal(journal_revoke(&journal, &(struct ledger_handover){ .id = many, .lineage = lineage, .handover = handover }, 1, &outcome, NULL),
			 TCB_OK); /* it goes on here */
	restart();
}

/* Every change of state, with a store that fails: nothing has changed, and it can be done again. */
static void a_write_that_fails_changes_nothing(void **state)
{
	const struct ledger_handover m = { .id = id, .lineage = lineage, .handover = first };
	enum revoke_outcome outcome;

	(void)state;
	store.fails = true;
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_PLATFORM);
	fails_no_more();
	assert_null(journal_find(&journal, &id, &lineage));
	assert_false(journal.policies[0].used);
	assert_int_equal(escrow(&id, &first, 1, span_of_text("{}")), TCB_OK);
	store.fails = true;
	assert_int_equal(redeem(&first), TCB_PLATFORM);
	fails_no_more();
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_ESCROWED);
	assert_non_null(journal_find_handover(&journal, &first)->policy);
	store.fails = true;
	assert_int_equal(journal_revoke(&journal, &m, 1, &outcome, NULL), TCB_PLATFORM);
	fails_no_more();
	assert_non_null(journal_find_handover(&journal, &first));
	assert_int_equal(redeem(&first), TCB_OK);
	store.fails = true;
	assert_int_equal(confirm(&first), TCB_PLATFORM);
	fails_no_more();
	assert_memory_equal(journal_find_handover(&journal, &first)->key.bytes, key_bytes, sizeof key_bytes);
	assert_true(journal_find_handover(&journal, &first)->grant->used);
	store.fails = true;
	assert_int_equal(arrive(&second, 2), TCB_PLATFORM);
	fails_no_more();
	assert_int_equal(journal_find_handover(&journal, &first)->state, JOURNAL_REDEEMED);
}

static void has_room_for_many_policies_and_vtpms(void **state)
{
	static uint8_t policy[LIMIT_POLICY + 1];
	enum revoke_outcome outcome;
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
	assert_int_equal(journal_revoke(&journal, &(struct ledger_handover){ .id = many, .lineage = lineage, .handover = first }, 1, &outcome, NULL), TCB_OK);
	assert_int_equal(escrow(&id, &second, 1, span_of_text("{}")), TCB_OK);
	restart();
	for (i = 0; i < JOURNAL_ENTRIES; i++)
		if (journal.entries[i].state == JOURNAL_FREE)
			journal.entries[i] = (struct journal_entry){ .state = JOURNAL_SETTLED, .settled = 1,
								     .id = {{3, (uint8_t)(i >> 8), (uint8_t)i}} };
	journal.used = JOURNAL_ENTRIES;
	d = (struct diagnosis){0};
	assert_int_equal(check_arrival(&(struct uuid){{4}}), TCB_LIMIT);
	assert_string_equal(d.code, "mige.journal.full");
	assert_revoke(&second, 1, REVOKE_DONE); /* all of it still fits the stored form */
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
		cmocka_unit_test_setup(what_is_renounced_is_returned, fresh),
		cmocka_unit_test_setup(an_answer_that_is_lost_is_found_out, fresh),
		cmocka_unit_test_setup(a_version_without_its_step_is_finished, fresh),
		cmocka_unit_test_setup(an_escrow_that_was_undone_takes_none_along, fresh),
		cmocka_unit_test_setup(a_grant_that_the_ledger_refuses_is_undone, fresh),
		cmocka_unit_test_setup(a_version_that_was_not_made_is_never_made, fresh),
		cmocka_unit_test_setup(a_new_session_takes_the_lease_again, fresh),
		cmocka_unit_test_setup(an_old_journal_is_refused, fresh),
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
