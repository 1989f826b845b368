// SPDX-License-Identifier: MIT
#include "enclave/pse/ledger.h"

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "edge/calls.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define LEDGER_LABEL "tcbind PSE ledger v3"
#define STEP_LABEL "tcbind PSE ledger step v3"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];

/* ---- stored forms ---- */

static void put_slot(struct writer *w, const struct ledger_slot *slot)
{
	writer_bytes(w, SPAN_OF(slot->id.bytes));
	writer_u64(w, slot->version);
	writer_bytes(w, SPAN_OF(slot->digest.bytes));
}

static enum tcb_error get_slot(struct reader *r, struct ledger_slot *ret_slot)
{
	struct ledger_slot slot = {0};

	TRY(reader_copy(r, slot.id.bytes, sizeof slot.id.bytes));
	TRY(reader_u64(r, &slot.version));
	TRY(reader_copy(r, slot.digest.bytes, sizeof slot.digest.bytes));
	*ret_slot = slot;
	return TCB_OK;
}

/* `ret_digest`: what the next step names. */
static enum tcb_error seal(const char *label, struct writer *plain, struct span *ret_sealed, struct digest256 *ret_digest)
{
	struct writer sealed = WRITER_OF(sealed_bytes);
	struct span bytes;

	TRY(writer_end(plain, &bytes));
	TRY(seal_bytes(label, bytes, &sealed));
	TRY(writer_end(&sealed, ret_sealed));
	return crypto_sha256(*ret_sealed, ret_digest);
}

/* u64 step | slots */
enum tcb_error ledger_snapshot(struct ledger *l, struct diagnosis *d)
{
	struct writer plain = WRITER_OF(plain_bytes);
	struct digest256 digest;
	struct span sealed;

	writer_u64(&plain, l->step);
	for (size_t i = 0; i < l->count; i++)
		put_slot(&plain, &l->slots[i]);
	TRY(seal(LEDGER_LABEL, &plain, &sealed, &digest));
	TRY(host_store(STORE_PSE_LEDGER, sealed, d));
	l->last = digest;
	return TCB_OK;
}

/* u64 step | digest of what was stored before | u8 1: the slot's new value, 0: it is gone | slot. It goes to the host with our answer, which it may
 * pass on when the step is durable; a host that did so before would be one that says so of what it never wrote. */
static enum tcb_error post_step(struct ledger *l, const struct ledger_slot *slot, bool used)
{
	struct writer plain = WRITER_OF(plain_bytes);
	struct span sealed;

	writer_u64(&plain, l->step + 1);
	writer_bytes(&plain, SPAN_OF(l->last.bytes));
	writer_bool(&plain, used);
	put_slot(&plain, slot);
	TRY(seal(STEP_LABEL, &plain, &sealed, &l->last));
	host_store_posted(STORE_PSE_LEDGER_STEP, sealed);
	l->step++;
	return TCB_OK;
}

/* ---- slots, in the order of their ids ---- */

/* Where the id's slot is, or would be. */
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

/* The id's slot; NULL: there is none. */
static struct ledger_slot *find(struct ledger *l, const struct uuid *id)
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

/* ---- start ---- */

static enum tcb_error load_snapshot(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	TRY(seal_open(LEDGER_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &l->step));
	while (r.rest.size > 0) {
		struct ledger_slot slot;

		TRY(get_slot(&r, &slot));
		TRY(put(l, &slot));
	}
	return crypto_sha256(sealed, &l->last);
}

static enum tcb_error broken_chain(const struct ledger *l, uint64_t step, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "ledger.chain", "each step of the ledger, in the order in which it was stored",
			      "restore all of the platform's store as it was last", "step %llu after %llu", (unsigned long long)step,
			      (unsigned long long)l->step);
}

static enum tcb_error load_step(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct digest256 before;
	struct ledger_slot next;
	struct span plain;
	struct reader r;
	uint64_t step;
	bool used;

	TRY(seal_open(STEP_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &step));
	TRY(reader_copy(&r, before.bytes, sizeof before.bytes));
	TRY(reader_bool(&r, &used));
	TRY(get_slot(&r, &next));
	TRY(reader_end(&r));
	if (step <= l->step)
		return TCB_OK; /* the snapshot has it */
	if (step != l->step + 1 || memcmp(&before, &l->last, sizeof before) != 0)
		return broken_chain(l, step, d);
	if (used)
		TRY(put(l, &next));
	else
		take_out(l, &next.id);
	l->step = step;
	return crypto_sha256(sealed, &l->last);
}

enum tcb_error ledger_load(struct ledger *l, struct span stored, struct diagnosis *d)
{
	struct reader r = reader_of(stored);

