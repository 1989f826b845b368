#include "enclave/mige/journal.h"

#include "core/reader.h"
#include "core/writer.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"

#define JOURNAL_LABEL "tcbind MigE journal v1"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];

static void entry_encode(struct writer *w, const struct journal_entry *e)
{
	writer_u8(w, (uint8_t)e->state);
	writer_bytes(w, SPAN_OF(e->handover.bytes));
	writer_bytes(w, SPAN_OF(e->id.bytes));
	writer_u64(w, e->generation);
	writer_bytes(w, SPAN_OF(e->key.bytes));
	writer_bytes(w, SPAN_OF(e->last_custody.bytes));
	writer_bytes(w, SPAN_OF(e->redeemer.bytes));
	writer_bytes(w, SPAN_OF(e->redeemer_ak.bytes));
	writer_sized(w, span_of(e->record, e->record_size));
	writer_sized(w, span_of(e->policy, e->policy_size));
}

static enum tcb_error entry_decode(struct reader *r, struct journal_entry *ret_e)
{
	struct span record, policy;
	uint8_t state;

	TRY(reader_u8(r, &state));
	if (state != JOURNAL_ESCROWED && state != JOURNAL_REDEEMED)
		return TCB_MALFORMED;
	ret_e->state = (enum journal_state)state;
	TRY(reader_copy(r, ret_e->handover.bytes, sizeof ret_e->handover.bytes));
	TRY(reader_copy(r, ret_e->id.bytes, sizeof ret_e->id.bytes));
	TRY(reader_u64(r, &ret_e->generation));
	TRY(reader_copy(r, ret_e->key.bytes, sizeof ret_e->key.bytes));
	TRY(reader_copy(r, ret_e->last_custody.bytes, sizeof ret_e->last_custody.bytes));
	TRY(reader_copy(r, ret_e->redeemer.bytes, sizeof ret_e->redeemer.bytes));
	TRY(reader_copy(r, ret_e->redeemer_ak.bytes, sizeof ret_e->redeemer_ak.bytes));
	TRY(reader_sized(r, sizeof ret_e->record, &record));
	TRY(reader_sized(r, sizeof ret_e->policy, &policy));
	ret_e->record_size = record.size;
	memcpy(ret_e->record, record.data, record.size);
	ret_e->policy_size = policy.size;
	memcpy(ret_e->policy, policy.data, policy.size);
	return TCB_OK;
}

static enum tcb_error journal_store(const struct journal *j, struct diagnosis *d)
{
	struct writer plain = WRITER_OF(plain_bytes), sealed = WRITER_OF(sealed_bytes);
	struct span plain_span, sealed_span;
	enum tcb_error error;

	for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
		if (j->entries[i].state != JOURNAL_FREE)
			entry_encode(&plain, &j->entries[i]);
	error = writer_end(&plain, &plain_span);
	if (error == TCB_OK)
		error = seal_bytes(JOURNAL_LABEL, plain_span, &sealed);
	if (error == TCB_OK)
		error = writer_end(&sealed, &sealed_span);
	wipe(plain_bytes, plain.size);
	if (error != TCB_OK)
		return diagnose(d, error, "mige.journal.full", "a journal that does not fit", "fewer open hand-overs",
				"finish or cancel migrations that are under way");
	return host_store(STORE_MIGE_JOURNAL, sealed_span, d);
}

static enum tcb_error decode_all(struct journal *j, struct span plain)
{
	struct reader r = reader_of(plain);

	for (size_t i = 0; r.rest.size > 0; i++) {
		if (i == JOURNAL_ENTRIES)
			return TCB_LIMIT;
		TRY(entry_decode(&r, &j->entries[i]));
	}
	return TCB_OK;
}

enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d)
{
	struct span plain;
	enum tcb_error error;

	wipe(j, sizeof *j);
	if (sealed.size == 0)
		return TCB_OK;
	TRY(seal_open(JOURNAL_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	error = decode_all(j, plain);
	wipe(plain_bytes, plain.size);
	return error;
}

struct journal_entry *journal_find(struct journal *j, const struct uuid *id)
{
	for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
		if (j->entries[i].state != JOURNAL_FREE && memcmp(&j->entries[i].id, id, sizeof *id) == 0)
			return &j->entries[i];
	return NULL;
}

struct journal_entry *journal_find_handover(struct journal *j, const struct handover_id *handover)
{
	for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
		if (j->entries[i].state != JOURNAL_FREE &&
		    memcmp(&j->entries[i].handover, handover, sizeof *handover) == 0)
			return &j->entries[i];
	return NULL;
}

/* Puts `next` in the place of `entry`, durably; on failure the entry is as before. */
static enum tcb_error replace(struct journal *j, struct journal_entry *entry, const struct journal_entry *next,
			      struct diagnosis *d)
{
	static struct journal_entry before;
	enum tcb_error error;

	before = *entry;
	*entry = *next;
	error = journal_store(j, d);
	if (error != TCB_OK)
		*entry = before;
	wipe(&before, sizeof before);
	return error;
}

static enum tcb_error drop(struct journal *j, struct journal_entry *entry, struct diagnosis *d)
{
	static const struct journal_entry free_entry;

	return replace(j, entry, &free_entry, d);
}

static enum tcb_error moved(const struct journal_entry *entry, struct diagnosis *d)
{
	return diagnose_found(d, TCB_REFUSED, "vtpm.moved", "a generation that was not handed over",
			      "run the VM where it was moved to, or bring it back by a migration",
			      "generation %llu of this vTPM was granted to another platform",
			      (unsigned long long)entry->generation);
}

enum tcb_error journal_activate(struct journal *j, const struct uuid *id, uint64_t generation, struct diagnosis *d)
{
	struct journal_entry *entry = journal_find(j, id);

	if (entry == NULL)
		return TCB_OK;
	if (entry->state == JOURNAL_REDEEMED && generation <= entry->generation)
		return moved(entry, d);
	return drop(j, entry, d); /* revoked; or it came back with a newer generation */
}

static struct journal_entry *find_place(struct journal *j, const struct uuid *id)
{
	struct journal_entry *entry = journal_find(j, id);

	for (size_t i = 0; entry == NULL && i < JOURNAL_ENTRIES; i++)
		if (j->entries[i].state == JOURNAL_FREE)
			entry = &j->entries[i];
	return entry;
}

enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, struct diagnosis *d)
{
	static struct journal_entry next;
	struct journal_entry *entry = find_place(j, &escrow->id);
	enum tcb_error error;

	if (entry == NULL || escrow->policy.size > sizeof next.policy)
		return diagnose_found(d, TCB_LIMIT, "mige.journal.full", "fewer open hand-overs, a policy that fits",
				      "finish or cancel migrations that are under way; shorten the policy",
				      "%u entries, a policy of %zu bytes", JOURNAL_ENTRIES, escrow->policy.size);
	if (entry->state == JOURNAL_REDEEMED && escrow->generation <= entry->generation)
		return moved(entry, d);
	next = (struct journal_entry){
		.state = JOURNAL_ESCROWED,
		.handover = escrow->handover,
		.id = escrow->id,
		.generation = escrow->generation,
		.last_custody = escrow->last_custody,
		.policy_size = escrow->policy.size,
	};
	memcpy(next.key.bytes, escrow->key_bytes.data, sizeof next.key.bytes);
	if (escrow->policy.size > 0)
		memcpy(next.policy, escrow->policy.data, escrow->policy.size);
	error = replace(j, entry, &next, d);
	wipe(&next, sizeof next);
	return error;
}

enum tcb_error journal_revoke(struct journal *j, const struct handover_id *handover, struct diagnosis *d)
{
	struct journal_entry *entry = journal_find_handover(j, handover);

	if (entry == NULL)
		return TCB_OK;
	if (entry->state == JOURNAL_REDEEMED)
		return diagnose(d, TCB_REFUSED, "mige.handover.gone", "a hand-over that was granted",
				"one that is not decided", "the VM runs at its destination; it cannot go on here");
	return drop(j, entry, d);
}

enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct p256_point *redeemer,
			      const struct tpm_name *redeemer_ak, struct span record, struct diagnosis *d)
{
	static struct journal_entry next;
	enum tcb_error error;

	if (entry->state != JOURNAL_ESCROWED || record.size > sizeof next.record)
		return TCB_INTERNAL;
	next = *entry;
	next.state = JOURNAL_REDEEMED;
	next.redeemer = *redeemer;
	next.redeemer_ak = *redeemer_ak;
	next.record_size = record.size;
	memcpy(next.record, record.data, record.size);
	next.policy_size = 0;
	error = replace(j, entry, &next, d);
	wipe(&next, sizeof next);
	return error;
}
