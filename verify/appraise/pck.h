/* X.509 as DCAP uses it: chains of known shape, CRLs, and the SGX extension of a PCK certificate. All times are given. */
#ifndef TCBIND_VERIFY_APPRAISE_PCK_H
#define TCBIND_VERIFY_APPRAISE_PCK_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

/* What the extension 1.2.840.113741.1.13.1 says of a processor. */
struct pck_facts {
	uint8_t ppid[16], cpu_svn[16], fmspc[6], pce_id[2];
	uint8_t component_svn[16];
	uint16_t pce_svn;
};

/* Exactly three PEM certificates, one canonical text after the other, then at most one NUL. The caller frees each. */
enum tcb_error pck_chain_decode(struct span pem, X509 *ret_chain[3]) MUST_USE;
enum tcb_error pck_facts_decode(const X509 *leaf, struct pck_facts *ret_facts) MUST_USE;

/* DER with nothing behind it; the caller frees. */
enum tcb_error x509_decode(struct span der, X509 **ret_certificate) MUST_USE;
enum tcb_error crl_decode(struct span der, X509_CRL **ret_crl) MUST_USE;

/* Signed by `issuer`, names and key usage in order, CN as wanted, CA or not. */
bool x509_is_issued(X509 *certificate, X509 *issuer, const char *common_name, bool ca);
bool x509_is_valid_at(const X509 *certificate, uint64_t now_s);
/* Narrows a span of time to the certificate's or CRL's own; to nothing (from > until) when that has none. */
void x509_narrow(const X509 *certificate, uint64_t *from_s, uint64_t *until_s);
void crl_narrow(const X509_CRL *crl, uint64_t *from_s, uint64_t *until_s);
/* Signed by `issuer`; `*ret_current`: inside its window. */
bool crl_is_issued(X509_CRL *crl, X509 *issuer, uint64_t now_s, bool *ret_current);
bool crl_revokes(X509_CRL *crl, X509 *certificate);

enum tcb_error x509_spki_digest(const X509 *certificate, struct digest256 *ret_digest) MUST_USE;
enum tcb_error x509_p256_key(const X509 *certificate, struct p256_point *ret_point) MUST_USE;
/* Text of the subject's CN; false if there is not exactly one. */
bool x509_common_name(const X509 *certificate, char *ret_text, size_t capacity);

#endif
