// SPDX-License-Identifier: MIT
/* A CRL in DER, and a certificate in DER that it is asked about: the first byte says which of both the rest is. Must reach: crl_decode(),
 * crl_age_of(), crl_is_issued(), crl_revokes(), crl_narrow(); x509_decode(), x509_is_issued(), x509_narrow(), x509_p256_key(),
 * x509_common_name(). */
#include <openssl/x509.h>

#include "fuzz/target.h"
#include "sgxsim/certificate.h"
#include "verify/appraise/x509.h"

static X509 *a_certificate(void)
{
	static struct issuer made;
	static const struct certificate_request request = { .common_name = "Intel SGX PCK Platform CA", .is_ca = true,
							    .not_before_s = 1, .not_after_s = INT32_MAX };

	if (made.certificate == NULL)
		MUST_HOLD(certificate_issue(NULL, &request, &made) == TCB_OK);
	return made.certificate;
}

static void try_crl(struct span der)
{
	uint64_t from_s = 0, until_s = UINT64_MAX;
	struct crl_age age;
	X509_CRL *crl;
	bool current;

	if (crl_decode(der, &crl) != TCB_OK)
		return;
	if (crl_age_of(crl, &age) == TCB_OK)
		MUST_HOLD(age.number <= INT64_MAX && age.this_update_s <= INT64_MAX);
	MUST_HOLD(!crl_is_issued(crl, a_certificate(), FUZZ_NOW_S, NULL, &current));
	(void)crl_revokes(crl, a_certificate());
	crl_narrow(crl, &from_s, &until_s);
	X509_CRL_free(crl);
}

static void try_certificate(struct span der)
{
	uint64_t from_s = 0, until_s = UINT64_MAX;
	struct p256_point key;
	struct digest256 digest;
	X509 *certificate;
	char name[64];

	if (x509_decode(der, &certificate) != TCB_OK)
		return;
	(void)x509_common_name(certificate, name, sizeof name);
	MUST_HOLD(x509_p256_key(certificate, &key) != TCB_OK || x509_spki_digest(certificate, &digest) == TCB_OK);
	(void)x509_is_valid_at(certificate, FUZZ_NOW_S);
	(void)x509_is_issued(certificate, certificate, "Intel SGX Root CA", true, NULL);
	MUST_HOLD(!x509_is_issued(certificate, a_certificate(), "Intel SGX PCK Certificate", false, NULL));
	x509_narrow(certificate, &from_s, &until_s);
	X509_free(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] % 2 == 0)
		try_crl(span_of(data + 1, size - 1));
	else
		try_certificate(span_of(data + 1, size - 1));
	return 0;
}
