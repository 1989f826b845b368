// SPDX-License-Identifier: MIT
/* Proof that a key is that of a Migration Enclave on a platform, at the boot that the certified AK
 * is of. document = {1: bstr certified AK, 2: bstr MigE endorsement (edge/endorsement.h), 3: bstr
 * TPMS_ATTEST, 4: bstr TPMT_SIGNATURE, 5: uint leaf index, 6: uint leaf count, 7: bstr nodes (n x
 * 32)} 1 ties the PSE's key and the physical TPM's AK to a processor, 2 ties the MigE's key to the
 * PSE. 3 to 7 are a quote of the physical TPM (edge/tpm_quote.h, without PCR values) that commits
 * to SHA-256(CUSTODY_PROOF_LABEL || 2): another processor's PSE cannot name this TPM's AK without
 * the TPM. */
#ifndef TCBIND_EDGE_CUSTODY_PROOF_H
#define TCBIND_EDGE_CUSTODY_PROOF_H

#include "core/cbor.h"
#include "core/ids.h"
#include "core/limits.h"

#define CUSTODY_PROOF_LABEL "tcbind custody proof v1"

struct custody_proof {
	struct span certified_ak, endorsement;
	struct span attest, signature;
	uint64_t leaf_index, leaf_count;
	struct span path; /* a multiple of 32 bytes, at most LIMIT_MERKLE_PATH nodes */
};

void custody_proof_encode(struct writer *w, const struct custody_proof *p);
enum tcb_error custody_proof_decode(struct span bytes, struct custody_proof *ret_p) MUST_USE;

#endif
