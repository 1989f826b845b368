// SPDX-License-Identifier: MIT
/* The rules of the ledger's registers: who may change which, and how (docs/protocol.md). Each
 * function checks everything, then makes one step. */
#include "enclave/pse/ledger.h"

#include "core/wipe.h"

static const struct handover_id no_handover;

static bool same_digest(const struct digest256 *a, const struct digest256 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool same_handover(const struct handover_id *a, const struct handover_id *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* ---- refusals ---- */

static enum tcb_error refuse_unknown(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "ledger.unknown",
			"a state of a vTPM that this platform does not have: it was deleted here, or has moved away",
			"a vTPM that was made here, or came by a migration",
			"migrate it here from where it runs now, or make a new one");
}

static enum tcb_error refuse_superseded(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "ledger.copy.superseded",
			"a copy of a vTPM that another enclave has opened since", "one live enclave for one vTPM",
			"use the copy that was started last; stop this one");
}

static const char *phase_name(enum ledger_phase phase)
{
	switch (phase) {
	case LEDGER_HERE: return "a vTPM that runs here";
	case LEDGER_ESCROWED: return "a vTPM whose hand-over is not decided";
	case LEDGER_MOVED: return "a vTPM that was handed over";
	case LEDGER_DROPPED: return "a vTPM that was deleted here";
	}
	return "a vTPM";
}

static enum tcb_error refuse_phase(const struct ledger_slot *slot, const char *wanted, struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "ledger.phase", phase_name(slot->phase), wanted,
			"finish or cancel the migration that is under way; see `tcbind vtpm show`");
}

static enum tcb_error refuse_lineage(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "ledger.lineage", "another vTPM under an id that this platform knows",
			"the vTPM that has this id here", "delete the vTPM that has the id, or use another id");
}

static enum tcb_error refuse_state(const struct ledger_slot *slot, const struct ledger_entry *entry,
				   struct diagnosis *d)
{
	if (entry->version == slot->version)
		return diagnose_found(d, TCB_REFUSED, "ledger.state.forked", "the state that was acknowledged last",
				      "restore the newest state file of this vTPM",
				      "another state with version %llu", (unsigned long long)entry->version);
	return diagnose_found(d, TCB_REFUSED, "ledger.state.old",
			      "the newest state, or the one being written after it",
			      "restore the newest state file of this vTPM; an older one is never accepted",
			      "state version %llu, the newest is %llu", (unsigned long long)entry->version,
			      (unsigned long long)slot->version);
}

static enum tcb_error refuse_version(uint64_t found, uint64_t newest, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "ledger.version", "the version after the newest",
			      "start the vTPM again", "version %llu after %llu", (unsigned long long)found,
			      (unsigned long long)newest);
}

/* ---- the lease ---- */

static enum tcb_error find_held(struct ledger *l, const struct uuid *id, uint64_t session,
				struct ledger_slot **ret_slot, struct diagnosis *d)
{
	struct ledger_slot *slot = ledger_find(l, id);

	if (slot == NULL || slot->phase == LEDGER_DROPPED)
		return refuse_unknown(d);
	if (slot->holder != session)
		return refuse_superseded(d);
	*ret_slot = slot;
	return TCB_OK;
}

static struct ledger_lease lease_of(const struct ledger_slot *slot)
{
	struct ledger_lease lease = { .phase = slot->phase };

	if (slot->phase != LEDGER_HERE)
		lease.handover = slot->handover;
	return lease;
}

/* What a state of this vTPM makes of its register. */
static struct ledger_slot slot_with(const struct ledger_slot *slot, const struct ledger_entry *entry)
{
	struct ledger_slot next = *slot;

	next.version = entry->version;
	next.digest = entry->digest;
	next.incarnation = entry->incarnation;
	next.offered = no_handover; /* it was for the state before */
	return next;
}

