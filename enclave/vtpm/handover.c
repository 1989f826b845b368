// SPDX-License-Identifier: MIT
/* Hand-over: the source gives ciphertext and leaves the key with its MigE; the destination has its MigE redeem it. */
#include "crypto/crypto.h"
#include "edge/blob.h"
#include "edge/local.h"
#include "enclave/tee/tee.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

static uint8_t plain_bytes[LIMIT_STATE];
static uint8_t spare_bytes[LIMIT_STATE]; /* the TPM's state, while the other blob is opened */

/* The IV of a blob: its type; the key serves one hand-over. */
static void blob_iv(uint8_t type, uint8_t ret_iv[AES_GCM_IV_SIZE])
{
	memset(ret_iv, 0, AES_GCM_IV_SIZE);
	ret_iv[AES_GCM_IV_SIZE - 1] = type;
}

/* ---- source ---- */

static enum tcb_error escrow(struct vtpm *v, enum local_request request, const struct secret256 *key, struct local_escrowed *ret_escrowed,
			     struct diagnosis *d)
{
	static uint8_t body_bytes[LIMIT_POLICY + LIMIT_CUSTODY + 512];
	struct local_escrow escrow = {
		.handover = v->out.handover,
		.id = v->record.id,
		.lineage = v->record.lineage,
		.generation = v->record.generation,
		.key_bytes = SPAN_OF(key->bytes),
		.last_custody = v->record.last_custody,
		.custody = span_of(v->record.custody, v->record.custody_size),
		.policy = span_of(v->record.policy, v->record.policy_size),
	};
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;
	enum tcb_error error;

	local_escrow_encode(&w, &escrow);
	TRY(writer_end(&w, &body));
	error = session_call(&v->mige, request, body, &reply, d);
	wipe(body_bytes, w.size);
	TRY(error);
	TRY(local_escrowed_decode(reply, ret_escrowed));
	v->out.handover = ret_escrowed->handover;
	return ret_escrowed->custody.size > 0 ? custody_replace(&v->record, ret_escrowed->custody) : TCB_OK;
}

static enum tcb_error seal_blob(const struct vtpm *v, uint8_t type, const struct secret256 *key,
				const struct local_escrowed *mige, struct span plain, uint8_t *ret_blob, size_t capacity,
				size_t *ret_size)
{
	const struct blob_head head = {
		.type = type,
		.handover = v->out.handover,
		.id = v->record.id,
		.lineage = v->record.lineage,
		.generation = v->record.generation,
		.version = v->record.version,
		.engine = engine_version(),
		.source_mige_key = mige->mige_key,
		.source_address = mige->address,
	};
	struct writer w = writer_of(ret_blob, capacity);
	uint8_t iv[AES_GCM_IV_SIZE];
	size_t head_size;

	blob_head_encode(&w, &head);
	head_size = w.size;
	writer_zeros(&w, plain.size + AES_GCM_TAG_SIZE);
	TRY(writer_end(&w, NULL));
	blob_iv(type, iv);
	TRY(crypto_seal(key, iv, span_of(ret_blob, head_size), plain, ret_blob + head_size));
	*ret_size = w.size;
	return TCB_OK;
}

static enum tcb_error seal_permanent(struct vtpm *v, const struct secret256 *key, const struct local_escrowed *mige)
{
	struct writer w = WRITER_OF(plain_bytes);
	enum tcb_error error = state_encode(&v->record, engine_permanent(), &w);

	if (error == TCB_OK)
		error = seal_blob(v, BLOB_PERMANENT, key, mige, span_of(plain_bytes, w.size), v->out.permanent, sizeof v->out.permanent,
				  &v->out.permanent_size);
	wipe(plain_bytes, w.size);
	return error;
}

static enum tcb_error seal_volatile(struct vtpm *v, const struct secret256 *key, const struct local_escrowed *mige)
{
	size_t size = 0;
	enum tcb_error error = engine_volatile(plain_bytes, sizeof plain_bytes, &size);

	if (error == TCB_OK)
		error = seal_blob(v, BLOB_VOLATILE, key, mige, span_of(plain_bytes, size), v->out.volatile_state, sizeof v->out.volatile_state,
				  &v->out.volatile_size);
	wipe(plain_bytes, size);
	return error;
}

/* It was granted, its destination lost power before it had come, and its blobs are gone with the
 * enclave that made them. The state that is sealed here is the one that was handed over: the ledger
 * opened no other. The destination refuses it if the hand-over arrived after all. */
