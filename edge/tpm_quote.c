// SPDX-License-Identifier: MIT
#include "edge/tpm_quote.h"

static void path_encode(struct writer *w, const struct tpm_quote *q)
{
	cbor_write_map(w, 3);
	cbor_write_uint(w, 1);
	cbor_write_uint(w, q->leaf_index);
	cbor_write_uint(w, 2);
	cbor_write_uint(w, q->leaf_count);
	cbor_write_uint(w, 3);
	cbor_write_bytes(w, q->path);
}

static enum tcb_error path_decode(struct reader *r, struct tpm_quote *ret_q)
{
	TRY(cbor_read_map_of(r, 3));
	TRY(cbor_read_key(r, 1));
	TRY(cbor_read_uint(r, &ret_q->leaf_index));
	TRY(cbor_read_key(r, 2));
	TRY(cbor_read_uint(r, &ret_q->leaf_count));
	TRY(cbor_read_key(r, 3));
	TRY(cbor_read_bytes(r, &ret_q->path));
	if (ret_q->leaf_index >= ret_q->leaf_count || ret_q->path.size % SHA256_SIZE != 0)
		return TCB_MALFORMED;
	return ret_q->path.size / SHA256_SIZE <= LIMIT_MERKLE_PATH ? TCB_OK : TCB_LIMIT;
}

void tpm_quote_encode(struct writer *w, const struct tpm_quote *q)
{
	cbor_write_map(w, q->has_path ? 4 : 3);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, q->attest);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, q->signature);
	cbor_write_uint(w, 3);
	cbor_write_bytes(w, q->pcrs);
	if (q->has_path) {
		cbor_write_uint(w, 4);
		path_encode(w, q);
	}
}

enum tcb_error tpm_quote_decode(struct span bytes, struct tpm_quote *ret_q)
{
	struct reader r = reader_of(bytes);
	struct tpm_quote q = {0};
	size_t members;

	TRY(cbor_read_map(&r, 4, &members));
	if (members < 3)
		return TCB_MALFORMED;
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &q.attest));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_bytes(&r, &q.signature));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_bytes(&r, &q.pcrs));
	q.has_path = members == 4;
	if (q.has_path) {
		TRY(cbor_read_key(&r, 4));
		TRY(path_decode(&r, &q));
	}
	TRY(reader_end(&r));
	if (q.pcrs.size != TPM_QUOTE_PCRS_SIZE)
		return TCB_MALFORMED;
	if (q.attest.size > LIMIT_TPM_ATTEST || q.signature.size > LIMIT_TPM_SIGNATURE)
		return TCB_LIMIT;
	*ret_q = q;
	return TCB_OK;
}
