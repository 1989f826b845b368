// SPDX-License-Identifier: MIT
#include "tests/verify/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "edge/tpm_quote.h"
#include "enclave/lib/cose_sign.h"
#include "host/merkle.h"
#include "tests/enclave/rig/ptpm.h"
#include "verify/appraise/quote.h"

enum { LOG_SIZE = 128 + FLEET_LOG_EVENTS * 160, EVENT_SIZE = 96, BATCH_MAX = 1024 };

static void put_le32(struct writer *w, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		writer_u8(w, (uint8_t)(value >> 8 * i));
}

/* TCG_PCR_EVENT2 for PCR 0, EV_S_CRTM_CONTENTS, whose digest is that of the event's bytes. */
static void put_event(struct writer *w, uint8_t first, uint8_t number, struct digest256 *pcr)
{
	uint8_t event[EVENT_SIZE] = {first, number};
	struct digest256 measured;

	assert_int_equal(crypto_sha256(SPAN_OF(event), &measured), TCB_OK);
	put_le32(w, 0);
	put_le32(w, 7);
	put_le32(w, 1);
	writer_bytes(w, span_of("\x0b\0", 2));
	writer_bytes(w, SPAN_OF(measured.bytes));
	put_le32(w, EVENT_SIZE);
	writer_bytes(w, SPAN_OF(event));
	assert_int_equal(crypto_sha256_all((struct span[]){SPAN_OF(pcr->bytes), SPAN_OF(measured.bytes)}, 2, pcr), TCB_OK);
}

static struct span make_log(struct rig_platform *platform, uint8_t first, uint8_t *memory)
{
	struct writer w = writer_of(memory, LOG_SIZE);
	struct digest256 pcr = {{0}};

	put_le32(&w, 0); /* TCG_PCClientPCREvent: PCR, EV_NO_ACTION, SHA-1 of zeros, size */
	put_le32(&w, 3);
	writer_zeros(&w, 20);
	put_le32(&w, 33);
	writer_bytes(&w, span_of("Spec ID Event03\0\0\0\0\0\0\2\0\2", 24));
	put_le32(&w, 1);
	writer_bytes(&w, span_of("\x0b\0\x20\0\0", 5));
	for (uint8_t i = 0; i < FLEET_LOG_EVENTS; i++)
		put_event(&w, first, i, &pcr);
	assert_int_equal(w.error, TCB_OK);
	memcpy(platform->pcr0, pcr.bytes, sizeof platform->pcr0);
	return span_of(memory, w.size);
}

void fleet_init(struct fleet *f, size_t platforms, size_t vtpms)
{
	assert_true(platforms <= FLEET_PLATFORMS_MAX && vtpms <= FLEET_VTPMS_MAX);
	*f = (struct fleet){ .platform_count = platforms, .vtpm_count = vtpms };
	for (size_t i = 0; i < platforms; i++) {
		const char name[2] = { (char)('a' + i), '\0' };

		rig_platform_init(&f->platforms[i], 0, name);
		assert_int_equal(crypto_p256_new(&f->pse_keys[i]), TCB_OK);
		f->logs[i] = malloc(LOG_SIZE);
		assert_non_null(f->logs[i]);
	}
	for (size_t i = 0; i < vtpms; i++) {
		size_t p = i % platforms;
		struct attester *a = &f->vtpms[i];

		attester_init(a, &f->platforms[p], f->pse_keys[p], (uint8_t)i);
		a->log = make_log(&f->platforms[p], 'B', f->logs[p]); /* the same firmware everywhere */
		f->parts[i] = malloc(sizeof *f->parts[i]);
		assert_non_null(f->parts[i]);
		attester_attest(a, f->parts[i]);
		if (i >= platforms) { /* a platform has one certified AK, from boot to reset */
			f->parts[i]->e.parts[EVIDENCE_CERTIFIED_AK] = f->parts[p]->e.parts[EVIDENCE_CERTIFIED_AK];
			f->parts[i]->e.parts[EVIDENCE_COLLATERAL] = f->parts[p]->e.parts[EVIDENCE_COLLATERAL];
		}
	}
}

void fleet_end(struct fleet *f)
{
	for (size_t i = 0; i < f->vtpm_count; i++) {
		attester_end(&f->vtpms[i]);
		free(f->parts[i]);
	}
	for (size_t i = 0; i < f->platform_count; i++) {
		EVP_PKEY_free(f->pse_keys[i]);
		rig_platform_end(&f->platforms[i]);
		free(f->logs[i]);
	}
}

/* ---- evidence ---- */

static struct digest256 commitment_of(const char *label, struct span request)
{
	struct digest256 digest;

	assert_int_equal(crypto_sha256_all((struct span[]){span_of_text(label), request}, 2, &digest), TCB_OK);
	return digest;
}

/* One request, with its parts that are its own: the request's bytes and the guest's quote. */
struct asked {
	struct attester *vtpm;
	struct evidence e;
	uint8_t request[256], guest_quote[2048];
	struct digest256 commitment;
};

