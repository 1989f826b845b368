// SPDX-License-Identifier: MIT
/* The side that takes: it asks, proves its platform by a fresh quote, and gives the key to no one but the vTPM that asked. */
#include <openssl/ssl.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/frame.h"
#include "enclave/lib/ocall.h"
#include "enclave/mige/mige.h"

static uint8_t body_bytes[CHANNEL_MESSAGE_MAX];
static uint8_t answer_bytes[sizeof(struct secret256) + LIMIT_CUSTODY_RECORD + LIMIT_CUSTODY_PROOF + JUDGE_CERTIFIED_AK_MAX + 16];

/* A message that names the hand-over alone. */
static enum tcb_error send_about(struct mige_connection *c, enum wan_kind kind, enum connection_stage next)
{
	TRY(channel_send(&c->channel, kind, SPAN_OF(c->request.handover.bytes)));
	c->stage = next;
	return TCB_OK;
}

enum tcb_error destination_ask(struct mige_connection *c)
{
	const struct wan_ask ask = { .handover = c->request.handover, .id = c->request.id,
				     .generation = c->request.generation, .enclave = c->request.enclave };
	uint8_t ask_bytes[160];
	struct writer w = WRITER_OF(ask_bytes);
	struct span body;

	if (c->request.kind == REQUEST_CONFIRM)
		return send_about(c, WAN_CONFIRM, CONNECTION_CONFIRMING);
	if (c->request.kind == REQUEST_RETURN)
		return send_about(c, WAN_RETURN, CONNECTION_RETURNING);
	wan_ask_encode(&w, &ask);
	TRY(writer_end(&w, &body));
	TRY(channel_send(&c->channel, WAN_ASK, body));
	c->stage = CONNECTION_ASKED;
	return TCB_OK;
}

static enum tcb_error receive_attest(struct mige *m, struct mige_connection *c, struct span body,
				     struct mige_answer *answer, struct diagnosis *d)
{
	struct wan_attest attest;
	uint64_t now_s;

	(void)answer;
	TRY(wan_attest_decode(body, &attest));
	TRY(host_time(&now_s, d));
	TRY(judge_peer(&m->judge, JUDGE_SOURCE, &attest, now_s, &c->peer, d));
	c->stage = CONNECTION_READY;
	return c->request.waiting ? destination_ask(c) : TCB_OK;
}

static enum tcb_error receive_challenge(struct mige *m, struct mige_connection *c, struct span body,
					struct mige_answer *answer, struct diagnosis *d)
{
	struct host_platform_quote quote;
	struct writer w = WRITER_OF(body_bytes);
	struct digest256 commitment;
	struct wan_redeem proof;
	struct span out;

	(void)answer;
	if (body.size != SHA256_SIZE)
		return TCB_MALFORMED;
	TRY(wan_commitment(body.data, &m->public, &commitment));
	TRY(host_platform_quote(&commitment, &quote, d));
	proof = (struct wan_redeem){ .platform_quote = quote.quote, .event_log = quote.event_log };
	wan_redeem_encode(&w, &proof);
	TRY(writer_end(&w, &out));
	TRY(channel_send(&c->channel, WAN_REDEEM, out));
	c->stage = CONNECTION_PROVED;
	return TCB_OK;
}

static enum tcb_error note_arrival(struct mige *m, const struct mige_connection *c, struct diagnosis *d)
{
	const struct local_redeem granted = { .handover = c->request.handover, .id = c->request.id, .lineage = c->request.lineage,
					      .generation = c->request.generation,
					      .source_address = span_of(c->address, c->address_size) };
	const struct ledger_handover about = { .id = granted.id, .lineage = granted.lineage, .handover = granted.handover };

	TRY(journal_arrive(&m->journal, &granted, d));
	return mige_note_granted(m, &about, d);
}

/* Durable in our journal before the vTPM has the key: from now on an older generation cannot come here. */
static enum tcb_error receive_grant(struct mige *m, struct mige_connection *c, struct span body,
				    struct mige_answer *answer, struct diagnosis *d)
{
	struct local_redeemed redeemed;
	struct writer w = WRITER_OF(answer_bytes);
	struct certified_ak own;
	struct wan_grant grant;
	struct tpm_name own_ak;

	TRY(wan_grant_decode(body, &grant));
	if (c->request.cancelled)
		return diagnose(d, TCB_REFUSED, "mige.handover.returned", "a hand-over that this platform gave back",
				"one that is open", "migrate again from where the VM runs now");
	TRY(certified_ak_decode(mige_certified_ak(m), &own));
	TRY(tpm_name_of(own.ak_public, &own_ak));
	TRY(custody_check_grant(c, &grant, &own_ak, d));
	TRY(note_arrival(m, c, d));
	redeemed = (struct local_redeemed){ .key_bytes = grant.key_bytes, .custody_record = grant.custody_record,
					    .custody_proof = grant.custody_proof,
					    .certified_ak = mige_certified_ak(m) };
	local_redeemed_encode(&w, &redeemed);
	TRY(writer_end(&w, &answer->body));
	answer->ready = true;
	c->stage = CONNECTION_READY;
	return TCB_OK;
}

static enum tcb_error receive_told(struct mige *m, struct mige_connection *c, struct span body,
					struct mige_answer *answer, struct diagnosis *d)
{
	if (!span_equal(body, SPAN_OF(c->request.handover.bytes)))
		return TCB_MALFORMED;
	TRY(journal_told(&m->journal, &c->request.handover, d));
	answer->ready = true;
	c->stage = CONNECTION_READY;
	return TCB_OK;
}

static enum tcb_error receive_refuse(struct mige *m, struct mige_connection *c, struct span body,
				     struct mige_answer *answer, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct diagnosis from_source;

	(void)m;
	(void)c;
	(void)answer;
	TRY(diagnosis_decode(&r, &from_source));
	TRY(reader_end(&r));
	return diagnose_again(d, TCB_REFUSED, &from_source);
}

static const struct permit {
	enum connection_stage stage;
	enum wan_kind kind;
	enum tcb_error (*receive)(struct mige *m, struct mige_connection *c, struct span body, struct mige_answer *answer,
				  struct diagnosis *d);
} permits[] = {
	{ CONNECTION_ATTEST, WAN_ATTEST, receive_attest },
	{ CONNECTION_ATTEST, WAN_REFUSE, receive_refuse },
	{ CONNECTION_ASKED, WAN_CHALLENGE, receive_challenge },
	{ CONNECTION_ASKED, WAN_REFUSE, receive_refuse },
	{ CONNECTION_PROVED, WAN_GRANT, receive_grant },
	{ CONNECTION_PROVED, WAN_REFUSE, receive_refuse },
	{ CONNECTION_CONFIRMING, WAN_CONFIRMED, receive_told },
	{ CONNECTION_CONFIRMING, WAN_REFUSE, receive_refuse },
	{ CONNECTION_RETURNING, WAN_RETURNED, receive_told },
	{ CONNECTION_RETURNING, WAN_REFUSE, receive_refuse },
};

enum tcb_error destination_receive(struct mige *m, struct mige_connection *c, enum wan_kind kind, struct span body,
				   struct mige_answer *answer, struct diagnosis *d)
{
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].stage == c->stage && permits[i].kind == kind)
			return permits[i].receive(m, c, body, answer, d);
	return diagnose(d, TCB_WRONG_STATE, "mige.wan.order", "a message out of its order", "the order of edge/wan.h",
			"use enclaves of one release");
}
