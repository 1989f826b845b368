// SPDX-License-Identifier: MIT
/* The untrusted host: calls enclaves and serves what they ask for, as host/services.c and
 * host/ask_pse.c do, except where the actor's faults say otherwise. */
#include <stdlib.h>

#include "edge/host.h"
#include "edge/mige.h"
#include "edge/pse.h"
#include "simulate/moves.h"
#include "simulate/oracle.h"
#include "simulate/trace.h"
#include "simulate/world.h"
#include "tests/enclave/rig/ptpm.h"

enum { DELAY_MS = 20000, FULL_MS = 300 };

/* ---- faults ---- */

static const struct fault *fault_here(void)
{
	struct actor *a = actor_current();

	if (a == NULL || !world.hostile)
		return NULL;
	for (int i = 0; i < FAULTS_PER_MOVE; i++)
		if (a->faults[i].kind != FAULT_NONE && a->faults[i].at == a->crossings)
			return &a->faults[i];
	return NULL;
}

static bool is_kind(const struct fault *f, enum fault_kind kind)
{
	if (f == NULL || f->kind != kind)
		return false;
	world.faults[kind]++;
	return true;
}

static enum tcb_error forged_error(const struct fault *f, struct diagnosis *d)
{
	static const enum tcb_error classes[] = {TCB_MALFORMED, TCB_WRONG_STATE, TCB_LIMIT,
						 TCB_CRYPTO,    TCB_PLATFORM,    TCB_INTERNAL};
	bool refuses = f->kind == FAULT_REFUSE || f->kind == FAULT_REFUSE_LATE;
	enum tcb_error error =
	    refuses ? TCB_REFUSED : classes[f->choice % (sizeof classes / sizeof classes[0])];

	return diagnose(d, error, "host.forged", "an error that the host made up", "nothing",
			"nothing");
}

/* What happens to the platform before a call is served. */
static void disturb(struct enclave *e, const struct fault *f)
{
	struct platform *p = e->platform;

	if (f != NULL)
		trace_event("fault at=%s enclave=%llu kind=%s", p->name,
			    (unsigned long long)e->number, fault_name((enum fault_kind)f->kind));
	if (is_kind(f, FAULT_KILL))
		enclave_kill(e);
	if (is_kind(f, FAULT_RESTART))
		(void)platform_restart(p, NULL);
	if (is_kind(f, FAULT_POWER)) {
		platform_power_cut(p, f->choice % (p->unsynced_count + 1));
		(void)platform_restart(p, NULL);
	}
	if (is_kind(f, FAULT_FULL))
		p->full_until_ms = now_ms() + FULL_MS;
	if (is_kind(f, FAULT_DELAY))
		(void)actor_wait(NULL, NULL, DELAY_MS);
	for (enum fault_kind kind = FAULT_RESET; kind <= FAULT_LATE; kind++)
		if (f != NULL && f->kind == kind)
			world.network_fault = kind;
}

/* ---- messages to PSE and MigE ---- */

static void keep_message(struct message *list, unsigned *count, uint64_t session,
			 struct span request, struct span answer)
{
	struct message *m =
	    &list[*count < MESSAGES_MAX ? *count : random_below(schedule(), MESSAGES_MAX)];

	bytes_free(&m->request);
	bytes_free(&m->answer);
	*m = (struct message){
	    .request = bytes_of(request), .answer = bytes_of(answer), .session = session};
	(*count)++;
}

/* The body of CALL_PSE_PEER or CALL_MIGE_PEER; one bit of the message is altered by FAULT_FLIP. */
static struct bytes peer_body(uint64_t session, struct span message, const struct fault *f)
{
	struct bytes body = {.data = malloc(message.size + 16)};
	struct writer w = writer_of(body.data, message.size + 16);
	const struct peer_message m = {.session = session, .message = message};

	peer_message_encode(&w, &m);
	body.size = w.size;
	if (message.size > 0 && is_kind(f, FAULT_FLIP))
		body.data[body.size - 1 - (size_t)f->choice * 7 % message.size] ^=
		    (uint8_t)(1u << (f->choice & 7));
	return body;
}

static enum tcb_error read_reply(struct span answer, struct writer *ret, struct diagnosis *d)
{
	struct peer_reply reply;
	struct diagnosis of_reply;
	struct reader r;

