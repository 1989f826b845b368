/* Migration Enclave (the publication's 108). Keeps what source vTPMs leave with it, decides once to whom it goes, and says so in
 * its journal first. Trusts: processor, PSE and vTPMs of this processor after local attestation. Fed by: the untrusted host,
 * and through it the network. */
#include "enclave/mige/mige.h"

#include "crypto/crypto.h"
#include "edge/pse.h"
#include "enclave/lib/dispatch.h"
#include "enclave/tee/tee.h"

static struct mige mige = { .pse = { .peer_role = ROLE_PSE } };
static uint8_t reply_bytes[LIMIT_LOCAL_MESSAGE / 2], message_bytes[LIMIT_LOCAL_MESSAGE];

static enum tcb_error handle_start(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct mige_start start;

	(void)ret;
	TRY(mige_start_decode(body, &start));
	if (m->started)
		return TCB_WRONG_STATE;
	TRY(journal_open(&m->journal, start.sealed_journal, d));
	memcpy(m->address, start.address.data, start.address.size);
	m->address_size = start.address.size;
	memcpy(m->name, start.platform_name.data, start.platform_name.size);
	m->name_size = start.platform_name.size;
	TRY(crypto_p256_new(&m->key));
	TRY(crypto_p256_public(m->key, &m->public));
	m->sessions.roles = 1u << ROLE_VTPM;
	m->started = true;
	return TCB_OK;
}

/* ---- requests of vTPMs ---- */

static enum tcb_error activate(struct mige *m, struct span body, struct writer *reply, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	uint64_t generation;
	struct uuid id;

	(void)reply;
	TRY(reader_copy(&r, id.bytes, sizeof id.bytes));
	TRY(reader_u64(&r, &generation));
	TRY(reader_end(&r));
	return journal_activate(&m->journal, &id, generation, d);
}

static enum tcb_error escrow(struct mige *m, struct span body, struct writer *reply, struct diagnosis *d)
{
	struct local_escrow escrow;
	struct local_escrowed escrowed = { .address = span_of(m->address, m->address_size), .mige_key = m->public };

	TRY(local_escrow_decode(body, &escrow));
	TRY(journal_escrow(&m->journal, &escrow, d));
	local_escrowed_encode(reply, &escrowed);
	return TCB_OK;
}

static enum tcb_error revoke(struct mige *m, struct span body, struct writer *reply, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct handover_id handover;

	(void)reply;
	TRY(reader_copy(&r, handover.bytes, sizeof handover.bytes));
	TRY(reader_end(&r));
	return journal_revoke(&m->journal, &handover, d);
}

static enum tcb_error redeem(struct mige *m, struct span body, struct writer *reply, struct diagnosis *d)
{
	struct local_redeem asked;

	(void)m;
	(void)reply;
	TRY(local_redeem_decode(body, &asked));
	return diagnose(d, TCB_REFUSED, "mige.redeem.missing", "a hand-over from another platform",
			"a MigE that can attest its peer: this build's cannot yet", "keep the VM where it is; see CAVEATS");
}

static const struct permit {
	enum local_request request;
	enum tcb_error (*handle)(struct mige *m, struct span body, struct writer *reply, struct diagnosis *d);
} permits[] = {
	{ LOCAL_ACTIVATE, activate },
	{ LOCAL_ESCROW, escrow },
	{ LOCAL_REVOKE, revoke },
	{ LOCAL_REDEEM, redeem },
};

static enum tcb_error answer_request(struct mige *m, const struct session_request *request, struct writer *reply,
				     struct diagnosis *d)
{
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].request == request->request)
			return permits[i].handle(m, request->body, reply, d);
	return diagnose(d, TCB_REFUSED, "mige.request", "a request that a MigE does not have", "one of edge/local.h",
			"use enclaves of one release");
}

static enum tcb_error handle_peer(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct mige *m = state;
	struct writer message = WRITER_OF(message_bytes), reply = WRITER_OF(reply_bytes);
	struct mige_step step = { .answered = true };
	struct diagnosis refusal = {0};
	struct session_request request;
	struct span reply_body = {0};
	struct peer_message pm;
	enum tcb_error error;

	TRY(peer_message_decode(body, &pm));
	if (!m->started)
		return TCB_WRONG_STATE;
	TRY(session_receive(&m->sessions, pm.session, pm.message, &message, &request, d));
	if (!request.is_handshake) {
		error = answer_request(m, &request, &reply, &refusal);
		if (error == TCB_OK)
			error = writer_end(&reply, &reply_body);
		(void)diagnose(&refusal, error, "mige.error", tcb_error_name(error), "a request that can be met", "");
		TRY(session_reply(request.session, error, reply_body, &refusal, &message));
	}
	TRY(writer_end(&message, &step.reply));
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
	{ CALL_MIGE_FORGET, handle_forget },
};

int main(void)
{
	tee_enter();
	enclave_serve(calls, sizeof calls / sizeof calls[0], &mige);
}
