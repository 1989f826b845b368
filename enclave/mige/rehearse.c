// SPDX-License-Identifier: MIT
/* A connection to ourselves, over no network: what the first hand-over would otherwise do for the first time while a machine stands still. libssl has looked
 * up what it needs; and the signatures of certificates, CRLs and collateral, which platforms of one operator share, have been checked (memory.h). It
 * confirms a hand-over that nobody knows, which changes nothing. */
#include "enclave/mige/mige.h"

void mige_rehearse(struct mige *m)
{
	enum { FLIGHTS_MAX = 16 };
	const uint64_t inbound = MIGE_CONNECTION_INBOUND; /* hosts number from 1 */
	struct mige_request request = { .kind = REQUEST_CONFIRM };
	struct mige_answer answer = {0};
	struct mige_step step = {0};
	uint64_t outbound;

	if (net_ask(m, span_of(m->address, m->address_size), &request, &step, NULL) != TCB_OK)
		return;
	outbound = step.connection;
	for (int flight = 0; flight < FLIGHTS_MAX && step.bytes.size > 0 && !answer.ready; flight++) {
		const struct mige_net net = { .connection = step.connection == outbound ? inbound : outbound, .bytes = step.bytes };

		step = (struct mige_step){0};
		net_receive(m, &net, &step, &answer, &request);
	}
	net_receive(m, &(struct mige_net){ .connection = outbound, .closed = true }, &step, &answer, &request);
	net_receive(m, &(struct mige_net){ .connection = inbound, .closed = true }, &step, &answer, &request);
}