	TRY(peer_reply_decode(answer, &reply));
	if (reply.error == TCB_OK) {
		writer_sized(ret, reply.bytes);
		return TCB_OK;
	}
	r = reader_of(reply.bytes);
	TRY(diagnosis_decode(&r, &of_reply));
	return diagnose_again(d, reply.error, &of_reply);
}

static enum tcb_error no_service(struct diagnosis *d)
{
	return diagnose(d, TCB_PLATFORM, "host.service", "an enclave that does not run",
			"one that does", "start it");
}

/* Once: the answer of the PSE, after what it rests on is durable. */
static enum tcb_error carry_to_pse(struct platform *p, struct span body, struct bytes *ret_answer,
				   struct diagnosis *d)
{
	struct enclave *pse = p->pse;
	enum tcb_error error;

	if (pse == NULL)
		return no_service(d);
	error = host_ecall(pse, CALL_PSE_PEER, body, ret_answer, d);
	actor_pause();
	if (error == TCB_OK &&
	    p->pse != pse) { /* the platform was started anew: what it said may be lost */
		bytes_free(ret_answer);
		return no_service(d);
	}
	if (error == TCB_OK && disk_sync(p, d) != TCB_OK) {
		bytes_free(ret_answer);
		return TCB_PLATFORM;
	}
	return error;
}

static enum tcb_error stale(struct message *list, unsigned count, const struct fault *f,
			    struct writer *ret, struct diagnosis *d)
{
	unsigned have = count < MESSAGES_MAX ? count : MESSAGES_MAX;

	if (have == 0)
		return forged_error(f, d);
	writer_bytes(ret, bytes_span(&list[f->choice % have].answer));
	return TCB_OK;
}

static enum tcb_error ask_pse(struct platform *p, uint64_t number, struct span message,
			      struct writer *ret, const struct fault *f, struct diagnosis *d)
{
	struct bytes body, answer = {0}, again = {0};
	enum tcb_error error;
	size_t start = ret->size;

	if (is_kind(f, FAULT_STALE))
		return stale(p->to_pse, p->pse_messages, f, ret, d);
	body = peer_body(number, message, f);
	error = carry_to_pse(p, bytes_span(&body), &answer, d);
	if (error == TCB_OK && is_kind(f, FAULT_REPEAT) &&
	    carry_to_pse(p, bytes_span(&body), &again, NULL) == TCB_OK)
		bytes_free(&again);
	if (error == TCB_OK)
		error = read_reply(bytes_span(&answer), ret, d);
	if (error == TCB_OK)
		keep_message(p->to_pse, &p->pse_messages, number, bytes_span(&body),
			     span_of(ret->data + start, ret->size - start));
	bytes_free(&body);
	bytes_free(&answer);
	return error;
}

enum tcb_error host_ask_pse(struct platform *p, uint64_t number, struct span message,
			    struct writer *ret, struct diagnosis *d)
{
	return ask_pse(p, number, message, ret, NULL, d);
}

static enum tcb_error ask_mige(struct platform *p, uint64_t number, struct span message,
			       struct writer *ret, const struct fault *f, struct diagnosis *d)
{
	struct bytes body, reply = {0}, again = {0};
	size_t start = ret->size;
	enum tcb_error error;
	bool done;

	if (is_kind(f, FAULT_STALE))
		return stale(p->to_mige, p->mige_messages, f, ret, d);
	body = peer_body(number, message, f);
	error = network_ask(p, CALL_MIGE_PEER, bytes_span(&body), &reply, &done, d);
	if (error == TCB_OK && is_kind(f, FAULT_REPEAT) &&
	    network_ask(p, CALL_MIGE_PEER, bytes_span(&body), &again, &done, NULL) == TCB_OK)
		bytes_free(&again);
	if (error == TCB_OK)
		writer_sized(ret, bytes_span(&reply));
	if (error == TCB_OK)
		keep_message(p->to_mige, &p->mige_messages, number, bytes_span(&body),
			     span_of(ret->data + start, ret->size - start));
	bytes_free(&body);
	bytes_free(&reply);
	return error;
}

