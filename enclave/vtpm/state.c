// SPDX-License-Identifier: MIT
/* The sealed state. Document, version 4:
 *   "TCBVTPM4" | id 16 | lineage 32 | u64 generation | u64 version | u8 state | u8 attempts | u32 attempts at |
 *   u8 origin | u8 1: arrived | secret 32 | last custody 32 | sized policy | sized recovery key |
 *   sized custody | TPM state, packed (pack.h)
 * It is sealed (enclave/lib/seal.h) behind the digest of the sealed version before: the ledger's chain. */
#include <stddef.h>

#include "crypto/crypto.h"
#include "edge/local.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

#define STATE_MAGIC "TCBVTPM4"
#define STATE_LABEL "tcbind vTPM state v2"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];
static struct span loaded_tpm;

/* That it runs, or was handed over, is not the sealed state's to say. */
static enum vtpm_state sealed_state(enum vtpm_state state)
{
	return state == VTPM_NEW || state == VTPM_INCOMING ? state : VTPM_STOPPED;
}

enum tcb_error state_encode(const struct vtpm_record *record, struct span tpm, struct writer *w)
{
	writer_bytes(w, span_of_text(STATE_MAGIC));
	writer_bytes(w, SPAN_OF(record->id.bytes));
	writer_bytes(w, SPAN_OF(record->lineage.bytes));
	writer_u64(w, record->generation);
	writer_u64(w, record->version);
	writer_u8(w, (uint8_t)sealed_state(record->state));
	writer_u8(w, record->attempts);
	writer_u32(w, record->attempts_at);
	writer_u8(w, (uint8_t)record->origin);
	writer_bool(w, record->arrived);
	writer_bytes(w, SPAN_OF(record->secret.bytes));
	writer_bytes(w, SPAN_OF(record->last_custody.bytes));
	writer_sized(w, span_of(record->policy, record->policy_size));
	writer_sized(w, span_of(record->recovery, record->recovery_size));
	writer_sized(w, span_of(record->custody, record->custody_size));
	writer_bytes(w, tpm);
	return writer_end(w, NULL);
}

static void copy_field(uint8_t *ret_bytes, size_t *ret_size, struct span bytes)
{
	if (bytes.size > 0)
		memcpy(ret_bytes, bytes.data, bytes.size);
	*ret_size = bytes.size;
}

void record_copy(struct vtpm_record *ret, const struct vtpm_record *record)
{
	memcpy(ret, record, offsetof(struct vtpm_record, policy));
	copy_field(ret->policy, &ret->policy_size, span_of(record->policy, record->policy_size));
	copy_field(ret->recovery, &ret->recovery_size, span_of(record->recovery, record->recovery_size));
	copy_field(ret->custody, &ret->custody_size, span_of(record->custody, record->custody_size));
}

enum tcb_error state_decode(struct span bytes, struct vtpm_record *ret_record, struct span *ret_tpm)
{
	struct reader r = reader_of(bytes);
	struct span magic, policy, recovery, custody, tpm;
	uint8_t state, origin;

	TRY(reader_bytes(&r, strlen(STATE_MAGIC), &magic));
	if (!span_is_text(magic, STATE_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_copy(&r, ret_record->id.bytes, sizeof ret_record->id.bytes));
	TRY(reader_copy(&r, ret_record->lineage.bytes, sizeof ret_record->lineage.bytes));
	TRY(reader_u64(&r, &ret_record->generation));
	TRY(reader_u64(&r, &ret_record->version));
	TRY(reader_u8(&r, &state));
	TRY(reader_u8(&r, &ret_record->attempts));
	TRY(reader_u32(&r, &ret_record->attempts_at));
	TRY(reader_u8(&r, &origin));
	TRY(reader_bool(&r, &ret_record->arrived));
	TRY(reader_copy(&r, ret_record->secret.bytes, sizeof ret_record->secret.bytes));
	TRY(reader_copy(&r, ret_record->last_custody.bytes, sizeof ret_record->last_custody.bytes));
	TRY(reader_sized(&r, sizeof ret_record->policy, &policy));
	TRY(reader_sized(&r, sizeof ret_record->recovery, &recovery));
	TRY(reader_sized(&r, sizeof ret_record->custody, &custody));
	tpm = r.rest;
	if ((state != VTPM_NEW && state != VTPM_INCOMING && state != VTPM_STOPPED) || ret_record->attempts > (ATTEMPT_OBJECT | ATTEMPT_LOCKOUT) ||
	    (origin != ORIGIN_MANUFACTURED && origin != ORIGIN_IMPORTED))
		return TCB_MALFORMED;
	ret_record->state = (enum vtpm_state)state;
	ret_record->origin = (enum vtpm_origin)origin;
	copy_field(ret_record->policy, &ret_record->policy_size, policy);
	copy_field(ret_record->recovery, &ret_record->recovery_size, recovery);
	copy_field(ret_record->custody, &ret_record->custody_size, custody);
	*ret_tpm = tpm;
	return TCB_OK;
}

static enum tcb_error seal_document(const struct vtpm *v, struct writer *plain, struct span *ret_sealed)
{
	struct writer sealed = WRITER_OF(sealed_bytes);
	struct span bytes;

