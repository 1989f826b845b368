// SPDX-License-Identifier: MIT
#include "tests/verify/attester.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/custody_proof.h"
#include "edge/tpm_quote.h"
#include "enclave/lib/cose_sign.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ptpm.h"
#include "verify/appraise/quote.h"

typedef enum tcb_error public_writer(const EVP_PKEY *key, struct writer *w);

/* Copies of an attester share its keys, so a key that one of them gives up is not freed. A list keeps it, for the leak detector. */
static EVP_PKEY *keep_key(EVP_PKEY *key)
{
	static struct kept {
		struct kept *next;
		EVP_PKEY *key;
	} *all;
	struct kept *kept = malloc(sizeof *kept);

	assert_non_null(kept);
	*kept = (struct kept){ .next = all, .key = key };
	all = kept;
	return key;
}

static EVP_PKEY *new_shared_key(void)
{
	EVP_PKEY *key;

	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	return keep_key(key);
}

static size_t new_key(public_writer *put, EVP_PKEY **ret_key, uint8_t ret_public[LIMIT_TPM_PUBLIC])
{
	struct writer w = writer_of(ret_public, LIMIT_TPM_PUBLIC);

	assert_int_equal(crypto_p256_new(ret_key), TCB_OK);
	assert_int_equal(put(*ret_key, &w), TCB_OK);
	return w.size;
}

void attester_init(struct attester *a, struct rig_platform *platform, EVP_PKEY *pse_key, uint8_t id)
{
	EVP_PKEY *ek;

	*a = (struct attester){ .platform = platform, .pse_key = pse_key, .pse = fake_identity(ROLE_PSE),
				.vtpm = fake_identity(ROLE_VTPM), .epoch = {{7, (uint8_t)platform->name[0]}}, .id = {{id}},
				.generation = 1, .nonce = {1, 2, 3} };
	attester_set_chain(a, &(struct custody_chain){0});
	a->ek_size = new_key(fake_ek_public, &ek, a->ek_public);
	EVP_PKEY_free(ek);
	a->ak_size = new_key(fake_ak_public, &a->vtpm_ak, a->ak_public);
	assert_int_equal(crypto_p256_new(&a->residence), TCB_OK);
	assert_int_equal(crypto_p256_new(&a->mige_key), TCB_OK);
}

void attester_end(struct attester *a)
{
	EVP_PKEY_free(a->residence);
	EVP_PKEY_free(a->vtpm_ak);
	EVP_PKEY_free(a->mige_key);
}

void attester_restart(struct attester *a)
{
	EVP_PKEY_free(a->residence);
	assert_int_equal(crypto_p256_new(&a->residence), TCB_OK);
}

/* From a quote of its processor, judged as a verifier would. */
static void ppid_of(struct rig_platform *p, uint8_t ret_ppid[PPID_SIZE])
{
	static const uint8_t report_data[SGX_REPORT_DATA_SIZE];
	static uint8_t quote_bytes[LIMIT_QUOTE];
	const struct enclave_identity pse = fake_identity(ROLE_PSE);
	struct writer quote = WRITER_OF(quote_bytes);
	static struct policy policy;
	static struct checks checks;
	struct collateral collateral;
	struct quote_claims claims;

	policy_default(&policy);
	policy.root_count = 1;
	checks = (struct checks){0};
	assert_int_equal(processor_quote(&p->processor, &pse, report_data, &quote), TCB_OK);
	assert_int_equal(quote_peek_root(span_of(quote_bytes, quote.size), &policy.roots[0]), TCB_OK);
	assert_int_equal(collateral_decode(file_span(&p->collateral), &collateral), TCB_OK);
	assert_int_equal(quote_appraise(span_of(quote_bytes, quote.size), &collateral, &policy, (uint64_t)time(NULL), &checks, &claims),
			 TCB_OK);
	memcpy(ret_ppid, claims.ppid, PPID_SIZE);
}

struct custody_record attester_record_claims(const struct attester *a, struct rig_platform *to)
{
	struct custody_record record = { .id = a->id, .generation = a->generation, .from_name = span_of_text(a->platform->name),
					 .to_name = span_of_text(to->name), .time_s = 1700000000 + a->generation,
					 .previous = a->last_custody };

