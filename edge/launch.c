// SPDX-License-Identifier: MIT
#include "edge/launch.h"

void enclave_identity_encode(struct writer *w, const struct enclave_identity *identity)
{
	writer_bytes(w, SPAN_OF(identity->mrenclave));
	writer_bytes(w, SPAN_OF(identity->mrsigner));
	writer_u16(w, identity->isv_prod_id);
	writer_u16(w, identity->isv_svn);
	writer_u64(w, identity->attributes);
}

enum tcb_error enclave_identity_decode(struct reader *r, struct enclave_identity *ret_identity)
{
	struct enclave_identity identity;

	TRY(reader_copy(r, identity.mrenclave, sizeof identity.mrenclave));
	TRY(reader_copy(r, identity.mrsigner, sizeof identity.mrsigner));
	TRY(reader_u16(r, &identity.isv_prod_id));
	TRY(reader_u16(r, &identity.isv_svn));
	TRY(reader_u64(r, &identity.attributes));
	*ret_identity = identity;
	return TCB_OK;
}
