// SPDX-License-Identifier: MIT
/* X.509 certificates for a vTPM's keys, issued by the PSE's key of this boot. The issuer's own certificate has the certified AK (and so the QUOTE
 * over that very key) in its CMW extension: who trusts the quote needs no other chain. EK certificates follow the TCG EK Credential Profile 2.5, section 3.2. */
#ifndef TCBIND_ENCLAVE_PSE_VTPM_CERTIFICATE_H
#define TCBIND_ENCLAVE_PSE_VTPM_CERTIFICATE_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/span.h"
#include "core/writer.h"
#include "edge/local.h"

#define CERTIFICATE_ISSUER "tcbind PSE"
#define CERTIFIED_AK_TYPE "application/vnd.tcbind.certified-ak+cbor"

/* DER, appended to `out`; of one size for one kind of key. Keys that it can certify: ECC P-256 and P-384, RSA (exponent 65537) from
 * 2048 bits. Code: pse.certify.key. */
enum tcb_error vtpm_certificate_issue(EVP_PKEY *pse_key, enum certify_kind kind, struct span tpmt_public, uint64_t now_s,
				      struct writer *out, struct diagnosis *d) MUST_USE;
/* The issuer's own, self-signed, with the certified AK in the CMW extension. */
enum tcb_error vtpm_certificate_issuer(EVP_PKEY *pse_key, struct span certified_ak, uint64_t now_s, struct writer *out) MUST_USE;

#endif
