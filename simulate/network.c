// SPDX-License-Identifier: MIT
/* The network between MigEs, and each host's migration agent (host/agent.c): it does what the
 * MigE's steps say. */
#include <stdlib.h>

#include "edge/mige.h"
#include "simulate/world.h"

enum { CONNECTIONS_MAX = 64, QUEUE_MAX = 64, PATIENCE_MS = 15000, STEPS_MAX = 200, LATENCY_MS = 4 };

/* Bytes on their way; `at_ms`: when they arrive. */
struct chunk {
	struct bytes bytes;
	uint64_t at_ms;
};

/* One direction of a connection. */
struct queue {
	unsigned count;
	struct chunk chunks[QUEUE_MAX];
};

/* A connection that one MigE asked for. */
struct connection {
	bool used, closed;
	struct platform *from, *to;
	uint64_t number, inbound; /* its numbers at both ends */
	unsigned users;           /* actors that look at it */
	struct queue to_server, to_client;
};

static struct connection connections[CONNECTIONS_MAX];
static uint64_t inbound_numbers;

static void drop_chunks(struct queue *q)
{
	for (unsigned i = 0; i < q->count; i++)
		bytes_free(&q->chunks[i].bytes);
	q->count = 0;
}

static void let_go(struct connection *c)
{
	if (--c->users > 0 || !c->closed)
		return;
	drop_chunks(&c->to_server);
	drop_chunks(&c->to_client);
	*c = (struct connection){0};
}

void network_reset(void)
{
	memset(connections, 0, sizeof connections);
	inbound_numbers = 0;
}

void network_cut(struct platform *p)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (connections[i].used && (connections[i].from == p || connections[i].to == p)) {
			connections[i].closed = true;
			if (connections[i].users == 0)
				connections[i] = (struct connection){0};
		}
}

/* ---- bytes ---- */

static void put_chunk(struct queue *q, struct span bytes, uint64_t delay_ms)
{
	if (q->count < QUEUE_MAX)
		q->chunks[q->count++] =
		    (struct chunk){.bytes = bytes_of(bytes), .at_ms = now_ms() + delay_ms};
}

static void swap_last(struct queue *q)
{
	struct chunk last;

	if (q->count < 2)
		return;
	last = q->chunks[q->count - 1];
	q->chunks[q->count - 1] = q->chunks[q->count - 2];
	q->chunks[q->count - 2] = last;
}

static void send_bytes(struct connection *c, struct queue *q, struct span bytes)
{
	enum fault_kind fault = world.network_fault;
	size_t half = bytes.size / 2;

	if (bytes.size == 0 || c->closed)
		return;
	world.network_fault = FAULT_NONE;
	if (fault != FAULT_NONE)
		world.faults[fault]++;
	switch (fault) {
	case FAULT_RESET:
		c->closed = true;
		return;
	case FAULT_DOUBLE:
		put_chunk(q, bytes, 0);
		break;
	case FAULT_LATE:
		put_chunk(q, bytes, PATIENCE_MS + 1000);
		return;
	case FAULT_REORDER:
		put_chunk(q, span_of(bytes.data, half), 0);
		put_chunk(q, span_of(bytes.data + half, bytes.size - half), 0);
		swap_last(q);
		return;
	default:
		break;
	}
	put_chunk(q, bytes, world.hostile ? random_below(schedule(), LATENCY_MS) : 0);
}

struct reading {
	struct connection *c;
	struct queue *q;
};

static bool has_come(void *context)
{
	const struct reading *r = context;

	return r->c->closed || (r->q->count > 0 && r->q->chunks[0].at_ms <= now_ms());
}

/* What came; empty: the connection is over. The caller frees it. */
static struct bytes receive_bytes(struct connection *c, struct queue *q)
{
	struct reading reading = {.c = c, .q = q};
	struct bytes bytes = {0};

	for (uint64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !has_come(&reading);)
		(void)actor_wait(has_come, &reading,
				 q->count > 0 && q->chunks[0].at_ms < end
				     ? q->chunks[0].at_ms - now_ms()
				     : end - now_ms());
	if (q->count == 0 || q->chunks[0].at_ms > now_ms())
		return bytes;
	bytes = q->chunks[0].bytes;
	memmove(&q->chunks[0], &q->chunks[1], --q->count * sizeof q->chunks[0]);
	return bytes;
}

/* ---- steps ---- */

/* A step with memory of its own. */
struct owned_step {
	struct mige_step step;
	struct bytes body;
};

static enum tcb_error call_mige(struct platform *p, enum call call, struct span body,
				struct owned_step *ret, struct diagnosis *d)
{
	struct enclave *mige = p->mige;