static void ask(struct fleet *f, size_t vtpm, struct fleet_evidence *out, struct asked *ret_asked)
{
	struct attester *a = &f->vtpms[vtpm];
	struct evidence_request request = { .id = a->id, .generation = a->generation };
	struct writer r = WRITER_OF(ret_asked->request), g = WRITER_OF(ret_asked->guest_quote);
	struct digest256 of_guest;

	*out = (struct fleet_evidence){ .vtpm = vtpm };
	f->asked++;
	memcpy(out->nonce, &f->asked, sizeof f->asked);
	request.nonce = SPAN_OF(out->nonce);
	assert_int_equal(crypto_p256_public(a->residence, &request.residence_key), TCB_OK);
	evidence_request_encode(&r, &request);
	ret_asked->vtpm = a;
	ret_asked->e = f->parts[vtpm]->e;
	ret_asked->e.parts[EVIDENCE_REQUEST] = span_of(ret_asked->request, r.size);
	ret_asked->commitment = commitment_of(PLATFORM_QUOTE_LABEL, span_of(ret_asked->request, r.size));
	of_guest = commitment_of(VTPM_QUOTE_LABEL, span_of(ret_asked->request, r.size));
	assert_int_equal(fake_plain_quote(a->vtpm_ak, &of_guest, a->guest_pcr0, &g), TCB_OK);
	ret_asked->e.parts[EVIDENCE_VTPM_QUOTE] = span_of(ret_asked->guest_quote, g.size);
}

static void sign_evidence(const struct asked *asked, struct fleet_evidence *out)
{
	static uint8_t payload[LIMIT_EVIDENCE], bytes[LIMIT_EVIDENCE];
	struct writer w = WRITER_OF(payload), s = WRITER_OF(bytes);

	evidence_encode(&w, &asked->e);
	assert_int_equal(cose_sign(asked->vtpm->residence, EVIDENCE_TYPE, span_of(payload, w.size), &s), TCB_OK);
	out->size = s.size;
	out->bytes = malloc(s.size);
	assert_non_null(out->bytes);
	memcpy(out->bytes, bytes, s.size);
}

/* One quote for these requests, which are of one platform. */
static void answer(struct rig_platform *platform, struct asked *const *asked, struct fleet_evidence *const *out, size_t count)
{
	static struct digest256 commitments[BATCH_MAX];
	static struct merkle_path paths[BATCH_MAX];
	struct fake_root signed_root;
	struct digest256 root;
	uint8_t bytes[4096];

	for (size_t i = 0; i < count; i++)
		commitments[i] = asked[i]->commitment;
	assert_int_equal(merkle_tree(commitments, count, &root, paths), TCB_OK);
	assert_int_equal(fake_quote_root(platform->ak, &root, platform->pcr0, &signed_root), TCB_OK);
	for (size_t i = 0; i < count; i++) {
		struct writer w = WRITER_OF(bytes);
		struct tpm_quote q = { .attest = span_of(signed_root.attest, signed_root.attest_size),
				       .signature = span_of(signed_root.signature, signed_root.signature_size),
				       .pcrs = SPAN_OF(signed_root.pcrs), .has_path = true, .leaf_index = i, .leaf_count = count };

		q.path = span_of(paths[i].nodes, paths[i].count * SHA256_SIZE);
		tpm_quote_encode(&w, &q);
		assert_int_equal(w.error, TCB_OK);
		asked[i]->e.parts[EVIDENCE_PLATFORM_QUOTE] = span_of(bytes, w.size);
		sign_evidence(asked[i], out[i]);
	}
}

void fleet_attest(struct fleet *f, size_t count, size_t batch, struct fleet_evidence *ret_evidence)
{
	struct asked *waiting[FLEET_PLATFORMS_MAX][BATCH_MAX];
	struct fleet_evidence *out[FLEET_PLATFORMS_MAX][BATCH_MAX];
	size_t waits[FLEET_PLATFORMS_MAX] = {0};

	assert_true(batch >= 1 && batch <= BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t vtpm = i % f->vtpm_count, p = vtpm % f->platform_count, n = waits[p]++;

		waiting[p][n] = malloc(sizeof *waiting[p][n]);
		assert_non_null(waiting[p][n]);
		out[p][n] = &ret_evidence[i];
		ask(f, vtpm, out[p][n], waiting[p][n]);
		for (size_t q = 0; q < f->platform_count; q++) {
			if (waits[q] == 0 || (waits[q] < batch && i + 1 < count))
				continue;
			answer(&f->platforms[q], waiting[q], out[q], waits[q]);
			while (waits[q] > 0)
				free(waiting[q][--waits[q]]);
		}
	}
}

/* ---- policy ---- */

static const char *hex(struct span bytes, char *ret_text)
{
	for (size_t i = 0; i < bytes.size; i++)
		(void)snprintf(ret_text + 2 * i, 3, "%02x", bytes.data[i]);
	return ret_text;
}

const char *fleet_policy(const struct fleet *f)
{
	static char json[1024];
	char root_text[65], pse[65], vtpm[65], pcr0[65], guest[65];
	struct certified_ak ak;
	struct digest256 root;

	assert_int_equal(certified_ak_decode(f->parts[0]->e.parts[EVIDENCE_CERTIFIED_AK], &ak), TCB_OK);
	assert_int_equal(quote_peek_root(ak.quote, &root), TCB_OK);
	(void)snprintf(json, sizeof json,
		       "{\"version\": 1, \"roots\": [{\"spki_sha256\": \"%s\"}],"
		       " \"enclaves\": {\"pse\": [{\"mrsigner\": \"%s\", \"min_isv_svn\": 1}],"
		       " \"vtpm\": [{\"mrsigner\": \"%s\", \"min_isv_svn\": 1}]}, \"platforms\": {\"unlisted\": \"accept\"},"
		       " \"platform_pcrs\": {\"0\": \"%s\"}, \"guest_pcrs\": {\"0\": \"%s\"}}",
		       hex(SPAN_OF(root.bytes), root_text), hex(SPAN_OF(f->vtpms[0].pse.mrsigner), pse),
		       hex(SPAN_OF(f->vtpms[0].vtpm.mrsigner), vtpm), hex(SPAN_OF(f->platforms[0].pcr0), pcr0),
		       hex(SPAN_OF(f->vtpms[0].guest_pcr0), guest));
	return json;
}
