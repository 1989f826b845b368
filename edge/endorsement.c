// SPDX-License-Identifier: MIT
#include "edge/endorsement.h"

/* Five members, under the keys from `first` on. */
static void enclave_encode(struct writer *w, uint64_t first, const struct enclave_identity *enclave)
{
	cbor_write_uint(w, first);
	cbor_write_bytes(w, SPAN_OF(enclave->mrenclave));
	cbor_write_uint(w, first + 1);
	cbor_write_bytes(w, SPAN_OF(enclave->mrsigner));
	cbor_write_uint(w, first + 2);
	cbor_write_uint(w, enclave->isv_prod_id);
	cbor_write_uint(w, first + 3);
	cbor_write_uint(w, enclave->isv_svn);
	cbor_write_uint(w, first + 4);
	cbor_write_uint(w, enclave->attributes);
}

void endorsement_encode(struct writer *w, const struct endorsement *e)
{
	cbor_write_map(w, 13);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, SPAN_OF(e->id.bytes));
	cbor_write_uint(w, 2);
	cbor_write_uint(w, e->generation);
	cbor_write_uint(w, 3);
	cbor_write_bytes(w, SPAN_OF(e->residence_key.bytes));
	enclave_encode(w, 4, &e->enclave);
	cbor_write_uint(w, 9);
	cbor_write_bytes(w, SPAN_OF(e->ek_name.bytes));
	cbor_write_uint(w, 10);
	cbor_write_bytes(w, SPAN_OF(e->ak_name.bytes));
	cbor_write_uint(w, 11);
	cbor_write_bytes(w, SPAN_OF(e->epoch.bytes));
	cbor_write_uint(w, 12);
	cbor_write_bytes(w, SPAN_OF(e->policy_digest.bytes));
	cbor_write_uint(w, 13);
	cbor_write_uint(w, e->origin);
}

static enum tcb_error read_u16(struct reader *r, uint16_t *ret_value)
{
	uint64_t value;

	TRY(cbor_read_uint(r, &value));
	if (value > UINT16_MAX)
		return TCB_MALFORMED;
	*ret_value = (uint16_t)value;
	return TCB_OK;
}

static enum tcb_error enclave_decode(struct reader *r, uint64_t first, struct enclave_identity *ret_enclave)
{
	TRY(cbor_read_key(r, first));
	TRY(cbor_read_fixed(r, ret_enclave->mrenclave, sizeof ret_enclave->mrenclave));
	TRY(cbor_read_key(r, first + 1));
	TRY(cbor_read_fixed(r, ret_enclave->mrsigner, sizeof ret_enclave->mrsigner));
	TRY(cbor_read_key(r, first + 2));
	TRY(read_u16(r, &ret_enclave->isv_prod_id));
	TRY(cbor_read_key(r, first + 3));
	TRY(read_u16(r, &ret_enclave->isv_svn));
	TRY(cbor_read_key(r, first + 4));
	return cbor_read_uint(r, &ret_enclave->attributes);
}

enum tcb_error endorsement_decode(struct span payload, struct endorsement *ret_e)
{
	struct reader r = reader_of(payload);
	struct endorsement e;
	uint64_t origin;

	TRY(cbor_read_map_of(&r, 13));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_fixed(&r, e.id.bytes, sizeof e.id.bytes));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_uint(&r, &e.generation));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_fixed(&r, e.residence_key.bytes, sizeof e.residence_key.bytes));
	TRY(enclave_decode(&r, 4, &e.enclave));
	TRY(cbor_read_key(&r, 9));
	TRY(cbor_read_fixed(&r, e.ek_name.bytes, sizeof e.ek_name.bytes));
	TRY(cbor_read_key(&r, 10));
	TRY(cbor_read_fixed(&r, e.ak_name.bytes, sizeof e.ak_name.bytes));
	TRY(cbor_read_key(&r, 11));
	TRY(cbor_read_fixed(&r, e.epoch.bytes, sizeof e.epoch.bytes));
	TRY(cbor_read_key(&r, 12));
	TRY(cbor_read_fixed(&r, e.policy_digest.bytes, sizeof e.policy_digest.bytes));
	TRY(cbor_read_key(&r, 13));
	TRY(cbor_read_uint(&r, &origin));
	TRY(reader_end(&r));
	if (origin != ORIGIN_MANUFACTURED && origin != ORIGIN_IMPORTED)
		return TCB_MALFORMED;
	e.origin = (enum vtpm_origin)origin;
	*ret_e = e;
	return TCB_OK;
}

void mige_endorsement_encode(struct writer *w, const struct mige_endorsement *e)
{
	cbor_write_map(w, 7);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, SPAN_OF(e->mige_key.bytes));
	enclave_encode(w, 2, &e->enclave);
	cbor_write_uint(w, 7);
	cbor_write_bytes(w, SPAN_OF(e->epoch.bytes));
}

enum tcb_error mige_endorsement_decode(struct span payload, struct mige_endorsement *ret_e)
{
	struct reader r = reader_of(payload);
	struct mige_endorsement e;

	TRY(cbor_read_map_of(&r, 7));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_fixed(&r, e.mige_key.bytes, sizeof e.mige_key.bytes));
	TRY(enclave_decode(&r, 2, &e.enclave));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_fixed(&r, e.epoch.bytes, sizeof e.epoch.bytes));
	TRY(reader_end(&r));
	*ret_e = e;
	return TCB_OK;
}
