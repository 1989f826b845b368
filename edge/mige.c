// SPDX-License-Identifier: MIT
#include "edge/mige.h"

#include "core/utf8.h"

void mige_start_encode(struct writer *w, const struct mige_start *m)
{
	writer_sized(w, m->address);
	writer_sized(w, m->platform_name);
	writer_sized(w, m->sealed_journal);
}

enum tcb_error mige_start_decode(struct span bytes, struct mige_start *ret_m)
{
	struct reader r = reader_of(bytes);
	struct mige_start m;

	TRY(reader_sized(&r, LIMIT_ADDRESS, &m.address));
	TRY(reader_sized(&r, LIMIT_NAME, &m.platform_name));
	if (!utf8_is_printable(m.platform_name)) /* evidence with it would not decode */
		return TCB_MALFORMED;
	TRY(reader_sized(&r, LIMIT_STATE, &m.sealed_journal));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void mige_net_encode(struct writer *w, const struct mige_net *m)
{
	writer_u64(w, m->connection);
	writer_bool(w, m->closed);
	writer_sized(w, m->bytes);
}

enum tcb_error mige_net_decode(struct span bytes, struct mige_net *ret_m)
{
	struct reader r = reader_of(bytes);
	struct mige_net m;

	TRY(reader_u64(&r, &m.connection));
	TRY(reader_bool(&r, &m.closed));
	TRY(reader_sized(&r, LIMIT_FRAME, &m.bytes));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void mige_step_encode(struct writer *w, const struct mige_step *m)
{
	writer_u64(w, m->connection);
	writer_sized(w, m->address);
	writer_sized(w, m->bytes);
	writer_bool(w, m->close);
	writer_bool(w, m->answered);
	writer_sized(w, m->reply);
}

enum tcb_error mige_step_decode(struct span bytes, struct mige_step *ret_m)
{
	struct reader r = reader_of(bytes);
	struct mige_step m;

	TRY(reader_u64(&r, &m.connection));
	TRY(reader_sized(&r, LIMIT_ADDRESS, &m.address));
	TRY(reader_sized(&r, LIMIT_FRAME, &m.bytes));
	TRY(reader_bool(&r, &m.close));
	TRY(reader_bool(&r, &m.answered));
	TRY(reader_sized(&r, LIMIT_LOCAL_MESSAGE, &m.reply));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}
