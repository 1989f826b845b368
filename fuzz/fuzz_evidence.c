// SPDX-License-Identifier: MIT
/* Evidence as a whole, as somebody with a stolen residence key could put it together: the input is the payload, which is signed here (by the key
 * 1, which the seeds' requests name), and judged under the root that its own quote has. The first byte: odd, and the input is the whole, not
 * signed again. Its second bit: the platform that gave the vTPM away last is listed, others are accepted by custody. Must reach: evidence_appraise() and in it platform_appraise(), custody_appraise(), the endorsement, both TPM quotes, the event
 * log. Property: what is refused says why. */
#include <openssl/evp.h>
#include <time.h>

#include "crypto/crypto.h"
#include "edge/cose.h"
#include "enclave/lib/cose_sign.h"
#include "fuzz/target.h"
#include "verify/appraise/evidence.h"

static struct span sign(struct span payload)
{
	static uint8_t whole[LIMIT_EVIDENCE + 1024];
	static EVP_PKEY *key;
	static const uint8_t one[32] = { [31] = 1 };
	struct writer w = WRITER_OF(whole);

	if (key == NULL)
		MUST_HOLD(crypto_p256_from_scalar(one, &key) == TCB_OK);
	MUST_HOLD(cose_sign(key, EVIDENCE_TYPE, payload, &w) == TCB_OK);
	return span_of(whole, w.size);
}

static void set_root(struct span payload, struct policy *policy)
{
	struct certified_ak ak;
	struct evidence e;

	policy->root_count = evidence_decode(payload, &e) == TCB_OK &&
			     certified_ak_decode(e.parts[EVIDENCE_CERTIFIED_AK], &ak) == TCB_OK &&
			     quote_peek_root(ak.quote, &policy->roots[0]) == TCB_OK;
}

/* Any enclave of the seeds' roles: their signer is the tests' one. */
static void accept_enclaves(struct policy *policy, struct span payload)
{
	struct certified_ak ak;
	struct evidence e;

	policy->enclave_count = 0;
	if (evidence_decode(payload, &e) != TCB_OK || certified_ak_decode(e.parts[EVIDENCE_CERTIFIED_AK], &ak) != TCB_OK ||
	    ak.quote.size < 208)
		return;
	for (int i = 0; i < 2; i++) {
		struct policy_enclave *entry = &policy->enclaves[policy->enclave_count++];

		*entry = (struct policy_enclave){ .role = i == 0 ? ROLE_PSE : ROLE_VTPM, .has_mrsigner = true };
		memcpy(entry->mrsigner, ak.quote.data + 48 + 128, sizeof entry->mrsigner);
	}
}

/* What decides is then the proof of the Migration Enclave that signed the newest record. */
static void rely_on_custody(struct policy *policy, struct span payload)
{
	struct p256_signature signature;
	struct custody_record record;
	struct custody_chain chain;
	struct evidence e;
	struct span claims;

	if (evidence_decode(payload, &e) != TCB_OK || custody_chain_decode(e.parts[EVIDENCE_CUSTODY], &chain) != TCB_OK ||
	    chain.record_count == 0 ||
	    cose_sign1_decode(chain.records[chain.record_count - 1], CUSTODY_TYPE, &claims, &signature) != TCB_OK ||
	    custody_record_decode(claims, &record) != TCB_OK)
		return;
	policy->unlisted_platforms = UNLISTED_BY_CUSTODY;
	policy->platforms[0] = (struct policy_platform){ .ak_name = record.from_ak };
	policy->platform_count = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy;
	static struct checks checks;
	static struct evidence_claims claims;
	static const uint8_t nonce[32] = {1, 2, 3};
	struct evidence_inputs inputs = { .nonce = SPAN_OF(nonce) };
	struct span in;
	enum tcb_error error;

	if (size < 1 || size > LIMIT_EVIDENCE)
		return 0;
	in = span_of(data + 1, size - 1);
	policy_default(&policy);
	policy.unlisted_platforms = UNLISTED_ACCEPT;
	set_root(in, &policy);
	accept_enclaves(&policy, in);
	if ((data[0] & 2) != 0)
		rely_on_custody(&policy, in);
	checks = (struct checks){0};
	inputs.evidence = data[0] % 2 == 0 ? sign(in) : in;
	inputs.now_s = (uint64_t)time(NULL); /* the seeds' processors were made when they were built */
	error = evidence_appraise(&inputs, &policy, &checks, &claims);
	MUST_HOLD(error == TCB_OK || checks_first_failure(&checks) != NULL || checks.missing);
	return 0;
}
