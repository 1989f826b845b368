#include "enclave/pse/ledger.h"

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define LEDGER_LABEL "tcbind PSE ledger v1"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];

static enum tcb_error ledger_store(const struct ledger *l, struct diagnosis *d)
{
	struct writer plain = WRITER_OF(plain_bytes), sealed = WRITER_OF(sealed_bytes);
	struct span plain_span, sealed_span;

	for (size_t i = 0; i < LEDGER_ENTRIES; i++) {
		if (!l->slots[i].used)
			continue;
		writer_bytes(&plain, SPAN_OF(l->slots[i].id.bytes));
		writer_u64(&plain, l->slots[i].version);
		writer_bytes(&plain, SPAN_OF(l->slots[i].digest.bytes));
	}
	TRY(writer_end(&plain, &plain_span));
	TRY(seal_bytes(LEDGER_LABEL, plain_span, &sealed));
	TRY(writer_end(&sealed, &sealed_span));
	return host_store(STORE_PSE_LEDGER, sealed_span, d);
}

enum tcb_error ledger_load(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	*l = (struct ledger){0};
	if (sealed.size == 0)
		return TCB_OK;
	TRY(seal_open(LEDGER_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	for (size_t i = 0; r.rest.size > 0; i++) {
		if (i == LEDGER_ENTRIES)
			return TCB_LIMIT;
		l->slots[i].used = true;
		TRY(reader_copy(&r, l->slots[i].id.bytes, sizeof l->slots[i].id.bytes));
		TRY(reader_u64(&r, &l->slots[i].version));
		TRY(reader_copy(&r, l->slots[i].digest.bytes, sizeof l->slots[i].digest.bytes));
	}
	return TCB_OK;
}

static struct ledger_slot *find(struct ledger *l, const struct uuid *id)
{
	for (size_t i = 0; i < LEDGER_ENTRIES; i++)
		if (l->slots[i].used && memcmp(&l->slots[i].id, id, sizeof *id) == 0)
			return &l->slots[i];
	return NULL;
}

static struct ledger_slot *find_free(struct ledger *l)
{
	for (size_t i = 0; i < LEDGER_ENTRIES; i++)
		if (!l->slots[i].used)
			return &l->slots[i];
	return NULL;
}

/* Writes `next` in the slot's place, durably; on failure the slot is as before. */
static enum tcb_error replace(struct ledger *l, struct ledger_slot *slot, struct ledger_slot next, struct diagnosis *d)
{
	const struct ledger_slot before = *slot;
	enum tcb_error error;

	*slot = next;
	error = ledger_store(l, d);
	if (error != TCB_OK)
		*slot = before;
	return error;
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

static enum tcb_error take_in(struct ledger *l, struct ledger_slot next, struct diagnosis *d)
{
	struct ledger_slot *slot = find_free(l);

	if (slot == NULL)
		return diagnose(d, TCB_LIMIT, "ledger.full", "a full ledger", "fewer vTPMs on this platform",
				"delete vTPMs that are not needed");
	return replace(l, slot, next, d);
}

enum tcb_error ledger_open(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, &entry->id);
	struct ledger_slot next = { .used = true, .id = entry->id, .version = entry->version,
				    .digest = entry->digest, .owner = session };

	if (slot == NULL)
		return take_in(l, next, d);
	if (entry->version == slot->version && same(&entry->digest, &slot->digest)) {
		slot->owner = session;
		return TCB_OK;
	}
	if (entry->version == slot->version + 1 && same(&entry->previous, &slot->digest))
		return replace(l, slot, next, d); /* written, but cut off before its commit */
	return refuse_state(slot, entry, d);
}

enum tcb_error ledger_adopt(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, &entry->id);
	struct ledger_slot next = { .used = true, .id = entry->id, .version = entry->version,
				    .digest = entry->digest, .owner = session };

	return slot != NULL ? replace(l, slot, next, d) : take_in(l, next, d);
}

static enum tcb_error check_owner(const struct ledger_slot *slot, uint64_t session, struct diagnosis *d)
{
	if (slot != NULL && slot->owner == session)
		return TCB_OK;
	return diagnose(d, TCB_REFUSED, "ledger.copy.superseded", "a copy of a vTPM that another enclave has opened since",
			"one live enclave for one vTPM", "use the copy that was started last; stop this one");
}

enum tcb_error ledger_commit(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, &entry->id);
	struct ledger_slot next = { .used = true, .id = entry->id, .version = entry->version,
				    .digest = entry->digest, .owner = session };

	TRY(check_owner(slot, session, d));
	if (entry->version != slot->version + 1 || !same(&entry->previous, &slot->digest))
		return diagnose_found(d, TCB_REFUSED, "ledger.version", "the version after the newest",
				      "start this vTPM again", "version %llu after %llu",
				      (unsigned long long)entry->version, (unsigned long long)slot->version);
	return replace(l, slot, next, d);
}

enum tcb_error ledger_forget(struct ledger *l, const struct uuid *id, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, id);

	TRY(check_owner(slot, session, d));
	return replace(l, slot, (struct ledger_slot){0}, d);
}
