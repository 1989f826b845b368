// SPDX-License-Identifier: MIT
/* The journal shrinks, when the host finds time for it. An entry may go once nothing rests on it: no source would grant us an old blob of its
 * vTPM again, since each was told, and settled it; and no state of the vTPM opens here or is taken, since the PSE's ledger does not have it. */
#include "enclave/mige/mige.h"

#define ASK_AT_ONCE 256 /* of the PSE */

/* Those of `entries` that the ledger does not have are moved to its front. */
static enum tcb_error keep_absent(struct mige *m, struct journal_entry **entries, size_t *count, struct diagnosis *d)
{
	static uint8_t body_bytes[ASK_AT_ONCE * UUID_SIZE];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;
	size_t absent = 0;

	for (size_t i = 0; i < *count; i++)
		writer_bytes(&w, SPAN_OF(entries[i]->id.bytes));
	TRY(writer_end(&w, &body));
	TRY(session_call(&m->pse, LOCAL_LEDGER_HAS, body, &reply, d));
	if (reply.size != *count)
		return TCB_MALFORMED;
	for (size_t i = 0; i < *count; i++)
		if (reply.data[i] == 0)
			entries[absent++] = entries[i];
	*count = absent;
	return TCB_OK;
}

/* All that the PSE says before, in one write. */
static enum tcb_error drop_absent(struct mige *m, struct diagnosis *d)
{
	static struct journal_entry *going[JOURNAL_ENTRIES];
	struct journal *j = &m->journal;
	size_t count = 0;

	for (size_t i = 0; i < j->used;) {
		size_t asked = 0;

		for (; i < j->used && asked < ASK_AT_ONCE; i++)
			if (journal_may_drop(&j->entries[i]))
				going[count + asked++] = &j->entries[i];
		if (asked > 0)
			TRY(keep_absent(m, going + count, &asked, d));
		count += asked;
	}
	return count > 0 ? journal_drop(j, going, count, d) : TCB_OK;
}

enum tcb_error tidy_step(struct mige *m, uint64_t round, struct mige_step *step, struct diagnosis *d)
{
	struct mige_request request = { .confirms = true };
	const struct journal_entry *entry;

	if (m->round != round) {
		m->round = round;
		TRY(drop_absent(m, d));
	}
	entry = journal_next_arrival(&m->journal, round);
	if (entry == NULL) {
		step->answered = true;
		return TCB_OK;
	}
	request.handover = entry->arrival.handover;
	return net_ask(m, span_of(entry->arrival.address, entry->arrival.address_size), &request, step, d);
}

/* One that refuses can be asked of others; one that is not there holds up nobody else a second time. */
void tidy_ended(struct mige *m, const struct mige_request *request, enum tcb_error error)
{
	if (error != TCB_OK && error != TCB_REFUSED)
		journal_pass_over(&m->journal, &request->handover, m->round);
}
