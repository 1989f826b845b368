// SPDX-License-Identifier: MIT
/* Custody records, and the proof that the key which signs them is a Migration Enclave's on this
 * platform (edge/custody.h). */
#include "core/cbor.h"
#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "edge/custody_proof.h"
#include "edge/endorsement.h"
#include "edge/tpm_quote.h"
#include "enclave/lib/cose_sign.h"
#include "enclave/lib/ocall.h"
#include "enclave/mige/memory.h"
#include "enclave/mige/mige.h"
#include "verify/appraise/cose_check.h"
#include "verify/appraise/custody_proof.h"

/* ---- the proof of our key ---- */

struct span mige_custody_proof(const struct mige *m)
{
	return span_of(m->custody_proof, m->custody_proof_size);
}

static enum tcb_error no_proof(enum tcb_error error, struct diagnosis *d)
{
	return diagnose(d, error, "mige.custody.proof",
			"a physical TPM or a PSE that does not vouch for this Migration Enclave",
			"a quote of the TPM whose key the processor holds",
			"look for errors of the physical TPM in tcbindd's log, then migrate again");
}

static enum tcb_error endorse(struct mige *m, uint8_t ret_bytes[MIGE_ENDORSEMENT_MAX],
			      struct span *ret_endorsement, struct diagnosis *d)
{
	struct span reply;

	TRY(session_call(&m->pse, LOCAL_ENDORSE_MIGE, SPAN_OF(m->public.bytes), &reply, d));
	if (reply.size > MIGE_ENDORSEMENT_MAX)
		return TCB_LIMIT;
	memcpy(ret_bytes, reply.data, reply.size);
	*ret_endorsement = span_of(ret_bytes, reply.size);
	return TCB_OK;
}

static enum tcb_error make_proof(struct mige *m, struct writer *out, struct diagnosis *d)
{
	uint8_t endorsement_bytes[MIGE_ENDORSEMENT_MAX];
	struct custody_proof proof = {.certified_ak = mige_certified_ak(m)};
	struct span committed[] = {span_of_text(CUSTODY_PROOF_LABEL), {0}};
	struct host_platform_quote answer;
	struct digest256 commitment;
	struct tpm_quote quote;

	TRY(endorse(m, endorsement_bytes, &proof.endorsement, d));
	committed[1] = proof.endorsement;
	TRY(crypto_sha256_all(committed, 2, &commitment));
	TRY(host_platform_quote(&commitment, &answer, d));
	TRY(tpm_quote_decode(answer.quote, &quote));
	if (!quote.has_path)
		return TCB_MALFORMED;
	proof.attest = quote.attest;
	proof.signature = quote.signature;
	proof.leaf_index = quote.leaf_index;
	proof.leaf_count = quote.leaf_count;
	proof.path = quote.path;
	custody_proof_encode(out, &proof);
	return writer_end(out, NULL);
}

/* The host gives the quote: nothing is granted on one that a destination or a verifier would
 * refuse. */
enum tcb_error custody_prepare(struct mige *m, struct diagnosis *d)
{
	struct writer w = WRITER_OF(m->custody_proof);
	struct proven_mige proven;
	enum tcb_error error;

	if (m->custody_proof_size > 0)
		return TCB_OK;
	error = make_proof(m, &w, d);
	if (error == TCB_OK)
		error = custody_proof_open(span_of(m->custody_proof, w.size), NULL, &proven);
	if (error != TCB_OK)
		return no_proof(error, d);
	m->custody_proof_size = w.size;
	return TCB_OK;
}

/* ---- records ---- */

static enum tcb_error sign_payload(const struct mige *m, struct custody_record *record,
				   struct writer *out)
{
	uint8_t payload_bytes[LIMIT_CUSTODY_RECORD];
	struct writer w = WRITER_OF(payload_bytes);
	struct span payload;

	record->mige_key = m->public;
	custody_record_encode(&w, record);
	TRY(writer_end(&w, &payload));
	return cose_sign(m->key, CUSTODY_TYPE, payload, out);
}

enum tcb_error custody_sign(const struct mige *m, const struct judged_peer *peer,
			    const struct journal_entry *entry, uint64_t now_s, struct writer *out)
{
	struct custody_record record = {
	    .id = entry->id,
	    .generation = entry->generation,
	    .time_s = now_s,
	    .previous = entry->last_custody,
	};
	struct certified_ak own;

	TRY(certified_ak_decode(mige_certified_ak(m), &own));
	TRY(tpm_name_of(own.ak_public, &record.from_ak));
	record.from_name = own.platform_name;
	record.to_ak = peer != NULL ? peer->platform.ak : record.from_ak;
	record.to_name = peer != NULL ? span_of(peer->name, peer->name_size) : record.from_name;
	if (peer != NULL)
		memcpy(record.to_ppid, peer->platform.ppid, sizeof record.to_ppid);
	return sign_payload(m, &record, out);
}

enum tcb_error custody_sign_again(const struct mige *m, struct span bytes, struct writer *out)
{
	struct p256_signature signature;
	struct custody_record record;
	struct span payload;

	TRY(cose_sign1_decode(bytes, CUSTODY_TYPE, &payload, &signature));
	TRY(custody_record_decode(payload, &record));
	if (memcmp(&record.mige_key, &m->public, sizeof m->public) != 0)
		return sign_payload(m, &record, out);
	writer_bytes(out, bytes);
	return writer_end(out, NULL);
}

/* ---- what a source gives ---- */

static enum tcb_error bad_record(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "mige.grant.record",
			"a custody record that is not of this hand-over, or is not proven",
			"a signed record from the source's platform to this one, with proof of the "
			"source's Migration Enclave",
			"use enclaves of one release");
}

/* The certified AK is the one that the peer was judged by; so are its PSE and its TPM. */
static bool is_proven_by_peer(const struct judged_peer *peer, struct span bytes,
			      const struct p256_point *mige_key)
{
	struct proven_mige proven;
	struct custody_proof proof;

	return custody_proof_decode(bytes, &proof) == TCB_OK &&
	       span_equal(proof.certified_ak,
			  span_of(peer->certified_ak, peer->certified_ak_size)) &&
	       custody_proof_open(bytes, memory_of_signatures(), &proven) == TCB_OK &&
	       memcmp(&proven.mige.mige_key, mige_key, sizeof *mige_key) == 0;
}

enum tcb_error custody_check_grant(const struct mige_connection *c, const struct wan_grant *grant,
				   const struct tpm_name *own_ak, struct diagnosis *d)
{
	const struct mige_request *request = &c->request;
	struct p256_signature signature;
	struct custody_record record;
	struct span payload;

	if (cose_sign1_decode(grant->custody_record, CUSTODY_TYPE, &payload, &signature) !=
		TCB_OK ||
	    custody_record_decode(payload, &record) != TCB_OK ||
	    cose_check(CUSTODY_TYPE, payload, &record.mige_key, &signature, NULL) != TCB_OK ||
	    memcmp(&record.id, &request->id, sizeof record.id) != 0 ||
	    record.generation != request->generation ||
	    memcmp(&record.from_ak, &c->peer.platform.ak, sizeof record.from_ak) != 0 ||
	    memcmp(&record.to_ak, own_ak, sizeof *own_ak) != 0 ||
	    !is_proven_by_peer(&c->peer, grant->custody_proof, &record.mige_key))
		return bad_record(d);
	return TCB_OK;
}
