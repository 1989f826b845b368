// SPDX-License-Identifier: MIT
/* The journal's versions: how they are stored, committed in the PSE's ledger, and opened again. */
#include "enclave/mige/journal_chain.h"

#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"
#include "enclave/lib/session.h"

#define JOURNAL_LABEL "tcbind MigE journal v5"

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
	writer_bytes(w, SPAN_OF(e->lineage.bytes));
	writer_u64(w, e->settled);
	writer_bool(w, e->untold);
	arrival_encode(w, &e->arrival);
	if (e->state == JOURNAL_SETTLED)
		return;
	writer_bytes(w, SPAN_OF(e->handover.bytes));
	writer_u64(w, e->generation);
	if (e->state == JOURNAL_ARRIVING || e->state == JOURNAL_RETURNING)
		return;
	writer_bytes(w, SPAN_OF(e->key.bytes));
	writer_bytes(w, SPAN_OF(e->last_custody.bytes));
	writer_u16(w, e->exporter_svn);
	if (e->state == JOURNAL_ESCROWED) {
		writer_bool(w, e->policy != NULL);
		writer_sized(w, policy_of(e));
		return;
	}
	writer_bytes(w, SPAN_OF(e->grant->redeemer.ak.bytes));
	writer_bytes(w, SPAN_OF(e->grant->redeemer.ppid));
	writer_sized(w, span_of(e->grant->record, e->grant->record_size));
}

struct journal_policy *journal_take_policy(struct journal *j, struct span bytes)
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