	assert_int_equal(tpm_name_of(span_of(a->platform->ak_public, a->platform->ak_public_size), &record.from_ak), TCB_OK);
	assert_int_equal(tpm_name_of(span_of(to->ak_public, to->ak_public_size), &record.to_ak), TCB_OK);
	assert_int_equal(crypto_p256_public(a->mige_key, &record.mige_key), TCB_OK);
	if (to != a->platform)
		ppid_of(to, record.to_ppid);
	return record;
}

struct span attester_record(const struct attester *a, const struct custody_record *record)
{
	static uint8_t signed_record[LIMIT_CUSTODY_RECORD];
	uint8_t payload[LIMIT_CUSTODY_RECORD];
	struct writer w = WRITER_OF(payload), s = WRITER_OF(signed_record);

	custody_record_encode(&w, record);
	assert_int_equal(cose_sign(a->mige_key, CUSTODY_TYPE, span_of(payload, w.size), &s), TCB_OK);
	return span_of(signed_record, s.size);
}

struct span attester_proof(const struct attester *a, const struct enclave_identity *mige, EVP_PKEY *quoted_by)
{
	static uint8_t proofs[4][LIMIT_CUSTODY_PROOF], payload[MIGE_ENDORSEMENT_MAX], endorsement[MIGE_ENDORSEMENT_MAX], quote_bytes[4096];
	static unsigned count;
	struct writer p = WRITER_OF(payload), e = WRITER_OF(endorsement), q = WRITER_OF(quote_bytes),
		      w = writer_of(proofs[count % 4], sizeof proofs[0]);
	struct mige_endorsement claims = { .enclave = *mige, .epoch = a->epoch };
	struct custody_proof proof;
	struct digest256 commitment;
	struct tpm_quote quote;

	assert_int_equal(crypto_p256_public(a->mige_key, &claims.mige_key), TCB_OK);
	mige_endorsement_encode(&p, &claims);
	assert_int_equal(cose_sign(a->pse_key, MIGE_ENDORSEMENT_TYPE, span_of(payload, p.size), &e), TCB_OK);
	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(CUSTODY_PROOF_LABEL), span_of(endorsement, e.size)}, 2, &commitment),
			 TCB_OK);
	assert_int_equal(fake_quote(quoted_by, &commitment, a->platform->pcr0, &q), TCB_OK);
	assert_int_equal(tpm_quote_decode(span_of(quote_bytes, q.size), &quote), TCB_OK);
	proof = (struct custody_proof){ .endorsement = span_of(endorsement, e.size), .attest = quote.attest, .signature = quote.signature,
					.leaf_index = quote.leaf_index, .leaf_count = quote.leaf_count, .path = quote.path };
	proof.certified_ak = attester_certified_ak(a, span_of(a->platform->ak_public, a->platform->ak_public_size), AK_SOURCE_MSR);
	custody_proof_encode(&w, &proof);
	assert_int_equal(w.error, TCB_OK);
	return span_of(proofs[count++ % 4], w.size);
}

struct span attester_summary(const struct attester *a, const struct custody_summary *summary)
{
	static uint8_t bytes[LIMIT_CUSTODY_SUMMARY];
	uint8_t payload[LIMIT_CUSTODY_SUMMARY];
	struct writer p = WRITER_OF(payload), w = WRITER_OF(bytes);

	custody_summary_encode(&p, summary);
	assert_int_equal(cose_sign(a->mige_key, CUSTODY_SUMMARY_TYPE, span_of(payload, p.size), &w), TCB_OK);
	return span_of(bytes, w.size);
}

void attester_set_chain(struct attester *a, const struct custody_chain *chain)
{
	static uint8_t bytes[LIMIT_CUSTODY];
	struct writer w = WRITER_OF(bytes);

	custody_chain_encode(&w, chain);
	assert_int_equal(w.error, TCB_OK);
	memcpy(a->custody, bytes, w.size);
	a->custody_size = w.size;
}

