// SPDX-License-Identifier: MIT
/* The PSE's word for one residence of one vTPM: COSE_Sign1 (ES256) by the PSE key of the certified AK.
 *   payload = {1: bstr vTPM id, 2: uint generation, 3: bstr residence key, 4: bstr MRENCLAVE, 5: bstr MRSIGNER,
 *              6: uint ISVPRODID, 7: uint ISVSVN, 8: uint ATTRIBUTES.FLAGS, 9: bstr EK name, 10: bstr AK name,
 *              11: bstr boot epoch, 12: bstr policy digest, 13: uint enum vtpm_origin} */
#ifndef TCBIND_EDGE_ENDORSEMENT_H
#define TCBIND_EDGE_ENDORSEMENT_H

#include "core/cbor.h"
#include "core/ids.h"
#include "edge/vtpm.h"

#define ENDORSEMENT_TYPE "application/vnd.tcbind.endorsement+cbor"

struct endorsement {
	struct uuid id;
	uint64_t generation;
	struct p256_point residence_key;
	struct enclave_identity enclave; /* from the vTPM enclave's REPORT, never from its word */
	struct tpm_name ek_name, ak_name;
	struct boot_epoch epoch;
	struct digest256 policy_digest;
	enum vtpm_origin origin;
};

void endorsement_encode(struct writer *w, const struct endorsement *e);
enum tcb_error endorsement_decode(struct span payload, struct endorsement *ret_e) MUST_USE;

/* The PSE's word for the key of a Migration Enclave on its platform: COSE_Sign1 (ES256) by the PSE key of the certified AK.
 *   payload = {1: bstr MigE key, 2: bstr MRENCLAVE, 3: bstr MRSIGNER, 4: uint ISVPRODID, 5: uint ISVSVN,
 *              6: uint ATTRIBUTES.FLAGS, 7: bstr boot epoch} */
#define MIGE_ENDORSEMENT_TYPE "application/vnd.tcbind.mige-endorsement+cbor"
#define MIGE_ENDORSEMENT_MAX 512u /* the COSE_Sign1 */

struct mige_endorsement {
	struct p256_point mige_key;
	struct enclave_identity enclave; /* from the MigE's REPORT, never from its word */
	struct boot_epoch epoch;
};

void mige_endorsement_encode(struct writer *w, const struct mige_endorsement *e);
enum tcb_error mige_endorsement_decode(struct span payload, struct mige_endorsement *ret_e) MUST_USE;

#endif