	writer_bytes(plain, SPAN_OF(v->digest.bytes));
	TRY(state_encode(&v->record, engine_permanent(), plain));
	TRY(writer_end(plain, &bytes));
	TRY(seal_bytes(STATE_LABEL, bytes, &sealed));
	return writer_end(&sealed, ret_sealed);
}

static struct ledger_entry entry_of(const struct vtpm *v)
{
	return (struct ledger_entry){
		.id = v->record.id,
		.lineage = v->record.lineage,
		.generation = v->record.generation,
		.version = v->record.version,
		.digest = v->digest,
		.incarnation = v->incarnation,
	};
}

/* The version after the newest. The record's own number stays as it was until that is committed. */
static enum tcb_error seal_next(struct vtpm *v, struct ledger_entry *ret_entry, struct span *ret_sealed)
{
	struct writer plain = WRITER_OF(plain_bytes);
	enum tcb_error error;

	*ret_entry = entry_of(v);
	ret_entry->previous = v->digest;
	ret_entry->version = ++v->record.version;
	error = seal_document(v, &plain, ret_sealed);
	v->record.version--;
	wipe(plain_bytes, plain.size);
	return error == TCB_OK ? crypto_sha256(*ret_sealed, &ret_entry->digest) : error;
}

static void note_stored(struct vtpm *v, const struct ledger_entry *entry)
{
	v->record.version = entry->version;
	v->digest = entry->digest;
	v->unsure.version = 0;
}

/* ---- the lease ---- */

static enum tcb_error call_pse(struct vtpm *v, enum local_request request, const struct ledger_entry *entry,
			       struct span *ret_reply, struct diagnosis *d)
{
	uint8_t body_bytes[256];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	ledger_entry_encode(&w, entry);
	TRY(writer_end(&w, &body));
	return session_call(&v->pse, request, body, ret_reply, d);
}

static enum tcb_error draw_incarnation(struct vtpm *v)
{
	static const struct incarnation none;

	return memcmp(&v->incarnation, &none, sizeof none) != 0 ? TCB_OK
								 : crypto_random(v->incarnation.bytes, sizeof none);
}

static enum tcb_error resume_with(struct vtpm *v, struct ledger_entry entry, struct diagnosis *d)
{
	struct span reply;

	entry.resumes = true;
	return call_pse(v, LOCAL_LEDGER_OPEN, &entry, &reply, d);
}

/* The session broke. The ledger tells whether a commit was made whose answer did not come. */
static enum tcb_error resume(struct vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	if (!v->leased || v->pse.open)
		return TCB_OK;
	error = resume_with(v, entry_of(v), d);
	if (error != TCB_REFUSED || v->unsure.version == 0)
		return error;
	if (d != NULL)
		*d = (struct diagnosis){0};
	TRY(resume_with(v, v->unsure, d));
	note_stored(v, &v->unsure);
	return TCB_OK;
}

enum tcb_error state_ask_pse(struct vtpm *v, enum local_request request, struct span body,
			     struct span *ret_reply, struct diagnosis *d)
{
	TRY(resume(v, d));
	return session_call(&v->pse, request, body, ret_reply, d);
}

enum tcb_error state_lease(struct vtpm *v, struct ledger_lease *ret_lease, struct diagnosis *d)
{
	struct span reply;

	TRY(state_ask_pse(v, LOCAL_LEDGER_CHECK, SPAN_OF(v->record.id.bytes), &reply, d));
	return ledger_lease_decode(reply, ret_lease);
}

/* ---- save ---- */

/* The state and its step are durable together: the host writes both before the answer comes. */
static enum tcb_error store_as(struct vtpm *v, enum local_request request, struct ledger_entry *entry,
			       struct span sealed, struct diagnosis *d)
{
	enum tcb_error error;
	struct span reply;