static enum tcb_error export_again(struct vtpm *v, struct diagnosis *d)
{
	SECRET struct secret256 key = {0};
	struct local_escrowed mige;

	TRY(crypto_random(key.bytes, sizeof key.bytes));
	TRY(escrow(v, LOCAL_ESCROW_AGAIN, &key, &mige, d));
	TRY(seal_permanent(v, &key, &mige));
	v->out.volatile_size = 0;
	v->out.active = true;
	return TCB_OK;
}

/* Names to the PSE the hand-over that the MigE will be told of: no other state, and no other enclave's,
 * can be escrowed under this id. */
static enum tcb_error offer(struct vtpm *v, struct diagnosis *d)
{
	const struct ledger_offer offer = { .id = v->record.id, .version = v->record.version, .digest = v->digest,
					    .handover = v->out.handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_offer_encode(&w, &offer);
	TRY(writer_end(&w, &body));
	return state_ask_pse(v, LOCAL_LEDGER_OFFER, body, &reply, d);
}

enum tcb_error handover_export(struct vtpm *v, struct diagnosis *d)
{
	SECRET struct secret256 key = {0};
	struct local_escrowed mige;

	if (v->out.active)
		return TCB_OK; /* the same hand-over, asked for again */
	if (v->record.state == VTPM_MOVED)
		return export_again(v, d);
	if (v->record.state != VTPM_RUNNING || !engine_running())
		return diagnose(d, TCB_WRONG_STATE, "vtpm.not-running", "a vTPM that is not running",
				"a running vTPM to hand over", "migrate a VM that runs");
	if (engine_take_changed())
		TRY(state_save(v, d)); /* what leaves is what the ledger has */
	TRY(crypto_random(key.bytes, sizeof key.bytes));
	TRY(lease_ensure(v, d)); /* an earlier hand-over whose answer did not come is revoked */
	TRY(crypto_random(v->out.handover.bytes, sizeof v->out.handover.bytes));
	TRY(offer(v, d));
	TRY(escrow(v, LOCAL_ESCROW, &key, &mige, d));
	v->record.state = VTPM_ESCROWED; /* whatever follows: its machine goes on only after a revocation */
	TRY(seal_permanent(v, &key, &mige));
	TRY(seal_volatile(v, &key, &mige));
	v->out.active = true;
	return TCB_OK;
}

/* A hand-over request of the MigE that names no more than the hand-over. */
static enum tcb_error ask_about(struct vtpm *v, enum local_request request, const struct digest256 *lineage,
				const struct handover_id *handover, const uint64_t *generation, struct span *ret_reply,
				struct diagnosis *d)
{
	const struct ledger_handover m = { .id = v->record.id, .lineage = *lineage, .handover = *handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	ledger_handover_encode(&w, &m);
	if (generation != NULL)
		writer_u64(&w, *generation);
	TRY(writer_end(&w, &body));
	return session_call(&v->mige, request, body, ret_reply, d);
}

static enum tcb_error ask_to_revoke(struct vtpm *v, enum revoke_outcome *ret_outcome, struct diagnosis *d)
{
	struct span reply;
	struct reader r;
	uint8_t outcome;

	TRY(ask_about(v, LOCAL_REVOKE, &v->record.lineage, &v->out.handover, &v->record.generation, &reply, d));
	r = reader_of(reply);
	TRY(reader_u8(&r, &outcome));
	TRY(reader_end(&r));
	if (outcome > REVOKE_GRANTED)
		return TCB_MALFORMED;
	*ret_outcome = (enum revoke_outcome)outcome;
	return TCB_OK;
}

enum tcb_error handover_refuse_moved(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "vtpm.moved", "a vTPM that was handed over", "one that was not",
			"run the VM where it was moved to, or bring it back by a migration");
}

enum tcb_error handover_revoke(struct vtpm *v, struct diagnosis *d)
{
	enum revoke_outcome outcome;

