// SPDX-License-Identifier: MIT
#include "enclave/mige/journal.h"

#include "core/reader.h"
#include "core/writer.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define JOURNAL_LABEL "tcbind MigE journal v3"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];

/* ---- the stored form ---- */

static struct span policy_of(const struct journal_entry *e)
{
	return e->policy != NULL ? span_of(e->policy->bytes, e->policy->size) : span_of(NULL, 0);
}

static void arrival_encode(struct writer *w, const struct journal_arrival *a)
{
	writer_u8(w, (uint8_t)a->address_size);
	if (a->address_size == 0)
		return;
	writer_bytes(w, span_of(a->address, a->address_size));
	writer_bytes(w, SPAN_OF(a->handover.bytes));
}

static void entry_encode(struct writer *w, const struct journal_entry *e)
{
	writer_u8(w, (uint8_t)e->state);
	writer_bytes(w, SPAN_OF(e->id.bytes));
	writer_u64(w, e->settled);
	writer_bool(w, e->untold);
	arrival_encode(w, &e->arrival);
	if (e->state == JOURNAL_SETTLED)
		return;
	writer_bytes(w, SPAN_OF(e->handover.bytes));
	writer_u64(w, e->generation);
	if (e->state == JOURNAL_ARRIVING)
		return;
	writer_bytes(w, SPAN_OF(e->key.bytes));
	writer_bytes(w, SPAN_OF(e->last_custody.bytes));
	if (e->state == JOURNAL_ESCROWED) {
		writer_bool(w, e->policy != NULL);
		writer_sized(w, policy_of(e));
		return;
	}
	writer_bytes(w, SPAN_OF(e->grant->redeemer.ak.bytes));
	writer_bytes(w, SPAN_OF(e->grant->redeemer.ppid));
	writer_sized(w, span_of(e->grant->record, e->grant->record_size));
}

/* NULL when none is free. */
static struct journal_policy *take_policy(struct journal *j, struct span bytes)
{
	for (size_t i = 0; i < JOURNAL_POLICIES; i++) {
		if (j->policies[i].used)
			continue;
		j->policies[i].used = true;
		j->policies[i].size = bytes.size;
		memcpy(j->policies[i].bytes, bytes.data, bytes.size);
		return &j->policies[i];
	}
	return NULL;
}

static struct journal_grant *take_grant(struct journal *j, const struct journal_platform *redeemer, struct span record)
{
	for (size_t i = 0; i < JOURNAL_GRANTS; i++) {
		if (j->grants[i].used)
			continue;
		j->grants[i].used = true;
		j->grants[i].redeemer = *redeemer;
		j->grants[i].record_size = record.size;
		memcpy(j->grants[i].record, record.data, record.size);
		return &j->grants[i];
	}
	return NULL;
}

static enum tcb_error arrival_decode(struct reader *r, struct journal_arrival *ret_a)
{
	uint8_t size;

	TRY(reader_u8(r, &size));
	if (size == 0)
		return TCB_OK;
	if (size > sizeof ret_a->address)
		return TCB_MALFORMED;
	TRY(reader_copy(r, ret_a->address, size));
	TRY(reader_copy(r, ret_a->handover.bytes, sizeof ret_a->handover.bytes));
	ret_a->address_size = size;
	return TCB_OK;
}

static enum tcb_error escrowed_decode(struct journal *j, struct reader *r, struct journal_entry *ret_e)
{
	struct span policy;
	bool has;

