// SPDX-License-Identifier: MIT
/* Connections to other MigEs. The host moves bytes and numbers connections that peers open; the MigE numbers those it asks for.
 * One request of a vTPM has one connection to itself until it is answered; idle ones are kept for the next. */
#include <openssl/ssl.h>

#include <stddef.h>

#include "edge/frame.h"
#include "enclave/lib/ocall.h"
#include "enclave/mige/mige.h"
#include "enclave/mige/ratls.h"

static uint8_t out_bytes[LIMIT_FRAME / 2];    /* to the network */
static uint8_t attest_bytes[CHANNEL_MESSAGE_MAX];

static bool is_inbound(const struct mige_connection *c)
{
	return (c->number & MIGE_CONNECTION_INBOUND) != 0;
}

static struct mige_connection *find(struct mige *m, uint64_t number)
{
	for (size_t i = 0; i < MIGE_CONNECTIONS; i++)
		if (m->connections[i].stage != CONNECTION_FREE && m->connections[i].number == number)
			return &m->connections[i];
	return NULL;
}

/* What the peer showed is not secret; it stays until it is written over. */
static void release(struct mige_connection *c)
{
	channel_close(&c->channel);
	wipe(c, offsetof(struct mige_connection, channel));
}

/* A free connection, or the idle one that was used longest ago; NULL when all are waited for. */
static struct mige_connection *take(struct mige *m, uint64_t number)
{
	struct mige_connection *oldest = NULL;

	for (size_t i = 0; i < MIGE_CONNECTIONS; i++) {
		struct mige_connection *c = &m->connections[i];

		if (c->stage == CONNECTION_FREE) {
			oldest = c;
			break;
		}
		if (!c->request.waiting && (oldest == NULL || c->last_used < oldest->last_used))
			oldest = c;
	}
	if (oldest == NULL)
		return NULL;
	release(oldest);
	oldest->number = number;
	return oldest;
}

static enum tcb_error start(struct mige *m, struct mige_connection *c)
{
	TRY(channel_open(&c->channel, m->tls, is_inbound(c)));
	c->stage = CONNECTION_HANDSHAKE;
	c->last_used = m->calls;
	return TCB_OK;
}

static enum tcb_error send_attest(struct mige *m, struct mige_connection *c, struct diagnosis *d)
{
	struct wan_attest attest;
	struct writer w = WRITER_OF(attest_bytes);
	struct span body;
	uint64_t now_s;

	attest.certified_ak = mige_certified_ak(m);
	TRY(host_time(&now_s, d));
	TRY(host_collateral(&attest.collateral, d));
	judge_note_own_collateral(&m->judge, attest.collateral, now_s);
	wan_attest_encode(&w, &attest);
	TRY(writer_end(&w, &body));
	return channel_send(&c->channel, WAN_ATTEST, body);
}

static enum tcb_error shake_hands(struct mige *m, struct mige_connection *c, struct diagnosis *d)
{
	bool done;

	if (channel_handshake(&c->channel, &done) != TCB_OK)
		return diagnose(d, TCB_CRYPTO, "mige.peer.tls", "a TLS handshake that failed",
				"TLS 1.3 with a MigE's certificate on each side",
				"check that the address is a MigE's, and that nothing between rewrites the connection");
	if (!done)
		return TCB_OK;
	TRY(ratls_peer(c->channel.ssl, &c->peer.key, c->peer.quote, &c->peer.quote_size));
	c->stage = CONNECTION_ATTEST;
	return send_attest(m, c, d);
}

/* Handles all that has come in. */
static enum tcb_error progress(struct mige *m, struct mige_connection *c, struct mige_answer *answer, struct diagnosis *d)
{
	enum wan_kind kind;
	struct span body;
	enum tcb_error error;
	bool has = true;

