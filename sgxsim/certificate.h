// SPDX-License-Identifier: MIT
/* X.509 for the test PKI: keys, certificates and CRLs with the names that Intel's verifier expects. */
#ifndef TCBIND_SGXSIM_CERTIFICATE_H
#define TCBIND_SGXSIM_CERTIFICATE_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/span.h"

/* A certificate authority, or a leaf's issuer: owned, release with issuer_wipe(). */
struct issuer {
	X509 *certificate;
	EVP_PKEY *key;
};

struct certificate_request {
	const char *common_name;
	bool is_ca;
	int path_length;      /* of a CA */
	struct span sgx;      /* content of the SGX extension; empty: none */
	bool strange;         /* with a critical extension that nobody knows */
	int64_t not_before_s; /* Unix time */
	int64_t not_after_s;
};

/* A new P-256 key and its certificate; `signer` NULL: self-signed. */
enum tcb_error certificate_issue(const struct issuer *signer, const struct certificate_request *request,
				 struct issuer *ret_issued) MUST_USE;
/* DIR/name.pem and DIR/name-key.pem (0600). */
enum tcb_error issuer_save(const struct issuer *issuer, const char *dir, const char *name, struct diagnosis *d) MUST_USE;
enum tcb_error issuer_load(const char *dir, const char *name, struct issuer *ret_issuer, struct diagnosis *d) MUST_USE;
void issuer_wipe(struct issuer *issuer);

/* A CRL of `issuer` over `revoked` serial numbers. DER, in memory that OPENSSL_free releases. */
enum tcb_error crl_issue(const struct issuer *issuer, struct span const *revoked, size_t revoked_count,
			 int64_t this_update_s, int64_t next_update_s, uint8_t **ret_der, size_t *ret_size) MUST_USE;
/* DER and PEM of a certificate, in memory that OPENSSL_free releases. */
enum tcb_error certificate_der(X509 *certificate, uint8_t **ret_der, size_t *ret_size) MUST_USE;
enum tcb_error certificate_pem(X509 *certificate, char **ret_pem, size_t *ret_size) MUST_USE;

#endif
