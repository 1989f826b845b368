// SPDX-License-Identifier: MIT
/* The ledger's stored chain: snapshot and steps. */
#include "enclave/pse/ledger.h"

#include <stddef.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "edge/calls.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define LEDGER_LABEL "tcbind PSE ledger v4"
#define STEP_LABEL "tcbind PSE ledger step v4"

enum step_slot { STEP_NO_SLOT = 0, STEP_SLOT = 1, STEP_SLOT_GONE = 2 };

static uint8_t plain_bytes[LEDGER_PLAIN_MAX], sealed_bytes[LEDGER_PLAIN_MAX + SEAL_OVERHEAD];

/* ---- stored forms ---- */

static void put_slot(struct writer *w, const struct ledger_slot *slot)
{
	writer_bytes(w, SPAN_OF(slot->id.bytes));
	writer_bytes(w, SPAN_OF(slot->lineage.bytes));
	writer_u64(w, slot->generation);
	writer_u64(w, slot->version);
	writer_bytes(w, SPAN_OF(slot->digest.bytes));
	writer_u8(w, (uint8_t)slot->phase);
	writer_bytes(w, SPAN_OF(slot->handover.bytes));
	writer_bool(w, slot->unsettled);
	writer_bool(w, slot->drop_when_settled);
	writer_bytes(w, SPAN_OF(slot->incarnation.bytes));
}

static enum tcb_error get_slot(struct reader *r, struct ledger_slot *ret_slot)
{
	struct ledger_slot slot = {0};
	uint8_t phase;

	TRY(reader_copy(r, slot.id.bytes, sizeof slot.id.bytes));
	TRY(reader_copy(r, slot.lineage.bytes, sizeof slot.lineage.bytes));
	TRY(reader_u64(r, &slot.generation));
	TRY(reader_u64(r, &slot.version));
	TRY(reader_copy(r, slot.digest.bytes, sizeof slot.digest.bytes));
	TRY(reader_u8(r, &phase));
	TRY(reader_copy(r, slot.handover.bytes, sizeof slot.handover.bytes));
	TRY(reader_bool(r, &slot.unsettled));
	TRY(reader_bool(r, &slot.drop_when_settled));
	TRY(reader_copy(r, slot.incarnation.bytes, sizeof slot.incarnation.bytes));
	if (phase < LEDGER_HERE || phase > LEDGER_DROPPED)
		return TCB_MALFORMED;
	slot.phase = (enum ledger_phase)phase;
	*ret_slot = slot;
	return TCB_OK;
}

static void put_journal(struct writer *w, const struct ledger_journal *journal)
{
	writer_u64(w, journal->version);
	writer_bytes(w, SPAN_OF(journal->digest.bytes));
}

static enum tcb_error get_journal(struct reader *r, struct ledger_journal *ret_journal)
{
	struct ledger_journal journal = {0};

	TRY(reader_u64(r, &journal.version));
	TRY(reader_copy(r, journal.digest.bytes, sizeof journal.digest.bytes));
	*ret_journal = journal;
	return TCB_OK;
}

/* `ret_digest`: what the next step names. */
static enum tcb_error seal(const char *label, struct writer *plain, struct span *ret_sealed,
			   struct digest256 *ret_digest)
{
	struct writer sealed = WRITER_OF(sealed_bytes);
	struct span bytes;

	TRY(writer_end(plain, &bytes));
	TRY(seal_bytes(label, bytes, &sealed));
	TRY(writer_end(&sealed, ret_sealed));
	return crypto_sha256(*ret_sealed, ret_digest);
}

/* u64 step | digest of that step | journal | slots. The chain goes from step to step: a snapshot that the
 * host stored without saying so breaks nothing. */
enum tcb_error ledger_snapshot(struct ledger *l, struct diagnosis *d)
{
	struct writer plain = WRITER_OF(plain_bytes);
	struct digest256 digest;
	struct span sealed;

	writer_u64(&plain, l->step);
	writer_bytes(&plain, SPAN_OF(l->last.bytes));
	put_journal(&plain, &l->journal);
	for (size_t i = 0; i < l->count; i++)
		put_slot(&plain, &l->slots[i]);
	TRY(seal(LEDGER_LABEL, &plain, &sealed, &digest));
	return host_store(STORE_PSE_LEDGER, sealed, d);
}

/* u64 step | digest of the step before | u8 1: journal follows | u8 enum step_slot | slot.
 * The step goes to the host with our answer. An honest host passes the answer on when the step is
 * durable. */
static enum tcb_error post_step(struct ledger *l, const struct ledger_change *change)
{
	struct writer plain = WRITER_OF(plain_bytes);
	struct span sealed;

	writer_u64(&plain, l->step + 1);
	writer_bytes(&plain, SPAN_OF(l->last.bytes));
	writer_bool(&plain, change->journal != NULL);
	if (change->journal != NULL)
		put_journal(&plain, change->journal);
	writer_u8(&plain, change->slot == NULL ? STEP_NO_SLOT : change->gone ? STEP_SLOT_GONE : STEP_SLOT);
	if (change->slot != NULL)
		put_slot(&plain, change->slot);
	TRY(seal(STEP_LABEL, &plain, &sealed, &l->last));
	host_store_posted(STORE_PSE_LEDGER_STEP, sealed);
	l->step++;
	return TCB_OK;
}

/* ---- registers, in the order of their ids ---- */

