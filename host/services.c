// SPDX-License-Identifier: MIT
/* What enclaves ask of their host: storage, messages to one another, the physical TPM's quotes, the time, collateral. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "edge/host.h"
#include "edge/mige.h"
#include "edge/pse.h"
#include "host/agent.h"
#include "host/aside.h"
#include "host/ask_pse.h"
#include "host/daemon.h"
#include "host/paths.h"
#include "host/place.h"
#include "host/recover.h"
#include "host/scratch.h"
#include "host/settle.h"

void log_diagnosis(const char *who, const struct diagnosis *d)
{
	(void)fprintf(stderr, "tcbindd: %s: %s: found %s; wanted %s; %s\n", who, d->code, d->found, d->wanted, d->action);
}

enum tcb_error services_thread(void *(*run)(void *context), void *context, struct diagnosis *d)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, context) != 0)
		return diagnose(d, TCB_PLATFORM, "daemon.thread", "no thread to be had", "memory for one more", "check the machine's limits");
	(void)pthread_detach(thread);
	return TCB_OK;
}

static const char *slot_name(enum store_slot slot)
{
	switch (slot) {
	case STORE_PSE_LEDGER: return "pse.ledger";
	case STORE_PSE_CERTIFIED_AK: return "certified-ak";
	case STORE_PSE_ISSUER: return "issuer";
	case STORE_MIGE_JOURNAL: break; /* in the log */
	case STORE_VTPM_STATE:
	case STORE_VTPM_CERTIFICATES:
	case STORE_VTPM_VOLATILE: break; /* place.c */
	case STORE_PSE_LEDGER_STEP: break; /* log.c */
	}
	return NULL;
}

/* Which slots an enclave of a role may write. */
static bool may_store(uint16_t role, enum store_slot slot)
{
	switch (slot) {
	case STORE_PSE_LEDGER:
	case STORE_PSE_LEDGER_STEP:
	case STORE_PSE_ISSUER:
	case STORE_PSE_CERTIFIED_AK: return role == ROLE_PSE;
	case STORE_MIGE_JOURNAL: return role == ROLE_MIGE;
	case STORE_VTPM_STATE:
	case STORE_VTPM_CERTIFICATES:
	case STORE_VTPM_VOLATILE: return role == ROLE_VTPM;
	}
	return false;
}

static enum tcb_error serve_store(struct service_context *c, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span bytes;
	uint8_t slot;

	(void)ret;
	TRY(reader_u8(&r, &slot));
	TRY(reader_sized(&r, LIMIT_FRAME, &bytes));
	TRY(reader_end(&r));
	if (!may_store(c->link->identity.isv_prod_id, (enum store_slot)slot))
		return TCB_REFUSED;
	if (c->place != NULL)
		return place_put(c->place, (enum store_slot)slot, bytes, d);
	if (slot == STORE_PSE_LEDGER_STEP)
		return log_put_step(c->daemon->log, bytes);
	if (slot == STORE_MIGE_JOURNAL) {
		TRY(place_put(&c->daemon->journal, STORE_VTPM_STATE, bytes, d)); /* durable with its step of the ledger */
		settle_soon(); /* there may be a source to tell, or an entry to forget */
		return TCB_OK;
	}
	if (slot == STORE_PSE_LEDGER)
		log_wait_all(c->daemon->log); /* a snapshot is never ahead of the states that it names */
	return store_put(c->daemon->store_dir, slot_name((enum store_slot)slot), bytes, d);
}

/* PSE and MigE are the platform: without one, this daemon has nothing to offer. Its supervisor starts it anew, with both. */
static _Noreturn void start_over(const char *name)
{
	(void)fprintf(stderr, "tcbindd: %s has ended: starting over\n", name);
	_exit(3);
}

void services_check(const struct service_enclave *enclave, const char *name)
{
	if (enclave->link.fd < 0)
		start_over(name);
}

/* So that nobody is the first to need one that is gone. */
static void *watch(void *context)
{
	const struct daemon *daemon = context;
	struct pollfd ends[2] = { { .fd = daemon->pse.link.fd, .events = POLLRDHUP }, { .fd = daemon->mige.link.fd, .events = POLLRDHUP } };

	while (poll(ends, 2, -1) < 0 && errno == EINTR)
		;
	start_over(ends[0].revents != 0 ? "the PSE" : "the MigE");
}

