// SPDX-License-Identifier: MIT
#include "edge/host.h"

void host_platform_quote_encode(struct writer *w, const struct host_platform_quote *m)
{
	writer_sized(w, m->quote);
	writer_sized(w, m->event_log);
	writer_sized(w, m->ima_log);
}

enum tcb_error host_platform_quote_decode(struct span bytes, struct host_platform_quote *ret_m)
{
	struct reader r = reader_of(bytes);
	struct host_platform_quote m;

	TRY(reader_sized(&r, LIMIT_FRAME, &m.quote));
	TRY(reader_sized(&r, LIMIT_EVENT_LOG, &m.event_log));
	TRY(reader_sized(&r, LIMIT_EVENT_LOG, &m.ima_log));
	TRY(reader_end(&r));
	*ret_m = m;
	return TCB_OK;
}
