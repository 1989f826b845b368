// SPDX-License-Identifier: MIT
/* What may become of an entry of the journal. */
#include "enclave/mige/journal_chain.h"

#include "core/reader.h"
#include "core/writer.h"

/* ---- entries ---- */

struct journal_entry *journal_find(struct journal *j, const struct uuid *id, const struct digest256 *lineage)
{
	for (size_t i = 0; i < j->used; i++) {
		struct journal_entry *e = &j->entries[i];

		if (e->state != JOURNAL_FREE && memcmp(&e->id, id, sizeof *id) == 0 && memcmp(&e->lineage, lineage, sizeof *lineage) == 0)
			return e;
	}
	return NULL;
}

struct journal_entry *journal_find_handover(struct journal *j, const struct handover_id *handover)
{
	for (size_t i = 0; i < j->used; i++)
		if ((j->entries[i].state == JOURNAL_ESCROWED || j->entries[i].state == JOURNAL_REDEEMED) &&
		    memcmp(&j->entries[i].handover, handover, sizeof *handover) == 0)
			return &j->entries[i];
	return NULL;
}

/* The vTPM's entry, or a free one. */
static struct journal_entry *find_place(struct journal *j, const struct uuid *id, const struct digest256 *lineage)
{
	struct journal_entry *entry = journal_find(j, id, lineage);

	for (size_t i = 0; entry == NULL && i < j->used; i++)
		if (j->entries[i].state == JOURNAL_FREE)
			entry = &j->entries[i];
	return entry == NULL && j->used < JOURNAL_ENTRIES ? &j->entries[j->used] : entry;
}

static struct journal_step step_of(enum journal_change change, const struct journal_entry *entry)
{
	return (struct journal_step){ .change = change, .id = entry->id, .handover = entry->handover };
}

/* Puts `next` in the place of `entry`, durably. On failure the entry is as before; after TCB_PLATFORM
 * j->doubt keeps `next`. What the one of the two that is gone had taken is free. */
static enum tcb_error replace(struct journal *j, struct journal_entry *entry, const struct journal_entry *next,
			      const struct journal_step *step, struct diagnosis *d)
{
	static struct journal_entry before;
	enum tcb_error error;

	TRY(journal_certain(j, d));
	before = *entry;
	*entry = *next;
	if (j->used < JOURNAL_ENTRIES && entry == &j->entries[j->used])
		j->used++;
	error = journal_store(j, step, d);
	if (error != TCB_OK)
		*entry = before;
	if (j->doubt.open) {
		j->doubt.entry = entry;
		j->doubt.next = *next;
	} else {
		journal_release(error == TCB_OK ? &before : next, entry);
	}
	wipe(&before, sizeof before);
	return error;
}

/* Nothing is open any more; what has settled here is remembered, and who is to be told. */
static enum tcb_error settle(struct journal *j, struct journal_entry *entry, uint64_t settled, enum journal_change kind,
			     struct diagnosis *d)
{
	const struct journal_step step = step_of(kind, entry);
	struct journal_entry next = { .state = JOURNAL_FREE };

	if (settled > 0) {
		next.state = JOURNAL_SETTLED;
		next.id = entry->id;
		next.lineage = entry->lineage;
		next.settled = settled;
		next.untold = entry->untold;
		next.arrival = entry->arrival;
	}
	return replace(j, entry, &next, &step, d);
}

static bool has_arrival(const struct journal_entry *entry)
{
	return entry->arrival.address_size > 0;
}

/* The newest generation that can no longer run here; 0: none. */
static uint64_t gone_generation(const struct journal_entry *entry)
{
	if (entry->state == JOURNAL_REDEEMED || entry->state == JOURNAL_ARRIVING)
		return entry->generation;
	return entry->settled;
}

static enum tcb_error moved(uint64_t generation, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "vtpm.moved", "a generation that was not handed over",
			      "run the VM where it was moved to, or bring it back by a migration",
			      "generation %llu of this vTPM was handed over and never runs here again",
			      (unsigned long long)generation);
}

