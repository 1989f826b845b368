// SPDX-License-Identifier: MIT
/* Migration Enclave (the publication's 108). Keeps what source vTPMs leave with it, decides once to whom it goes, and says so in
 * its journal first. Trusts: processor, PSE and vTPMs of this processor after local attestation. Fed by: the untrusted host,
 * and through it the network. */
#include "enclave/mige/mige.h"

#include "crypto/crypto.h"
#include "edge/pse.h"
#include "enclave/lib/dispatch.h"
#include "enclave/mige/ratls.h"
#include "enclave/tee/tee.h"

static struct mige mige; /* zeros: initialisers would put all of it into the image */
static uint8_t reply_bytes[LIMIT_LOCAL_MESSAGE / 2], message_bytes[LIMIT_LOCAL_MESSAGE];

/* ---- start ---- */

/* Our key, the QUOTE over it, and from this the only root that peers may have. */
static enum tcb_error make_identity(struct mige *m)
{
	static uint8_t quote_bytes[LIMIT_QUOTE];
	uint8_t report_data[SGX_REPORT_DATA_SIZE];
	size_t quote_size;
	struct span quote;

	TRY(crypto_p256_new(&m->key));
	TRY(crypto_p256_public(m->key, &m->public));
	TRY(ratls_report_data(&m->public, report_data));
	TRY(tee_quote(report_data, quote_bytes, sizeof quote_bytes, &quote_size));
	quote = span_of(quote_bytes, quote_size);
	TRY(judge_init(&m->judge, quote));
	return ratls_context_new(m->key, quote, &m->tls);
}

/* Numbers of connections begin anywhere, so that a host which outlives us does not take a new one for an old one. */
static enum tcb_error draw_first_number(struct mige *m)
{
	uint8_t bytes[sizeof m->last_number];
	struct reader r = reader_of(SPAN_OF(bytes));

	TRY(crypto_random(bytes, sizeof bytes));
	bytes[0] &= 0x3f; /* MIGE_CONNECTION_INBOUND is never reached */
	return reader_u64(&r, &m->last_number);
}

/* The PSE's for as long as it lives; where it starts anew the platform does, and we with it. */
static enum tcb_error fetch_certified_ak(struct mige *m, struct diagnosis *d)
{
	struct span document;

	TRY(session_call(&m->pse, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &document, d));
	if (document.size > sizeof m->certified_ak)
		return TCB_LIMIT;
	memcpy(m->certified_ak, document.data, document.size);
	m->certified_ak_size = document.size;
	return TCB_OK;
}

struct span mige_certified_ak(const struct mige *m)
{
	return span_of(m->certified_ak, m->certified_ak_size);
}

enum tcb_error mige_note_granted(struct mige *m, const struct ledger_handover *granted, struct diagnosis *d)
{
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_handover_encode(&w, granted);
	TRY(writer_end(&w, &body));
	return session_call(&m->pse, LOCAL_LEDGER_GRANTED, body, &reply, d);
}

static enum tcb_error handle_start(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct mige_start start;

	(void)ret;
	TRY(mige_start_decode(body, &start));
	if (m->started)
		return TCB_WRONG_STATE;
	m->journal.pse = &m->pse;
	TRY(journal_open(&m->journal, start.sealed_journal, d));
	TRY(make_identity(m));
	TRY(draw_first_number(m));
	TRY(fetch_certified_ak(m, d));
	memcpy(m->address, start.address.data, start.address.size);
	m->address_size = start.address.size;
	m->sessions.roles = 1u << ROLE_VTPM;
	mige_rehearse(m);
	(void)!custody_prepare(m, NULL); /* now rather than in a pause; if it fails, it is made when it is needed */
	m->started = true;
	return TCB_OK;
}

/* ---- requests of vTPMs; those that are not answered at once put what is to be done into the step ---- */

static enum tcb_error has_moved(struct mige *m, const struct session_request *request, struct writer *reply,
				struct mige_step *step, struct diagnosis *d)
{
	struct reader r = reader_of(request->body);
	struct digest256 lineage;
	uint64_t generation;
	struct uuid id;

	(void)step;
	(void)d;
	TRY(reader_copy(&r, id.bytes, sizeof id.bytes));
	TRY(reader_copy(&r, lineage.bytes, sizeof lineage.bytes));
	TRY(reader_u64(&r, &generation));
	TRY(reader_end(&r));
	writer_bool(reply, journal_has_moved(&m->journal, &id, &lineage, generation));
	return TCB_OK;
}

