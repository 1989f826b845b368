// SPDX-License-Identifier: MIT
/* The journal shrinks, when the host finds time for it. What has arrived is settled. Sources are told.
 * An entry goes once nothing rests on it: no source would grant an old blob of its vTPM again, since
 * each was told; and no state of the vTPM opens here, since the PSE's ledger does not have it. */
#include "enclave/mige/mige.h"

#define ASK_AT_ONCE 256 /* of the PSE */

/* What the ledger says of an entry's vTPM. */
struct looked_up {
	bool has;
	uint64_t generation;
};

static enum tcb_error look_up(struct mige *m, struct journal_entry *const *entries, size_t count,
			      struct looked_up *ret_found, struct diagnosis *d)
{
	static uint8_t body_bytes[ASK_AT_ONCE * (UUID_SIZE + SHA256_SIZE)];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;
	struct reader r;

	for (size_t i = 0; i < count; i++) {
		writer_bytes(&w, SPAN_OF(entries[i]->id.bytes));
		writer_bytes(&w, SPAN_OF(entries[i]->lineage.bytes));
	}
	TRY(writer_end(&w, &body));
	TRY(session_call(&m->pse, LOCAL_LEDGER_HAS, body, &reply, d));
	r = reader_of(reply);
	for (size_t i = 0; i < count; i++) {
		TRY(reader_bool(&r, &ret_found[i].has));
		TRY(reader_u64(&r, &ret_found[i].generation));
	}
	return reader_end(&r);
}

/* What came, or was granted on this platform itself: the ledger knows when it is adopted. An escrow: the
 * ledger knows whether its vTPM is still there. */
static bool may_settle(const struct journal_entry *entry)
{
	static const struct journal_platform here;

	return entry->state == JOURNAL_ARRIVING || entry->state == JOURNAL_ESCROWED ||
	       (entry->state == JOURNAL_REDEEMED && memcmp(&entry->grant->redeemer, &here, sizeof here) == 0);
}

/* Up to ASK_AT_ONCE entries from `*at` on for which `wanted` holds. */
static size_t pick(struct journal *j, size_t *at, bool (*wanted)(const struct journal_entry *entry),
		   struct journal_entry **ret_entries)
{
	size_t count = 0;

	for (; *at < j->used && count < ASK_AT_ONCE; (*at)++)
		if (j->entries[*at].state != JOURNAL_FREE && wanted(&j->entries[*at]))
			ret_entries[count++] = &j->entries[*at];
	return count;
}

static enum tcb_error settle_by(struct mige *m, struct journal_entry *entry, const struct looked_up *found,
				struct diagnosis *d)
{
	if (entry->state == JOURNAL_ESCROWED)
		return found->has ? TCB_OK : journal_abandon(&m->journal, entry, d);
	return found->has && found->generation > entry->generation ? journal_settle(&m->journal, entry, d) : TCB_OK;
}

static enum tcb_error settle_adopted(struct mige *m, struct diagnosis *d)
{
	static struct journal_entry *asked[ASK_AT_ONCE];
	static struct looked_up found[ASK_AT_ONCE];

	for (size_t at = 0; at < m->journal.used;) {
		size_t count = pick(&m->journal, &at, may_settle, asked);

		if (count > 0)
			TRY(look_up(m, asked, count, found, d));
		for (size_t i = 0; i < count; i++)
			TRY(settle_by(m, asked[i], &found[i], d));
	}
	return TCB_OK;
}

/* All entries that the ledger does not have any more, in one write. */
static enum tcb_error drop_absent(struct mige *m, struct diagnosis *d)
{
	static struct journal_entry *going[JOURNAL_ENTRIES];
	static struct looked_up found[ASK_AT_ONCE];
	size_t going_count = 0;

	for (size_t at = 0; at < m->journal.used;) {
		size_t count = pick(&m->journal, &at, journal_may_drop, going + going_count), kept = going_count;

		if (count > 0)
			TRY(look_up(m, going + going_count, count, found, d));
		for (size_t i = 0; i < count; i++)
			if (!found[i].has)
				going[kept++] = going[going_count + i];
		going_count = kept;
	}
	return going_count > 0 ? journal_drop(&m->journal, going, going_count, d) : TCB_OK;
}

enum tcb_error tidy_step(struct mige *m, uint64_t round, struct mige_step *step, struct diagnosis *d)
{
	struct mige_request request = { .kind = REQUEST_CONFIRM };
	const struct journal_entry *entry;

	TRY(journal_certain(&m->journal, d));
	if (m->round != round) {
		m->round = round;
		TRY(settle_adopted(m, d));
		TRY(drop_absent(m, d));
	}
	entry = journal_next_untold(&m->journal, round);
	if (entry == NULL) {
		step->answered = true;
		return TCB_OK;
	}
	if (entry->state == JOURNAL_RETURNING)
		request.kind = REQUEST_RETURN;
	request.id = entry->id;
	request.handover = entry->arrival.handover;
	return net_ask(m, span_of(entry->arrival.address, entry->arrival.address_size), &request, step, d);
}

/* One that refuses can be asked of others; one that is not there holds up nobody else a second time. */
void tidy_ended(struct mige *m, const struct mige_request *request, enum tcb_error error)
{
	if (error != TCB_OK && error != TCB_REFUSED)
		journal_pass_over(&m->journal, &request->handover, m->round);
}