	if (c->stage == CONNECTION_HANDSHAKE)
		TRY(shake_hands(m, c, d));
	while (c->stage != CONNECTION_HANDSHAKE) {
		TRY(channel_receive(&c->channel, &has, &kind, &body));
		if (!has)
			break;
		error = is_inbound(c) ? source_receive(m, c, kind, body, d)
				      : destination_receive(m, c, kind, body, answer, d);
		channel_next(&c->channel);
		TRY(error);
	}
	return TCB_OK;
}

/* The peer is told why, as far as it can be told. */
static void send_refusal(struct mige_connection *c, const struct diagnosis *d)
{
	uint8_t body_bytes[DIAGNOSIS_CODE_MAX + 3 * DIAGNOSIS_TEXT_MAX + 8];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	diagnosis_encode(&w, d);
	if (writer_end(&w, &body) == TCB_OK)
		(void)!channel_send(&c->channel, WAN_REFUSE, body);
}

static enum tcb_error drain(struct mige_connection *c, struct mige_step *step)
{
	struct writer w = WRITER_OF(out_bytes);

	TRY(channel_drain(&c->channel, &w));
	step->connection = c->number;
	return writer_end(&w, &step->bytes);
}

/* Opens a connection for `request`; the step tells the host where to. */
static enum tcb_error ask_anew(struct mige *m, struct span address, const struct mige_request *request,
			       struct mige_step *step, struct diagnosis *d)
{
	struct mige_connection *c = take(m, m->last_number + 1);
	bool done;

	if (c == NULL)
		return diagnose_found(d, TCB_LIMIT, "mige.connections.full", "fewer migrations to this platform at once",
				      "try again when one has ended", "%u connections are waited for", MIGE_CONNECTIONS);
	memcpy(c->address, address.data, address.size);
	c->address_size = address.size;
	if (start(m, c) != TCB_OK || channel_handshake(&c->channel, &done) != TCB_OK || drain(c, step) != TCB_OK) {
		release(c);
		return TCB_INTERNAL;
	}
	m->last_number++;
	c->request = *request;
	c->request.waiting = true;
	step->address = span_of(c->address, c->address_size);
	return TCB_OK;
}

static struct mige_connection *find_idle(struct mige *m, struct span address)
{
	for (size_t i = 0; i < MIGE_CONNECTIONS; i++) {
		struct mige_connection *c = &m->connections[i];

		if (c->stage == CONNECTION_READY && !is_inbound(c) && !c->request.waiting &&
		    span_equal(span_of(c->address, c->address_size), address))
			return c;
	}
	return NULL;
}

enum tcb_error net_ask(struct mige *m, struct span address, const struct mige_request *request, struct mige_step *step,
		       struct diagnosis *d)
{
	struct mige_connection *c = find_idle(m, address);

	if (c == NULL)
		return ask_anew(m, address, request, step, d);
	c->request = *request;
	c->request.waiting = c->request.reused = true;
	c->last_used = m->calls;
	if (destination_ask(c) == TCB_OK && drain(c, step) == TCB_OK)
		return TCB_OK;
	release(c);
	return ask_anew(m, address, request, step, d);
}

void net_cancel(struct mige *m, const struct handover_id *handover)
{
	for (size_t i = 0; i < MIGE_CONNECTIONS; i++) {
		struct mige_connection *c = &m->connections[i];

		if (c->stage != CONNECTION_FREE && c->request.waiting && c->request.kind == REQUEST_REDEEM &&
		    memcmp(&c->request.handover, handover, sizeof *handover) == 0)
			c->request.cancelled = true;
	}
}

static enum tcb_error unreachable(const struct mige_connection *c, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "mige.source.unreachable", "a MigE that answers there",
			      "see that the source's platform runs and can be reached, then try again",
			      "the connection to %.*s ended", (int)c->address_size, (const char *)c->address);
}

/* The request of `c` is decided by an error; `c` is gone after it. */
static void fail_request(struct mige_connection *c, enum tcb_error error, struct diagnosis *d, struct mige_answer *ret_answer,
			 struct mige_request *ret_request)
{
	if (c->request.waiting) {
		(void)diagnose(d, error, "mige.error", tcb_error_name(error), "a hand-over that can be done",
			       "look into tcbindd's log on both platforms");
		*ret_answer = (struct mige_answer){ .ready = true, .error = error, .d = *d };
		*ret_request = c->request;
	}
	release(c);
}

