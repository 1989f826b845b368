// SPDX-License-Identifier: MIT
/* Proofs of Migration Enclaves' keys (verify/appraise/custody_proof.h). */
#include "verify/appraise/custody_proof.h"

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/cose.h"
#include "verify/appraise/cose_check.h"
#include "verify/appraise/memo.h"
#include "verify/appraise/merkle.h"
#include "verify/appraise/tpm.h"

#define LAYER "custody"

static enum tcb_error open_endorsement(struct span bytes, const struct memo *memo,
				       struct proven_mige *proven)
{
	struct p256_signature signature;
	struct span payload;

	TRY(cose_sign1_decode(bytes, MIGE_ENDORSEMENT_TYPE, &payload, &signature));
	TRY(mige_endorsement_decode(payload, &proven->mige));
	TRY(cose_check(MIGE_ENDORSEMENT_TYPE, payload, &proven->ak.pse_key, &signature, memo));
	return memcmp(&proven->mige.epoch, &proven->ak.epoch, sizeof proven->ak.epoch) == 0
		   ? TCB_OK
		   : TCB_CRYPTO;
}

/* The physical TPM's word that this PSE and this MigE are beside it. */
static enum tcb_error check_quote(const struct custody_proof *proof,
				  const struct proven_mige *proven, const struct memo *memo)
{
	const struct span committed[] = {span_of_text(CUSTODY_PROOF_LABEL), proof->endorsement};
	struct digest256 commitment, root;
	struct p256_signature signature;
	struct tpm_attest attest;
	struct p256_point key;

	if (tpm_attest_decode(proof->attest, &attest) != TCB_OK ||
	    tpm_ak_decode(proven->ak.ak_public, &key) != TCB_OK)
		return TCB_MALFORMED;
	TRY(tpm_signature_decode(proof->signature, &signature));
	TRY(memo_verify(memo, &key, &proof->attest, 1, &signature));
	TRY(crypto_sha256_all(committed, 2, &commitment));
	TRY(merkle_path_root(&commitment, proof->leaf_index, proof->leaf_count, proof->path,
			     &root));
	return span_equal(attest.qualifying, SPAN_OF(root.bytes)) ? TCB_OK : TCB_CRYPTO;
}

enum tcb_error custody_proof_open(struct span bytes, const struct memo *memo,
				  struct proven_mige *ret_proven)
{
	struct proven_mige proven;
	struct custody_proof proof;

	TRY(custody_proof_decode(bytes, &proof));
	TRY(certified_ak_decode(proof.certified_ak, &proven.ak));
	TRY(tpm_name_of(proven.ak.ak_public, &proven.ak_name));
	TRY(open_endorsement(proof.endorsement, memo, &proven));
	TRY(check_quote(&proof, &proven, memo));
	*ret_proven = proven;
	return TCB_OK;
}

static bool has_mige_entry(const struct policy *policy)
{
	for (size_t i = 0; i < policy->enclave_count; i++)
		if (policy->enclaves[i].role == ROLE_MIGE)
			return true;
	return false;
}

static bool check_mige(const struct enclave_identity *mige, const struct enclave_identity *pse,
		       const struct policy *policy, struct checks *checks)
{
	if (has_mige_entry(policy))
		return policy_check_enclave(policy, ROLE_MIGE, mige, LAYER, "custody.mige", checks);
	return check_bytes(checks, LAYER, "mrsigner", "custody.mige", SPAN_OF(pse->mrsigner),
			   SPAN_OF(mige->mrsigner)) &&
	       check_that(checks, LAYER, "isvprodid", "custody.mige",
			  mige->isv_prod_id == ROLE_MIGE, "a Migration Enclave",
			  "an enclave of another role") &&
	       check_that(checks, LAYER, "attributes", "custody.mige",
			  (mige->attributes & SGX_FLAG_DEBUG) == 0, "not DEBUG", "a DEBUG enclave");
}

enum tcb_error custody_proof_judge(const struct proven_mige *proven, struct span collateral,
				   const struct policy *policy, uint64_t now_s,
				   struct checks *checks, struct quote_claims *ret_quote)
{
	TRY(platform_certify(&proven->ak, collateral, policy, now_s, checks, ret_quote));
	return check_mige(&proven->mige.enclave, &ret_quote->enclave, policy, checks) ? TCB_OK
										      : TCB_REFUSED;
}