static enum tcb_error ask_mige(const struct service_context *c, struct span bytes, struct writer *ret, struct diagnosis *d)
{
	uint8_t *SCRATCH(message_bytes, bytes.size + 16);
	struct writer w = writer_of(message_bytes, bytes.size + 16);
	const struct peer_message m = { .session = c->link->session, .message = bytes };
	struct span message;

	peer_message_encode(&w, &m);
	TRY(writer_end(&w, &message));
	return agent_ask(c->daemon, message, ret, d);
}

static enum tcb_error serve_peer(struct service_context *c, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span message;
	uint8_t role;

	TRY(reader_u8(&r, &role));
	TRY(reader_sized(&r, LIMIT_LOCAL_MESSAGE, &message));
	TRY(reader_end(&r));
	if (role == ROLE_PSE && c->link->identity.isv_prod_id != ROLE_PSE)
		return ask_pse(c->daemon, c->link->session, message, ret, d);
	if (role == ROLE_MIGE && c->link->identity.isv_prod_id == ROLE_VTPM)
		return ask_mige(c, message, ret, d);
	return TCB_REFUSED;
}

static enum tcb_error serve_platform_quote(struct service_context *c, struct span body, struct writer *ret,
					   struct diagnosis *d)
{
	uint8_t *SCRATCH(quote_bytes, LIMIT_QUOTE);
	struct writer w = writer_of(quote_bytes, LIMIT_QUOTE);
	struct reader r = reader_of(body);
	struct host_platform_quote answer = {0};
	struct digest256 commitment;
	char run_dir[PATH_MAX];
	enum tcb_error error;

	TRY(reader_copy(&r, commitment.bytes, sizeof commitment.bytes));
	TRY(reader_end(&r));
	TRY(ptpm_quote(c->daemon->ptpm, &commitment, &w, d));
	TRY(writer_end(&w, &answer.quote));
	TRY(path_in(c->daemon->config.dir, "run", run_dir, sizeof run_dir, d));
	error = store_get(run_dir, "event-log.bin", LIMIT_EVENT_LOG, &answer.event_log, d);
	if (error == TCB_OK)
		host_platform_quote_encode(ret, &answer);
	free((void *)(uintptr_t)answer.event_log.data);
	return error;
}

static enum tcb_error serve_time(struct service_context *c, struct span body, struct writer *ret, struct diagnosis *d)
{
	(void)c;
	(void)d;
	writer_u64(ret, (uint64_t)time(NULL));
	return body.size == 0 ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error serve_collateral(struct service_context *c, struct span body, struct writer *ret,
				       struct diagnosis *d)
{
	struct span collateral;

	if (body.size != 0)
		return TCB_MALFORMED;
	TRY(store_get(c->daemon->config.dir, "collateral.cbor", LIMIT_COLLATERAL, &collateral, d));
	writer_sized(ret, collateral);
	free((void *)(uintptr_t)collateral.data);
	return TCB_OK;
}

static const struct permit {
	enum call call;
	enum tcb_error (*serve)(struct service_context *c, struct span body, struct writer *ret, struct diagnosis *d);
} permits[] = {
	{ CALL_HOST_STORE, serve_store },
	{ CALL_HOST_PEER, serve_peer },
	{ CALL_HOST_PTPM_QUOTE, serve_platform_quote },
	{ CALL_HOST_TIME, serve_time },
	{ CALL_HOST_COLLATERAL, serve_collateral },
};

enum tcb_error services_serve(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].call == call)
			return permits[i].serve(context, body, ret, d);
	return TCB_MALFORMED;
}

/* ---- PSE and MigE ---- */

static enum tcb_error launch(struct daemon *daemon, const char *name, struct service_enclave *enclave,
			     struct service_context *context, struct diagnosis *d)
{
	char image[PATH_MAX];

	(void)pthread_mutex_init(&enclave->lock, NULL);
	*context = (struct service_context){ .daemon = daemon, .link = &enclave->link };
	TRY(path_program(name, image, sizeof image, d));
	return enclave_link_open(daemon->config.dir, image, services_serve, context, &enclave->link, d);
}

/* The snapshot, and the steps after it. */
static enum tcb_error put_stored_ledger(const struct daemon *daemon, struct writer *w, struct diagnosis *d)
{
	struct span snapshot, steps = log_steps(daemon->log);