/* Where the id's register is, or would be. */
static size_t place_of(const struct ledger *l, const struct uuid *id)
{
	size_t from = 0, to = l->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memcmp(&l->slots[middle].id, id, sizeof *id) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool is_at(const struct ledger *l, size_t at, const struct uuid *id)
{
	return at < l->count && memcmp(&l->slots[at].id, id, sizeof *id) == 0;
}

struct ledger_slot *ledger_find(struct ledger *l, const struct uuid *id)
{
	size_t at = place_of(l, id);

	return is_at(l, at, id) ? &l->slots[at] : NULL;
}

static enum tcb_error put(struct ledger *l, const struct ledger_slot *next)
{
	size_t at = place_of(l, &next->id);

	if (!is_at(l, at, &next->id)) {
		if (l->count == LEDGER_ENTRIES)
			return TCB_LIMIT;
		memmove(&l->slots[at + 1], &l->slots[at], (l->count - at) * sizeof l->slots[0]);
		l->count++;
	}
	l->slots[at] = *next;
	return TCB_OK;
}

static void take_out(struct ledger *l, const struct uuid *id)
{
	size_t at = place_of(l, id);

	if (!is_at(l, at, id))
		return;
	l->count--;
	memmove(&l->slots[at], &l->slots[at + 1], (l->count - at) * sizeof l->slots[0]);
}

static enum tcb_error apply(struct ledger *l, const struct ledger_change *change)
{
	if (change->journal != NULL)
		l->journal = *change->journal;
	if (change->slot == NULL)
		return TCB_OK;
	if (!change->gone)
		return put(l, change->slot);
	take_out(l, &change->slot->id);
	return TCB_OK;
}

enum tcb_error ledger_change(struct ledger *l, const struct ledger_change *change, struct diagnosis *d)
{
	struct ledger_slot copy; /* the caller's may be one of ours, which move */
	struct ledger_change safe = *change;

	if (change->slot != NULL) {
		copy = *change->slot;
		safe.slot = &copy;
		if (!change->gone && ledger_find(l, &copy.id) == NULL && l->count == LEDGER_ENTRIES)
			return diagnose(d, TCB_LIMIT, "ledger.full", "a full ledger", "at most 10240 vTPMs on one platform",
					"delete vTPMs that are not needed: `tcbind vtpm delete`");
	}
	TRY(post_step(l, &safe));
	return apply(l, &safe);
}

/* ---- start ---- */

static enum tcb_error load_snapshot(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	TRY(seal_open(LEDGER_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &l->step));
	TRY(reader_copy(&r, l->last.bytes, sizeof l->last.bytes));
	TRY(get_journal(&r, &l->journal));
	while (r.rest.size > 0) {
		struct ledger_slot slot;

		TRY(get_slot(&r, &slot));
		TRY(put(l, &slot));
	}
	return TCB_OK;
}

static enum tcb_error broken_chain(const struct ledger *l, uint64_t step, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "ledger.chain",
			      "each step of the ledger, in the order in which it was stored",
			      "restore all of the platform's store as it was last", "step %llu after %llu",
			      (unsigned long long)step, (unsigned long long)l->step);
}

/* The members of a step behind its number and the digest before it. */
static enum tcb_error read_change(struct reader *r, struct ledger_change *ret_change,
				  struct ledger_slot *ret_slot, struct ledger_journal *ret_journal)
{
	bool has_journal;
	uint8_t kind;

	*ret_change = (struct ledger_change){0};
	TRY(reader_bool(r, &has_journal));
	if (has_journal) {
		TRY(get_journal(r, ret_journal));
		ret_change->journal = ret_journal;
	}
	TRY(reader_u8(r, &kind));
	if (kind > STEP_SLOT_GONE)
		return TCB_MALFORMED;
	if (kind != STEP_NO_SLOT) {
		TRY(get_slot(r, ret_slot));
		ret_change->slot = ret_slot;
		ret_change->gone = kind == STEP_SLOT_GONE;
	}
	return reader_end(r);
}

static enum tcb_error load_step(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct ledger_journal journal;
	struct ledger_change change;
	struct ledger_slot slot;
	struct digest256 before;
	struct span plain;
	struct reader r;
	uint64_t step;

	TRY(seal_open(STEP_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &step));
	TRY(reader_copy(&r, before.bytes, sizeof before.bytes));
	TRY(read_change(&r, &change, &slot, &journal));
	if (step <= l->step)
		return TCB_OK; /* the snapshot has it */
	if (step != l->step + 1 || memcmp(&before, &l->last, sizeof before) != 0)
		return broken_chain(l, step, d);
	TRY(apply(l, &change));
	l->step = step;
	return crypto_sha256(sealed, &l->last);
}

/* Slots that were never used are zeros and stay untouched: most of the memory. */
static void forget(struct ledger *l)
{
	memset(l->slots, 0, l->count * sizeof l->slots[0]);
	memset(&l->journal, 0, sizeof *l - offsetof(struct ledger, journal));
	l->count = 0;
}

enum tcb_error ledger_load(struct ledger *l, struct span stored, struct diagnosis *d)
{
	struct reader r = reader_of(stored);

	forget(l);
	for (bool first = true; r.rest.size > 0; first = false) {
		struct span sealed;
		uint8_t slot;

		TRY(reader_u8(&r, &slot));
		TRY(reader_sized(&r, LEDGER_PLAIN_MAX, &sealed));
		if (slot == STORE_PSE_LEDGER && first)
			TRY(load_snapshot(l, sealed, d));
		else if (slot == STORE_PSE_LEDGER_STEP)
			TRY(load_step(l, sealed, d));
		else
			return TCB_MALFORMED;
	}
	return TCB_OK;
}