static struct ledger_slot new_slot(const struct ledger_entry *entry, uint64_t session)
{
	return (struct ledger_slot){
		.id = entry->id,
		.lineage = entry->lineage,
		.generation = entry->generation,
		.version = entry->version,
		.digest = entry->digest,
		.phase = LEDGER_HERE,
		.handover = entry->handover,
		.incarnation = entry->incarnation,
		.holder = session,
	};
}

static enum tcb_error store_slot(struct ledger *l, const struct ledger_slot *next, struct diagnosis *d)
{
	return ledger_change(l, &(struct ledger_change){ .slot = next }, d);
}

/* ---- requests of vTPM enclaves ---- */

/* A creation that a crash or a full disk ended: nothing was ever stored after it. */
static bool was_only_created(const struct ledger_slot *slot)
{
	return slot->phase == LEDGER_HERE && slot->generation == 1 && slot->version == 1;
}

enum tcb_error register_create(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d)
{
	const struct ledger_slot next = new_slot(entry, session);
	const struct ledger_slot *slot = ledger_find(l, &entry->id);

#ifdef TCBIND_PLANT_F13
	slot = NULL; /* planted: a new vTPM takes over the id of another */
#endif
	if (slot != NULL && !was_only_created(slot))
		return diagnose(d, TCB_REFUSED, "ledger.id.taken", "the id of a vTPM that this platform knows",
				"an id that is free here",
				"choose another id; or run `tcbind vtpm delete --id` with this one, and wait a moment");
	return store_slot(l, &next, d);
}

static bool is_newest(const struct ledger_slot *slot, const struct ledger_entry *entry)
{
	return entry->version == slot->version && same_digest(&entry->digest, &slot->digest);
}

/* Written, but the crash came before its commit. */
static bool is_next(const struct ledger_slot *slot, const struct ledger_entry *entry)
{
	return slot->phase == LEDGER_HERE && entry->version == slot->version + 1 &&
	       same_digest(&entry->previous, &slot->digest);
}

static enum tcb_error check_opened(const struct ledger_slot *slot, const struct ledger_entry *entry,
				   struct diagnosis *d)
{
	if (!same_digest(&slot->lineage, &entry->lineage))
		return refuse_lineage(d);
#ifdef TCBIND_PLANT_F2
	if (slot->phase == LEDGER_MOVED)
		return TCB_OK; /* planted: an old state of a vTPM that has moved opens */
#endif
	if (slot->generation != entry->generation || (!is_newest(slot, entry) && !is_next(slot, entry)))
		return refuse_state(slot, entry, d);
	if (entry->resumes && memcmp(&slot->incarnation, &entry->incarnation, sizeof slot->incarnation) != 0)
		return refuse_superseded(d);
	return TCB_OK;
}

enum tcb_error register_open(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			     struct ledger_lease *ret_lease, struct diagnosis *d)
{
	struct ledger_slot *slot = ledger_find(l, &entry->id);
	struct ledger_slot next;

	if (slot == NULL || slot->phase == LEDGER_DROPPED)
		return refuse_unknown(d);
	TRY(check_opened(slot, entry, d));
	next = slot_with(slot, entry);
	next.holder = session;
	if (entry->resumes && is_newest(slot, entry))
		*slot = next;
	else
		TRY(store_slot(l, &next, d)); /* a restart of the PSE does not give the lease back to who had it before */
	*ret_lease = lease_of(&next);
	return TCB_OK;
}

enum tcb_error register_commit(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d)
{
	struct ledger_slot *slot = NULL, next;

	TRY(find_held(l, &entry->id, session, &slot, d));
	if (slot->phase != LEDGER_HERE)
		return refuse_phase(slot, "a vTPM that runs here", d);
	if (!same_digest(&entry->lineage, &slot->lineage))
		return refuse_lineage(d);
	if (entry->generation != slot->generation || entry->version != slot->version + 1 || !same_digest(&entry->previous, &slot->digest))
		return refuse_version(entry->version, slot->version, d);
	next = slot_with(slot, entry);
	return store_slot(l, &next, d);
}