	*ret = (struct owned_step){0};
	if (mige == NULL || !p->up)
		return diagnose(d, TCB_PLATFORM, "host.service", "a MigE that does not run",
				"one that does", "start it");
	TRY(host_ecall(mige, call, body, &ret->body, d));
	return mige_step_decode(bytes_span(&ret->body), &ret->step);
}

static enum tcb_error feed(struct platform *p, uint64_t connection, struct span bytes, bool closed,
			   struct owned_step *ret, struct diagnosis *d)
{
	const struct mige_net m = {.connection = connection, .closed = closed, .bytes = bytes};
	struct bytes body = {.data = malloc(bytes.size + 64)};
	struct writer w = writer_of(body.data, bytes.size + 64);
	enum tcb_error error;

	mige_net_encode(&w, &m);
	error = call_mige(p, CALL_MIGE_NET, span_of(body.data, w.size), ret, d);
	bytes_free(&body);
	return error;
}

/* ---- the other end ---- */

static void serve_inbound(void *context)
{
	struct connection *c = context;
	uint64_t started = c->to->started;
	bool open = true;

	while (open) {
		struct bytes got = receive_bytes(c, &c->to_server);
		struct owned_step s;

		open = got.size > 0 && c->to->started == started;
		if (c->to->started == started &&
		    feed(c->to, c->inbound, bytes_span(&got), got.size == 0, &s, NULL) == TCB_OK) {
			if (open && c->to->started == started && disk_sync(c->to, NULL) == TCB_OK)
				send_bytes(c, &c->to_client, s.step.bytes);
			open = open && !s.step.close;
			bytes_free(&s.body);
		} else {
			open = false;
		}
		bytes_free(&got);
	}
	c->closed = true;
	let_go(c);
}

static struct platform *platform_at(struct span address)
{
	for (unsigned i = 0; i < world.platform_count; i++)
		if (span_is_text(address, world.platforms[i].address))
			return &world.platforms[i];
	return NULL;
}

static struct connection *find_connection(const struct platform *from, uint64_t number)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (connections[i].used && connections[i].from == from &&
		    connections[i].number == number && !connections[i].closed)
			return &connections[i];
	return NULL;
}

/* One that nobody uses makes room. */
static struct connection *free_connection(void)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (!connections[i].used)
			return &connections[i];
	return NULL;
}

static struct connection *open_connection(struct platform *from, uint64_t number,
					  struct span address)
{
	struct platform *to = platform_at(address);
	struct connection *c = free_connection();

	if (to == NULL || !to->up || c == NULL)
		return NULL;
	*c = (struct connection){.used = true,
				 .from = from,
				 .to = to,
				 .number = number,
				 .users = 1,
				 .inbound = MIGE_CONNECTION_INBOUND | ++inbound_numbers};
	(void)actor_start(actor_current()->id, serve_inbound, c, NULL);
	return c;
}

/* Does what a step says and returns what came; empty: the connection is over, or was never there.
 */
static struct bytes do_step(struct platform *p, const struct mige_step *step)
{
	struct connection *c = step->address.size > 0
				   ? open_connection(p, step->connection, step->address)
				   : find_connection(p, step->connection);
	struct bytes got = {0};

	if (c == NULL)
		return got;
	c->users++;
	if (disk_sync(p, NULL) == TCB_OK) {
		send_bytes(c, &c->to_server, step->bytes);
		got = receive_bytes(c, &c->to_client);
	}
	if (got.size == 0)
		c->closed = true;
	let_go(c);
	return got;
}

static void finish(struct platform *p, const struct mige_step *step)
{
	struct connection *c = step->connection != 0 ? find_connection(p, step->connection) : NULL;

	if (c == NULL)
		return;
	c->users++;
	send_bytes(c, &c->to_server, step->bytes);
	if (step->close)
		c->closed = true;
	let_go(c);
}

enum tcb_error network_ask(struct platform *p, enum call call, struct span body,
			   struct bytes *ret_reply, bool *ret_done, struct diagnosis *d)
{
	struct owned_step s;
	uint64_t started = p->started;

	TRY(call_mige(p, call, body, &s, d));
	*ret_done = s.step.answered;
	for (int i = 0; !s.step.answered; i++) {
		uint64_t connection = s.step.connection;
		struct bytes got = do_step(p, &s.step);
		enum tcb_error error;

		bytes_free(&s.body);
		if (i == STEPS_MAX || p->started != started) {
			bytes_free(&got);
			return diagnose(d, TCB_PLATFORM, "agent.steps",
					"a hand-over without an end", "an answer", "try again");
		}
		error = feed(p, connection, bytes_span(&got), got.size == 0, &s, d);
		bytes_free(&got);
		TRY(error);
	}
	finish(p, &s.step);
	*ret_reply = bytes_of(s.step.reply);
	bytes_free(&s.body);
	return TCB_OK;
}
