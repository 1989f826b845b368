// SPDX-License-Identifier: MIT
/* Encode and decode of edge/ledger.h. */
#include "edge/ledger.h"

void ledger_entry_encode(struct writer *w, const struct ledger_entry *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bytes(w, SPAN_OF(m->lineage.bytes));
	writer_u64(w, m->generation);
	writer_u64(w, m->version);
	writer_bytes(w, SPAN_OF(m->digest.bytes));
	writer_bytes(w, SPAN_OF(m->previous.bytes));
	writer_bytes(w, SPAN_OF(m->incarnation.bytes));
	writer_bool(w, m->resumes);
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error ledger_entry_decode(struct span bytes, struct ledger_entry *ret_m)
{
	struct reader r = reader_of(bytes);
	struct ledger_entry m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_u64(&r, &m.version));
	TRY(reader_copy(&r, m.digest.bytes, sizeof m.digest.bytes));
	TRY(reader_copy(&r, m.previous.bytes, sizeof m.previous.bytes));
	TRY(reader_copy(&r, m.incarnation.bytes, sizeof m.incarnation.bytes));
	TRY(reader_bool(&r, &m.resumes));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void ledger_lease_encode(struct writer *w, const struct ledger_lease *m)
{
	writer_u8(w, (uint8_t)m->phase);
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error ledger_lease_decode(struct span bytes, struct ledger_lease *ret_m)
{
	struct reader r = reader_of(bytes);
	struct ledger_lease m;
	uint8_t phase;

	TRY(reader_u8(&r, &phase));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	if (phase < LEDGER_HERE || phase > LEDGER_DROPPED)
		return TCB_MALFORMED;
	m.phase = (enum ledger_phase)phase;
	*ret_m = m;
	return TCB_OK;
}

void ledger_offer_encode(struct writer *w, const struct ledger_offer *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_u64(w, m->version);
	writer_bytes(w, SPAN_OF(m->digest.bytes));
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error ledger_offer_decode(struct span bytes, struct ledger_offer *ret_m)
{
	struct reader r = reader_of(bytes);
	struct ledger_offer m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_u64(&r, &m.version));
	TRY(reader_copy(&r, m.digest.bytes, sizeof m.digest.bytes));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void ledger_arrival_encode(struct writer *w, const struct ledger_arrival *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bytes(w, SPAN_OF(m->lineage.bytes));
	writer_u64(w, m->generation);
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error ledger_arrival_decode(struct span bytes, struct ledger_arrival *ret_m)
{
	struct reader r = reader_of(bytes);
	struct ledger_arrival m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes));
	TRY(reader_u64(&r, &m.generation));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void journal_version_encode(struct writer *w, const struct journal_version *m)
{
	writer_u64(w, m->version);
	writer_bytes(w, SPAN_OF(m->digest.bytes));
	writer_bytes(w, SPAN_OF(m->previous.bytes));
	writer_u8(w, (uint8_t)m->change);
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error journal_version_decode(struct span bytes, struct journal_version *ret_m)
{
	struct reader r = reader_of(bytes);
	struct journal_version m;
	uint8_t change;

	TRY(reader_u64(&r, &m.version));
	TRY(reader_copy(&r, m.digest.bytes, sizeof m.digest.bytes));
	TRY(reader_copy(&r, m.previous.bytes, sizeof m.previous.bytes));
	TRY(reader_u8(&r, &change));
	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	if (change > JOURNAL_CHANGES_SETTLE)
		return TCB_MALFORMED;
	m.change = (enum journal_change)change;
	*ret_m = m;
	return TCB_OK;
}

void ledger_handover_encode(struct writer *w, const struct ledger_handover *m)
{
	writer_bytes(w, SPAN_OF(m->id.bytes));
	writer_bytes(w, SPAN_OF(m->lineage.bytes));
	writer_bytes(w, SPAN_OF(m->handover.bytes));
}

enum tcb_error ledger_handover_decode(struct span bytes, struct ledger_handover *ret_m)
{
	struct reader r = reader_of(bytes);
	struct ledger_handover m;

	TRY(reader_copy(&r, m.id.bytes, sizeof m.id.bytes));
	TRY(reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes));
	TRY(reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}
