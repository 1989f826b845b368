// SPDX-License-Identifier: MIT
/* A migration blob, as QEMU's stream carries it: ciphertext under the hand-over's key.
 *   "TCBMIG02" | u8 type | handover id | vTPM id | lineage (32) | u64 generation | u64 version |
 *   u32 TPM engine | source MigE key (64) | tpm2b source address |
 *   sealed: AES-256-GCM, IV = 11 zero bytes and the type, AAD = everything before
 * The key serves one hand-over; its two blobs differ in the IV. A destination looks at the head before
 * its source decides, so that what it could not take is refused while the source can still go on. */
#ifndef TCBIND_EDGE_BLOB_H
#define TCBIND_EDGE_BLOB_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

#define BLOB_MAGIC "TCBMIG02"
#define BLOB_MAGIC_SIZE 8
#define BLOB_FAMILY_SIZE 6 /* what all releases' blobs begin with */

struct blob_head {
	uint8_t type; /* enum vtpm_blob */
	struct handover_id handover;
	struct uuid id;
	struct digest256 lineage;
	uint64_t generation;
	uint64_t version; /* of the state that was handed over */
	uint32_t engine;  /* version of the source's libtpms: major << 16 | minor << 8 | micro */
	struct p256_point source_mige_key;
	struct span source_address;
};

void blob_head_encode(struct writer *w, const struct blob_head *head);
/* Leaves the sealed part in `ret_sealed` and the authenticated head in `ret_aad`. */
enum tcb_error blob_decode(struct span bytes, struct blob_head *ret_head, struct span *ret_aad,
			   struct span *ret_sealed) MUST_USE;

#endif