bool journal_has_moved(struct journal *j, const struct uuid *id, const struct digest256 *lineage, uint64_t generation)
{
	const struct journal_entry *entry = journal_find(j, id, lineage);

	return entry != NULL && generation <= gone_generation(entry);
}

/* ---- leaving ---- */

static enum tcb_error make_escrow(struct journal *j, const struct local_escrow *escrow, uint16_t svn,
				  const struct journal_entry *entry, struct journal_entry *ret_next)
{
	*ret_next = (struct journal_entry){
		.state = JOURNAL_ESCROWED,
		.id = escrow->id,
		.lineage = escrow->lineage,
		.settled = entry->state == JOURNAL_FREE ? 0 : gone_generation(entry),
		.untold = entry->untold,
		.arrival = entry->arrival,
		.handover = escrow->handover,
		.generation = escrow->generation,
		.last_custody = escrow->last_custody,
		.exporter_svn = svn,
	};
	memcpy(ret_next->key.bytes, escrow->key_bytes.data, sizeof ret_next->key.bytes);
	if (escrow->policy.size == 0)
		return TCB_OK;
	ret_next->policy = journal_take_policy(j, escrow->policy);
	return ret_next->policy != NULL ? TCB_OK : TCB_LIMIT;
}

enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, uint16_t svn, struct diagnosis *d)
{
	static struct journal_entry next;
	struct journal_step step;
	struct journal_entry *entry = find_place(j, &escrow->id, &escrow->lineage);
	enum tcb_error error;

	if (entry == NULL || escrow->policy.size > LIMIT_POLICY)
		return journal_full(d);
	if (entry->state != JOURNAL_FREE && escrow->generation <= gone_generation(entry))
		return moved(gone_generation(entry), d);
	error = make_escrow(j, escrow, svn, entry, &next);
	step = step_of(JOURNAL_CHANGES_ESCROW, &next);
	if (error == TCB_OK)
		error = replace(j, entry, &next, &step, d);
	else
		(void)journal_full(d);
	wipe(&next, sizeof next);
	return error;
}

enum tcb_error journal_escrow_again(struct journal *j, const struct local_escrow *escrow, struct handover_id *ret_handover, struct diagnosis *d)
{
	static struct journal_entry next;
	struct journal_entry *entry = journal_find(j, &escrow->id, &escrow->lineage);
	enum tcb_error error;

	if (entry == NULL || entry->state != JOURNAL_REDEEMED || entry->generation != escrow->generation)
		return diagnose(d, TCB_REFUSED, "mige.handover.none", "a vTPM whose hand-over was confirmed, or replaced by a later one",
				"one that was granted and has not come", "run the VM where it was moved to");
	next = *entry;
	memcpy(next.key.bytes, escrow->key_bytes.data, sizeof next.key.bytes);
	error = replace(j, entry, &next, &journal_step_alone, d);
	if (error == TCB_OK)
		*ret_handover = next.handover;
	wipe(&next, sizeof next);
	return error;
}

/* A confirmed hand-over is no longer in the entry, but the generation that it gave up is. One that the journal
 * does not have may still be in the vTPM's register: an escrow that was undone takes the one before it along. */
enum tcb_error journal_revoke(struct journal *j, const struct ledger_handover *m, uint64_t generation,
			      enum revoke_outcome *ret_outcome, struct diagnosis *d)
{
	const struct journal_step unknown = { .change = JOURNAL_CHANGES_REVOKE, .id = m->id, .handover = m->handover };
	struct journal_entry *entry = journal_find(j, &m->id, &m->lineage);

	if (entry != NULL && generation <= gone_generation(entry)) {
		*ret_outcome = REVOKE_GRANTED;
		return TCB_OK;
	}
	*ret_outcome = REVOKE_DONE;
	if (entry == NULL || entry->state != JOURNAL_ESCROWED ||
	    memcmp(&entry->handover, &m->handover, sizeof m->handover) != 0)
		return journal_store(j, &unknown, d);
	return settle(j, entry, entry->settled, JOURNAL_CHANGES_REVOKE, d);
}

enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct journal_platform *redeemer,
			      struct span record, struct diagnosis *d)
{
	const struct journal_step step = step_of(JOURNAL_CHANGES_GRANT, entry);
	static struct journal_entry next;
	enum tcb_error error;

	if (entry->state != JOURNAL_ESCROWED || record.size > LIMIT_CUSTODY_RECORD)
		return TCB_INTERNAL;
	next = *entry;
	next.state = JOURNAL_REDEEMED;
	next.policy = NULL;
	next.grant = journal_take_grant(j, redeemer, record);
	error = next.grant != NULL ? replace(j, entry, &next, &step, d) : journal_full(d);
	wipe(&next, sizeof next);
	return error;
}

enum tcb_error journal_confirm(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	return entry->state == JOURNAL_REDEEMED ? settle(j, entry, entry->generation, JOURNAL_CHANGES_SETTLE, d)
						 : TCB_INTERNAL;
}

enum tcb_error journal_return(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	return entry->state == JOURNAL_REDEEMED ? settle(j, entry, entry->settled, JOURNAL_CHANGES_RETURN, d)
						 : TCB_INTERNAL;
}

/* ---- coming ---- */

/* An undecided escrow of ours stands for a vTPM that is here; only a later generation can be elsewhere. */
static bool may_arrive(const struct journal_entry *entry, uint64_t generation)
{
	switch (entry->state) {
	case JOURNAL_ESCROWED:
	case JOURNAL_REDEEMED: return generation > entry->generation;
	case JOURNAL_ARRIVING: return generation >= entry->generation;
	case JOURNAL_RETURNING:
	case JOURNAL_SETTLED:
	case JOURNAL_FREE: break;
	}
	return generation > entry->settled;
}

enum tcb_error journal_check_arrival(struct journal *j, const struct local_redeem *asked, struct diagnosis *d)
{
	struct journal_entry *entry = find_place(j, &asked->id, &asked->lineage);

	if (entry == NULL)
		return journal_full(d);
	if (entry->state == JOURNAL_RETURNING && memcmp(&entry->handover, &asked->handover, sizeof entry->handover) == 0)
		return diagnose(d, TCB_REFUSED, "mige.handover.returned", "a hand-over that this platform gave back",
				"one that is open", "migrate again from where the VM runs now");
	if (entry->state == JOURNAL_FREE || may_arrive(entry, asked->generation))
		return TCB_OK;
	return diagnose_found(d, TCB_REFUSED, "mige.handover.consumed", "a hand-over that has not been here",
			      "run the VM from the state that this platform has; migration blobs serve once",
			      "generation %llu of this vTPM was handed over to this platform, or given up here, before",
			      (unsigned long long)asked->generation);
}

enum tcb_error journal_arrive(struct journal *j, const struct local_redeem *granted, struct diagnosis *d)
{
	const struct span source = granted->source_address;
	struct journal_entry *entry = find_place(j, &granted->id, &granted->lineage);
	struct journal_entry next = { .state = JOURNAL_ARRIVING, .id = granted->id, .lineage = granted->lineage,
				      .handover = granted->handover, .generation = granted->generation,
				      .arrival = { .handover = granted->handover, .address_size = source.size } };

	TRY(journal_check_arrival(j, granted, d));
	if (source.size > sizeof next.arrival.address)
		return TCB_INTERNAL;
	if (entry->state == JOURNAL_ARRIVING && memcmp(&entry->handover, &next.handover, sizeof next.handover) == 0)
		return TCB_OK;
	if (source.size > 0)
		memcpy(next.arrival.address, source.data, source.size);
	next.settled = entry->state == JOURNAL_FREE ? 0 : entry->settled;
	next.untold = entry->untold || has_arrival(entry);
	return replace(j, entry, &next, &journal_step_alone, d);
}