void host_replay(struct platform *p, bool to_pse, unsigned which, bool under_new_number)
{
	struct message *list = to_pse ? p->to_pse : p->to_mige;
	unsigned count = to_pse ? p->pse_messages : p->mige_messages,
		 have = count < MESSAGES_MAX ? count : MESSAGES_MAX;
	struct bytes body, answer = {0};
	bool done;

	if (have == 0)
		return;
	body = bytes_of(bytes_span(&list[which % have].request));
	if (under_new_number)
		body.data[7] = (uint8_t)(body.data[7] + 1);
	if (to_pse)
		(void)!carry_to_pse(p, bytes_span(&body), &answer, NULL);
	else
		(void)!network_ask(p, CALL_MIGE_PEER, bytes_span(&body), &answer, &done, NULL);
	bytes_free(&answer);
	bytes_free(&body);
}

/* ---- services ---- */

static enum tcb_error serve_store(struct enclave *e, struct span body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span bytes;
	uint8_t slot;

	TRY(reader_u8(&r, &slot));
	TRY(reader_sized(&r, LIMIT_FRAME, &bytes));
	TRY(reader_end(&r));
	TRY(disk_store(e, slot, bytes, d));
	actor_pause();
	return TCB_OK;
}

static enum tcb_error serve_peer(struct enclave *e, struct span body, struct writer *ret,
				 const struct fault *f, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span message;
	uint8_t role;

	TRY(reader_u8(&r, &role));
	TRY(reader_sized(&r, LIMIT_LOCAL_MESSAGE, &message));
	TRY(reader_end(&r));
	return role == ROLE_PSE ? ask_pse(e->platform, e->number, message, ret, f, d)
				: ask_mige(e->platform, e->number, message, ret, f, d);
}

static enum tcb_error serve_quote(struct enclave *e, struct span body, struct writer *ret)
{
	static const uint8_t pcr0[SHA256_SIZE];
	uint8_t quote_bytes[4096];
	struct host_platform_quote answer = {0};
	struct writer w = WRITER_OF(quote_bytes);
	struct reader r = reader_of(body);
	struct digest256 commitment;

	TRY(reader_copy(&r, commitment.bytes, sizeof commitment.bytes));
	TRY(reader_end(&r));
	TRY(fake_quote(e->platform->ak, &commitment, pcr0, &w));
	TRY(writer_end(&w, &answer.quote));
	host_platform_quote_encode(ret, &answer);
	return TCB_OK;
}

static enum tcb_error serve(struct enclave *e, enum call call, struct span body, struct writer *ret,
			    const struct fault *f, struct diagnosis *d)
{
	switch (call) {
	case CALL_HOST_STORE:
		TRY(serve_store(e, body, d));
		return disk_sync(e->platform, d);
	case CALL_HOST_PEER:
		return serve_peer(e, body, ret, f, d);
	case CALL_HOST_PTPM_QUOTE:
		return serve_quote(e, body, ret);
	case CALL_HOST_TIME:
		writer_u64(ret, world.base_time_s + now_ms() / 1000);
		return TCB_OK;
	case CALL_HOST_COLLATERAL:
		writer_sized(ret, file_span(&e->platform->collateral));
		return TCB_OK;
	default:
		return TCB_MALFORMED;
	}
}

/* ---- calls ---- */

/* A call under way: what was posted in it and failed. */
struct under_way {
	struct enclave *e;
	enum tcb_error posted;
	struct diagnosis posted_d;
};

static enum tcb_error serve_with_faults(struct under_way *u, enum call call, struct span body,
					struct writer *ret, struct diagnosis *d)
{
	const struct fault *f = fault_here();
	enum tcb_error error = u->posted;

	if (is_kind(f, FAULT_REFUSE) || is_kind(f, FAULT_ERROR))
		return forged_error(f, d);
	disturb(u->e, f);
	if (!u->e->alive)
		return TCB_PLATFORM;
	u->posted = TCB_OK;
	if (error != TCB_OK)
		return diagnose_again(d, error, &u->posted_d);
	error = serve(u->e, call, body, ret, f, d);
	if (is_kind(f, FAULT_KILL_LATE))
		enclave_kill(u->e);
	if (is_kind(f, FAULT_REFUSE_LATE) || is_kind(f, FAULT_ERROR_LATE))
		return forged_error(f, d);
	return error;
}