static enum tcb_error escrow(struct mige *m, const struct session_request *request, struct writer *reply,
			     struct mige_step *step, struct diagnosis *d)
{
	struct local_escrow escrow;
	struct local_escrowed escrowed = { .address = span_of(m->address, m->address_size), .mige_key = m->public };

	(void)step;
	TRY(local_escrow_decode(request->body, &escrow));
#ifndef TCBIND_PLANT_F5 /* planted: custody has an end */
	TRY(custody_fold(m, &escrow, &escrowed.custody, d)); /* the destination adds one record */
#endif
	if (request->request == LOCAL_ESCROW_AGAIN) {
		TRY(journal_escrow_again(&m->journal, &escrow, &escrowed.handover, d));
	} else {
		TRY(judge_policy(escrow.policy, d)); /* while the VM can still go on here */
		TRY(journal_escrow(&m->journal, &escrow, request->session->peer.isv_svn, d));
		escrowed.handover = escrow.handover;
	}
	local_escrowed_encode(reply, &escrowed);
	return TCB_OK;
}

static enum tcb_error revoke(struct mige *m, const struct session_request *request, struct writer *reply,
			     struct mige_step *step, struct diagnosis *d)
{
	enum revoke_outcome outcome;
	struct reader r = reader_of(request->body);
	struct ledger_handover about;
	uint64_t generation;

	(void)step;
	TRY(reader_copy(&r, about.id.bytes, sizeof about.id.bytes));
	TRY(reader_copy(&r, about.lineage.bytes, sizeof about.lineage.bytes));
	TRY(reader_copy(&r, about.handover.bytes, sizeof about.handover.bytes));
	TRY(reader_u64(&r, &generation));
	TRY(reader_end(&r));
	TRY(journal_revoke(&m->journal, &about, generation, &outcome, d));
	writer_u8(reply, (uint8_t)outcome);
	return TCB_OK;
}

/* Whatever enclave has the key of this hand-over: from now on the PSE takes no arrival by it, and no
 * grant of it that is still under way comes to anything here. Then the source is told. */
static enum tcb_error renounce(struct mige *m, const struct session_request *request, struct writer *reply,
			       struct mige_step *step, struct diagnosis *d)
{
	struct mige_request waiting = { .kind = REQUEST_RETURN, .session = request->session->number,
					.serial = request->session->serial };
	struct journal_entry *here;
	struct ledger_handover about;
	struct journal_arrival source;
	struct span unused;

	(void)reply;
	TRY(ledger_handover_decode(request->body, &about));
	net_cancel(m, &about.handover);
	TRY(session_call(&m->pse, LOCAL_LEDGER_RENOUNCE, request->body, &unused, d));
	here = journal_find_handover(&m->journal, &about.handover);
	if (here != NULL)
		return source_take_back(m, here, d);
	TRY(journal_renounce(&m->journal, &about, &source, d));
	waiting.handover = about.handover;
	waiting.id = about.id;
	return net_ask(m, span_of(source.address, source.address_size), &waiting, step, d);
}

static enum tcb_error redeem(struct mige *m, const struct session_request *request, struct writer *reply,
			     struct mige_step *step, struct diagnosis *d)
{
	struct mige_request waiting = { .session = request->session->number, .serial = request->session->serial };
	struct local_redeem asked;

	TRY(local_redeem_decode(request->body, &asked));
	if (journal_find_handover(&m->journal, &asked.handover) != NULL)
		return source_redeem_here(m, &asked, &request->session->peer, reply, d);
	if (asked.source_address.size == 0 || memcmp(&asked.source_mige_key, &m->public, sizeof m->public) == 0)
		return diagnose(d, TCB_REFUSED, "mige.handover.unknown", "a hand-over that began here and is not open",
				"one that was not revoked and not redeemed", "run the vTPM from the state that it has here");
	TRY(journal_check_arrival(&m->journal, &asked, d));
	waiting.handover = asked.handover;
	waiting.id = asked.id;
	waiting.lineage = asked.lineage;
	waiting.generation = asked.generation;
	waiting.enclave = request->session->peer;
	return net_ask(m, asked.source_address, &waiting, step, d);
}

static const struct permit {
	enum local_request request;
	enum tcb_error (*handle)(struct mige *m, const struct session_request *request, struct writer *reply,
				 struct mige_step *step, struct diagnosis *d);
} permits[] = {
	{ LOCAL_ESCROW, escrow },
	{ LOCAL_REVOKE, revoke },
	{ LOCAL_HAS_MOVED, has_moved },
	{ LOCAL_REDEEM, redeem },
	{ LOCAL_ESCROW_AGAIN, escrow },
	{ LOCAL_RENOUNCE, renounce },
};

