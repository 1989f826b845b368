// SPDX-License-Identifier: MIT
/* Stands in for the PSE's X.509 certificates, whose keys are no keys of libcrypto here. Nothing of
 * them matters to who may run. */
#include "enclave/pse/vtpm_certificate.h"

enum tcb_error vtpm_certificate_issue(EVP_PKEY *pse_key, struct span certified_ak,
				      const struct local_certify *asked, uint64_t now_s,
				      struct writer *out, struct diagnosis *d)
{
	(void)pse_key;
	(void)certified_ak;
	(void)asked;
	(void)now_s;
	(void)d;
	writer_bytes(out, span_of_text("certificate"));
	return writer_end(out, NULL);
}

enum tcb_error vtpm_certificate_issuer(EVP_PKEY *pse_key, struct span certified_ak, uint64_t now_s,
				       struct writer *out)
{
	(void)pse_key;
	(void)certified_ak;
	(void)now_s;
	writer_bytes(out, span_of_text("issuer"));
	return writer_end(out, NULL);
}
