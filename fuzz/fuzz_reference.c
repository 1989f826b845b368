// SPDX-License-Identifier: MIT
/* A file of reference values: the first byte even, as it is; odd, as the payload of a COSE_Sign1 that is signed here. Must reach: reference_add()
 * with lists and with corim_take(), unsigned and signed. Properties: counts within their tables; a refusal says why. */
#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "enclave/lib/cose_sign.h"
#include "fuzz/target.h"
#include "verify/appraise/reference.h"

#define RIM_TYPE "application/rim+cbor"

static uint8_t whole[1 << 20];

static struct span sign(struct span payload, struct p256_point *ret_signer)
{
	static EVP_PKEY *key;
	static const uint8_t one[32] = { [31] = 1 };
	struct writer w = WRITER_OF(whole);

	if (key == NULL)
		MUST_HOLD(crypto_p256_from_scalar(one, &key) == TCB_OK);
	MUST_HOLD(crypto_p256_public(key, ret_signer) == TCB_OK);
	MUST_HOLD(cose_sign(key, RIM_TYPE, payload, &w) == TCB_OK);
	return span_of(whole, w.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reference_values values;
	struct policy_reference source = { .file = "a file", .layer = LAYER_PLATFORM };
	struct diagnosis d = {0};
	struct span in;

	if (size < 1 || size > sizeof whole / 2)
		return 0;
	in = span_of(data + 1, size - 1);
	source.has_signer = data[0] % 2 != 0;
	if (source.has_signer)
		in = sign(in, &source.signer);
	reference_init(&values);
	if (reference_add(&values, &source, in, &d) != TCB_OK) {
		MUST_HOLD(d.code[0] != '\0');
		return 0;
	}
	MUST_HOLD(values.pcr_count <= REFERENCE_PCRS_MAX && values.event_count[LAYER_PLATFORM] <= REFERENCE_EVENTS_MAX);
	for (size_t i = 0; i < values.pcr_count; i++)
		MUST_HOLD(values.pcrs[i].pcr.index < LIMIT_PCRS);
	return 0;
}