void attester_move(struct attester *a, struct rig_platform *to, EVP_PKEY *pse_key)
{
	const struct enclave_identity mige = fake_identity(ROLE_MIGE);
	struct custody_record record = attester_record_claims(a, to);
	struct span signed_record = attester_record(a, &record);
	struct custody_chain chain;

	assert_int_equal(custody_chain_decode(span_of(a->custody, a->custody_size), &chain), TCB_OK);
	assert_true(chain.record_count < LIMIT_CUSTODY_RECORDS);
	chain.records[chain.record_count++] = signed_record;
	custody_chain_put_proof(&chain, attester_proof(a, &mige, a->platform->ak));
	attester_set_chain(a, &chain);
	assert_int_equal(crypto_sha256(signed_record, &a->last_custody), TCB_OK);
	a->generation++;
	a->platform = to;
	a->pse_key = pse_key;
	a->epoch = (struct boot_epoch){{7, (uint8_t)to->name[0]}};
	(void)keep_key(a->residence);
	(void)keep_key(a->mige_key);
	a->mige_key = new_shared_key();
	a->residence = new_shared_key();
}

static void put_le32(struct writer *w, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		writer_u8(w, (uint8_t)(value >> 8 * i));
}

struct span attester_log(uint8_t event, uint8_t ret_pcr0[SHA256_SIZE])
{
	static uint8_t logs[8][256];
	static unsigned count;
	struct writer w = writer_of(logs[count++ % 8], sizeof logs[0]);
	uint8_t measured[SHA256_SIZE] = {event};
	struct digest256 pcr;

	put_le32(&w, 0); /* TCG_PCClientPCREvent: PCR, EV_NO_ACTION, SHA-1 of zeros, size */
	put_le32(&w, 3);
	writer_zeros(&w, 20);
	put_le32(&w, 33);
	writer_bytes(&w, span_of("Spec ID Event03\0\0\0\0\0\0\2\0\2", 24));
	put_le32(&w, 1);
	writer_bytes(&w, span_of("\x0b\0\x20\0\0", 5));
	put_le32(&w, 0); /* TCG_PCR_EVENT2: PCR 0, EV_S_CRTM_VERSION, one digest */
	put_le32(&w, 8);
	put_le32(&w, 1);
	writer_bytes(&w, span_of("\x0b\0", 2));
	writer_bytes(&w, SPAN_OF(measured));
	put_le32(&w, 4);
	writer_bytes(&w, span_of_text("crtm"));
	assert_int_equal(w.error, TCB_OK);
	assert_int_equal(crypto_sha256_all((struct span[]){span_of((const uint8_t[SHA256_SIZE]){0}, SHA256_SIZE), SPAN_OF(measured)}, 2,
					   &pcr), TCB_OK);
	memcpy(ret_pcr0, pcr.bytes, SHA256_SIZE);
	return span_of(w.data, w.size);
}

/* ---- pieces ---- */

struct span attester_certified_ak(const struct attester *a, struct span ak_public, enum ak_source source)
{
	static uint8_t claims_bytes[1024], quote_bytes[LIMIT_QUOTE], bytes[LIMIT_QUOTE + 2048];
	struct certified_ak ak = { .ak_public = ak_public, .epoch = a->epoch, .ak_source = source,
				   .platform_name = span_of_text(a->platform->name) };
	struct writer claims = WRITER_OF(claims_bytes), quote = WRITER_OF(quote_bytes), w = WRITER_OF(bytes);
	uint8_t report_data[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	assert_int_equal(crypto_p256_public(a->pse_key, &ak.pse_key), TCB_OK);
	certified_ak_claims_encode(&claims, &ak);
	ak.claims_bytes = span_of(claims_bytes, claims.size);
	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(CERTIFIED_AK_LABEL), ak.claims_bytes}, 2, &digest), TCB_OK);
	memcpy(report_data, digest.bytes, sizeof digest.bytes);
	assert_int_equal(processor_quote(&a->platform->processor, &a->pse, report_data, &quote), TCB_OK);
	ak.quote = span_of(quote_bytes, quote.size);
	certified_ak_encode(&w, &ak);
	return span_of(bytes, w.size);
}

struct endorsement attester_endorsement_claims(const struct attester *a)
{
	struct endorsement e = { .id = a->id, .generation = a->generation, .enclave = a->vtpm, .epoch = a->epoch, .origin = ORIGIN_MANUFACTURED };

	assert_int_equal(crypto_p256_public(a->residence, &e.residence_key), TCB_OK);
	assert_int_equal(tpm_name_of(span_of(a->ek_public, a->ek_size), &e.ek_name), TCB_OK);
	assert_int_equal(tpm_name_of(span_of(a->ak_public, a->ak_size), &e.ak_name), TCB_OK);
	return e;
}

