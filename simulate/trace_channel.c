// SPDX-License-Identifier: MIT
/* Linked into MigEs in the place of the calls by which they send and receive messages to one
 * another (the linker's --wrap): says what they were. */
#include "edge/wan.h"
#include "enclave/mige/channel.h"
#include "simulate/trace.h"

enum tcb_error __real_channel_send(struct channel *c, enum wan_kind kind, struct span body);
enum tcb_error __wrap_channel_send(struct channel *c, enum wan_kind kind, struct span body);
enum tcb_error __real_channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind,
				      struct span *ret_body);
enum tcb_error __wrap_channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind,
				      struct span *ret_body);

/* Enough of an id to tell it from others. */
static unsigned start_of(const uint8_t *id)
{
	return (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3];
}

static void trace_wan(const char *what, enum wan_kind kind, struct span body)
{
	static const char *const names[] = {"",      "attest", "ask",     "challenge", "redeem",
					    "grant", "refuse", "confirm", "confirmed"};
	struct wan_ask ask;

	if (!trace_is_on())
		return;
	if (kind == WAN_ASK && wan_ask_decode(body, &ask) == TCB_OK)
		trace_event("%s wan-ask id=%08x generation=%llu handover=%08x", what,
			    start_of(ask.id.bytes), (unsigned long long)ask.generation,
			    start_of(ask.handover.bytes));
	else if ((kind == WAN_CONFIRM || kind == WAN_CONFIRMED) && body.size >= HANDOVER_ID_SIZE)
		trace_event("%s wan-%s handover=%08x", what, names[kind], start_of(body.data));
	else if ((size_t)kind < sizeof names / sizeof names[0])
		trace_event("%s wan-%s", what, names[kind]);
	else
		trace_event("%s wan-%u", what, (unsigned)kind);
}

enum tcb_error __wrap_channel_send(struct channel *c, enum wan_kind kind, struct span body)
{
	trace_wan("sends", kind, body);
	return __real_channel_send(c, kind, body);
}

enum tcb_error __wrap_channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind,
				      struct span *ret_body)
{
	enum tcb_error error = __real_channel_receive(c, ret_has, ret_kind, ret_body);

	if (error == TCB_OK && *ret_has)
		trace_wan("gets", *ret_kind, *ret_body);
	return error;
}
