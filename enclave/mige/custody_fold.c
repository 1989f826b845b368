// SPDX-License-Identifier: MIT
/* A custody chain has no end: when it is full, its oldest record goes into a summary
 * (edge/custody_summary.h). */
#include "core/cbor.h"
#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "edge/custody_summary.h"
#include "enclave/lib/cose_sign.h"
#include "enclave/mige/memory.h"
#include "enclave/mige/mige.h"
#include "verify/appraise/cose_check.h"
#include "verify/appraise/custody_proof.h"

static uint8_t chain_bytes[LIMIT_CUSTODY], summary_bytes[LIMIT_CUSTODY_SUMMARY];

static enum tcb_error bad_chain(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "mige.custody.chain",
			"a custody chain that is not this vTPM's, or does not check",
			"one record for each hand-over, signed, each continuing the one before",
			"look for a defect with the daemon's log; the VM goes on where it is");
}

static enum tcb_error open_record(struct span bytes, struct custody_record *ret_record,
				  struct p256_signature *ret_signature, struct span *ret_payload)
{
	TRY(cose_sign1_decode(bytes, CUSTODY_TYPE, ret_payload, ret_signature));
	return custody_record_decode(*ret_payload, ret_record);
}

/* ---- the chain as it came ---- */

/* Records of this vTPM, each continuing the one before, up to the hand-over that brought it here.
 */
static enum tcb_error check_records(const struct custody_chain *chain,
				    const struct local_escrow *escrow,
				    const struct tpm_name *own_ak)
{
	struct p256_signature signature;
	struct custody_record record = {0}, before;
	struct digest256 last = {{0}};
	struct span payload;

	for (size_t i = 0; i < chain->record_count; i++) {
		before = record;
		TRY(open_record(chain->records[i], &record, &signature, &payload));
		if (memcmp(&record.id, &escrow->id, sizeof record.id) != 0 ||
		    (i > 0 && (record.generation != before.generation + 1 ||
			       memcmp(&record.previous, &last, sizeof last) != 0 ||
			       memcmp(&record.from_ak, &before.to_ak, sizeof before.to_ak) != 0)))
			return TCB_REFUSED;
		TRY(crypto_sha256(chain->records[i], &last));
	}
	return chain->record_count > 0 && record.generation + 1 == escrow->generation &&
		       memcmp(&record.to_ak, own_ak, sizeof *own_ak) == 0 &&
		       memcmp(&last, &escrow->last_custody, sizeof last) == 0
		   ? TCB_OK
		   : TCB_REFUSED;
}

static bool is_proven(const struct custody_chain *chain, const struct p256_point *mige_key)
{
	struct proven_mige proven;

	for (size_t i = 0; i < chain->proof_count; i++)
		if (custody_proof_open(chain->proofs[i], memory_of_signatures(), &proven) == TCB_OK &&
		    memcmp(&proven.mige.mige_key, mige_key, sizeof *mige_key) == 0)
			return true;
	return false;
}

/* The summary so far; of a vTPM that has none, an empty one before the record. */
static enum tcb_error open_summary(const struct custody_chain *chain,
				   const struct custody_record *oldest,
				   struct custody_summary *ret_summary)
{
	struct p256_signature signature;
	struct span payload;

	if (chain->summary.size == 0) {
		*ret_summary = (struct custody_summary){.id = oldest->id,
							.first_generation = oldest->generation,
							.last_generation = oldest->generation - 1,
							.first_time_s = oldest->time_s,
							.at_ak = oldest->from_ak};
		return oldest->generation == 1 ? TCB_OK : TCB_REFUSED;
	}
	TRY(cose_sign1_decode(chain->summary, CUSTODY_SUMMARY_TYPE, &payload, &signature));
	TRY(custody_summary_decode(payload, ret_summary));
	TRY(cose_check(CUSTODY_SUMMARY_TYPE, payload, &ret_summary->mige_key, &signature, NULL));
	return is_proven(chain, &ret_summary->mige_key) ? TCB_OK : TCB_REFUSED;
}

/* ---- folding ---- */

