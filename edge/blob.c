// SPDX-License-Identifier: MIT
#include "edge/blob.h"

#include "edge/vtpm.h"

void blob_head_encode(struct writer *w, const struct blob_head *head)
{
	writer_bytes(w, span_of_text(BLOB_MAGIC));
	writer_u8(w, head->type);
	writer_bytes(w, SPAN_OF(head->handover.bytes));
	writer_bytes(w, SPAN_OF(head->id.bytes));
	writer_bytes(w, SPAN_OF(head->lineage.bytes));
	writer_u64(w, head->generation);
	writer_u64(w, head->version);
	writer_u32(w, head->engine);
	writer_bytes(w, SPAN_OF(head->source_mige_key.bytes));
	writer_tpm2b(w, head->source_address);
}

static enum tcb_error head_decode(struct reader *r, struct blob_head *ret_head)
{
	struct span magic;

	TRY(reader_bytes(r, strlen(BLOB_MAGIC), &magic));
	if (!span_is_text(magic, BLOB_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_u8(r, &ret_head->type));
	TRY(reader_copy(r, ret_head->handover.bytes, sizeof ret_head->handover.bytes));
	TRY(reader_copy(r, ret_head->id.bytes, sizeof ret_head->id.bytes));
	TRY(reader_copy(r, ret_head->lineage.bytes, sizeof ret_head->lineage.bytes));
	TRY(reader_u64(r, &ret_head->generation));
	TRY(reader_u64(r, &ret_head->version));
	TRY(reader_u32(r, &ret_head->engine));
	TRY(reader_copy(r, ret_head->source_mige_key.bytes, sizeof ret_head->source_mige_key.bytes));
	TRY(reader_tpm2b(r, &ret_head->source_address));
	if (ret_head->type != BLOB_PERMANENT && ret_head->type != BLOB_VOLATILE)
		return TCB_MALFORMED;
	return ret_head->source_address.size <= LIMIT_ADDRESS ? TCB_OK : TCB_LIMIT;
}

enum tcb_error blob_decode(struct span bytes, struct blob_head *ret_head, struct span *ret_aad,
			   struct span *ret_sealed)
{
	struct reader r = reader_of(bytes);
	struct blob_head head;

	if (bytes.size > LIMIT_STATE)
		return TCB_LIMIT;
	TRY(head_decode(&r, &head));
	*ret_head = head;
	*ret_aad = span_of(bytes.data, bytes.size - r.rest.size);
	*ret_sealed = r.rest;
	return TCB_OK;
}