/* The host says that the connection has ended. One that was idle before may be dead for long: then once more, anew. */
static void lose(struct mige *m, struct mige_connection *c, struct mige_step *step, struct mige_answer *ret_answer,
		 struct mige_request *ret_request)
{
	struct mige_request request = c->request;
	uint8_t address_bytes[LIMIT_ADDRESS];
	struct span address = span_of(address_bytes, c->address_size);
	struct diagnosis d = {0};

	memcpy(address_bytes, c->address, c->address_size);
	if (!request.waiting || !request.reused) {
		fail_request(c, unreachable(c, &d), &d, ret_answer, ret_request);
		return;
	}
	release(c);
	request.reused = false;
	if (ask_anew(m, address, &request, step, &d) != TCB_OK) {
		*ret_answer = (struct mige_answer){ .ready = true, .error = TCB_LIMIT, .d = d };
		*ret_request = request;
	}
}

/* A connection that was idle and whose TLS fails now: the peer's MigE was started anew, say, under a host that kept its sockets. The
 * request waits until the host says that it has closed it, and goes out anew then. */
static bool break_reused(struct mige_connection *c, enum tcb_error error, const struct diagnosis *d, struct mige_step *step)
{
	if (error != TCB_CRYPTO || d->code[0] != '\0' || !c->request.waiting || !c->request.reused)
		return false;
	channel_close(&c->channel);
	c->stage = CONNECTION_BROKEN;
	step->connection = c->number;
	step->close = true;
	return true;
}

static void finish(struct mige_connection *c, enum tcb_error error, struct diagnosis *d, struct mige_step *step,
		   struct mige_answer *answer, struct mige_request *ret_request)
{
	if (break_reused(c, error, d, step))
		return;
	if (error == TCB_PLATFORM && !is_inbound(c))
		(void)unreachable(c, d);
	if (error == TCB_CRYPTO)
		(void)diagnose(d, error, "mige.peer.tls", "TLS records that do not check", "the bytes that the peer's MigE sent",
			       "look for what alters the connection between the hosts, then try again");
	if (error != TCB_OK && is_inbound(c) && c->stage > CONNECTION_HANDSHAKE) {
		(void)diagnose(d, error, "mige.error", tcb_error_name(error), "a hand-over that can be done",
			       "look into tcbindd's log on the source's platform");
		send_refusal(c, d);
	}
	if (drain(c, step) != TCB_OK && error == TCB_OK)
		error = TCB_INTERNAL;
	if (error != TCB_OK) {
		step->close = true;
		fail_request(c, error, d, answer, ret_request);
	} else if (answer->ready) {
		*ret_request = c->request;
		c->request = (struct mige_request){0};
	}
}

void net_receive(struct mige *m, const struct mige_net *net, struct mige_step *step, struct mige_answer *ret_answer,
		 struct mige_request *ret_request)
{
	struct mige_connection *c = find(m, net->connection);
	struct diagnosis d = {0};
	enum tcb_error error;

	if (net->closed) {
		if (c != NULL)
			lose(m, c, step, ret_answer, ret_request);
		return;
	}
	if (c == NULL && (net->connection & MIGE_CONNECTION_INBOUND) != 0) {
		c = take(m, net->connection);
		if (c != NULL && start(m, c) != TCB_OK) {
			release(c);
			c = NULL;
		}
	}
	if (c == NULL || c->stage == CONNECTION_BROKEN) { /* one that was given up, or no room */
		step->connection = net->connection;
		step->close = true;
		return;
	}
	c->last_used = m->calls;
	error = channel_feed(&c->channel, net->bytes);
	if (error == TCB_OK)
		error = progress(m, c, ret_answer, &d);
	finish(c, error, &d, step, ret_answer, ret_request);
}
