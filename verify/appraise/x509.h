// SPDX-License-Identifier: MIT
/* X.509 (RFC 5280) as DCAP uses it: certificates and CRLs of known shape and name, P-256 with SHA-256 everywhere. All times are given. */
#ifndef TCBIND_VERIFY_APPRAISE_X509_H
#define TCBIND_VERIFY_APPRAISE_X509_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

struct memo; /* verify/appraise/memo.h: for signatures that checked before; may be NULL */

/* DER with nothing behind it, and as it would be written again; the caller frees. */
enum tcb_error x509_decode(struct span der, X509 **ret_certificate) MUST_USE;
/* The same, or one more reference to a certificate (may be NULL) that has just these bytes: an issuer's comes twice. */
enum tcb_error x509_decode_or_share(struct span der, X509 *known, X509 **ret_certificate) MUST_USE;
enum tcb_error crl_decode(struct span der, X509_CRL **ret_crl) MUST_USE;

/* Signed by `issuer` with ECDSA and SHA-256, names and key usage in order, CN as wanted, CA or not. */
bool x509_is_issued(X509 *certificate, X509 *issuer, const char *common_name, bool ca, const struct memo *memo);
bool x509_is_valid_at(const X509 *certificate, uint64_t now_s);
/* Narrows a span of time to the window; to nothing where the window is not understood. */
void x509_narrow(const X509 *certificate, uint64_t *from_s, uint64_t *until_s);
void crl_narrow(const X509_CRL *crl, uint64_t *from_s, uint64_t *until_s);

/* What a CRL says of its age. */
struct crl_age {
	uint64_t number;        /* of the extension CRL Number */
	uint64_t this_update_s; /* Unix time */
};

/* TCB_MALFORMED: no number of at most 63 bits, or no time after 1970. */
enum tcb_error crl_age_of(const X509_CRL *crl, struct crl_age *ret_age) MUST_USE;
/* A whole CRL (no delta, nothing critical that we do not know), signed by `issuer`, who may; `*ret_current`: inside its window. */
bool crl_is_issued(X509_CRL *crl, X509 *issuer, uint64_t now_s, const struct memo *memo, bool *ret_current);
bool crl_revokes(X509_CRL *crl, X509 *certificate);

enum tcb_error x509_spki_digest(const X509 *certificate, struct digest256 *ret_digest) MUST_USE;
/* Both have one key; they may be two editions of a certificate. */
bool x509_same_key(const X509 *one, const X509 *other);
/* TCB_CRYPTO: no key on the named curve P-256, uncompressed. That the point is on it is the verification's to find. */
enum tcb_error x509_p256_key(const X509 *certificate, struct p256_point *ret_point) MUST_USE;
/* Text of the subject's CN; false if there is not exactly one. */
bool x509_common_name(const X509 *certificate, char *ret_text, size_t capacity);

#endif