enum tcb_error register_check(struct ledger *l, const struct uuid *id, uint64_t session,
			      struct ledger_lease *ret_lease, struct diagnosis *d)
{
	struct ledger_slot *slot = NULL;

	TRY(find_held(l, id, session, &slot, d));
	*ret_lease = lease_of(slot);
	return TCB_OK;
}

enum tcb_error register_offer(struct ledger *l, const struct ledger_offer *offer, uint64_t session,
			      struct diagnosis *d)
{
	struct ledger_slot *slot = NULL;

	TRY(find_held(l, &offer->id, session, &slot, d));
	if (slot->phase != LEDGER_HERE)
		return refuse_phase(slot, "a vTPM that runs here", d);
	if (offer->version != slot->version || !same_digest(&offer->digest, &slot->digest))
		return refuse_version(offer->version, slot->version, d);
	slot->offered = offer->handover;
	return TCB_OK;
}

/* ---- arrivals ---- */

/* The vTPM may be here already, and only a later generation of it may come. */
static enum tcb_error check_arrival(const struct ledger_slot *slot, const struct digest256 *lineage,
				    uint64_t generation, struct diagnosis *d)
{
	if (slot == NULL)
		return TCB_OK;
	if (!same_digest(&slot->lineage, lineage))
		return refuse_lineage(d);
#ifdef TCBIND_PLANT_F1
	return TCB_OK; /* planted: blobs serve any number of times */
#endif
	if (generation <= slot->generation)
		return diagnose_found(d, TCB_REFUSED, "ledger.arrived", "a generation that was not on this platform",
				      "run the vTPM from the state that this platform has; migration blobs serve once",
				      "generation %llu, which has been here", (unsigned long long)generation);
	if (slot->phase != LEDGER_MOVED && slot->phase != LEDGER_ESCROWED && slot->phase != LEDGER_DROPPED)
		return refuse_phase(slot, "a vTPM that is elsewhere", d);
	return TCB_OK;
}

/* Arrivals of vTPMs that have no register yet. */
static size_t expected_new(struct ledger *l)
{
	size_t count = 0;

	for (size_t i = 0; i < LEDGER_ARRIVALS; i++)
		if (l->expected[i].used && ledger_find(l, &l->expected[i].arrival.id) == NULL)
			count++;
	return count;
}

/* The place of this vTPM's arrival, or the one to be given up for it. Two vTPMs of one id may be on their way: each is
 * granted and given back by itself. */
static struct ledger_expected *take_expected(struct ledger *l, const struct ledger_arrival *arrival)
{
	struct ledger_expected *oldest = &l->expected[0];

	for (size_t i = 0; i < LEDGER_ARRIVALS; i++)
		if (l->expected[i].used && same_id(&l->expected[i].arrival.id, &arrival->id) &&
		    same_digest(&l->expected[i].arrival.lineage, &arrival->lineage))
			return &l->expected[i];
	for (size_t i = 0; i < LEDGER_ARRIVALS; i++) {
		if (!l->expected[i].used)
			return &l->expected[i];
		if (l->expected[i].asked < oldest->asked)
			oldest = &l->expected[i];
	}
	return oldest;
}

enum tcb_error register_expect(struct ledger *l, const struct ledger_arrival *arrival, uint64_t session,
			       struct diagnosis *d)
{
	struct ledger_slot *slot = ledger_find(l, &arrival->id);

	TRY(check_arrival(slot, &arrival->lineage, arrival->generation, d));
	if (slot == NULL && l->count + expected_new(l) >= LEDGER_ENTRIES)
		return diagnose(d, TCB_LIMIT, "ledger.full", "a full ledger", "room for one more vTPM",
				"delete vTPMs that are not needed: `tcbind vtpm delete`");
	*take_expected(l, arrival) = (struct ledger_expected){
		.used = true, .session = session, .asked = ++l->requests, .arrival = *arrival
	};
	return TCB_OK;
}

