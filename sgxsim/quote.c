// SPDX-License-Identifier: MIT
/* QUOTE v3 as Intel's quoting enclave makes it (DCAP notes 2.1; sgx_quote_3.h). The quoting enclave is part of
 * the simulated processor: its identity is QE_* below, its attestation key is derived from the fuses. */
#include "sgxsim/processor.h"

#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "sgxsim/qe.h"

enum { QE_AUTH_SIZE = 32, HEADER_AND_BODY_SIZE = 48 + SGX_REPORT_BODY_SIZE, CERTIFICATION_PCK_CHAIN = 5 };

static const uint8_t intel_qe_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

const struct enclave_identity qe_identity = {
	.mrenclave = "tcbind simulated quoting encla",
	.mrsigner = "tcbind simulated QE signer",
	.isv_prod_id = 1,
	.isv_svn = QE_ISV_SVN,
	.attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64 | SGX_FLAG_PROVISION_KEY,
};

static enum tcb_error put_header(const struct processor *p, struct writer *w)
{
	uint8_t qe_id[16];

	TRY(processor_derive(p, "QE ID", span_of(NULL, 0), qe_id, sizeof qe_id));
	writer_u16_le(w, 3); /* version */
	writer_u16_le(w, 2); /* ECDSA P-256 */
	writer_u32_le(w, 0);
	writer_u16_le(w, QE_ISV_SVN);
	writer_u16_le(w, p->fuses.pce_svn);
	writer_bytes(w, SPAN_OF(intel_qe_vendor));
	writer_bytes(w, SPAN_OF(qe_id));
	writer_zeros(w, 4);
	return TCB_OK;
}

/* The QE's REPORT body, over its attestation key and authentication data. */
static enum tcb_error put_qe_report(const struct processor *p, struct span auth, struct writer *w)
{
	const struct span parts[] = { SPAN_OF(p->attestation_public.bytes), auth };
	uint8_t data[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memcpy(data, digest.bytes, sizeof digest.bytes);
	processor_report_body(p, &qe_identity, data, w);
	return writer_end(w, NULL);
}

enum tcb_error processor_quote(struct processor *p, const struct enclave_identity *self,
			       const uint8_t report_data[SGX_REPORT_DATA_SIZE], struct writer *answer)
{
	struct p256_signature isv_signature, qe_signature;
	uint8_t qe_report[SGX_REPORT_BODY_SIZE], auth[QE_AUTH_SIZE];
	struct writer qe = WRITER_OF(qe_report);
	size_t start = answer->size;
	size_t signature_size = 64 + 64 + SGX_REPORT_BODY_SIZE + 64 + 2 + QE_AUTH_SIZE + 6 + p->fuses.pck_chain_size;

	for (size_t i = 0; i < sizeof auth; i++)
		auth[i] = (uint8_t)i;
	TRY(put_header(p, answer));
	processor_report_body(p, self, report_data, answer);
	TRY(writer_end(answer, NULL));
	TRY(crypto_sign(p->attestation, span_of(answer->data + start, HEADER_AND_BODY_SIZE), &isv_signature));
	TRY(put_qe_report(p, SPAN_OF(auth), &qe));
	TRY(crypto_sign(p->fuses.pck, SPAN_OF(qe_report), &qe_signature));
	writer_u32_le(answer, (uint32_t)signature_size);
	writer_bytes(answer, SPAN_OF(isv_signature.bytes));
	writer_bytes(answer, SPAN_OF(p->attestation_public.bytes));
	writer_bytes(answer, SPAN_OF(qe_report));
	writer_bytes(answer, SPAN_OF(qe_signature.bytes));
	writer_u16_le(answer, QE_AUTH_SIZE);
	writer_bytes(answer, SPAN_OF(auth));
	writer_u16_le(answer, CERTIFICATION_PCK_CHAIN);
	writer_u32_le(answer, (uint32_t)p->fuses.pck_chain_size);
	writer_bytes(answer, span_of(p->fuses.pck_chain, p->fuses.pck_chain_size));
	return writer_end(answer, NULL);
}