	TRY(ask_to_revoke(v, &outcome, d));
	v->out.active = v->out.active && outcome == REVOKE_GRANTED;
	v->record.state = outcome == REVOKE_GRANTED ? VTPM_MOVED : engine_running() ? VTPM_RUNNING : VTPM_STOPPED;
	if (outcome == REVOKE_GRANTED) /* the engine stays: a destination that cannot adopt it gives it back */
		return handover_refuse_moved(d);
	return TCB_OK;
}

/* ---- destination ---- */

static enum tcb_error altered(struct diagnosis *d)
{
	return diagnose(d, TCB_CRYPTO, "vtpm.blob.altered", "a state blob that does not open",
			"the blobs as the source gave them, both of one hand-over",
			"migrate again; look for who altered the migration stream");
}

static enum tcb_error open_blob(struct span blob, const struct blob_head *wanted, uint8_t type,
				const struct secret256 *key, struct span *ret_plain, struct diagnosis *d)
{
	struct blob_head head;
	struct span aad, sealed;
	uint8_t iv[AES_GCM_IV_SIZE];

	if (blob_decode(blob, &head, &aad, &sealed) != TCB_OK || head.type != type ||
	    memcmp(&head.handover, &wanted->handover, sizeof head.handover) != 0)
		return altered(d);
	blob_iv(type, iv);
	if (crypto_open(key, iv, aad, sealed, plain_bytes) != TCB_OK)
		return altered(d);
	*ret_plain = span_of(plain_bytes, sealed.size - AES_GCM_TAG_SIZE);
	return TCB_OK;
}

static enum tcb_error read_head(const struct vtpm *v, struct blob_head *ret_head, struct diagnosis *d)
{
	struct span aad, sealed;

	if (v->in.permanent_size > BLOB_MAGIC_SIZE && memcmp(v->in.permanent, BLOB_MAGIC, BLOB_FAMILY_SIZE) == 0 &&
	    memcmp(v->in.permanent, BLOB_MAGIC, BLOB_MAGIC_SIZE) != 0)
		return diagnose_found(d, TCB_REFUSED, "vtpm.blob.release", "blobs of this release (" BLOB_MAGIC ")",
				      "run releases of one blob format on both hosts (CHANGELOG.md), then migrate again",
				      "blobs of another release (%.8s)", (const char *)v->in.permanent);
	if (v->in.permanent_size < BLOB_FAMILY_SIZE ||
	    memcmp(v->in.permanent, BLOB_MAGIC, BLOB_FAMILY_SIZE) != 0)
		return diagnose(d, TCB_REFUSED, "vtpm.blob.foreign",
				"a blob of swtpm, or of nobody, where a hand-over was expected",
				"the blobs of a vTPM that tcbind hands over", "migrate from a tcbind host");
	if (blob_decode(span_of(v->in.permanent, v->in.permanent_size), ret_head, &aad, &sealed) != TCB_OK)
		return altered(d);
	if (memcmp(&ret_head->id, &v->record.id, sizeof ret_head->id) != 0)
		return diagnose(d, TCB_REFUSED, "vtpm.blob.other", "the state of another vTPM",
				"the state of the vTPM that this place was made for",
				"create the place with --incoming and the --id of the vTPM that comes");
	if (ret_head->engine > engine_version())
		return diagnose_found(d, TCB_REFUSED, "vtpm.engine.older",
				      "a source whose libtpms is not newer than this platform's",
				      "update libtpms and tcbind on this platform, then migrate again",
				      "a TPM of libtpms %u.%u.%u", ret_head->engine >> 16, ret_head->engine >> 8 & 0xff,
				      ret_head->engine & 0xff);
	return TCB_OK;
}

/* Whether it could arrive here: asked while its source can still go on. */
static enum tcb_error expect(struct vtpm *v, const struct blob_head *head, struct diagnosis *d)
{
	const struct ledger_arrival arrival = { .id = head->id, .lineage = head->lineage,
						.generation = head->generation + 1, .handover = head->handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_arrival_encode(&w, &arrival);
	TRY(writer_end(&w, &body));
	return session_call(&v->pse, LOCAL_LEDGER_EXPECT, body, &reply, d);
}

static enum tcb_error redeem(struct vtpm *v, const struct blob_head *head, struct local_redeemed *ret_redeemed,
			     struct diagnosis *d)
{
	struct local_redeem asked = { .handover = head->handover, .id = head->id, .generation = head->generation,
				      .lineage = head->lineage, .source_address = head->source_address,
				      .source_mige_key = head->source_mige_key };
	uint8_t body_bytes[512];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	local_redeem_encode(&w, &asked);
	TRY(writer_end(&w, &body));
	TRY(session_call(&v->mige, LOCAL_REDEEM, body, &reply, d));
	return local_redeemed_decode(reply, ret_redeemed);
}

/* What both blobs hold becomes this vTPM: record, then the TPM with its volatile state. */
static enum tcb_error take_over(struct vtpm *v, const struct blob_head *head, const struct secret256 *key,
				struct vtpm_record *next, struct diagnosis *d)
{
	struct span plain, tpm, volatile_state = {0};
	uint8_t *tpm_bytes = spare_bytes;

