// SPDX-License-Identifier: MIT
/* The signature on a certificate or CRL (RFC 5280 sections 4.1 and 5.1): ECDSA with SHA-256 over the DER as it stands. */
#ifndef TCBIND_VERIFY_APPRAISE_X509_SIGNATURE_H
#define TCBIND_VERIFY_APPRAISE_X509_SIGNATURE_H

#include "core/ids.h"
#include "core/span.h"

struct memo;

/* SEQUENCE { to be signed, algorithm, BIT STRING }, both algorithm identifiers ecdsa-with-SHA256 without parameters, the signature in its one DER
 * form. `memo` as in verify/appraise/memo.h; may be NULL. */
bool x509_signature_checks(struct span der, const struct p256_point *key, const struct memo *memo);

#endif
