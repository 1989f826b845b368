// SPDX-License-Identifier: MIT
/* X.509 certificates for a vTPM's keys, issued by the PSE's key of this boot. The issuer's own certificate has the certified AK (and so the QUOTE
 * over that very key) in its CMW extension: who trusts the quote needs no other chain. EK certificates follow the TCG EK Credential Profile 2.5,
 * section 3.2, and RFC 5280.
 *   issuer's name  serialNumber: the platform, half of its AK's SHA-256; CN "tcbind PSE" and the issuer's key identifier
 *   subject        CN: the vTPM's UUID; dnQualifier: its generation, which no other residence has
 *   times          from an hour before the host's clock, CERTIFICATE_YEARS long */
#ifndef TCBIND_ENCLAVE_PSE_VTPM_CERTIFICATE_H
#define TCBIND_ENCLAVE_PSE_VTPM_CERTIFICATE_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/span.h"
#include "core/writer.h"
#include "edge/local.h"

#define CERTIFIED_AK_TYPE "application/vnd.tcbind.certified-ak+cbor"
#define CERTIFICATE_YEARS 5u

/* DER, appended to `out`; of one size for one kind of key, on all platforms and for all generations. Keys that it can certify: ECC P-256 and P-384,
 * RSA (exponent 65537) from 2048 bits. Code: pse.certify.key. */
enum tcb_error vtpm_certificate_issue(EVP_PKEY *pse_key, struct span certified_ak, const struct local_certify *asked, uint64_t now_s,
				      struct writer *out, struct diagnosis *d) MUST_USE;
/* The issuer's own, self-signed, with the certified AK in the CMW extension. */
enum tcb_error vtpm_certificate_issuer(EVP_PKEY *pse_key, struct span certified_ak, uint64_t now_s, struct writer *out) MUST_USE;

#endif
