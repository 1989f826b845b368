// SPDX-License-Identifier: MIT
/* Evidence: the parts of edge/evidence.h, collected and signed by the residence key. */
#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "edge/evidence.h"
#include "edge/local.h"
#include "enclave/lib/cose_sign.h"
#include "enclave/lib/ocall.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

static uint8_t parts_bytes[LIMIT_EVIDENCE], payload_bytes[LIMIT_EVIDENCE], evidence_bytes[LIMIT_EVIDENCE];

static EVP_PKEY *key_in_reserve;

enum tcb_error residence_reserve(void)
{
	return key_in_reserve != NULL ? TCB_OK : crypto_p256_new(&key_in_reserve);
}

enum tcb_error residence_begin(struct vtpm *v)
{
	struct vtpm_residence *residence = &v->residence;

	EVP_PKEY_free(residence->key);
	*residence = (struct vtpm_residence){0};
	TRY(residence_reserve());
	residence->key = key_in_reserve;
	key_in_reserve = NULL; /* each is one residence's */
	return crypto_p256_public(residence->key, &residence->public);
}

static enum tcb_error fetch_certified_ak(struct vtpm *v, struct diagnosis *d)
{
	struct span reply;

	TRY(state_ask_pse(v, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, d));
	if (reply.size > sizeof v->residence.certified_ak)
		return TCB_LIMIT;
	memcpy(v->residence.certified_ak, reply.data, reply.size);
	v->residence.certified_ak_size = reply.size;
	return TCB_OK;
}

static enum tcb_error fetch_endorsement(struct vtpm *v, struct diagnosis *d)
{
	struct vtpm_residence *residence = &v->residence;
	struct local_endorse asked = {
		.id = v->record.id,
		.generation = v->record.generation,
		.residence_key = residence->public,
		.ek_name = residence->identity.ek_name,
		.ak_name = residence->identity.ak_name,
		.origin = v->record.origin,
	};
	uint8_t body_bytes[512];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	if (v->record.policy_size > 0)
		TRY(crypto_sha256(span_of(v->record.policy, v->record.policy_size), &asked.policy_digest));
	local_endorse_encode(&w, &asked);
	TRY(writer_end(&w, &body));
	TRY(state_ask_pse(v, LOCAL_ENDORSE, body, &reply, d));
	if (reply.size > sizeof residence->endorsement)
		return TCB_LIMIT;
	memcpy(residence->endorsement, reply.data, reply.size);
	residence->endorsement_size = reply.size;
	return TCB_OK;
}

/* Certified AK and endorsement are of one PSE: when its session is new, both are asked for anew. */
static enum tcb_error ensure_endorsed(struct vtpm *v, struct diagnosis *d)
{
	struct vtpm_residence *residence = &v->residence;
	struct vtpm_identity identity;

	TRY(identity_ensure(&identity, d));
	if (memcmp(&identity, &residence->identity, sizeof identity) != 0 || !v->pse.open)
		residence->endorsement_size = 0;
	residence->identity = identity;
	if (residence->endorsement_size > 0 && residence->certified_ak_size > 0)
		return lease_ensure(v, d); /* a copy of it may have been opened since */
	TRY(fetch_certified_ak(v, d));
	return fetch_endorsement(v, d);
}

/* Appends to `w` and remembers where. */
static struct span keep(struct writer *w, struct span bytes)
{
	size_t start = w->size;

	writer_bytes(w, bytes);
	return w->error == TCB_OK ? span_of(w->data + start, bytes.size) : span_of(NULL, 0);
}

static struct span since(const struct writer *w, size_t start)
{
	return span_of(w->data + start, w->size - start);
}

static enum tcb_error commitment_of(const char *label, struct span request, struct digest256 *ret_commitment)
{
	return crypto_sha256_all((struct span[]){span_of_text(label), request}, 2, ret_commitment);
}

static enum tcb_error put_request(struct vtpm *v, struct span nonce, struct writer *w, struct evidence *e)
{
	struct evidence_request request = { .nonce = nonce, .id = v->record.id, .generation = v->record.generation,
					    .residence_key = v->residence.public };
	size_t start = w->size;