struct journal_grant *journal_take_grant(struct journal *j, const struct journal_platform *redeemer, struct span record)
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
	TRY(reader_sized(r, LIMIT_POLICY, &policy));
	if (!has)
		return policy.size == 0 ? TCB_OK : TCB_MALFORMED;
	ret_e->policy = journal_take_policy(j, policy);
	return ret_e->policy != NULL ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error redeemed_decode(struct journal *j, struct reader *r, struct journal_entry *ret_e)
{
	struct journal_platform redeemer;
	struct span record;

	TRY(reader_copy(r, redeemer.ak.bytes, sizeof redeemer.ak.bytes));
	TRY(reader_copy(r, redeemer.ppid, sizeof redeemer.ppid));
	TRY(reader_sized(r, LIMIT_CUSTODY_RECORD, &record));
	ret_e->grant = journal_take_grant(j, &redeemer, record);
	return ret_e->grant != NULL ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error entry_decode(struct journal *j, struct reader *r, struct journal_entry *ret_e)
{
	uint8_t state;

	TRY(reader_u8(r, &state));
	if (state < JOURNAL_ESCROWED || state > JOURNAL_RETURNING)
		return TCB_MALFORMED;
	ret_e->state = (enum journal_state)state;
	TRY(reader_copy(r, ret_e->id.bytes, sizeof ret_e->id.bytes));
	TRY(reader_copy(r, ret_e->lineage.bytes, sizeof ret_e->lineage.bytes));
	TRY(reader_u64(r, &ret_e->settled));
	TRY(reader_bool(r, &ret_e->untold));
	TRY(arrival_decode(r, &ret_e->arrival));
	if (state == JOURNAL_SETTLED)
		return TCB_OK;
	TRY(reader_copy(r, ret_e->handover.bytes, sizeof ret_e->handover.bytes));
	TRY(reader_u64(r, &ret_e->generation));
	if (state == JOURNAL_ARRIVING || state == JOURNAL_RETURNING)
		return TCB_OK;
	TRY(reader_copy(r, ret_e->key.bytes, sizeof ret_e->key.bytes));
	TRY(reader_copy(r, ret_e->last_custody.bytes, sizeof ret_e->last_custody.bytes));
	TRY(reader_u16(r, &ret_e->exporter_svn));
	return state == JOURNAL_ESCROWED ? escrowed_decode(j, r, ret_e) : redeemed_decode(j, r, ret_e);
}

enum tcb_error journal_full(struct diagnosis *d)
{
	return diagnose(d, TCB_LIMIT, "mige.journal.full", "a journal without room", "fewer hand-overs, shorter policies",
			"finish or cancel migrations that are under way");
}

/* ---- versions ---- */

static enum tcb_error ask_ledger(struct journal *j, enum local_request request, const struct journal_version *m,
				 struct span *ret_reply, struct diagnosis *d)
{
	uint8_t body_bytes[160];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	journal_version_encode(&w, m);
	TRY(writer_end(&w, &body));
	return session_call(j->pse, request, body, ret_reply, d);
}

/* Takes the journal's lease with this version. */
static enum tcb_error open_version(struct journal *j, const struct journal_version *m, bool *ret_ahead,
				   struct diagnosis *d)
{
	struct span reply;
	struct reader r;

	TRY(ask_ledger(j, LOCAL_JOURNAL_OPEN, m, &reply, d));
	r = reader_of(reply);
	TRY(reader_bool(&r, ret_ahead));
	j->lease = j->pse->openings;
	return reader_end(&r);
}

/* u64 version | digest of the version before | u8 change | uuid | handover id | entries */
static enum tcb_error seal_version(const struct journal *j, struct journal_version *m, struct span *ret_sealed)
{
	struct writer plain = WRITER_OF(plain_bytes), sealed = WRITER_OF(sealed_bytes);
	struct span plain_span;
	enum tcb_error error;

	writer_u64(&plain, m->version);
	writer_bytes(&plain, SPAN_OF(m->previous.bytes));
	writer_u8(&plain, (uint8_t)m->change);
	writer_bytes(&plain, SPAN_OF(m->id.bytes));
	writer_bytes(&plain, SPAN_OF(m->handover.bytes));
	for (size_t i = 0; i < j->used; i++)
		if (j->entries[i].state != JOURNAL_FREE)
			entry_encode(&plain, &j->entries[i]);
	error = writer_end(&plain, &plain_span);
	if (error == TCB_OK)
		error = seal_bytes(JOURNAL_LABEL, plain_span, &sealed);
	if (error == TCB_OK)
		error = writer_end(&sealed, ret_sealed);
	wipe(plain_bytes, plain.size < sizeof plain_bytes ? plain.size : sizeof plain_bytes);
	return error == TCB_OK ? crypto_sha256(*ret_sealed, &m->digest) : error;
}

static void note_version(struct journal *j, uint64_t version, const struct digest256 *digest)
{
	j->version = version;
	j->digest = *digest;
}

enum tcb_error journal_store(struct journal *j, const struct journal_step *step, struct diagnosis *d)
{
	struct journal_version m = { .version = j->version + 1, .previous = j->digest, .change = step->change,
				     .id = step->id, .handover = step->handover };
	struct span sealed, reply;
	enum tcb_error error;

	TRY(journal_certain(j, d));
	error = seal_version(j, &m, &sealed);
	if (error != TCB_OK)
		return error == TCB_LIMIT ? journal_full(d) : error;
	host_store_posted(STORE_MIGE_JOURNAL, sealed);
	error = ask_ledger(j, LOCAL_JOURNAL_COMMIT, &m, &reply, d);
	if (error == TCB_OK)
		note_version(j, m.version, &m.digest);
	if (error == TCB_PLATFORM)
		j->doubt = (struct journal_doubt){ .open = true, .digest = m.digest };
	return error;
}

static struct journal_version newest(const struct journal *j)
{
	return (struct journal_version){ .version = j->version, .digest = j->digest };
}

void journal_release(const struct journal_entry *gone, const struct journal_entry *kept)
{
	if (gone->policy != NULL && gone->policy != kept->policy)
		wipe(gone->policy, sizeof *gone->policy);
	if (gone->grant != NULL && gone->grant != kept->grant)
		wipe(gone->grant, sizeof *gone->grant);
}

/* `made`: the version in doubt is the newest. */
static void end_doubt(struct journal *j, bool made)
{
	struct journal_doubt *doubt = &j->doubt;
	struct journal_entry before;

	if (made)
		note_version(j, j->version + 1, &doubt->digest);
	if (doubt->entry != NULL && made) {
		before = *doubt->entry;
		*doubt->entry = doubt->next;
		journal_release(&before, doubt->entry);
		wipe(&before, sizeof before);
	} else if (doubt->entry != NULL) {
		journal_release(&doubt->next, doubt->entry);
	}
	wipe(doubt, sizeof *doubt);
}

/* The host may still have the version in doubt. A version that was not made must never be made later: a vTPM
 * may be adopted meanwhile that it gives back. The next version is in its place. */
enum tcb_error journal_certain(struct journal *j, struct diagnosis *d)
{
	struct journal_version m = newest(j);
	enum tcb_error error;
	bool ahead;

	if (!j->doubt.open && j->pse->open && j->pse->openings == j->lease)
		return TCB_OK;
	error = open_version(j, &m, &ahead, j->doubt.open ? NULL : d);
	if (error == TCB_OK && j->doubt.open) {
		end_doubt(j, false);
		return journal_store(j, &journal_step_alone, d);
	}
	if (error != TCB_REFUSED || !j->doubt.open)
		return error == TCB_PLATFORM ? diagnose(d, error, "mige.journal.doubt", "a step of the ledger that was not answered",
							"the PSE's answer", "try again")
					     : error;
	m.version++;
	m.digest = j->doubt.digest;
	TRY(open_version(j, &m, &ahead, d));
	end_doubt(j, true);
	return TCB_OK;
}

enum tcb_error journal_hold(struct journal *j, struct diagnosis *d)
{
	struct span reply;

	TRY(journal_certain(j, d));
	return session_call(j->pse, LOCAL_JOURNAL_CHECK, span_of(NULL, 0), &reply, d);
}

/* ---- start ---- */

static enum tcb_error decode_all(struct journal *j, struct span plain, struct journal_version *ret_m)
{
	struct reader r = reader_of(plain);
	uint8_t change;

	TRY(reader_u64(&r, &ret_m->version));
	TRY(reader_copy(&r, ret_m->previous.bytes, sizeof ret_m->previous.bytes));
	TRY(reader_u8(&r, &change));
	TRY(reader_copy(&r, ret_m->id.bytes, sizeof ret_m->id.bytes));
	TRY(reader_copy(&r, ret_m->handover.bytes, sizeof ret_m->handover.bytes));
	if (change > JOURNAL_CHANGES_SETTLE)
		return TCB_MALFORMED;
	ret_m->change = (enum journal_change)change;
	for (; r.rest.size > 0; j->used++) {
		if (j->used == JOURNAL_ENTRIES)
			return TCB_LIMIT;
		TRY(entry_decode(j, &r, &j->entries[j->used]));
	}
	return TCB_OK;
}

/* The entry of a hand-over that the register does not have. */
static void forget_handover(struct journal_entry *entry)
{
	journal_release(entry, &(struct journal_entry){0});
	entry->policy = NULL;
	entry->grant = NULL;
	entry->state = entry->settled > 0 ? JOURNAL_SETTLED : JOURNAL_FREE;
}

/* A crash came between this version and its step. An escrow is undone, since its vTPM was not answered,
 * and nobody knows any more whether its enclave offered it. A grant that the ledger refuses is undone, too.
 * Every other change is made now. */
static enum tcb_error finish_version(struct journal *j, const struct journal_version *m, struct diagnosis *d)
{
	struct journal_entry *entry = journal_find_handover(j, &m->handover);
	enum tcb_error error = TCB_REFUSED;
	struct span reply;

	if (m->change != JOURNAL_CHANGES_ESCROW)
		error = ask_ledger(j, LOCAL_JOURNAL_COMMIT, m, &reply, d);
	if (error == TCB_OK)
		note_version(j, m->version, &m->digest);
	if (error != TCB_REFUSED)
		return error;
	note_version(j, m->version - 1, &m->previous);
	if (entry != NULL)
		forget_handover(entry);
	return journal_store(j, &journal_step_alone, d);
}

enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d)
{
	struct journal_version m = {0};
	enum tcb_error error = TCB_OK;
	struct span plain;
	bool ahead;

	if (sealed.size > 0) {
		TRY(seal_open(JOURNAL_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
		error = decode_all(j, plain, &m);
		wipe(plain_bytes, plain.size);
		TRY(error);
		TRY(crypto_sha256(sealed, &m.digest));
	}
	TRY(open_version(j, &m, &ahead, d));
	if (ahead)
		return finish_version(j, &m, d);
	note_version(j, m.version, &m.digest);
	/* A version that the MigE before could not commit is void from now on. */
	return sealed.size > 0 ? journal_store(j, &journal_step_alone, d) : TCB_OK;
}