static struct ledger_expected *find_expected(struct ledger *l, const struct uuid *id,
					     const struct handover_id *handover)
{
	for (size_t i = 0; i < LEDGER_ARRIVALS; i++)
		if (l->expected[i].used && same_id(&l->expected[i].arrival.id, id) &&
		    same_handover(&l->expected[i].arrival.handover, handover))
			return &l->expected[i];
	return NULL;
}

enum tcb_error register_arrive(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d)
{
	struct ledger_expected *expected = find_expected(l, &entry->id, &entry->handover);
	const struct ledger_slot *slot = ledger_find(l, &entry->id);
	struct ledger_slot next = new_slot(entry, session);

	if (expected == NULL || !expected->granted || expected->session != session ||
	    expected->arrival.generation != entry->generation ||
	    !same_digest(&expected->arrival.lineage, &entry->lineage))
		return diagnose(d, TCB_REFUSED, "ledger.arrival.unknown",
				"a vTPM that was not granted to this enclave, or was given back",
				"a hand-over that this enclave has just redeemed", "start the destination's VM again");
	TRY(check_arrival(slot, &entry->lineage, entry->generation, d));
	if (slot != NULL && slot->phase == LEDGER_ESCROWED)
		return refuse_phase(slot, "a vTPM that is elsewhere", d);
	next.unsettled = true;
	TRY(store_slot(l, &next, d));
	*expected = (struct ledger_expected){0};
	return TCB_OK;
}

/* ---- requests of the MigE ---- */

enum tcb_error register_check_journal(const struct ledger *l, uint64_t session, struct diagnosis *d)
{
	if (l->journal.holder == session)
		return TCB_OK;
	return diagnose(d, TCB_REFUSED, "ledger.journal.superseded",
			"a MigE after which another one was started", "one live MigE on a platform",
			"stop this MigE; run one daemon for one platform");
}

enum tcb_error register_open_journal(struct ledger *l, const struct journal_version *m, uint64_t session,
				     bool *ret_ahead, struct diagnosis *d)
{
	const struct ledger_journal *newest = &l->journal;
	bool is_same = m->version == newest->version && same_digest(&m->digest, &newest->digest);
	bool is_ahead = m->version == newest->version + 1 && same_digest(&m->previous, &newest->digest);

	if (!is_same && !is_ahead)
		return diagnose_found(d, TCB_REFUSED,
				      m->version == 0 ? "ledger.journal.missing" : "ledger.journal.old",
				      "the MigE's newest journal", "restore all of the platform's store as it was last",
				      "journal version %llu, the newest is %llu", (unsigned long long)m->version,
				      (unsigned long long)newest->version);
	l->journal.holder = session;
	*ret_ahead = is_ahead;
	return TCB_OK;
}

/* What the journal's change makes of the vTPM's register. `*ret_changed` false: nothing. */
static enum tcb_error change_phase(const struct journal_version *m, struct ledger_slot *slot,
				   bool *ret_changed, struct diagnosis *d)
{
	bool is_same = same_handover(&slot->handover, &m->handover);

	*ret_changed = true;
	switch (m->change) {
	case JOURNAL_CHANGES_NONE: break;
	case JOURNAL_CHANGES_ESCROW:
		if (slot->phase != LEDGER_HERE || !same_handover(&slot->offered, &m->handover) ||
		    same_handover(&slot->offered, &no_handover))
			return refuse_phase(slot, "a vTPM that its enclave offers for this hand-over", d);
		slot->phase = LEDGER_ESCROWED;
		slot->handover = m->handover;
		slot->unsettled = false;
		slot->offered = no_handover;
		return TCB_OK;
	case JOURNAL_CHANGES_REVOKE:
		*ret_changed = slot->phase == LEDGER_ESCROWED && is_same;
		slot->phase = *ret_changed ? LEDGER_HERE : slot->phase;
		return TCB_OK;
	case JOURNAL_CHANGES_GRANT:
		if (slot->phase != LEDGER_ESCROWED || !is_same)
			return refuse_phase(slot, "a vTPM that is escrowed under this hand-over", d);
		slot->phase = LEDGER_MOVED;
		slot->unsettled = true;
		return TCB_OK;
	case JOURNAL_CHANGES_RETURN:
		*ret_changed = slot->phase == LEDGER_MOVED && is_same;
		slot->phase = *ret_changed ? LEDGER_HERE : slot->phase;
		slot->unsettled = slot->unsettled && !*ret_changed;
		slot->drop_when_settled = slot->drop_when_settled && !*ret_changed;
		return TCB_OK;
	case JOURNAL_CHANGES_SETTLE:
		*ret_changed = slot->unsettled && is_same;
		slot->unsettled = slot->unsettled && !is_same;
		return TCB_OK;
	}
	*ret_changed = false;
	return TCB_OK;
}