	TRY(store_get(daemon->store_dir, "pse.ledger", LIMIT_STATE, &snapshot, d));
	if (snapshot.size > 0) {
		writer_u8(w, STORE_PSE_LEDGER);
		writer_sized(w, snapshot);
	}
	writer_bytes(w, steps);
	free((void *)(uintptr_t)snapshot.data);
	return writer_end(w, NULL);
}

static enum tcb_error snapshot_ledger(void *context)
{
	struct daemon *daemon = context;
	enum tcb_error error;

	(void)pthread_mutex_lock(&daemon->pse.lock);
	error = enclave_link_call(&daemon->pse.link, CALL_PSE_SNAPSHOT, span_of(NULL, 0), NULL, NULL);
	services_check(&daemon->pse, "the PSE");
	(void)pthread_mutex_unlock(&daemon->pse.lock);
	return error;
}

static enum tcb_error start_pse(struct daemon *daemon, struct diagnosis *d)
{
	static uint8_t ledger_bytes[LIMIT_FRAME - 1024], body_bytes[LIMIT_FRAME];
	struct writer ledger = WRITER_OF(ledger_bytes), w = WRITER_OF(body_bytes);
	struct pse_start m = { .platform_name = span_of_text(daemon->config.name) };
	struct span body, answer;
	uint8_t *copy;

	TRY(put_stored_ledger(daemon, &ledger, d));
	m.stored_ledger = span_of(ledger_bytes, ledger.size);
	pse_start_encode(&w, &m);
	TRY(writer_end(&w, &body));
	TRY(enclave_link_call(&daemon->pse.link, CALL_PSE_START, body, &answer, d));
	if (answer.size < 4 || (copy = malloc(answer.size)) == NULL)
		return TCB_MALFORMED;
	memcpy(copy, answer.data + 4, answer.size - 4);
	daemon->certified_ak = span_of(copy, answer.size - 4);
	return TCB_OK;
}

/* The newest: where the disk was full it is aside. */
static enum tcb_error read_journal(const struct daemon *daemon, struct span *ret_sealed, struct diagnosis *d)
{
	struct place place;
	struct span file;
	enum tcb_error error;

	recover_journal_place(daemon, &place);
	TRY(store_get(daemon->store_dir, place.state, LIMIT_STATE, &file, d));
	*ret_sealed = file;
	error = aside_take(&place, daemon->store_dir, &file, ret_sealed, d);
	if (error != TCB_OK)
		free((void *)(uintptr_t)file.data);
	return error;
}

static enum tcb_error start_mige(struct daemon *daemon, struct diagnosis *d)
{
	static uint8_t body_bytes[LIMIT_STATE + 512];
	struct writer w = WRITER_OF(body_bytes);
	struct mige_start m = { .address = span_of_text(daemon->config.listen),
				.platform_name = span_of_text(daemon->config.name) };
	struct span body;

	TRY(read_journal(daemon, &m.sealed_journal, d));
	mige_start_encode(&w, &m);
	free((void *)(uintptr_t)m.sealed_journal.data);
	TRY(writer_end(&w, &body));
	return enclave_link_call(&daemon->mige.link, CALL_MIGE_START, body, NULL, d);
}

enum tcb_error services_start(struct daemon *daemon, struct diagnosis *d)
{
	static struct service_context pse_context, mige_context;

	TRY(launch(daemon, "pse.enclave", &daemon->pse, &pse_context, d));
	TRY(start_pse(daemon, d));
	log_on_full(daemon->log, snapshot_ledger, daemon);
	TRY(log_begin(daemon->log, d));
	recover_journal_place(daemon, &daemon->journal);
	daemon->journal.log = daemon->log;
	TRY(launch(daemon, "mige.enclave", &daemon->mige, &mige_context, d));
	TRY(start_mige(daemon, d));
	return services_thread(watch, daemon, d);
}

static void forget_in(struct service_enclave *enclave, enum call call, uint64_t session)
{
	uint8_t bytes[8];
	struct writer w = WRITER_OF(bytes);

	writer_u64(&w, session);
	(void)pthread_mutex_lock(&enclave->lock);
	(void)!enclave_link_call(&enclave->link, call, SPAN_OF(bytes), NULL, NULL);
	(void)pthread_mutex_unlock(&enclave->lock);
}

void services_forget(struct daemon *daemon, uint64_t session)
{
	forget_in(&daemon->pse, CALL_PSE_FORGET, session);
	forget_in(&daemon->mige, CALL_MIGE_FORGET, session);
}