enum tcb_error journal_settle(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	return settle(j, entry, entry->generation, JOURNAL_CHANGES_SETTLE, d);
}

enum tcb_error journal_abandon(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	return entry->state == JOURNAL_ESCROWED ? settle(j, entry, entry->settled, JOURNAL_CHANGES_NONE, d) : TCB_INTERNAL;
}

enum tcb_error journal_renounce(struct journal *j, const struct ledger_handover *m, struct journal_arrival *ret_source,
				struct diagnosis *d)
{
	struct journal_entry *entry = journal_find(j, &m->id, &m->lineage);
	bool is_this = entry != NULL && memcmp(&entry->handover, &m->handover, sizeof m->handover) == 0;
	struct journal_entry next;

	if (is_this)
		*ret_source = entry->arrival;
	if (is_this && entry->state == JOURNAL_RETURNING)
		return TCB_OK;
	if (!is_this || entry->state != JOURNAL_ARRIVING)
		return diagnose(d, TCB_REFUSED, "mige.handover.adopted", "a hand-over that is not open here",
				"one that was granted and not adopted", "see `tcbind vtpm show`");
	next = *entry;
	next.state = JOURNAL_RETURNING;
	return replace(j, entry, &next, &journal_step_alone, d);
}

/* ---- tidying up ---- */

/* An ARRIVING one may be lost with its enclave yet; the source must be able to grant it again. */
const struct journal_entry *journal_next_untold(struct journal *j, uint64_t round)
{
	for (size_t i = 0; i < j->used; i++) {
		struct journal_entry *e = &j->entries[i];

		if (e->state == JOURNAL_ARRIVING || !has_arrival(e) || e->round == round)
			continue;
		e->round = round;
		return e;
	}
	return NULL;
}

static struct journal_entry *find_arrival(struct journal *j, const struct handover_id *arrived)
{
	for (size_t i = 0; i < j->used; i++)
		if (has_arrival(&j->entries[i]) && memcmp(&j->entries[i].arrival.handover, arrived, sizeof *arrived) == 0)
			return &j->entries[i];
	return NULL;
}

static struct span source_of(const struct journal_entry *entry)
{
	return span_of(entry->arrival.address, entry->arrival.address_size);
}

void journal_pass_over(struct journal *j, const struct handover_id *arrived, uint64_t round)
{
	const struct journal_entry *failed = find_arrival(j, arrived);

	for (size_t i = 0; failed != NULL && i < j->used; i++)
		if (has_arrival(&j->entries[i]) && span_equal(source_of(&j->entries[i]), source_of(failed)))
			j->entries[i].round = round;
}

enum tcb_error journal_told(struct journal *j, const struct handover_id *arrived, struct diagnosis *d)
{
	struct journal_entry *entry = find_arrival(j, arrived);
	struct journal_entry next;

	if (entry == NULL)
		return TCB_OK;
	next = *entry;
	next.arrival = (struct journal_arrival){0};
	if (entry->state == JOURNAL_RETURNING)
		next.state = entry->settled > 0 || entry->untold ? JOURNAL_SETTLED : JOURNAL_FREE;
	return replace(j, entry, &next, &journal_step_alone, d);
}

bool journal_may_drop(const struct journal_entry *entry)
{
	return entry->state == JOURNAL_SETTLED && !entry->untold && !has_arrival(entry);
}

enum tcb_error journal_drop(struct journal *j, struct journal_entry *const *entries, size_t count, struct diagnosis *d)
{
	enum tcb_error error;

	for (size_t i = 0; i < count; i++)
		entries[i]->state = JOURNAL_FREE;
	error = journal_store(j, &journal_step_alone, d);
	for (size_t i = 0; i < count; i++)
		if (error == TCB_OK)
			wipe(entries[i], sizeof *entries[i]);
		else
			entries[i]->state = JOURNAL_SETTLED;
	return error;
}
