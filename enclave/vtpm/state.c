// SPDX-License-Identifier: MIT
/* The sealed state. Document, version 4:
 *   "TCBVTPM4" | id 16 | u64 generation | u8 state | u8 origin | u8 1: arrived | secret 32 | last custody 32 | sized policy | sized recovery key |
 *   sized custody | TPM state, packed (pack.h)
 * Sealed (enclave/lib/seal.h) with, before it, u64 version and the digest of the sealed version before: the ledger's chain. */
#include <stddef.h>

#include "crypto/crypto.h"
#include "edge/local.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

#define STATE_MAGIC "TCBVTPM4"
#define STATE_LABEL "tcbind vTPM state v1"

static uint8_t plain_bytes[LIMIT_STATE], sealed_bytes[LIMIT_STATE];
static struct span loaded_tpm;

enum tcb_error state_encode(const struct vtpm_record *record, struct span tpm, struct writer *w)
{
	writer_bytes(w, span_of_text(STATE_MAGIC));
	writer_bytes(w, SPAN_OF(record->id.bytes));
	writer_u64(w, record->generation);
	writer_u8(w, (uint8_t)record->state);
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
	TRY(reader_u64(&r, &ret_record->generation));
	TRY(reader_u8(&r, &state));
	TRY(reader_u8(&r, &origin));
	TRY(reader_bool(&r, &ret_record->arrived));
	TRY(reader_copy(&r, ret_record->secret.bytes, sizeof ret_record->secret.bytes));
	TRY(reader_copy(&r, ret_record->last_custody.bytes, sizeof ret_record->last_custody.bytes));
	TRY(reader_sized(&r, sizeof ret_record->policy, &policy));
	TRY(reader_sized(&r, sizeof ret_record->recovery, &recovery));
	TRY(reader_sized(&r, sizeof ret_record->custody, &custody));
	tpm = r.rest;
	if (state > VTPM_MOVED || (origin != ORIGIN_MANUFACTURED && origin != ORIGIN_IMPORTED))
		return TCB_MALFORMED;
	ret_record->state = (enum vtpm_state)state;
	ret_record->origin = (enum vtpm_origin)origin;
	copy_field(ret_record->policy, &ret_record->policy_size, policy);
	copy_field(ret_record->recovery, &ret_record->recovery_size, recovery);
	copy_field(ret_record->custody, &ret_record->custody_size, custody);
	*ret_tpm = tpm;
	return TCB_OK;
}

static enum tcb_error seal(const struct vtpm *v, uint64_t version, struct span *ret_sealed)
{
	struct writer plain = WRITER_OF(plain_bytes), sealed = WRITER_OF(sealed_bytes);
	struct span bytes;
	enum tcb_error error;

	writer_u64(&plain, version);
	writer_bytes(&plain, SPAN_OF(v->digest.bytes));
	error = state_encode(&v->record, engine_permanent(), &plain);
	if (error == TCB_OK)
		error = writer_end(&plain, &bytes);
	if (error == TCB_OK)
		error = seal_bytes(STATE_LABEL, bytes, &sealed);
	if (error == TCB_OK)
		error = writer_end(&sealed, ret_sealed);
	wipe(plain_bytes, plain.size);
	return error;
}

static enum tcb_error tell_ledger(struct vtpm *v, enum local_request request, const struct ledger_entry *entry,
				  struct diagnosis *d)
{
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_entry_encode(&w, entry);
	TRY(writer_end(&w, &body));
	return session_call(&v->pse, request, body, &reply, d);
}

static enum tcb_error seal_next(const struct vtpm *v, struct ledger_entry *ret_entry, struct span *ret_sealed)
{
	*ret_entry = (struct ledger_entry){ .id = v->record.id, .version = v->version + 1, .previous = v->digest };
	TRY(seal(v, ret_entry->version, ret_sealed));
	return crypto_sha256(*ret_sealed, &ret_entry->digest);
}

static void note_stored(struct vtpm *v, const struct ledger_entry *entry)
{
	v->version = entry->version;
	v->digest = entry->digest;
}

enum tcb_error state_save(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct span sealed;

	TRY(seal_next(v, &entry, &sealed));
	host_store_posted(STORE_VTPM_STATE, sealed);
	TRY(tell_ledger(v, LOCAL_LEDGER_COMMIT, &entry, d));
	note_stored(v, &entry);
	return TCB_OK;
}

/* The ledger first: a power cut leaves no state that it does not have, and would refuse. */
enum tcb_error state_create(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct span sealed;

	v->version = 0;
	v->digest = (struct digest256){0};
	TRY(seal_next(v, &entry, &sealed));
	if (v->record.state != VTPM_INCOMING)
		TRY(tell_ledger(v, LOCAL_LEDGER_ADOPT, &entry, d));
	TRY(host_store(STORE_VTPM_STATE, sealed, d));
	note_stored(v, &entry);
	return TCB_OK;
}

enum tcb_error state_adopt(struct vtpm *v, struct diagnosis *d)
{
	const struct ledger_entry place = { .id = v->record.id, .version = v->version, .digest = v->digest };

	TRY(tell_ledger(v, LOCAL_LEDGER_ADOPT, &place, d)); /* from here on a power cut finds the place, or what follows it */
	return state_save(v, d);
}

static enum tcb_error open_sealed(struct span sealed, struct vtpm_record *ret_record, struct ledger_entry *ret_entry,
				  struct diagnosis *d)
{
	struct span plain;
	struct reader r;

	TRY(seal_open(STATE_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	TRY(reader_u64(&r, &ret_entry->version));
	TRY(reader_copy(&r, ret_entry->previous.bytes, sizeof ret_entry->previous.bytes));
	TRY(state_decode(r.rest, ret_record, &loaded_tpm));
	ret_entry->id = ret_record->id;
	return crypto_sha256(sealed, &ret_entry->digest);
}

enum tcb_error state_load(struct vtpm *v, const struct vtpm_load *load, struct diagnosis *d)
{
	struct ledger_entry entry;

	TRY(open_sealed(load->sealed, &v->record, &entry, d));
	if (memcmp(&entry.id, &load->id, sizeof entry.id) != 0)
		return diagnose(d, TCB_REFUSED, "vtpm.state.other", "the state of another vTPM",
				"the state that was written in this place", "put each vTPM's files back in its own place");
	if (v->record.state != VTPM_INCOMING && v->record.state != VTPM_MOVED) /* neither ever runs from what is sealed here */
		TRY(tell_ledger(v, LOCAL_LEDGER_OPEN, &entry, d));
	v->version = entry.version;
	v->digest = entry.digest;
	return TCB_OK;
}

struct span state_loaded_tpm(const struct vtpm *v)
{
	(void)v;
	return loaded_tpm;
}
