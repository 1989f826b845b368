// SPDX-License-Identifier: MIT
#include "host/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/accept.h"
#include "host/address.h"
#include "host/io.h"
#include "host/scratch.h"

enum { PATIENCE_MS = 15000, CHUNK = 65536, OUTBOUND_MAX = 64, STEPS_MAX = 256 };

/* A step with memory of its own: the link's is the next caller's. */
struct owned_step {
	struct mige_step step;
	uint8_t *memory;
};

static void step_free(struct owned_step *s)
{
	free(s->memory);
	*s = (struct owned_step){0};
}

static struct span keep(uint8_t **at, struct span bytes)
{
	struct span kept = span_of(*at, bytes.size);

	if (bytes.size > 0)
		memcpy(*at, bytes.data, bytes.size);
	*at += bytes.size;
	return kept;
}

static enum tcb_error own(struct span body, struct owned_step *ret_step)
{
	struct owned_step owned;
	uint8_t *at;

	TRY(mige_step_decode(body, &owned.step));
	owned.memory = at = malloc(body.size + 1);
	if (at == NULL)
		return TCB_INTERNAL;
	owned.step.address = keep(&at, owned.step.address);
	owned.step.bytes = keep(&at, owned.step.bytes);
	owned.step.reply = keep(&at, owned.step.reply);
	*ret_step = owned;
	return TCB_OK;
}

static enum tcb_error call_mige(struct daemon *daemon, enum call call, struct span body, struct owned_step *ret_step,
				struct diagnosis *d)
{
	struct span answer;
	enum tcb_error error;

	(void)pthread_mutex_lock(&daemon->mige.lock);
	error = enclave_link_call(&daemon->mige.link, call, body, &answer, d);
	services_check(&daemon->mige, "the MigE");
	if (error == TCB_OK)
		error = own(answer, ret_step);
	(void)pthread_mutex_unlock(&daemon->mige.lock);
	return error;
}

static enum tcb_error feed(struct daemon *daemon, uint64_t connection, struct span bytes, bool closed,
			   struct owned_step *ret_step, struct diagnosis *d)
{
	uint8_t *SCRATCH(body_bytes, bytes.size + 64);
	const struct mige_net m = { .connection = connection, .closed = closed, .bytes = bytes };
	struct writer w = writer_of(body_bytes, bytes.size + 64);
	struct span body;

	mige_net_encode(&w, &m);
	TRY(writer_end(&w, &body));
	return call_mige(daemon, CALL_MIGE_NET, body, ret_step, d);
}

/* ---- sockets ---- */

/* What came, up to CHUNK; 0 when the peer closed or was silent too long. */
static size_t read_some(int fd, uint8_t *ret_bytes)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t got = poll(&ready, 1, PATIENCE_MS) == 1 ? recv(fd, ret_bytes, CHUNK, 0) : 0;

	return got > 0 ? (size_t)got : 0;
}

/* ---- outbound: a vTPM of ours asks to redeem, our MigE tells a source what arrived ---- */

/* Connections that our MigE opened and keeps, since a session that stands makes the next hand-over short. The MigE gives a
 * connection to one request at a time. */
static struct {
	pthread_mutex_t lock;
	size_t count;
	struct {
		uint64_t connection;
		int fd;
	} links[OUTBOUND_MAX];
} outbound = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Takes the socket of `connection` out of the table; -1: there is none. */
static int take_link(uint64_t connection)
{
	int fd = -1;

	(void)pthread_mutex_lock(&outbound.lock);
	for (size_t i = 0; fd < 0 && i < outbound.count; i++) {
		if (outbound.links[i].connection == connection) {
			fd = outbound.links[i].fd;
			outbound.links[i] = outbound.links[--outbound.count];
		}
	}
	(void)pthread_mutex_unlock(&outbound.lock);
	return fd;
}

static void keep_link(uint64_t connection, int fd)
{
	bool kept;

	(void)pthread_mutex_lock(&outbound.lock);
	kept = outbound.count < OUTBOUND_MAX;
	if (kept) {
		outbound.links[outbound.count].connection = connection;
		outbound.links[outbound.count++].fd = fd;
	}
	(void)pthread_mutex_unlock(&outbound.lock);
	if (!kept)
		(void)close(fd);
}

/* Nothing that a peer acts on leaves before what it rests on is durable, even where this thread's waits are put off (log_hold). */
static bool send_durable(const struct daemon *daemon, int fd, struct span bytes)
{
	log_wait_all(daemon->log);
	return io_send(fd, bytes);
}

/* A connection to another platform's MigE, or -1 after a line that says why there is none. */
static int connect_to(const struct daemon *daemon, struct span address)
{
	struct diagnosis d = {0};
	int fd = -1;

	if (config_check_peer(&daemon->config, address, &d) != TCB_OK || address_connect(address, &fd, &d) != TCB_OK)
		log_diagnosis("outbound", &d);
	return fd;
}