	evidence_request_encode(w, &request);
	TRY(writer_end(w, NULL));
	e->parts[EVIDENCE_REQUEST] = since(w, start);
	return TCB_OK;
}

static enum tcb_error put_platform(struct writer *w, struct evidence *e, struct diagnosis *d)
{
	struct host_platform_quote platform;
	struct digest256 commitment;
	struct span collateral;

	TRY(commitment_of(PLATFORM_QUOTE_LABEL, e->parts[EVIDENCE_REQUEST], &commitment));
	TRY(host_platform_quote(&commitment, &platform, d));
	e->parts[EVIDENCE_PLATFORM_QUOTE] = keep(w, platform.quote);
	e->parts[EVIDENCE_PLATFORM_LOG] = keep(w, platform.event_log);
	if (platform.ima_log.size > 0)
		e->parts[EVIDENCE_PLATFORM_IMA] = keep(w, platform.ima_log);
	TRY(host_collateral(&collateral, d));
	e->parts[EVIDENCE_COLLATERAL] = keep(w, collateral);
	return writer_end(w, NULL);
}

static enum tcb_error put_vtpm(struct vtpm *v, struct writer *w, struct evidence *e, struct diagnosis *d)
{
	const struct vtpm_identity *identity = &v->residence.identity;
	struct vtpm_keys keys = { .ek_public = span_of(identity->ek_public, identity->ek_size),
				  .ak_public = span_of(identity->ak_public, identity->ak_size) };
	struct digest256 commitment;
	size_t start = w->size;

	vtpm_keys_encode(w, &keys);
	e->parts[EVIDENCE_VTPM_KEYS] = since(w, start);
	TRY(commitment_of(VTPM_QUOTE_LABEL, e->parts[EVIDENCE_REQUEST], &commitment));
	start = w->size;
	TRY(identity_quote(&commitment, w, d));
	e->parts[EVIDENCE_VTPM_QUOTE] = since(w, start);
	start = w->size;
	TRY(custody_put(&v->record, w));
	e->parts[EVIDENCE_CUSTODY] = since(w, start);
	return writer_end(w, NULL);
}

static enum tcb_error collect(struct vtpm *v, struct span nonce, struct evidence *ret_evidence, struct diagnosis *d)
{
	struct writer w = WRITER_OF(parts_bytes);

	TRY(put_request(v, nonce, &w, ret_evidence));
	TRY(put_platform(&w, ret_evidence, d)); /* first, so that vTPMs that are asked together share one */
	TRY(ensure_endorsed(v, d));
	TRY(put_vtpm(v, &w, ret_evidence, d));
	ret_evidence->parts[EVIDENCE_CERTIFIED_AK] =
		span_of(v->residence.certified_ak, v->residence.certified_ak_size);
	ret_evidence->parts[EVIDENCE_ENDORSEMENT] =
		span_of(v->residence.endorsement, v->residence.endorsement_size);
	return TCB_OK;
}

enum tcb_error evidence_make(struct vtpm *v, struct span nonce, struct span *ret_evidence, struct diagnosis *d)
{
	struct writer payload = WRITER_OF(payload_bytes), signed_evidence = WRITER_OF(evidence_bytes);
	struct evidence e = {0};
	struct span payload_span;

	if (nonce.size == 0 || nonce.size > LIMIT_NONCE)
		return diagnose_found(d, TCB_LIMIT, "attest.nonce", "a nonce of 1 to 64 bytes", "use 32 random bytes",
				      "a nonce of %zu bytes", nonce.size);
	if (!engine_running() || v->record.state != VTPM_RUNNING)
		return diagnose(d, TCB_WRONG_STATE, "vtpm.not-running", "a vTPM that is not running",
				"a vTPM whose machine has started it", "start the VM, then ask again");
	TRY(collect(v, nonce, &e, d));
	evidence_encode(&payload, &e);
	TRY(writer_end(&payload, &payload_span));
	TRY(cose_sign(v->residence.key, EVIDENCE_TYPE, payload_span, &signed_evidence));
	return writer_end(&signed_evidence, ret_evidence);
}
