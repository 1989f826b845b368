// SPDX-License-Identifier: MIT
/* Proofs of Migration Enclaves' keys (edge/custody_proof.h), judged in two steps: by the signatures
 * in them, then by a policy. */
#ifndef TCBIND_VERIFY_APPRAISE_CUSTODY_PROOF_H
#define TCBIND_VERIFY_APPRAISE_CUSTODY_PROOF_H

#include "edge/certified_ak.h"
#include "edge/custody_proof.h"
#include "edge/endorsement.h"
#include "verify/appraise/platform.h"

/* What a proof says. Borrowed from its bytes. */
struct proven_mige {
	struct certified_ak ak;
	struct tpm_name ak_name;
	struct mige_endorsement mige;
};

/* The PSE of the certified AK has signed the endorsement, and the AK a quote that commits to it.
 * Whether PSE and AK are a platform's is not judged here. TCB_MALFORMED, TCB_CRYPTO. `memo` may be
 * NULL. */
enum tcb_error custody_proof_open(struct span bytes, const struct memo *memo,
				  struct proven_mige *ret_proven) MUST_USE;

/* The processor's quote over PSE and AK, judged as that of a platform that answers now
 * (platform_certify()), and the MigE: by the policy's entries for MigEs, or, where there is none,
 * by the PSE's own signer. Adds its checks; returns as quote_appraise() does. */
enum tcb_error custody_proof_judge(const struct proven_mige *proven, struct span collateral,
				   const struct policy *policy, uint64_t now_s,
				   struct checks *checks, struct quote_claims *ret_quote) MUST_USE;

#endif
