// SPDX-License-Identifier: MIT
#include "edge/collateral.h"

void collateral_encode(struct writer *w, const struct collateral *c)
{
	cbor_write_map(w, 9);
	cbor_write_uint(w, 1);
	cbor_write_text(w, c->tcb_info);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, SPAN_OF(c->tcb_info_signature.bytes));
	cbor_write_uint(w, 3);
	cbor_write_text(w, c->qe_identity);
	cbor_write_uint(w, 4);
	cbor_write_bytes(w, SPAN_OF(c->qe_identity_signature.bytes));
	cbor_write_uint(w, 5);
	cbor_write_bytes(w, c->tcb_signing_certificate);
	cbor_write_uint(w, 6);
	cbor_write_bytes(w, c->root_certificate);
	cbor_write_uint(w, 7);
	cbor_write_bytes(w, c->root_crl);
	cbor_write_uint(w, 8);
	cbor_write_bytes(w, c->pck_crl);
	cbor_write_uint(w, 9);
	cbor_write_bytes(w, c->pck_crl_issuer);
}

enum tcb_error collateral_decode(struct span bytes, struct collateral *ret_c)
{
	struct reader r = reader_of(bytes);
	struct collateral c = {0};

	TRY(cbor_read_map_of(&r, 9));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_text(&r, &c.tcb_info));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_fixed(&r, c.tcb_info_signature.bytes, sizeof c.tcb_info_signature.bytes));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_text(&r, &c.qe_identity));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_fixed(&r, c.qe_identity_signature.bytes, sizeof c.qe_identity_signature.bytes));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_bytes(&r, &c.tcb_signing_certificate));
	TRY(cbor_read_key(&r, 6));
	TRY(cbor_read_bytes(&r, &c.root_certificate));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_bytes(&r, &c.root_crl));
	TRY(cbor_read_key(&r, 8));
	TRY(cbor_read_bytes(&r, &c.pck_crl));
	TRY(cbor_read_key(&r, 9));
	TRY(cbor_read_bytes(&r, &c.pck_crl_issuer));
	TRY(reader_end(&r));
	*ret_c = c;
	return TCB_OK;
}