/* False: the enclave is dead. */
static bool answer_ocall(struct under_way *u, const struct frame_head *call, struct span body)
{
	uint8_t *answer = frame_take(), diagnosis_bytes[2048];
	struct writer w = writer_of(answer, LIMIT_FRAME);
	struct frame_head head = {.kind = FRAME_OCALL_RETURN, .call = call->call};
	struct diagnosis d = {0};
	struct span out;
	bool ok;

	if (actor_current() != NULL)
		actor_current()->crossings++;
	head.error = serve_with_faults(u, (enum call)call->call, body, &w, &d);
	if (head.error == TCB_OK)
		head.error = writer_end(&w, &out);
	if (head.error != TCB_OK) {
		(void)diagnose(&d, head.error, "host.service", tcb_error_name(head.error),
			       "a service", "");
		w = WRITER_OF(diagnosis_bytes);
		diagnosis_encode(&w, &d);
		out = span_of(diagnosis_bytes, w.size);
	}
	head.body_size = (uint32_t)out.size;
	trace_call("%s %u/%llu   asks 0x%04x: %s %s", u->e->platform->name, u->e->self.isv_prod_id,
		   (unsigned long long)u->e->number, (unsigned)call->call,
		   tcb_error_name(head.error), head.error != TCB_OK ? d.code : "");
	actor_pause();
	ok = enclave_put(u->e, &head, out);
	frame_give(answer);
	return ok;
}

static enum tcb_error dead(struct diagnosis *d)
{
	return diagnose(d, TCB_PLATFORM, "enclave.dead", "an enclave that has ended",
			"one that answers", "start it again");
}

static enum tcb_error take_return(struct under_way *u, enum tcb_error error, struct span body,
				  struct bytes *ret_body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct diagnosis of_enclave;

	if (u->posted != TCB_OK)
		return diagnose_again(d, u->posted, &u->posted_d);
	if (error == TCB_OK) {
		if (ret_body != NULL)
			*ret_body = bytes_of(body);
		return TCB_OK;
	}
	TRY(diagnosis_decode(&r, &of_enclave));
	return diagnose_again(d, error, &of_enclave);
}

static enum tcb_error run_call(struct under_way *u, enum call call, struct bytes *ret_body,
			       struct diagnosis *d)
{
	struct frame_head head;
	struct span body;

	while (u->e->alive && enclave_get(u->e, &head, &body)) {
		world.frames++;
		oracle_frame(u->e, &head, body);
		if (head.kind == FRAME_OCALL_POSTED) {
			if (u->posted == TCB_OK && head.call == CALL_HOST_STORE)
				u->posted = serve_store(u->e, body, &u->posted_d);
		} else if (head.kind == FRAME_ECALL_RETURN && head.call == (uint16_t)call) {
			return take_return(u, head.error, body, ret_body, d);
		} else if (head.kind != FRAME_OCALL || !answer_ocall(u, &head, body)) {
			return dead(d);
		}
	}
	return dead(d);
}

static bool is_free(void *context)
{
	const struct enclave *e = context;

	return !e->alive || !e->locked;
}

static bool take_lock(struct enclave *e)
{
	while (e->alive && e->locked)
		(void)actor_wait(is_free, e, UINT32_MAX);
	if (!e->alive)
		return false;
	e->locked = true;
	return true;
}

enum tcb_error host_ecall(struct enclave *e, enum call call, struct span body,
			  struct bytes *ret_body, struct diagnosis *d)
{
	const struct frame_head head = {
	    .body_size = (uint32_t)body.size, .kind = FRAME_ECALL, .call = (uint16_t)call};
	struct under_way u = {.e = e};
	struct diagnosis unheard;
	enum tcb_error error;

	if (d == NULL && trace_is_on()) {
		unheard = (struct diagnosis){0};
		d = &unheard;
	}
	enclave_hold(e);
	if (actor_current() != NULL)
		actor_pause();
	if (!take_lock(e)) {
		enclave_release(e);
		return dead(d);
	}
	oracle_call_begins(e, call);
	trace_call("%s %u/%llu < 0x%04x", e->platform->name, e->self.isv_prod_id,
		   (unsigned long long)e->number, (unsigned)call);
	error = enclave_put(e, &head, body) ? run_call(&u, call, ret_body, d) : dead(d);
	trace_call("%s %u/%llu > 0x%04x %s %s", e->platform->name, e->self.isv_prod_id,
		   (unsigned long long)e->number, (unsigned)call, tcb_error_name(error),
		   error != TCB_OK && d != NULL ? d->code : "");
	oracle_call_ends(e, call, error);
	e->locked = false;
	enclave_release(e);
	return error;
}
