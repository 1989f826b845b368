// SPDX-License-Identifier: MIT
/* TPM 2.0 structures as a verifier needs them (Part 2): TPMS_ATTEST of a quote, TPMT_PUBLIC of a P-256 attestation key and of an EK,
 * TPMT_SIGNATURE. */
#ifndef TCBIND_VERIFY_APPRAISE_TPM_H
#define TCBIND_VERIFY_APPRAISE_TPM_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"

/* TPMS_CLOCK_INFO */
struct tpm_clock {
	uint64_t clock_ms;
	uint32_t reset_count, restart_count;
	bool safe;
};

struct tpm_attest {
	struct span qualifying; /* extraData */
	struct tpm_clock clock;
	struct digest256 pcr_digest;
};

/* Only a quote over exactly SHA-256 PCR 0..23, made inside a TPM (magic), nothing left. */
enum tcb_error tpm_attest_decode(struct span bytes, struct tpm_attest *ret_attest) MUST_USE;

/* Only a restricted P-256 ECDSA-SHA256 signing key of the TPM itself (fixedTPM, fixedParent, sensitiveDataOrigin; not decrypt). */
enum tcb_error tpm_ak_decode(struct span tpmt_public, struct p256_point *ret_key) MUST_USE;

/* Only an EK as TCG's template L-2 makes it (EK Credential Profile, B.3.4): a restricted P-256 decryption key of the TPM itself, AES-128-CFB,
 * usable under the endorsement hierarchy's policy alone; its point is on the curve. */
enum tcb_error tpm_ek_decode(struct span tpmt_public, struct p256_point *ret_key) MUST_USE;

/* Only ECDSA with SHA-256. */
enum tcb_error tpm_signature_decode(struct span bytes, struct p256_signature *ret_signature) MUST_USE;

#endif