static enum tcb_error handle_request(struct mige *m, const struct session_request *request, struct writer *reply,
				     struct mige_step *step, struct diagnosis *d)
{
	TRY(journal_certain(&m->journal, d));
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].request == request->request)
			return permits[i].handle(m, request, reply, step, d);
	return diagnose(d, TCB_REFUSED, "mige.request", "a request that a MigE does not have", "one of edge/local.h",
			"use enclaves of one release");
}

/* Seals an answer for the vTPM that `session` belongs to. */
static enum tcb_error put_reply(struct session_entry *session, const struct mige_answer *answer, struct mige_step *step)
{
	struct writer message = WRITER_OF(message_bytes);

	TRY(session_reply(session, answer->error, answer->body, &answer->d, &message));
	step->answered = true;
	return writer_end(&message, &step->reply);
}

static enum tcb_error answer_request(struct mige *m, const struct session_request *request, struct mige_step *step)
{
	struct writer reply = WRITER_OF(reply_bytes);
	struct mige_answer answer = {0};
	enum tcb_error error;

	answer.error = handle_request(m, request, &reply, step, &answer.d);
	if (answer.error == TCB_OK && step->connection != 0)
		return TCB_OK; /* it waits for the network */
	if (answer.error == TCB_OK)
		answer.error = writer_end(&reply, &answer.body);
	(void)diagnose(&answer.d, answer.error, "mige.error", tcb_error_name(answer.error), "a request that can be met",
		       "report this with the daemon's log");
	error = put_reply(request->session, &answer, step);
	wipe(reply_bytes, reply.size);
	return error;
}

/* ---- calls ---- */

static enum tcb_error handle_peer(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct writer message = WRITER_OF(message_bytes);
	struct mige_step step = {0};
	struct session_request request;
	struct peer_message pm;

	TRY(peer_message_decode(body, &pm));
	if (!m->started)
		return TCB_WRONG_STATE;
	m->calls++;
	TRY(session_receive(&m->sessions, pm.session, pm.message, &message, &request, d));
	if (request.is_handshake) {
		step.answered = true;
		TRY(writer_end(&message, &step.reply));
	} else {
		TRY(answer_request(m, &request, &step));
	}
	mige_step_encode(ret, &step);
	return TCB_OK;
}

static enum tcb_error handle_net(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct mige_step step = {0};
	struct mige_answer answer = {0};
	struct mige_request request = {0};
	struct session_entry *session;
	struct mige_net net;

	(void)d;
	TRY(mige_net_decode(body, &net));
	if (!m->started)
		return TCB_WRONG_STATE;
	m->calls++;
	net_receive(m, &net, &step, &answer, &request);
	if (answer.ready && request.session == 0) {
		tidy_ended(m, &request, answer.error);
		step.answered = true; /* with nothing */
	} else if (answer.ready) {
		session = session_find(&m->sessions, request.session);
		if (session != NULL && session->serial == request.serial)
			TRY(put_reply(session, &answer, &step));
		step.answered = true; /* with nothing, if the vTPM that asked is gone */
	}
	mige_step_encode(ret, &step);
	return TCB_OK;
}

static enum tcb_error handle_tidy(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct reader r = reader_of(body);
	struct mige_step step = {0};
	uint64_t round;

	TRY(reader_u64(&r, &round));
	TRY(reader_end(&r));
	if (!m->started)
		return TCB_WRONG_STATE;
	m->calls++;
	TRY(tidy_step(m, round, &step, d));
	mige_step_encode(ret, &step);
	return TCB_OK;
}

static enum tcb_error handle_forget(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct reader r = reader_of(body);
	uint64_t session;

	(void)ret;
	(void)d;
	TRY(reader_u64(&r, &session));
	TRY(reader_end(&r));
	session_forget(&m->sessions, session);
	return TCB_OK;
}

static const struct enclave_call calls[] = {
	{ CALL_MIGE_START, handle_start },
	{ CALL_MIGE_PEER, handle_peer },
	{ CALL_MIGE_NET, handle_net },
	{ CALL_MIGE_FORGET, handle_forget },
	{ CALL_MIGE_TIDY, handle_tidy },
};

int main(void)
{
	if (ratls_init() != TCB_OK)
		tee_abort("libssl does not start");
	mige.pse.peer_role = ROLE_PSE;
	tee_lock_memory();
	tee_enter(NULL);
	enclave_serve(calls, sizeof calls / sizeof calls[0], &mige);
}
