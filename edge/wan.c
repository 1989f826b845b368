// SPDX-License-Identifier: MIT
#include "edge/wan.h"

void wan_attest_encode(struct writer *w, const struct wan_attest *m)
{
	writer_sized(w, m->certified_ak);
	writer_sized(w, m->collateral);
}

enum tcb_error wan_attest_decode(struct span bytes, struct wan_attest *ret_m)
{
	struct reader r = reader_of(bytes);
	struct wan_attest m;

	TRY(reader_sized(&r, LIMIT_QUOTE + LIMIT_TPM_PUBLIC + LIMIT_NAME + 256, &m.certified_ak));
	TRY(reader_sized(&r, LIMIT_COLLATERAL, &m.collateral));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void wan_ask_encode(struct writer *w, const struct wan_ask *m)
{
	writer_bytes(w, SPAN_OF(m->handover.bytes));
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_u64(w, m->generation);
	writer_bytes(w, SPAN_OF(m->enclave.mrenclave));
	writer_bytes(w, SPAN_OF(m->enclave.mrsigner));
	writer_u16(w, m->enclave.isv_prod_id);
	writer_u16(w, m->enclave.isv_svn);
	writer_u64(w, m->enclave.attributes);
}

enum tcb_error wan_ask_decode(struct span bytes, struct wan_ask *ret_m)
{
	struct reader r = reader_of(bytes);
	struct wan_ask m;

	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_copy(&r, m.enclave.mrenclave, sizeof m.enclave.mrenclave));
	TRY(reader_copy(&r, m.enclave.mrsigner, sizeof m.enclave.mrsigner));
	TRY(reader_u16(&r, &m.enclave.isv_prod_id));
	TRY(reader_u16(&r, &m.enclave.isv_svn));
	TRY(reader_u64(&r, &m.enclave.attributes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void wan_redeem_encode(struct writer *w, const struct wan_redeem *m)
{
	writer_sized(w, m->platform_quote);
	writer_sized(w, m->event_log);
}

enum tcb_error wan_redeem_decode(struct span bytes, struct wan_redeem *ret_m)
{
	struct reader r = reader_of(bytes);
	struct wan_redeem m;

	TRY(reader_sized(&r, LIMIT_QUOTE, &m.platform_quote));
	TRY(reader_sized(&r, LIMIT_EVENT_LOG, &m.event_log));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void wan_grant_encode(struct writer *w, const struct wan_grant *m)
{
	writer_sized(w, m->key_bytes);
	writer_sized(w, m->custody_record);
	writer_sized(w, m->custody_proof);
}

enum tcb_error wan_grant_decode(struct span bytes, struct wan_grant *ret_m)
{
	struct reader r = reader_of(bytes);
	struct wan_grant m;

	TRY(reader_sized(&r, sizeof(struct secret256), &m.key_bytes));
	TRY(reader_sized(&r, LIMIT_CUSTODY_RECORD, &m.custody_record));
	TRY(reader_sized(&r, LIMIT_CUSTODY_PROOF, &m.custody_proof));
	TRY(reader_end(&r));
	if (m.key_bytes.size != sizeof(struct secret256))
		return TCB_MALFORMED;
	*ret_m = m;
	return TCB_OK;
}
