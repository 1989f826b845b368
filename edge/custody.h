// SPDX-License-Identifier: MIT
/* One hand-over, signed by the source's MigE when it grants: COSE_Sign1 (ES256).
 *   payload = {1: bstr vTPM id, 2: uint generation given up, 3: tstr from name, 4: bstr from AK name, 5: tstr to name,
 *              6: bstr to AK name, 7: uint time (Unix seconds, the source host's clock), 8: bstr SHA-256 of the record
 *              before (zeros: none), 9: bstr key of the signing MigE}
 * The chain in an evidence is [* bstr record], oldest first. Record k gives up generation k. */
#ifndef TCBIND_EDGE_CUSTODY_H
#define TCBIND_EDGE_CUSTODY_H

#include "core/cbor.h"
#include "core/ids.h"

#define CUSTODY_TYPE "application/vnd.tcbind.custody+cbor"

struct custody_record {
	struct uuid id;
	uint64_t generation;
	struct span from_name, to_name;
	struct tpm_name from_ak, to_ak;
	uint64_t time_s;
	struct digest256 previous;
	struct p256_point mige_key;
};

void custody_record_encode(struct writer *w, const struct custody_record *c);
enum tcb_error custody_record_decode(struct span payload, struct custody_record *ret_c) MUST_USE;

#endif
