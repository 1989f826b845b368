// SPDX-License-Identifier: MIT
#include "edge/local.h"

void local_endorse_encode(struct writer *w, const struct local_endorse *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_u64(w, m->generation);
	writer_bytes(w, SPAN_OF(m->residence_key.bytes));
	writer_bytes(w, SPAN_OF(m->ek_name.bytes));
	writer_bytes(w, SPAN_OF(m->ak_name.bytes));
	writer_bytes(w, SPAN_OF(m->policy_digest.bytes));
	writer_u8(w, (uint8_t)m->origin);
}

enum tcb_error local_endorse_decode(struct span bytes, struct local_endorse *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_endorse m;
	uint8_t origin;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_copy(&r, m.residence_key.bytes, sizeof m.residence_key.bytes));
	TRY(reader_copy(&r, m.ek_name.bytes, sizeof m.ek_name.bytes));
	TRY(reader_copy(&r, m.ak_name.bytes, sizeof m.ak_name.bytes));
	TRY(reader_copy(&r, m.policy_digest.bytes, sizeof m.policy_digest.bytes));
	TRY(reader_u8(&r, &origin));
	TRY(reader_end(&r));
	if (origin != ORIGIN_MANUFACTURED && origin != ORIGIN_IMPORTED)
		return TCB_MALFORMED;
	m.origin = (enum vtpm_origin)origin;
	*ret_m = m;
	return TCB_OK;
}

void local_certify_encode(struct writer *w, const struct local_certify *m)
{
	writer_u8(w, (uint8_t)m->kind);
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_u64(w, m->generation);
	writer_u32(w, m->level);
	writer_u32(w, m->revision);
	writer_tpm2b(w, m->tpmt_public);
}

enum tcb_error local_certify_decode(struct span bytes, struct local_certify *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_certify m;
	uint8_t kind;

	TRY(reader_u8(&r, &kind));
	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_u32(&r, &m.level));
	TRY(reader_u32(&r, &m.revision));
	TRY(reader_tpm2b(&r, &m.tpmt_public));
	TRY(reader_end(&r));
	if (kind < CERTIFY_EK || kind > CERTIFY_PLATFORM || m.tpmt_public.size > LIMIT_TPM_PUBLIC)
		return TCB_MALFORMED;
	m.kind = (enum certify_kind)kind;
	*ret_m = m;
	return TCB_OK;
}

void local_escrow_encode(struct writer *w, const struct local_escrow *m)
{
	writer_bytes(w, SPAN_OF(m->handover.bytes));
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bytes(w, SPAN_OF(m->lineage.bytes));
	writer_u64(w, m->generation);
	writer_sized(w, m->key_bytes);
	writer_bytes(w, SPAN_OF(m->last_custody.bytes));
	writer_sized(w, m->custody);
	writer_sized(w, m->policy);
}

enum tcb_error local_escrow_decode(struct span bytes, struct local_escrow *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_escrow m;

	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_sized(&r, sizeof(struct secret256), &m.key_bytes));
	TRY(reader_copy(&r, m.last_custody.bytes, sizeof m.last_custody.bytes));
	TRY(reader_sized(&r, LIMIT_CUSTODY, &m.custody));
	TRY(reader_sized(&r, LIMIT_POLICY, &m.policy));
	TRY(reader_end(&r));
	if (m.key_bytes.size != sizeof(struct secret256))
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}

void local_escrowed_encode(struct writer *w, const struct local_escrowed *m)
{
	writer_bytes(w, SPAN_OF(m->handover.bytes));
	writer_sized(w, m->address);
	writer_bytes(w, SPAN_OF(m->mige_key.bytes));
	writer_sized(w, m->custody);
}

enum tcb_error local_escrowed_decode(struct span bytes, struct local_escrowed *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_escrowed m;

	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_sized(&r, LIMIT_ADDRESS, &m.address));
	TRY(reader_copy(&r, m.mige_key.bytes, sizeof m.mige_key.bytes));
	TRY(reader_sized(&r, LIMIT_CUSTODY, &m.custody));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void local_redeem_encode(struct writer *w, const struct local_redeem *m)
{
	writer_bytes(w, SPAN_OF(m->handover.bytes));
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_u64(w, m->generation);
	writer_bytes(w, SPAN_OF(m->lineage.bytes));
	writer_sized(w, m->source_address);
	writer_bytes(w, SPAN_OF(m->source_mige_key.bytes));
}

enum tcb_error local_redeem_decode(struct span bytes, struct local_redeem *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_redeem m;

	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes));
	TRY(reader_sized(&r, LIMIT_ADDRESS, &m.source_address));
	TRY(reader_copy(&r, m.source_mige_key.bytes, sizeof m.source_mige_key.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void local_redeemed_encode(struct writer *w, const struct local_redeemed *m)
{
	writer_sized(w, m->key_bytes);
	writer_sized(w, m->custody_record);
	writer_sized(w, m->custody_proof);
	writer_sized(w, m->certified_ak);
}

enum tcb_error local_redeemed_decode(struct span bytes, struct local_redeemed *ret_m)
{
	struct reader r = reader_of(bytes);
	struct local_redeemed m;

	TRY(reader_sized(&r, sizeof(struct secret256), &m.key_bytes));
	TRY(reader_sized(&r, LIMIT_CUSTODY_RECORD, &m.custody_record));
	TRY(reader_sized(&r, LIMIT_CUSTODY_PROOF, &m.custody_proof));
	TRY(reader_sized(&r, LIMIT_QUOTE + LIMIT_TPM_PUBLIC + LIMIT_NAME + 256, &m.certified_ak));
	TRY(reader_end(&r));
	if (m.key_bytes.size != sizeof(struct secret256))
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}