/* Does what a step says and returns what came; 0: the connection is over, or was never there. */
static size_t do_step(const struct daemon *daemon, const struct mige_step *step, uint8_t *ret_bytes)
{
	int fd = step->address.size > 0 ? connect_to(daemon, step->address) : take_link(step->connection);
	size_t got = fd >= 0 && send_durable(daemon, fd, step->bytes) ? read_some(fd, ret_bytes) : 0;

	if (got > 0)
		keep_link(step->connection, fd);
	else if (fd >= 0)
		(void)close(fd);
	return got;
}

/* The last step of an answered request: what is still to be said, and whether the connection stays. */
static void finish(const struct daemon *daemon, const struct mige_step *step)
{
	int fd = step->connection != 0 ? take_link(step->connection) : -1;

	if (fd < 0)
		return;
	if ((step->bytes.size == 0 || send_durable(daemon, fd, step->bytes)) && !step->close)
		keep_link(step->connection, fd);
	else
		(void)close(fd);
}

/* Until the MigE has its answer. `s` is the step to begin with, and the last one on return. */
static enum tcb_error shovel(struct daemon *daemon, struct owned_step *s, struct diagnosis *d)
{
	uint8_t *SCRATCH(bytes, CHUNK);

	for (int i = 0; !s->step.answered; i++) {
		uint64_t connection = s->step.connection;
		size_t got = do_step(daemon, &s->step, bytes);

		step_free(s);
		if (i == STEPS_MAX)
			return diagnose(d, TCB_PLATFORM, "agent.steps", "a hand-over without an end", "an answer",
					"check that both platforms run one release");
		TRY(feed(daemon, connection, span_of(bytes, got), got == 0, s, d));
	}
	finish(daemon, &s->step);
	return TCB_OK;
}

enum tcb_error agent_ask(struct daemon *daemon, struct span peer_message, struct writer *ret, struct diagnosis *d)
{
	struct owned_step s = {0};
	enum tcb_error error;

	TRY(call_mige(daemon, CALL_MIGE_PEER, peer_message, &s, d));
	error = shovel(daemon, &s, d);
	if (error == TCB_OK)
		writer_sized(ret, s.step.reply);
	step_free(&s);
	return error;
}

enum tcb_error agent_tidy(struct daemon *daemon, uint64_t round, bool *ret_done, struct diagnosis *d)
{
	struct owned_step s = {0};
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);
	enum tcb_error error;

	writer_u64(&w, round);
	TRY(call_mige(daemon, CALL_MIGE_TIDY, SPAN_OF(body_bytes), &s, d));
	*ret_done = s.step.answered;
	error = shovel(daemon, &s, d);
	step_free(&s);
	return error;
}

/* ---- inbound: another platform's MigE ---- */

struct inbound {
	struct daemon *daemon;
	int fd;
	uint64_t connection;
};

static void *serve_inbound(void *context)
{
	uint8_t *SCRATCH(bytes, CHUNK);
	struct inbound *in = context;
	bool open = true;

	while (open) {
		struct owned_step s = {0};
		struct diagnosis d = {0};
		size_t got = read_some(in->fd, bytes);

		open = got > 0;
		if (feed(in->daemon, in->connection, span_of(bytes, got), got == 0, &s, &d) != TCB_OK) {
			log_diagnosis("inbound", &d);
			break;
		}
		open = open && send_durable(in->daemon, in->fd, s.step.bytes) && !s.step.close;
		step_free(&s);
	}
	(void)close(in->fd);
	free(in);
	return NULL;
}

static void *accept_all(void *context)
{
	static _Atomic uint64_t connections = 1;
	struct inbound *listener = context;
	pthread_attr_t attributes;
	pthread_t thread;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept_connection(listener->fd, NULL);
		struct inbound *in = fd >= 0 ? malloc(sizeof *in) : NULL;

		if (in == NULL) {
			if (fd >= 0)
				(void)close(fd);
			continue;
		}
		address_limit_sends(fd);
		*in = (struct inbound){ .daemon = listener->daemon, .fd = fd,
					.connection = MIGE_CONNECTION_INBOUND | atomic_fetch_add(&connections, 1) };
		if (pthread_create(&thread, &attributes, serve_inbound, in) != 0) {
			(void)close(fd);
			free(in);
		}
	}
	return NULL;
}

enum tcb_error agent_start(struct daemon *daemon, struct diagnosis *d)
{
	static struct inbound listener;
	pthread_t thread;

	listener = (struct inbound){ .daemon = daemon };
	TRY(address_listen(span_of_text(daemon->config.listen), &listener.fd, d));
	if (pthread_create(&thread, NULL, accept_all, &listener) != 0)
		return diagnose(d, TCB_PLATFORM, "daemon.thread", "no thread to be had", "memory for one more",
				"check the machine's limits");
	(void)pthread_detach(thread);
	return TCB_OK;
}