	host_store_posted(STORE_VTPM_STATE, sealed);
	error = call_pse(v, request, entry, &reply, d);
	if (error == TCB_OK)
		note_stored(v, entry);
	else if (error == TCB_PLATFORM)
		v->unsure = *entry;
	return error;
}

enum tcb_error state_save(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct span sealed;

	TRY(resume(v, d)); /* first: what is posted goes with the frame that follows */
	TRY(seal_next(v, &entry, &sealed));
	return store_as(v, LOCAL_LEDGER_COMMIT, &entry, sealed, d);
}

enum tcb_error state_create(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct span sealed, reply;

	v->record.version = 0;
	v->digest = (struct digest256){0};
	TRY(draw_incarnation(v));
	TRY(seal_next(v, &entry, &sealed));
	if (v->record.state == VTPM_INCOMING) {
		TRY(host_store(STORE_VTPM_STATE, sealed, d));
		note_stored(v, &entry);
		return TCB_OK;
	}
	/* The ledger first: a crash leaves no state that the ledger does not have, and would refuse. */
	TRY(call_pse(v, LOCAL_LEDGER_CREATE, &entry, &reply, d));
	v->leased = true;
	TRY(host_store(STORE_VTPM_STATE, sealed, d));
	note_stored(v, &entry);
	return TCB_OK;
}

#ifdef TCBIND_PLANT_F12
/* Planted: a crash between the two leaves a register whose state nobody has. */
static enum tcb_error arrive_in_two_steps(struct vtpm *v, struct ledger_entry *entry, struct span sealed,
					  struct diagnosis *d)
{
	struct span reply;

	TRY(call_pse(v, LOCAL_LEDGER_ARRIVE, entry, &reply, d));
	TRY(host_store(STORE_VTPM_STATE, sealed, d));
	note_stored(v, entry);
	v->leased = true;
	return TCB_OK;
}
#endif

enum tcb_error state_arrive(struct vtpm *v, const struct handover_id *handover, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct span sealed;

	TRY(draw_incarnation(v));
	TRY(seal_next(v, &entry, &sealed));
	entry.handover = *handover;
#ifdef TCBIND_PLANT_F12
	return arrive_in_two_steps(v, &entry, sealed, d);
#endif
	TRY(store_as(v, LOCAL_LEDGER_ARRIVE, &entry, sealed, d));
	v->leased = true;
	return TCB_OK;
}

/* ---- load ---- */

static enum tcb_error open_sealed(struct span sealed, struct vtpm_record *ret_record, struct digest256 *ret_previous,
				  struct digest256 *ret_digest, struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	TRY(seal_open(STATE_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_copy(&r, ret_previous->bytes, sizeof ret_previous->bytes));
	TRY(state_decode(r.rest, ret_record, &loaded_tpm));
	return crypto_sha256(sealed, ret_digest);
}

/* Takes the lease. The phase is the ledger's word, whatever this state was when it was sealed. */
static enum tcb_error open_in_ledger(struct vtpm *v, const struct digest256 *previous, struct diagnosis *d)
{
	struct ledger_entry entry = entry_of(v);
	struct ledger_lease lease;
	struct span reply;

	entry.previous = *previous;
	TRY(draw_incarnation(v));
	entry.incarnation = v->incarnation;
	TRY(call_pse(v, LOCAL_LEDGER_OPEN, &entry, &reply, d));
	TRY(ledger_lease_decode(reply, &lease));
	v->leased = true;
	v->attempts_owed = v->record.attempts;
	v->out.handover = lease.handover;
	if (lease.phase == LEDGER_ESCROWED)
		v->record.state = VTPM_ESCROWED;
	else if (lease.phase == LEDGER_MOVED)
		v->record.state = VTPM_MOVED;
	return TCB_OK;
}

enum tcb_error state_load(struct vtpm *v, const struct vtpm_load *load, struct diagnosis *d)
{
	struct digest256 previous;

	TRY(open_sealed(load->sealed, &v->record, &previous, &v->digest, d));
	if (memcmp(&v->record.id, &load->id, sizeof load->id) != 0)
		return diagnose(d, TCB_REFUSED, "vtpm.state.other", "the state of another vTPM",
				"the state that was written in this place", "put each vTPM's files back in its own place");
	if (v->record.state == VTPM_INCOMING) /* it holds nothing, and has no register */
		return TCB_OK;
	return open_in_ledger(v, &previous, d);
}

struct span state_loaded_tpm(const struct vtpm *v)
{
	(void)v;
	return loaded_tpm;
}