static bool may_go(const struct ledger_slot *slot)
{
	return !slot->unsettled && (slot->phase == LEDGER_DROPPED ||
				    (slot->phase == LEDGER_MOVED && slot->drop_when_settled));
}

enum tcb_error register_commit_journal(struct ledger *l, const struct journal_version *m, uint64_t session,
				       struct diagnosis *d)
{
	const struct ledger_journal journal = { .version = m->version, .digest = m->digest, .holder = session };
	struct ledger_change change = { .journal = &journal };
	const struct ledger_slot *slot = ledger_find(l, &m->id);
	struct ledger_slot next;
	bool changed = false;

	TRY(register_check_journal(l, session, d));
	if (m->version != l->journal.version + 1 || !same_digest(&m->previous, &l->journal.digest))
		return refuse_version(m->version, l->journal.version, d);
	if (slot == NULL && (m->change == JOURNAL_CHANGES_ESCROW || m->change == JOURNAL_CHANGES_GRANT))
		return refuse_unknown(d);
	if (slot != NULL) {
		next = *slot;
		TRY(change_phase(m, &next, &changed, d));
	}
	if (changed) {
		change.slot = &next;
		change.gone = may_go(&next);
	}
	return ledger_change(l, &change, d);
}

enum tcb_error register_granted(struct ledger *l, const struct ledger_handover *m, uint64_t session,
				struct diagnosis *d)
{
	struct ledger_expected *expected = find_expected(l, &m->id, &m->handover);

	TRY(register_check_journal(l, session, d));
	if (expected != NULL) /* else too many others have come since: its vTPM asks again */
		expected->granted = true;
	return TCB_OK;
}

enum tcb_error register_renounce(struct ledger *l, const struct ledger_handover *m, uint64_t session,
				 struct diagnosis *d)
{
	struct ledger_expected *expected = find_expected(l, &m->id, &m->handover);
	const struct ledger_slot *slot = ledger_find(l, &m->id);

	TRY(register_check_journal(l, session, d));
	if (slot != NULL && slot->phase != LEDGER_MOVED && same_handover(&slot->handover, &m->handover))
		return refuse_phase(slot, "a hand-over that was not adopted", d);
	if (expected != NULL)
		*expected = (struct ledger_expected){0};
	return TCB_OK;
}

/* ---- requests of the host ---- */

enum tcb_error register_drop(struct ledger *l, const struct uuid *id, const struct digest256 *newest,
			     bool *ret_dropped, struct diagnosis *d)
{
	const struct ledger_slot *slot = ledger_find(l, id);
	struct ledger_slot next;

	*ret_dropped = slot == NULL || newest == NULL || same_digest(&slot->digest, newest);
	if (slot == NULL || !*ret_dropped)
		return TCB_OK;
	next = *slot;
	if (next.unsettled && next.phase == LEDGER_MOVED && newest != NULL) {
		next.drop_when_settled = true; /* until then it may have to be given again */
		return store_slot(l, &next, d);
	}
	if (!next.unsettled || next.phase == LEDGER_MOVED)
		return ledger_change(l, &(struct ledger_change){ .slot = &next, .gone = true }, d);
	next.phase = LEDGER_DROPPED; /* the blobs that it came with must not serve again */
	next.holder = 0;
	return store_slot(l, &next, d);
}