	TRY(open_blob(span_of(v->in.permanent, v->in.permanent_size), head, BLOB_PERMANENT, key, &plain, d));
	TRY(state_decode(plain, next, &tpm));
	if (next->generation != head->generation || memcmp(&next->id, &head->id, sizeof head->id) != 0)
		return altered(d);
	memcpy(tpm_bytes, tpm.data, tpm.size);
	tpm = span_of(tpm_bytes, tpm.size);
	if (v->in.volatile_size > 0)
		TRY(open_blob(span_of(v->in.volatile_state, v->in.volatile_size), head, BLOB_VOLATILE, key,
			      &volatile_state, d));
	return engine_start(tpm, volatile_state, d);
}

/* The place's record and engine become those of the vTPM that comes. One step of the ledger decides. */
static enum tcb_error adopt(struct vtpm *v, const struct blob_head *head, struct vtpm_record *next, struct diagnosis *d)
{
	static struct vtpm_record before;
	enum tcb_error error;

	record_copy(&before, &v->record);
	next->generation++;
	next->state = VTPM_RUNNING;
	next->arrived = true;
	record_copy(&v->record, next);
	error = state_arrive(v, &head->handover, d);
	if (error != TCB_OK)
		record_copy(&v->record, &before);
	if (error == TCB_PLATFORM) { /* it may be here, or not: an enclave that opens what is stored will know */
		v->leased = false;
		v->unsure.version = 0;
		v->record.state = VTPM_INCOMING;
	}
	tee_release(&before, sizeof before);
	return error;
}

static enum tcb_error open_and_adopt(struct vtpm *v, const struct blob_head *head, const struct secret256 *key,
				     struct span custody_record, struct span custody_proof, struct diagnosis *d)
{
	static struct vtpm_record next;
	enum tcb_error error = take_over(v, head, key, &next, d);

	if (error == TCB_OK)
		error = custody_append(&next, custody_record, custody_proof);
	tee_release(plain_bytes, sizeof plain_bytes);
	tee_release(spare_bytes, sizeof spare_bytes);
	if (error == TCB_OK)
		error = adopt(v, head, &next, d);
	if (error != TCB_OK)
		engine_stop();
	tee_release(&next, sizeof next);
	return error;
}

/* It was granted and cannot be adopted. The MigE gives it back, and the source goes on. An answer that
 * did not come (TCB_PLATFORM) says nothing: it may have been adopted. */
static void give_back(struct vtpm *v, const struct blob_head *head, enum tcb_error error)
{
	struct span reply;

#ifdef TCBIND_PLANT_F5
	return; /* planted: what cannot be adopted is lost */
#endif
	if (error != TCB_PLATFORM)
		(void)!ask_about(v, LOCAL_RENOUNCE, &head->lineage, &head->handover, NULL, &reply, NULL);
}

enum tcb_error handover_import(struct vtpm *v, struct diagnosis *d)
{
	static uint8_t proof_bytes[LIMIT_CUSTODY_PROOF];
	uint8_t record_bytes[LIMIT_CUSTODY_RECORD];
	SECRET struct secret256 key = {0};
	struct local_redeemed redeemed;
	struct blob_head head;
	enum tcb_error error;

	TRY(read_head(v, &head, d));
	TRY(expect(v, &head, d));
	TRY(redeem(v, &head, &redeemed, d));
	memcpy(key.bytes, redeemed.key_bytes.data, sizeof key.bytes);
	memcpy(record_bytes, redeemed.custody_record.data, redeemed.custody_record.size);
	memcpy(proof_bytes, redeemed.custody_proof.data, redeemed.custody_proof.size);
	TRY(residence_begin(v));
	memcpy(v->residence.certified_ak, redeemed.certified_ak.data, redeemed.certified_ak.size);
	v->residence.certified_ak_size = redeemed.certified_ak.size;
	error = open_and_adopt(v, &head, &key, span_of(record_bytes, redeemed.custody_record.size),
			       span_of(proof_bytes, redeemed.custody_proof.size), d);
	if (error != TCB_OK) {
		give_back(v, &head, error);
		return error;
	}
	v->started = v->in.volatile_size > 0;
	v->volatile_size = 0;
	v->out.active = false;
	tee_release(&v->in, sizeof v->in);
	return TCB_OK;
}
