// SPDX-License-Identifier: MIT
/* Records and chains (edge/custody.h). */
#include "edge/custody.h"

#include "edge/cose.h"

void custody_record_encode(struct writer *w, const struct custody_record *c)
{
	cbor_write_map(w, 10);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, SPAN_OF(c->id.bytes));
	cbor_write_uint(w, 2);
	cbor_write_uint(w, c->generation);
	cbor_write_uint(w, 3);
	cbor_write_text(w, c->from_name);
	cbor_write_uint(w, 4);
	cbor_write_bytes(w, SPAN_OF(c->from_ak.bytes));
	cbor_write_uint(w, 5);
	cbor_write_text(w, c->to_name);
	cbor_write_uint(w, 6);
	cbor_write_bytes(w, SPAN_OF(c->to_ak.bytes));
	cbor_write_uint(w, 7);
	cbor_write_uint(w, c->time_s);
	cbor_write_uint(w, 8);
	cbor_write_bytes(w, SPAN_OF(c->previous.bytes));
	cbor_write_uint(w, 9);
	cbor_write_bytes(w, SPAN_OF(c->mige_key.bytes));
	cbor_write_uint(w, 10);
	cbor_write_bytes(w, SPAN_OF(c->to_ppid));
}

enum tcb_error custody_record_decode(struct span payload, struct custody_record *ret_c)
{
	struct reader r = reader_of(payload);
	struct custody_record c;

	TRY(cbor_read_map_of(&r, 10));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_fixed(&r, c.id.bytes, sizeof c.id.bytes));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_uint(&r, &c.generation));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_text(&r, &c.from_name));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_fixed(&r, c.from_ak.bytes, sizeof c.from_ak.bytes));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_text(&r, &c.to_name));
	TRY(cbor_read_key(&r, 6));
	TRY(cbor_read_fixed(&r, c.to_ak.bytes, sizeof c.to_ak.bytes));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_uint(&r, &c.time_s));
	TRY(cbor_read_key(&r, 8));
	TRY(cbor_read_fixed(&r, c.previous.bytes, sizeof c.previous.bytes));
	TRY(cbor_read_key(&r, 9));
	TRY(cbor_read_fixed(&r, c.mige_key.bytes, sizeof c.mige_key.bytes));
	TRY(cbor_read_key(&r, 10));
	TRY(cbor_read_fixed(&r, c.to_ppid, sizeof c.to_ppid));
	TRY(reader_end(&r));
	if (c.from_name.size > LIMIT_NAME || c.to_name.size > LIMIT_NAME)
		return TCB_LIMIT;
	*ret_c = c;
	return TCB_OK;
}

static void list_encode(struct writer *w, const struct span *list, size_t count)
{
	cbor_write_array(w, count);
	for (size_t i = 0; i < count; i++)
		cbor_write_bytes(w, list[i]);
}

static enum tcb_error list_decode(struct reader *r, size_t max, size_t size_max,
				  struct span *ret_list, size_t *ret_count)
{
	TRY(cbor_read_array(r, max, ret_count));
	for (size_t i = 0; i < *ret_count; i++) {
		TRY(cbor_read_bytes(r, &ret_list[i]));
		if (ret_list[i].size > size_max)
			return TCB_LIMIT;
	}
	return TCB_OK;
}

void custody_chain_encode(struct writer *w, const struct custody_chain *c)
{
	cbor_write_array(w, 3);
	cbor_write_bytes(w, c->summary);
	list_encode(w, c->records, c->record_count);
	list_encode(w, c->proofs, c->proof_count);
}

enum tcb_error custody_chain_decode(struct span bytes, struct custody_chain *ret_c)
{
	struct reader r = reader_of(bytes);
	struct custody_chain c = {0};

	TRY(cbor_read_array_of(&r, 3));
	TRY(cbor_read_bytes(&r, &c.summary));
	if (c.summary.size > LIMIT_CUSTODY_SUMMARY)
		return TCB_LIMIT;
	TRY(list_decode(&r, LIMIT_CUSTODY_RECORDS, LIMIT_CUSTODY_RECORD, c.records,
			&c.record_count));
	TRY(list_decode(&r, LIMIT_CUSTODY_PROOFS, LIMIT_CUSTODY_PROOF, c.proofs, &c.proof_count));
	TRY(reader_end(&r));
	*ret_c = c;
	return TCB_OK;
}

void custody_chain_put_proof(struct custody_chain *c, struct span proof)
{
	size_t at = 0;

	while (at < c->proof_count && !span_equal(c->proofs[at], proof))
		at++;
	if (at == c->proof_count && at == LIMIT_CUSTODY_PROOFS)
		at--;
	else if (at == c->proof_count)
		c->proof_count++;
	memmove(c->proofs + 1, c->proofs, at * sizeof c->proofs[0]);
	c->proofs[0] = proof;
}

enum tcb_error custody_record_read(struct span signed_record, struct custody_record *ret_c)
{
	struct p256_signature signature;
	struct span payload;

	TRY(cose_sign1_decode(signed_record, CUSTODY_TYPE, &payload, &signature));
	return custody_record_decode(payload, ret_c);
}