	TRY(reader_bool(r, &has));
	TRY(reader_sized(r, JOURNAL_POLICY_MAX, &policy));
	if (!has)
		return policy.size == 0 ? TCB_OK : TCB_MALFORMED;
	ret_e->policy = take_policy(j, policy);
	return ret_e->policy != NULL ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error redeemed_decode(struct journal *j, struct reader *r, struct journal_entry *ret_e)
{
	struct journal_platform redeemer;
	struct span record;

	TRY(reader_copy(r, redeemer.ak.bytes, sizeof redeemer.ak.bytes));
	TRY(reader_copy(r, redeemer.ppid, sizeof redeemer.ppid));
	TRY(reader_sized(r, LIMIT_CUSTODY_RECORD, &record));
	ret_e->grant = take_grant(j, &redeemer, record);
	return ret_e->grant != NULL ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error entry_decode(struct journal *j, struct reader *r, struct journal_entry *ret_e)
{
	uint8_t state;

	TRY(reader_u8(r, &state));
	if (state < JOURNAL_ESCROWED || state > JOURNAL_SETTLED)
		return TCB_MALFORMED;
	ret_e->state = (enum journal_state)state;
	TRY(reader_copy(r, ret_e->id.bytes, sizeof ret_e->id.bytes));
	TRY(reader_u64(r, &ret_e->settled));
	TRY(reader_bool(r, &ret_e->untold));
	TRY(arrival_decode(r, &ret_e->arrival));
	if (state == JOURNAL_SETTLED)
		return TCB_OK;
	TRY(reader_copy(r, ret_e->handover.bytes, sizeof ret_e->handover.bytes));
	TRY(reader_u64(r, &ret_e->generation));
	if (state == JOURNAL_ARRIVING)
		return TCB_OK;
	TRY(reader_copy(r, ret_e->key.bytes, sizeof ret_e->key.bytes));
	TRY(reader_copy(r, ret_e->last_custody.bytes, sizeof ret_e->last_custody.bytes));
	return state == JOURNAL_ESCROWED ? escrowed_decode(j, r, ret_e) : redeemed_decode(j, r, ret_e);
}

static enum tcb_error full(struct diagnosis *d)
{
	return diagnose(d, TCB_LIMIT, "mige.journal.full", "a journal without room", "fewer hand-overs, shorter policies",
			"finish or cancel migrations that are under way");
}

static enum tcb_error journal_store(const struct journal *j, struct diagnosis *d)
{
	struct writer plain = WRITER_OF(plain_bytes), sealed = WRITER_OF(sealed_bytes);
	struct span plain_span, sealed_span;
	enum tcb_error error;

	for (size_t i = 0; i < j->used; i++)
		if (j->entries[i].state != JOURNAL_FREE)
			entry_encode(&plain, &j->entries[i]);
	error = writer_end(&plain, &plain_span);
	if (error == TCB_OK)
		error = seal_bytes(JOURNAL_LABEL, plain_span, &sealed);
	if (error == TCB_OK)
		error = writer_end(&sealed, &sealed_span);
	wipe(plain_bytes, plain.size < sizeof plain_bytes ? plain.size : sizeof plain_bytes);
	if (error != TCB_OK)
		return error == TCB_LIMIT ? full(d) : error;
	return host_store(STORE_MIGE_JOURNAL, sealed_span, d);
}

static enum tcb_error decode_all(struct journal *j, struct span plain)
{
	struct reader r = reader_of(plain);

	for (; r.rest.size > 0; j->used++) {
		if (j->used == JOURNAL_ENTRIES)
			return TCB_LIMIT;
		TRY(entry_decode(j, &r, &j->entries[j->used]));
	}
	return TCB_OK;
}

enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	enum tcb_error error;

	if (sealed.size == 0)
		return TCB_OK;
	TRY(seal_open(JOURNAL_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	error = decode_all(j, plain);
	wipe(plain_bytes, plain.size);
	return error;
}

/* ---- entries ---- */

struct journal_entry *journal_find(struct journal *j, const struct uuid *id)
{
	for (size_t i = 0; i < j->used; i++)
		if (j->entries[i].state != JOURNAL_FREE && memcmp(&j->entries[i].id, id, sizeof *id) == 0)
			return &j->entries[i];
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
static struct journal_entry *find_place(struct journal *j, const struct uuid *id)
{
	struct journal_entry *entry = journal_find(j, id);

	for (size_t i = 0; entry == NULL && i < j->used; i++)
		if (j->entries[i].state == JOURNAL_FREE)
			entry = &j->entries[i];
	return entry == NULL && j->used < JOURNAL_ENTRIES ? &j->entries[j->used] : entry;
}

/* Policy and grant of `gone` are free, unless `kept` names them. */
static void release(const struct journal_entry *gone, const struct journal_entry *kept)
{
	if (gone->policy != NULL && gone->policy != kept->policy)
		wipe(gone->policy, sizeof *gone->policy);
	if (gone->grant != NULL && gone->grant != kept->grant)
		wipe(gone->grant, sizeof *gone->grant);
}

/* Puts `next` in the place of `entry`, durably; on failure the entry is as before. What the one of the two that is gone had taken is free. */
static enum tcb_error replace(struct journal *j, struct journal_entry *entry, const struct journal_entry *next,
			      struct diagnosis *d)
{
	static struct journal_entry before;
	enum tcb_error error;

	before = *entry;
	*entry = *next;
	if (j->used < JOURNAL_ENTRIES && entry == &j->entries[j->used])
		j->used++;
	error = journal_store(j, d);
	if (error != TCB_OK)
		*entry = before;
	release(error == TCB_OK ? &before : next, entry);
	wipe(&before, sizeof before);
	return error;
}

/* Nothing is open any more; what has settled here is remembered, and who is to be told. */
static enum tcb_error settle(struct journal *j, struct journal_entry *entry, uint64_t settled, struct diagnosis *d)
{
	struct journal_entry next = { .state = JOURNAL_FREE };

	if (settled > 0) {
		next.state = JOURNAL_SETTLED;
		next.id = entry->id;
		next.settled = settled;
		next.untold = entry->untold;
		next.arrival = entry->arrival;
	}
	return replace(j, entry, &next, d);
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

bool journal_has_moved(struct journal *j, const struct uuid *id, uint64_t generation)
{
	const struct journal_entry *entry = journal_find(j, id);

	return entry != NULL && generation <= gone_generation(entry);
}

/* ---- leaving ---- */

enum tcb_error journal_activate(struct journal *j, const struct uuid *id, uint64_t generation, struct diagnosis *d)
{
	struct journal_entry *entry = journal_find(j, id);

	if (entry == NULL)
		return TCB_OK;
	if (generation <= gone_generation(entry))
		return moved(gone_generation(entry), d);
	if (entry->state == JOURNAL_SETTLED)
		return TCB_OK;
	return settle(j, entry, gone_generation(entry), d);
}

static enum tcb_error make_escrow(struct journal *j, const struct local_escrow *escrow, const struct journal_entry *entry,
				  struct journal_entry *ret_next)
{
	*ret_next = (struct journal_entry){
		.state = JOURNAL_ESCROWED,
		.id = escrow->id,
		.settled = entry->state == JOURNAL_FREE ? 0 : gone_generation(entry),
		.untold = entry->untold,
		.arrival = entry->arrival,
		.handover = escrow->handover,
		.generation = escrow->generation,
		.last_custody = escrow->last_custody,
	};
	memcpy(ret_next->key.bytes, escrow->key_bytes.data, sizeof ret_next->key.bytes);
	if (escrow->policy.size == 0)
		return TCB_OK;
	ret_next->policy = take_policy(j, escrow->policy);
	return ret_next->policy != NULL ? TCB_OK : TCB_LIMIT;
}

enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, struct diagnosis *d)
{
	static struct journal_entry next;
	struct journal_entry *entry = find_place(j, &escrow->id);
	enum tcb_error error;

	if (entry == NULL || escrow->policy.size > JOURNAL_POLICY_MAX)
		return full(d);
	if (entry->state != JOURNAL_FREE && escrow->generation <= gone_generation(entry))
		return moved(gone_generation(entry), d);
	error = make_escrow(j, escrow, entry, &next);
	if (error == TCB_OK)
		error = replace(j, entry, &next, d);
	else
		(void)full(d);
	wipe(&next, sizeof next);
	return error;
}

enum tcb_error journal_escrow_again(struct journal *j, const struct local_escrow *escrow, struct handover_id *ret_handover, struct diagnosis *d)
{
	static struct journal_entry next;
	struct journal_entry *entry = journal_find(j, &escrow->id);
	enum tcb_error error;

	if (entry == NULL || entry->state != JOURNAL_REDEEMED || entry->generation != escrow->generation)
		return diagnose(d, TCB_REFUSED, "mige.handover.none", "a vTPM whose hand-over was confirmed, or replaced by a later one",
				"one that was granted and has not come", "run the VM where it was moved to");
	next = *entry;
	memcpy(next.key.bytes, escrow->key_bytes.data, sizeof next.key.bytes);
	error = replace(j, entry, &next, d);
	if (error == TCB_OK)
		*ret_handover = next.handover;
	wipe(&next, sizeof next);
	return error;
}

/* A confirmed hand-over is no longer in the entry, but the generation that it gave up is. Where even the entry was dropped, the PSE takes
 * nothing of that vTPM any more. */
enum tcb_error journal_revoke(struct journal *j, const struct handover_id *handover, const struct uuid *id, uint64_t generation,
			      struct diagnosis *d)
{
	struct journal_entry *entry = journal_find(j, id);

	if (entry == NULL)
		return TCB_OK;
	if (generation <= gone_generation(entry))
		return diagnose(d, TCB_REFUSED, "mige.handover.gone", "a hand-over that was granted",
				"one that is not decided", "the VM runs at its destination; it cannot go on here");
	if (entry->state != JOURNAL_ESCROWED || memcmp(&entry->handover, handover, sizeof *handover) != 0)
		return TCB_OK;
	return settle(j, entry, entry->settled, d);
}

enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct journal_platform *redeemer,
			      struct span record, struct diagnosis *d)
{
	static struct journal_entry next;
	enum tcb_error error;

	if (entry->state != JOURNAL_ESCROWED || record.size > LIMIT_CUSTODY_RECORD)
		return TCB_INTERNAL;
	next = *entry;
	next.state = JOURNAL_REDEEMED;
	next.policy = NULL;
	next.grant = take_grant(j, redeemer, record);
	error = next.grant != NULL ? replace(j, entry, &next, d) : full(d);
	wipe(&next, sizeof next);
	return error;
}

enum tcb_error journal_confirm(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	return entry->state == JOURNAL_REDEEMED ? settle(j, entry, entry->generation, d) : TCB_INTERNAL;
}

/* ---- coming ---- */

/* An undecided escrow of ours stands for a vTPM that is here; only a later generation can be elsewhere. */
static bool may_arrive(const struct journal_entry *entry, uint64_t generation)
{
	switch (entry->state) {
	case JOURNAL_ESCROWED:
	case JOURNAL_REDEEMED: return generation > entry->generation;
	case JOURNAL_ARRIVING: return generation >= entry->generation;
	case JOURNAL_SETTLED:
	case JOURNAL_FREE: break;
	}
	return generation > entry->settled;
}

enum tcb_error journal_check_arrival(struct journal *j, const struct uuid *id, uint64_t generation, struct diagnosis *d)
{
	struct journal_entry *entry = find_place(j, id);

	if (entry == NULL)
		return full(d);
	if (entry->state == JOURNAL_FREE || may_arrive(entry, generation))
		return TCB_OK;
	return diagnose_found(d, TCB_REFUSED, "mige.handover.consumed", "a hand-over that has not been here",
			      "run the VM from the state that this platform has; migration blobs serve once",
			      "generation %llu of this vTPM was handed over to this platform, or given up here, before",
			      (unsigned long long)generation);
}

enum tcb_error journal_arrive(struct journal *j, const struct uuid *id, const struct handover_id *handover, uint64_t generation,
			      struct span source, struct diagnosis *d)
{
	struct journal_entry *entry = find_place(j, id);
	struct journal_entry next = { .state = JOURNAL_ARRIVING, .id = *id, .handover = *handover, .generation = generation,
				      .arrival = { .handover = *handover, .address_size = source.size } };

	TRY(journal_check_arrival(j, id, generation, d));
	if (source.size > sizeof next.arrival.address)
		return TCB_INTERNAL;
	if (entry->state == JOURNAL_ARRIVING && memcmp(&entry->handover, handover, sizeof *handover) == 0)
		return TCB_OK;
	if (source.size > 0)
		memcpy(next.arrival.address, source.data, source.size);
	next.settled = entry->state == JOURNAL_FREE ? 0 : entry->settled;
	next.untold = entry->untold || has_arrival(entry);
	return replace(j, entry, &next, d);
}

/* ---- tidying up ---- */

/* One that is ARRIVING may be lost with its enclave yet; the source must be able to grant it again. */
const struct journal_entry *journal_next_arrival(struct journal *j, uint64_t round)
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
	struct journal_arrival before;
	enum tcb_error error;

	if (entry == NULL)
		return TCB_OK;
	before = entry->arrival;
	entry->arrival = (struct journal_arrival){0};
	error = journal_store(j, d);
	if (error != TCB_OK)
		entry->arrival = before;
	return error;
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
	error = journal_store(j, d);
	for (size_t i = 0; i < count; i++)
		if (error == TCB_OK)
			wipe(entries[i], sizeof *entries[i]);
		else
			entries[i]->state = JOURNAL_SETTLED;
	return error;
}