static void count_stay(struct custody_summary *s, const struct custody_record *record)
{
	for (size_t i = 0; i < s->stay_count; i++) {
		if (memcmp(&s->stays[i].ak, &record->from_ak, sizeof record->from_ak) != 0)
			continue;
		s->stays[i].name = record->from_name;
		s->stays[i].count++;
		return;
	}
	if (s->stay_count == LIMIT_CUSTODY_STAYS) {
		s->others++;
		return;
	}
	s->stays[s->stay_count++] =
	    (struct custody_stay){.name = record->from_name, .ak = record->from_ak, .count = 1};
}

static enum tcb_error add_record(struct custody_summary *s, struct span bytes)
{
	static const uint8_t same_processor[PPID_SIZE];
	struct p256_signature signature;
	struct custody_record record;
	struct span payload;

	TRY(open_record(bytes, &record, &signature, &payload));
	TRY(cose_check(CUSTODY_TYPE, payload, &record.mige_key, &signature, NULL));
	if (memcmp(&record.id, &s->id, sizeof s->id) != 0 ||
	    record.generation != s->last_generation + 1 ||
	    memcmp(&record.previous, &s->last, sizeof s->last) != 0 ||
	    memcmp(&record.from_ak, &s->at_ak, sizeof s->at_ak) != 0)
		return TCB_REFUSED;
	count_stay(s, &record);
	s->last_generation = record.generation;
	s->last_time_s = record.time_s;
	s->at_ak = record.to_ak;
	if (memcmp(record.to_ppid, same_processor, sizeof same_processor) != 0)
		memcpy(s->at_ppid, record.to_ppid, sizeof s->at_ppid);
	return crypto_sha256(bytes, &s->last);
}

static enum tcb_error sign_summary(const struct mige *m, struct custody_summary *s,
				   struct span *ret_bytes)
{
	uint8_t payload_bytes[LIMIT_CUSTODY_SUMMARY];
	struct writer w = WRITER_OF(payload_bytes), out = WRITER_OF(summary_bytes);
	struct span payload;

	s->mige_key = m->public;
	custody_summary_encode(&w, s);
	TRY(writer_end(&w, &payload));
	TRY(cose_sign(m->key, CUSTODY_SUMMARY_TYPE, payload, &out));
	return writer_end(&out, ret_bytes);
}

static enum tcb_error fold_oldest(const struct mige *m, struct custody_chain *chain)
{
	struct p256_signature signature;
	struct custody_summary summary;
	struct custody_record oldest;
	struct span payload;

	TRY(open_record(chain->records[0], &oldest, &signature, &payload));
	TRY(open_summary(chain, &oldest, &summary));
	TRY(add_record(&summary, chain->records[0]));
	TRY(sign_summary(m, &summary, &chain->summary));
	chain->record_count--;
	memmove(chain->records, chain->records + 1, chain->record_count * sizeof chain->records[0]);
	custody_chain_put_proof(chain, mige_custody_proof(m));
	return TCB_OK;
}

static enum tcb_error own_ak_name(const struct mige *m, struct tpm_name *ret_name)
{
	struct certified_ak own;

	TRY(certified_ak_decode(mige_certified_ak(m), &own));
	return tpm_name_of(own.ak_public, ret_name);
}

enum tcb_error custody_fold(struct mige *m, const struct local_escrow *escrow,
			    struct span *ret_chain, struct diagnosis *d)
{
	struct writer w = WRITER_OF(chain_bytes);
	struct custody_chain chain;
	struct tpm_name own_ak;

	*ret_chain = span_of(NULL, 0);
	if (escrow->custody.size == 0)
		return TCB_OK;
	TRY(own_ak_name(m, &own_ak));
	if (custody_chain_decode(escrow->custody, &chain) != TCB_OK ||
	    check_records(&chain, escrow, &own_ak) != TCB_OK)
		return bad_chain(d);
	if (chain.record_count < LIMIT_CUSTODY_RECORDS)
		return TCB_OK;
	TRY(custody_prepare(m, d));
	if (fold_oldest(m, &chain) != TCB_OK)
		return bad_chain(d);
	custody_chain_encode(&w, &chain);
	return writer_end(&w, ret_chain);
}