struct span attester_endorsement(const struct attester *a, const struct endorsement *e)
{
	static uint8_t payload[1024], bytes[2048];
	struct writer w = WRITER_OF(payload), s = WRITER_OF(bytes);

	endorsement_encode(&w, e);
	assert_int_equal(cose_sign(a->pse_key, ENDORSEMENT_TYPE, span_of(payload, w.size), &s), TCB_OK);
	return span_of(bytes, s.size);
}

void parts_set(struct parts *p, enum evidence_label label, struct span bytes)
{
	assert_true(bytes.size <= sizeof p->memory - p->used);
	if (bytes.size > 0)
		memcpy(p->memory + p->used, bytes.data, bytes.size);
	p->e.parts[label] = span_of(p->memory + p->used, bytes.size);
	p->used += bytes.size;
}

static struct digest256 commitment(const char *label, const struct parts *p)
{
	struct digest256 digest;

	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(label), p->e.parts[EVIDENCE_REQUEST]}, 2, &digest), TCB_OK);
	return digest;
}

static void put_quotes(const struct attester *a, struct parts *p)
{
	uint8_t platform_bytes[4096], guest_bytes[4096];
	struct writer platform = WRITER_OF(platform_bytes), guest = WRITER_OF(guest_bytes);
	struct digest256 of_platform = commitment(PLATFORM_QUOTE_LABEL, p), of_guest = commitment(VTPM_QUOTE_LABEL, p);

	assert_int_equal(fake_quote(a->platform->ak, &of_platform, a->platform->pcr0, &platform), TCB_OK);
	assert_int_equal(fake_plain_quote(a->vtpm_ak, &of_guest, a->guest_pcr0, &guest), TCB_OK);
	parts_set(p, EVIDENCE_PLATFORM_QUOTE, span_of(platform_bytes, platform.size));
	parts_set(p, EVIDENCE_VTPM_QUOTE, span_of(guest_bytes, guest.size));
}

void attester_attest(const struct attester *a, struct parts *ret_parts)
{
	struct evidence_request request = { .nonce = SPAN_OF(a->nonce), .id = a->id, .generation = a->generation };
	struct vtpm_keys keys = { span_of(a->ek_public, a->ek_size), span_of(a->ak_public, a->ak_size) };
	struct endorsement endorsement = attester_endorsement_claims(a);
	uint8_t request_bytes[512], keys_bytes[2048];
	struct writer r = WRITER_OF(request_bytes), k = WRITER_OF(keys_bytes);
	struct parts *p = ret_parts;

	p->e = (struct evidence){0};
	p->used = 0;
	request.residence_key = endorsement.residence_key;
	evidence_request_encode(&r, &request);
	vtpm_keys_encode(&k, &keys);
	parts_set(p, EVIDENCE_REQUEST, span_of(request_bytes, r.size));
	parts_set(p, EVIDENCE_CERTIFIED_AK,
		  attester_certified_ak(a, span_of(a->platform->ak_public, a->platform->ak_public_size), AK_SOURCE_MSR));
	parts_set(p, EVIDENCE_COLLATERAL, file_span(&a->platform->collateral));
	parts_set(p, EVIDENCE_PLATFORM_LOG, a->log);
	parts_set(p, EVIDENCE_ENDORSEMENT, attester_endorsement(a, &endorsement));
	parts_set(p, EVIDENCE_VTPM_KEYS, span_of(keys_bytes, k.size));
	parts_set(p, EVIDENCE_CUSTODY, span_of(a->custody, a->custody_size));
	put_quotes(a, p);
}

struct span parts_sign(const struct parts *p, EVP_PKEY *residence)
{
	static uint8_t payload[LIMIT_EVIDENCE], bytes[LIMIT_EVIDENCE];
	struct writer w = WRITER_OF(payload), s = WRITER_OF(bytes);

	evidence_encode(&w, &p->e);
	assert_int_equal(w.error, TCB_OK);
	assert_int_equal(cose_sign(residence, EVIDENCE_TYPE, span_of(payload, w.size), &s), TCB_OK);
	return span_of(bytes, s.size);
}
