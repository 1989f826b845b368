// SPDX-License-Identifier: MIT
#include "edge/pse.h"

#include "core/utf8.h"

void pse_start_encode(struct writer *w, const struct pse_start *m)
{
	writer_sized(w, m->platform_name);
	writer_sized(w, m->stored_ledger);
}

enum tcb_error pse_start_decode(struct span bytes, struct pse_start *ret_m)
{
	struct reader r = reader_of(bytes);
	struct pse_start m;

	TRY(reader_sized(&r, LIMIT_NAME, &m.platform_name));
	if (!utf8_is_printable(m.platform_name)) /* evidence with it would not decode */
		return TCB_MALFORMED;
	TRY(reader_sized(&r, LIMIT_FRAME, &m.stored_ledger));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void peer_message_encode(struct writer *w, const struct peer_message *m)
{
	writer_u64(w, m->session);
	writer_sized(w, m->message);
}

enum tcb_error peer_message_read(struct reader *r, struct peer_message *ret_m)
{
	struct peer_message m;

	TRY(reader_u64(r, &m.session));
	TRY(reader_sized(r, LIMIT_LOCAL_MESSAGE, &m.message));
	*ret_m = m;
	return TCB_OK;
}

enum tcb_error peer_message_decode(struct span bytes, struct peer_message *ret_m)
{
	struct reader r = reader_of(bytes);
	struct peer_message m;

	TRY(peer_message_read(&r, &m));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}

void peer_reply_encode(struct writer *w, const struct peer_reply *m)
{
	writer_u8(w, (uint8_t)m->error);
	writer_sized(w, m->bytes);
}

enum tcb_error peer_reply_read(struct reader *r, struct peer_reply *ret_m)
{
	struct span bytes;
	uint8_t error;

	TRY(reader_u8(r, &error));
	if (error > TCB_INTERNAL)
		return TCB_MALFORMED;
	TRY(reader_sized(r, LIMIT_FRAME, &bytes));
	*ret_m = (struct peer_reply){ .error = (enum tcb_error)error, .bytes = bytes };
	return TCB_OK;
}

enum tcb_error peer_reply_decode(struct span bytes, struct peer_reply *ret_m)
{
	struct reader r = reader_of(bytes);
	struct peer_reply m;

	TRY(peer_reply_read(&r, &m));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}
