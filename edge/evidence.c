// SPDX-License-Identifier: MIT
#include "edge/evidence.h"

struct label_facts {
	const char *name;
	const char *media_type;
	bool optional;
};

static const struct label_facts label_facts[EVIDENCE_LABELS_END] = {
	[EVIDENCE_REQUEST] = {"request", "application/vnd.tcbind.request+cbor", false},
	[EVIDENCE_CERTIFIED_AK] = {"certified-ak", "application/vnd.tcbind.certified-ak+cbor", false},
	[EVIDENCE_COLLATERAL] = {"collateral", "application/vnd.tcbind.collateral+cbor", false},
	[EVIDENCE_PLATFORM_QUOTE] = {"platform-quote", "application/vnd.tcbind.tpm-quote+cbor", false},
	[EVIDENCE_PLATFORM_LOG] = {"platform-log", "application/vnd.tcbind.tcg-event-log", false},
	[EVIDENCE_ENDORSEMENT] = {"endorsement", "application/cose; cose-type=\"cose-sign1\"", false},
	[EVIDENCE_VTPM_KEYS] = {"vtpm-keys", "application/vnd.tcbind.vtpm-keys+cbor", false},
	[EVIDENCE_VTPM_QUOTE] = {"vtpm-quote", "application/vnd.tcbind.tpm-quote+cbor", false},
	[EVIDENCE_CUSTODY] = {"custody", "application/vnd.tcbind.custody-chain+cbor", false},
	[EVIDENCE_VTPM_LOG] = {"vtpm-log", "application/vnd.tcbind.tcg-event-log", true},
	[EVIDENCE_PLATFORM_IMA] = {"platform-ima", "application/vnd.tcbind.ima-log", true},
};

void evidence_request_encode(struct writer *w, const struct evidence_request *q)
{
	cbor_write_map(w, 4);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, q->nonce);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, SPAN_OF(q->id.bytes));
	cbor_write_uint(w, 3);
	cbor_write_uint(w, q->generation);
	cbor_write_uint(w, 4);
	cbor_write_bytes(w, SPAN_OF(q->residence_key.bytes));
}

enum tcb_error evidence_request_decode(struct span bytes, struct evidence_request *ret_q)
{
	struct reader r = reader_of(bytes);
	struct evidence_request q;

	TRY(cbor_read_map_of(&r, 4));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &q.nonce));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_fixed(&r, q.id.bytes, sizeof q.id.bytes));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_uint(&r, &q.generation));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_fixed(&r, q.residence_key.bytes, sizeof q.residence_key.bytes));
	TRY(reader_end(&r));
	if (q.nonce.size == 0 || q.nonce.size > LIMIT_NONCE)
		return TCB_LIMIT;
	*ret_q = q;
	return TCB_OK;
}

static size_t parts_count(const struct evidence *e)
{
	size_t count = 0;

	for (unsigned label = EVIDENCE_REQUEST; label < EVIDENCE_LABELS_END; label++)
		if (e->parts[label].data != NULL || !label_facts[label].optional)
			count++;
	return count;
}

void evidence_encode(struct writer *w, const struct evidence *e)
{
	cbor_write_map(w, parts_count(e));
	for (unsigned label = EVIDENCE_REQUEST; label < EVIDENCE_LABELS_END; label++) {
		if (e->parts[label].data == NULL && label_facts[label].optional)
			continue;
		cbor_write_uint(w, label);
		cbor_write_array(w, 2);
		cbor_write_text(w, span_of_text(label_facts[label].media_type));
		cbor_write_bytes(w, e->parts[label]);
	}
}

/* One CMW record, [type, value], of the type that its label has. */
static enum tcb_error part_decode(struct reader *r, uint64_t label, struct span *ret_part)
{
	struct span type;

	TRY(cbor_read_array_of(r, 2));
	TRY(cbor_read_text(r, &type));
	if (!span_is_text(type, label_facts[label].media_type))
		return TCB_MALFORMED;
	return cbor_read_bytes(r, ret_part);
}

enum tcb_error evidence_decode(struct span payload, struct evidence *ret_e)
{
	struct reader r = reader_of(payload);
	struct evidence e = {0};
	uint64_t label, newest = 0;
	size_t count;

	if (payload.size > LIMIT_EVIDENCE)
		return TCB_LIMIT;
	TRY(cbor_read_map(&r, EVIDENCE_LABELS_END - 1, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(cbor_read_uint(&r, &label));
		if (label <= newest || label >= EVIDENCE_LABELS_END)
			return TCB_MALFORMED;
		newest = label;
		TRY(part_decode(&r, label, &e.parts[label]));
	}
	TRY(reader_end(&r));
	for (unsigned i = EVIDENCE_REQUEST; i < EVIDENCE_LABELS_END; i++)
		if (e.parts[i].data == NULL && !label_facts[i].optional)
			return TCB_MALFORMED;
	*ret_e = e;
	return TCB_OK;
}

void vtpm_keys_encode(struct writer *w, const struct vtpm_keys *k)
{
	cbor_write_map(w, 2);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, k->ek_public);
	cbor_write_uint(w, 2);
	cbor_write_bytes(w, k->ak_public);
}

enum tcb_error vtpm_keys_decode(struct span bytes, struct vtpm_keys *ret_k)
{
	struct reader r = reader_of(bytes);
	struct vtpm_keys k;

	TRY(cbor_read_map_of(&r, 2));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_bytes(&r, &k.ek_public));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_bytes(&r, &k.ak_public));
	TRY(reader_end(&r));
	if (k.ek_public.size > LIMIT_TPM_PUBLIC || k.ak_public.size > LIMIT_TPM_PUBLIC)
		return TCB_LIMIT;
	*ret_k = k;
	return TCB_OK;
}

const char *evidence_label_name(enum evidence_label label)
{
	unsigned index = (unsigned)label;

	return index >= EVIDENCE_REQUEST && index < EVIDENCE_LABELS_END ? label_facts[index].name : "unknown";
}
