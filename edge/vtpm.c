// SPDX-License-Identifier: MIT
#include "edge/vtpm.h"

void vtpm_create_encode(struct writer *w, const struct vtpm_create *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bool(w, m->incoming);
	writer_sized(w, m->policy);
	writer_sized(w, m->recovery_key);
	writer_sized(w, m->tpm_state);
	writer_sized(w, m->tpm_volatile);
	writer_u16(w, m->keys);
	writer_u8(w, m->pcr_banks);
}

enum tcb_error vtpm_create_decode(struct span bytes, struct vtpm_create *ret_m)
{
	struct reader r = reader_of(bytes);
	struct vtpm_create m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_bool(&r, &m.incoming));
	TRY(reader_sized(&r, LIMIT_POLICY, &m.policy));
	TRY(reader_sized(&r, P256_POINT_SIZE, &m.recovery_key));
	TRY(reader_sized(&r, LIMIT_TPM_PERMANENT, &m.tpm_state));
	TRY(reader_sized(&r, LIMIT_TPM_VOLATILE, &m.tpm_volatile));
	TRY(reader_u16(&r, &m.keys));
	TRY(reader_u8(&r, &m.pcr_banks));
	TRY(reader_end(&r));
	if (m.recovery_key.size != 0 && m.recovery_key.size != P256_POINT_SIZE)
		return TCB_MALFORMED;
	if ((m.incoming && m.tpm_state.size > 0) || (m.tpm_state.size == 0 && m.tpm_volatile.size > 0))
		return TCB_MALFORMED;
	if (m.keys >> KEY_COUNT != 0 || (m.keys & (1u << KEY_EK_P256 | 1u << KEY_AK)) != 0 || m.pcr_banks > BANKS_ALL ||
	    (m.incoming && (m.keys != 0 || m.pcr_banks != 0)))
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}

void vtpm_load_encode(struct writer *w, const struct vtpm_load *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_sized(w, m->sealed);
	writer_sized(w, m->volatile_sealed);
}

enum tcb_error vtpm_load_decode(struct span bytes, struct vtpm_load *ret_m)
{
	struct reader r = reader_of(bytes);
	struct vtpm_load m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_sized(&r, LIMIT_STATE, &m.sealed));
	TRY(reader_sized(&r, LIMIT_STATE, &m.volatile_sealed));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void vtpm_status_encode(struct writer *w, const struct vtpm_status *m)
{
	writer_u8(w, (uint8_t)m->state);
	writer_u64(w, m->generation);
	writer_bytes(w, SPAN_OF(m->digest.bytes));
}

enum tcb_error vtpm_status_decode(struct span bytes, struct vtpm_status *ret_m)
{
	struct reader r = reader_of(bytes);
	struct vtpm_status m;
	uint8_t state;

	TRY(reader_u8(&r, &state));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_copy(&r, m.digest.bytes, sizeof m.digest.bytes));
	TRY(reader_end(&r));
	if (state > VTPM_MOVED)
		return TCB_MALFORMED;
	m.state = (enum vtpm_state)state;
	*ret_m = m;
	return TCB_OK;
}

void vtpm_serve_encode(struct writer *w, const struct vtpm_serve *m)
{
	writer_u8(w, m->locality);
	writer_bool(w, m->prefixes);
	writer_sized(w, m->pending);
}

enum tcb_error vtpm_serve_decode(struct span bytes, struct vtpm_serve *ret_m)
{
	struct reader r = reader_of(bytes);
	struct vtpm_serve m;

	TRY(reader_u8(&r, &m.locality));
	TRY(reader_bool(&r, &m.prefixes));
	TRY(reader_sized(&r, DATA_PENDING_MAX, &m.pending));
	TRY(reader_end(&r));
	if (m.locality > 4)
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}

void vtpm_served_encode(struct writer *w, const struct vtpm_served *m)
{
	writer_bool(w, m->closed);
	writer_u8(w, m->locality);
	writer_sized(w, m->pending);
}

enum tcb_error vtpm_served_decode(struct span bytes, struct vtpm_served *ret_m)
{
	struct reader r = reader_of(bytes);
	struct vtpm_served m;

	TRY(reader_bool(&r, &m.closed));
	TRY(reader_u8(&r, &m.locality));
	TRY(reader_sized(&r, DATA_PENDING_MAX, &m.pending));
	TRY(reader_end(&r));
	if (m.locality > 4)
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}