	*l = (struct ledger){0};
	for (bool first = true; r.rest.size > 0; first = false) {
		struct span sealed;
		uint8_t slot;

		TRY(reader_u8(&r, &slot));
		TRY(reader_sized(&r, LIMIT_STATE, &sealed));
		if (slot == STORE_PSE_LEDGER && first)
			TRY(load_snapshot(l, sealed, d));
		else if (slot == STORE_PSE_LEDGER_STEP)
			TRY(load_step(l, sealed, d));
		else
			return TCB_MALFORMED;
	}
	return TCB_OK;
}

/* ---- entries ---- */

static struct ledger_slot slot_of(const struct ledger_entry *entry, uint64_t session)
{
	return (struct ledger_slot){ .id = entry->id, .version = entry->version, .digest = entry->digest, .owner = session };
}

/* The new value of the id's slot; `slot` NULL: there is none yet. */
static enum tcb_error change(struct ledger *l, const struct ledger_slot *slot, const struct ledger_slot *next, struct diagnosis *d)
{
	if (slot == NULL && l->count == LEDGER_ENTRIES)
		return diagnose(d, TCB_LIMIT, "ledger.full", "a full ledger", "at most 8192 vTPMs that this platform has",
				"delete those that are not wanted any more: `tcbind vtpm delete`");
	TRY(post_step(l, next, true));
	return put(l, next);
}

static bool same(const struct digest256 *a, const struct digest256 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static enum tcb_error refuse_state(const struct ledger_slot *slot, const struct ledger_entry *entry,
				   struct diagnosis *d)
{
	if (entry->version == slot->version)
		return diagnose_found(d, TCB_REFUSED, "ledger.state.forked", "the state that was acknowledged last",
				      "restore the newest state file of this vTPM",
				      "another state with version %llu", (unsigned long long)entry->version);
	return diagnose_found(d, TCB_REFUSED, "ledger.state.old", "the newest state, or the one being written after it",
			      "restore the newest state file of this vTPM; an older one is never accepted",
			      "state version %llu, the newest is %llu", (unsigned long long)entry->version,
			      (unsigned long long)slot->version);
}

static enum tcb_error unknown(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "ledger.unknown", "a state of a vTPM that this platform does not have: it was deleted here, or has moved away",
			"one that was made here, or came by a migration", "migrate it here from where it runs now, or make a new one");
}

enum tcb_error ledger_open(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	const struct ledger_slot next = slot_of(entry, session);
	struct ledger_slot *slot = find(l, &entry->id);

	if (slot == NULL)
		return unknown(d);
	if (entry->version == slot->version && same(&entry->digest, &slot->digest)) {
		slot->owner = session;
		return TCB_OK;
	}
	if (entry->version == slot->version + 1 && same(&entry->previous, &slot->digest))
		return change(l, slot, &next, d); /* written, but cut off before its commit */
	return refuse_state(slot, entry, d);
}

enum tcb_error ledger_adopt(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	const struct ledger_slot next = slot_of(entry, session);

	return change(l, find(l, &entry->id), &next, d);
}

static enum tcb_error check_owner(const struct ledger_slot *slot, uint64_t session, struct diagnosis *d)
{
	if (slot == NULL)
		return unknown(d);
	if (slot->owner != session)
		return diagnose(d, TCB_REFUSED, "ledger.copy.superseded", "a copy of a vTPM that another enclave has opened since",
				"one live enclave for one vTPM", "use the copy that was started last; stop this one");
	return TCB_OK;
}

enum tcb_error ledger_check(struct ledger *l, const struct uuid *id, uint64_t session, struct diagnosis *d)
{
	return check_owner(find(l, id), session, d);
}

enum tcb_error ledger_commit(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	const struct ledger_slot next = slot_of(entry, session);
	const struct ledger_slot *slot = find(l, &entry->id);

	TRY(check_owner(slot, session, d));
	if (entry->version != slot->version + 1 || !same(&entry->previous, &slot->digest))
		return diagnose_found(d, TCB_REFUSED, "ledger.version", "the version after the newest",
				      "start this vTPM again", "version %llu after %llu",
				      (unsigned long long)entry->version, (unsigned long long)slot->version);
	return change(l, slot, &next, d);
}

bool ledger_has(const struct ledger *l, const struct uuid *id)
{
	return is_at(l, place_of(l, id), id);
}

enum tcb_error ledger_drop(struct ledger *l, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped)
{
	const struct ledger_slot *slot = find(l, id);

	*ret_dropped = slot == NULL || newest == NULL || same(&slot->digest, newest);
	if (slot == NULL || !*ret_dropped)
		return TCB_OK;
	TRY(post_step(l, slot, false));
	take_out(l, id);
	return TCB_OK;
}
