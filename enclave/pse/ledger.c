#include "enclave/pse/ledger.h"

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "edge/calls.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define LEDGER_LABEL "tcbind PSE ledger v2"
#define STEP_LABEL "tcbind PSE ledger step v2"

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
	struct ledger_slot slot = { .used = true };

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
	for (size_t i = 0; i < LEDGER_ENTRIES; i++)
		if (l->slots[i].used)
			put_slot(&plain, &l->slots[i]);
	TRY(seal(LEDGER_LABEL, &plain, &sealed, &digest));
	TRY(host_store(STORE_PSE_LEDGER, sealed, d));
	l->last = digest;
	return TCB_OK;
}

/* u64 step | digest of what was stored before | u8 used | slot */
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

static struct ledger_slot *find(struct ledger *l, const struct uuid *id);
static struct ledger_slot *find_free(struct ledger *l);

static enum tcb_error load_snapshot(struct ledger *l, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	TRY(seal_open(LEDGER_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &l->step));
	for (size_t i = 0; r.rest.size > 0; i++) {
		if (i == LEDGER_ENTRIES)
			return TCB_LIMIT;
		TRY(get_slot(&r, &l->slots[i]));
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
	struct ledger_slot next, *slot;
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
	slot = find(l, &next.id);
	if (slot == NULL)
		slot = find_free(l);
	if (slot == NULL)
		return TCB_LIMIT;
	*slot = used ? next : (struct ledger_slot){0};
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

/* Puts `next` in the slot's place. The step goes to the host with our answer, which it may pass on when the step is durable; a host that did so before
 * would be one that says so of what it never wrote. */
static enum tcb_error replace(struct ledger *l, struct ledger_slot *slot, struct ledger_slot next)
{
	TRY(post_step(l, next.used ? &next : slot, next.used));
	*slot = next;
	return TCB_OK;
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
		return diagnose(d, TCB_LIMIT, "ledger.full", "a full ledger", "at most 4096 vTPMs that this platform has ever had",
				"make further ones on another platform: entries of deleted ones are kept, so that none comes back");
	return replace(l, slot, next);
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
		return replace(l, slot, next); /* written, but cut off before its commit */
	return refuse_state(slot, entry, d);
}

enum tcb_error ledger_adopt(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, &entry->id);
	struct ledger_slot next = { .used = true, .id = entry->id, .version = entry->version,
				    .digest = entry->digest, .owner = session };

	return slot != NULL ? replace(l, slot, next) : take_in(l, next, d);
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
	return replace(l, slot, next);
}

bool ledger_has(const struct ledger *l, const struct uuid *id)
{
	return find((struct ledger *)(uintptr_t)l, id) != NULL;
}

enum tcb_error ledger_forget(struct ledger *l, const struct uuid *id, uint64_t session, struct diagnosis *d)
{
	struct ledger_slot *slot = find(l, id);

	TRY(check_owner(slot, session, d));
	return replace(l, slot, (struct ledger_slot){0});
}
