// SPDX-License-Identifier: MIT
/* What our X.509 certificates have in common: P-256 keys, ECDSA with SHA-256, and attestation in the CMW extension (RFC 9999, id-pe-cmw
 * 1.3.6.1.5.5.7.1.35; `cbor` choice, a record [media type, bytes]). Used by the PSE (EK and AK certificates) and the MigE (RA-TLS). */
#ifndef TCBIND_ENCLAVE_LIB_CERTIFICATE_H
#define TCBIND_ENCLAVE_LIB_CERTIFICATE_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/limits.h"
#include "core/span.h"

/* A record's head, and the largest document that we put into one: a certified AK. */
#define CERTIFICATE_CMW_MAX (LIMIT_QUOTE + 4096u)

/* A v3 certificate with a random serial number, the issuer `CN=issuer`, the subject `CN=subject` (empty name if NULL), a CA's or not, and
 * no end (RFC 5280 section 4.1.2.5: 99991231235959Z). Not signed yet; the caller adds, signs and frees it. */
enum tcb_error certificate_new(const char *issuer, const char *subject, EVP_PKEY *public_key, uint64_t not_before_s,
			       bool authority, X509 **ret_certificate) MUST_USE;

/* Valid from and until these Unix times instead. */
enum tcb_error certificate_set_times(X509 *certificate, uint64_t not_before_s, uint64_t not_after_s) MUST_USE;
/* Adds an extension from OpenSSL's own configuration syntax ("critical,CA:FALSE"). */
enum tcb_error certificate_add(X509 *certificate, int nid, const char *value) MUST_USE;
/* Adds an extension by its OID and the DER of its value. */
enum tcb_error certificate_add_der(X509 *certificate, const char *oid, struct span der) MUST_USE;
enum tcb_error certificate_add_cmw(X509 *certificate, const char *media_type, struct span bytes) MUST_USE;
enum tcb_error certificate_sign(X509 *certificate, EVP_PKEY *key) MUST_USE;

/* The bytes of the one CMW record with this media type, borrowed from the certificate. TCB_MALFORMED: there is none, there are
 * several, or it is not what certificate_add_cmw() writes. */
enum tcb_error certificate_find_cmw(const X509 *certificate, const char *media_type, struct span *ret_bytes) MUST_USE;

#endif
