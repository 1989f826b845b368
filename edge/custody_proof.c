// SPDX-License-Identifier: MIT
/* Proofs of Migration Enclaves' keys (edge/custody_proof.h). */
#include "edge/custody_proof.h"

#include "edge/endorsement.h"

void custody_proof_encode(struct writer *w, const struct custody_proof *p)
{
	cbor_write_map(w, 7);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, p->certified_ak);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, p->endorsement);
	cbor_write_uint(w, 3);
	cbor_write_bytes(w, p->attest);
	cbor_write_uint(w, 4);
	cbor_write_bytes(w, p->signature);
	cbor_write_uint(w, 5);
	cbor_write_uint(w, p->leaf_index);
	cbor_write_uint(w, 6);
	cbor_write_uint(w, p->leaf_count);
	cbor_write_uint(w, 7);
	cbor_write_bytes(w, p->path);
}

enum tcb_error custody_proof_decode(struct span bytes, struct custody_proof *ret_p)
{
	struct reader r = reader_of(bytes);
	struct custody_proof p;

	if (bytes.size > LIMIT_CUSTODY_PROOF)
		return TCB_LIMIT;
	TRY(cbor_read_map_of(&r, 7));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &p.certified_ak));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_bytes(&r, &p.endorsement));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_bytes(&r, &p.attest));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_bytes(&r, &p.signature));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_uint(&r, &p.leaf_index));
	TRY(cbor_read_key(&r, 6));
	TRY(cbor_read_uint(&r, &p.leaf_count));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_bytes(&r, &p.path));
	TRY(reader_end(&r));
	if (p.leaf_index >= p.leaf_count || p.path.size % SHA256_SIZE != 0)
		return TCB_MALFORMED;
	if (p.path.size / SHA256_SIZE > LIMIT_MERKLE_PATH || p.attest.size > LIMIT_TPM_ATTEST ||
	    p.signature.size > LIMIT_TPM_SIGNATURE || p.endorsement.size > MIGE_ENDORSEMENT_MAX)
		return TCB_LIMIT;
	*ret_p = p;
	return TCB_OK;
}
