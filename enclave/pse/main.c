// SPDX-License-Identifier: MIT
/* Platform Services Enclave (the publication's 106). The AK bank is its only source of the physical TPM's key; it has the
 * processor QUOTE that key with its own, hands the result to enclaves of this processor only, endorses vTPMs, and keeps
 * their ledger. Fed by: the untrusted host. */
#include <openssl/evp.h>

#include "core/limits.h"
#include "crypto/crypto.h"
#include "edge/certified_ak.h"
#include "edge/endorsement.h"
#include "edge/frame.h"
#include "edge/pse.h"
#include "enclave/lib/cose_sign.h"
#include "enclave/lib/dispatch.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/session.h"
#include "enclave/pse/ledger.h"
#include "enclave/pse/vtpm_certificate.h"
#include "enclave/tee/tee.h"

#define CERTIFIED_AK_MAX (LIMIT_QUOTE + 2048)

struct pse {
	bool started;
	EVP_PKEY *key; /* of this boot of this enclave; never stored */
	struct boot_epoch epoch;
	uint8_t certified_ak[CERTIFIED_AK_MAX];
	size_t certified_ak_size;
	struct session_server sessions;
	struct ledger ledger;
};

static struct pse pse;
static uint8_t reply_bytes[CERTIFIED_AK_MAX + 8192]; /* the largest: a certificate with the certified AK in it */
static uint8_t message_bytes[sizeof reply_bytes + 1024]; /* the same, sealed */
_Static_assert(PSE_TOGETHER_MAX * (sizeof message_bytes + 8) <= LIMIT_FRAME, "all replies of a call fit");

/* ---- start: certify the AK ---- */

static enum tcb_error read_bank(struct ak_bank *ret_bank, struct diagnosis *d)
{
	TRY(tee_read_ak_bank(ret_bank));
	if (!ret_bank->locked || ret_bank->ak_public_size == 0)
		return diagnose(d, TCB_REFUSED, "pse.bank.unlocked", "an AK bank that is not locked",
				"the bank written and locked by the ACM at reset", "reset the platform");
	return TCB_OK;
}

static enum tcb_error quote_claims(struct span claims, uint8_t *ret_quote, size_t capacity, size_t *ret_size)
{
	const struct span parts[] = { span_of_text(CERTIFIED_AK_LABEL), claims };
	uint8_t report_data[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memcpy(report_data, digest.bytes, sizeof digest.bytes);
	return tee_quote(report_data, ret_quote, capacity, ret_size);
}

static enum tcb_error certify(struct pse *p, const struct ak_bank *bank, struct span platform_name)
{
	static uint8_t quote[LIMIT_QUOTE];
	uint8_t claims[1024];
	struct writer c = WRITER_OF(claims), w = WRITER_OF(p->certified_ak);
	struct certified_ak ak = {
		.ak_public = span_of(bank->ak_public, bank->ak_public_size),
		.epoch = bank->epoch,
		.ak_source = AK_SOURCE_MSR,
		.platform_name = platform_name,
	};
	size_t quote_size;

	TRY(crypto_p256_new(&p->key));
	TRY(crypto_p256_public(p->key, &ak.pse_key));
	certified_ak_claims_encode(&c, &ak);
	TRY(writer_end(&c, &ak.claims_bytes));
	TRY(quote_claims(ak.claims_bytes, quote, sizeof quote, &quote_size));
	ak.quote = span_of(quote, quote_size);
	certified_ak_encode(&w, &ak);
	TRY(writer_end(&w, NULL));
	p->certified_ak_size = w.size;
	p->epoch = bank->epoch;
	return TCB_OK;
}

static enum tcb_error make_issuer(struct pse *p, struct writer *out, struct diagnosis *d)
{
	uint64_t now_s;

	TRY(host_time(&now_s, d));
	return vtpm_certificate_issuer(p->key, span_of(p->certified_ak, p->certified_ak_size), now_s, out);
}

/* In plain, for the operator: verifiers of EK certificates have it in their trust store. */
static enum tcb_error publish_issuer(struct pse *p, struct diagnosis *d)
{
	struct writer w = WRITER_OF(reply_bytes);

	TRY(make_issuer(p, &w, d));
	return host_store(STORE_PSE_ISSUER, span_of(reply_bytes, w.size), d);
}

static enum tcb_error handle_start(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct pse *p = state;
	struct pse_start start;
	struct ak_bank bank;

	TRY(pse_start_decode(body, &start));
	if (p->started)
		return TCB_WRONG_STATE;
	TRY(read_bank(&bank, d));
	TRY(ledger_load(&p->ledger, start.stored_ledger, d));
	TRY(ledger_snapshot(&p->ledger, d));
	TRY(certify(p, &bank, start.platform_name));
	TRY(host_store(STORE_PSE_CERTIFIED_AK, span_of(p->certified_ak, p->certified_ak_size), d));
	TRY(publish_issuer(p, d));
	p->sessions.roles = 1u << ROLE_VTPM | 1u << ROLE_MIGE;
	p->started = true;
	writer_sized(ret, span_of(p->certified_ak, p->certified_ak_size));
	return TCB_OK;
}

/* ---- requests of other enclaves; each only of the roles in the table ---- */

static enum tcb_error get_certified_ak(struct pse *p, const struct session_entry *from, struct span body,
				       struct writer *reply, struct diagnosis *d)
{
	(void)from;
	(void)d;
	writer_bytes(reply, span_of(p->certified_ak, p->certified_ak_size));
	return body.size == 0 ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error endorse(struct pse *p, const struct session_entry *from, struct span body,
			      struct writer *reply, struct diagnosis *d)
{
	struct local_endorse asked;
	struct ledger_lease lease;
	struct endorsement e;
	uint8_t payload_bytes[1024];
	struct writer w = WRITER_OF(payload_bytes);
	struct span payload;

	TRY(local_endorse_decode(body, &asked));
	TRY(register_check(&p->ledger, &asked.id, from->serial, &lease, d));
	if (lease.phase != LEDGER_HERE)
		return diagnose(d, TCB_REFUSED, "ledger.phase", "a vTPM that is handed over", "a vTPM that runs here",
				"ask the platform that the VM moved to");
	e = (struct endorsement){
		.id = asked.id,
		.generation = asked.generation,
		.residence_key = asked.residence_key,
		.enclave = from->peer, /* the REPORT's word */
		.ek_name = asked.ek_name,
		.ak_name = asked.ak_name,
		.epoch = p->epoch,
		.policy_digest = asked.policy_digest,
		.origin = asked.origin,
	};
	endorsement_encode(&w, &e);
	TRY(writer_end(&w, &payload));
	return cose_sign(p->key, ENDORSEMENT_TYPE, payload, reply);
}

static enum tcb_error endorse_mige(struct pse *p, const struct session_entry *from, struct span body, struct writer *reply,
				   struct diagnosis *d)
{
	struct mige_endorsement e = { .enclave = from->peer, .epoch = p->epoch }; /* the REPORT's word */
	uint8_t payload_bytes[MIGE_ENDORSEMENT_MAX];
	struct writer w = WRITER_OF(payload_bytes);
	struct reader r = reader_of(body);
	struct span payload;

	(void)d;
	TRY(reader_copy(&r, e.mige_key.bytes, sizeof e.mige_key.bytes));
	TRY(reader_end(&r));
	TRY(crypto_p256_check(&e.mige_key));
	mige_endorsement_encode(&w, &e);
	TRY(writer_end(&w, &payload));
	return cose_sign(p->key, MIGE_ENDORSEMENT_TYPE, payload, reply);
}

static enum tcb_error certify_key(struct pse *p, const struct session_entry *from, struct span body,
				  struct writer *reply, struct diagnosis *d)
{
	struct local_certify asked;
	uint64_t now_s;

	(void)from;
	TRY(local_certify_decode(body, &asked));
	TRY(host_time(&now_s, d));
	return vtpm_certificate_issue(p->key, span_of(p->certified_ak, p->certified_ak_size), &asked, now_s, reply, d);
}

static enum tcb_error give_issuer(struct pse *p, const struct session_entry *from, struct span body, struct writer *reply,
				  struct diagnosis *d)
{
	(void)from;
	return body.size == 0 ? make_issuer(p, reply, d) : TCB_MALFORMED;
}

/* ---- the ledger ---- */

static enum tcb_error open_ledger(struct pse *p, const struct session_entry *from, struct span body,
				  struct writer *reply, struct diagnosis *d)
{
	struct ledger_entry entry;
	struct ledger_lease lease;

	TRY(ledger_entry_decode(body, &entry));
	TRY(register_open(&p->ledger, &entry, from->serial, &lease, d));
	ledger_lease_encode(reply, &lease);
	return TCB_OK;
}

static enum tcb_error create_in_ledger(struct pse *p, const struct session_entry *from, struct span body,
				       struct writer *reply, struct diagnosis *d)
{
	struct ledger_entry entry;

	(void)reply;
	TRY(ledger_entry_decode(body, &entry));
	return register_create(&p->ledger, &entry, from->serial, d);
}

static enum tcb_error commit_ledger(struct pse *p, const struct session_entry *from, struct span body,
				    struct writer *reply, struct diagnosis *d)
{
	struct ledger_entry entry;

	(void)reply;
	TRY(ledger_entry_decode(body, &entry));
	return register_commit(&p->ledger, &entry, from->serial, d);
}

static enum tcb_error arrive_in_ledger(struct pse *p, const struct session_entry *from, struct span body,
				       struct writer *reply, struct diagnosis *d)
{
	struct ledger_entry entry;

	(void)reply;
	TRY(ledger_entry_decode(body, &entry));
	return register_arrive(&p->ledger, &entry, from->serial, d);
}

static enum tcb_error check_in_ledger(struct pse *p, const struct session_entry *from, struct span body,
				      struct writer *reply, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct ledger_lease lease;
	struct uuid id;

	TRY(reader_copy(&r, id.bytes, sizeof id.bytes));
	TRY(reader_end(&r));
	TRY(register_check(&p->ledger, &id, from->serial, &lease, d));
	ledger_lease_encode(reply, &lease);
	return TCB_OK;
}

static enum tcb_error take_offer(struct pse *p, const struct session_entry *from, struct span body,
				 struct writer *reply, struct diagnosis *d)
{
	struct ledger_offer offer;

	(void)reply;
	TRY(ledger_offer_decode(body, &offer));
	return register_offer(&p->ledger, &offer, from->serial, d);
}

static enum tcb_error expect_arrival(struct pse *p, const struct session_entry *from, struct span body,
				     struct writer *reply, struct diagnosis *d)
{
	struct ledger_arrival arrival;

	(void)reply;
	TRY(ledger_arrival_decode(body, &arrival));
	return register_expect(&p->ledger, &arrival, from->serial, d);
}

static enum tcb_error open_journal(struct pse *p, const struct session_entry *from, struct span body,
				   struct writer *reply, struct diagnosis *d)
{
	struct journal_version m;
	bool ahead;

	TRY(journal_version_decode(body, &m));
	TRY(register_open_journal(&p->ledger, &m, from->serial, &ahead, d));
	writer_bool(reply, ahead);
	return TCB_OK;
}

static enum tcb_error commit_journal(struct pse *p, const struct session_entry *from, struct span body,
				     struct writer *reply, struct diagnosis *d)
{
	struct journal_version m;

	(void)reply;
	TRY(journal_version_decode(body, &m));
	return register_commit_journal(&p->ledger, &m, from->serial, d);
}

static enum tcb_error check_journal(struct pse *p, const struct session_entry *from, struct span body,
				    struct writer *reply, struct diagnosis *d)
{
	(void)reply;
	return body.size == 0 ? register_check_journal(&p->ledger, from->serial, d) : TCB_MALFORMED;
}

static enum tcb_error note_grant(struct pse *p, const struct session_entry *from, struct span body,
				 struct writer *reply, struct diagnosis *d)
{
	struct ledger_handover m;

	(void)reply;
	TRY(ledger_handover_decode(body, &m));
	return register_granted(&p->ledger, &m, from->serial, d);
}

static enum tcb_error renounce(struct pse *p, const struct session_entry *from, struct span body,
			       struct writer *reply, struct diagnosis *d)
{
	struct ledger_handover m;

	(void)reply;
	TRY(ledger_handover_decode(body, &m));
	return register_renounce(&p->ledger, &m, from->serial, d);
}

static enum tcb_error look_into_ledger(struct pse *p, const struct session_entry *from, struct span body,
				       struct writer *reply, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct digest256 lineage;
	struct uuid id;

	(void)from;
	(void)d;
	while (r.rest.size > 0) {
		const struct ledger_slot *slot;
		bool has;

		TRY(reader_copy(&r, id.bytes, sizeof id.bytes));
		TRY(reader_copy(&r, lineage.bytes, sizeof lineage.bytes));
		slot = ledger_find(&p->ledger, &id);
		has = slot != NULL && memcmp(&slot->lineage, &lineage, sizeof lineage) == 0;
		writer_bool(reply, has);
		writer_u64(reply, has ? slot->generation : 0);
	}
	return TCB_OK;
}

static const struct permit {
	enum local_request request;
	unsigned roles;
	enum tcb_error (*handle)(struct pse *p, const struct session_entry *from, struct span body,
				 struct writer *reply, struct diagnosis *d);
} permits[] = {
	{ LOCAL_GET_CERTIFIED_AK, 1u << ROLE_VTPM | 1u << ROLE_MIGE, get_certified_ak },
	{ LOCAL_ENDORSE, 1u << ROLE_VTPM, endorse },
	{ LOCAL_ENDORSE_MIGE, 1u << ROLE_MIGE, endorse_mige },
	{ LOCAL_CERTIFY, 1u << ROLE_VTPM, certify_key },
	{ LOCAL_ISSUER, 1u << ROLE_VTPM, give_issuer },
	{ LOCAL_LEDGER_OPEN, 1u << ROLE_VTPM, open_ledger },
	{ LOCAL_LEDGER_CREATE, 1u << ROLE_VTPM, create_in_ledger },
	{ LOCAL_LEDGER_ARRIVE, 1u << ROLE_VTPM, arrive_in_ledger },
	{ LOCAL_LEDGER_OFFER, 1u << ROLE_VTPM, take_offer },
	{ LOCAL_LEDGER_EXPECT, 1u << ROLE_VTPM, expect_arrival },
	{ LOCAL_LEDGER_COMMIT, 1u << ROLE_VTPM, commit_ledger },
	{ LOCAL_LEDGER_CHECK, 1u << ROLE_VTPM, check_in_ledger },
	{ LOCAL_LEDGER_HAS, 1u << ROLE_MIGE, look_into_ledger },
	{ LOCAL_JOURNAL_OPEN, 1u << ROLE_MIGE, open_journal },
	{ LOCAL_JOURNAL_COMMIT, 1u << ROLE_MIGE, commit_journal },
	{ LOCAL_JOURNAL_CHECK, 1u << ROLE_MIGE, check_journal },
	{ LOCAL_LEDGER_GRANTED, 1u << ROLE_MIGE, note_grant },
	{ LOCAL_LEDGER_RENOUNCE, 1u << ROLE_MIGE, renounce },
};

static enum tcb_error answer_request(struct pse *p, const struct session_request *request, struct writer *reply,
				     struct diagnosis *d)
{
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].request == request->request &&
		    (permits[i].roles & 1u << request->session->peer.isv_prod_id) != 0)
			return permits[i].handle(p, request->session, request->body, reply, d);
	return diagnose(d, TCB_REFUSED, "pse.request", "a request that this role may not make", "one of edge/local.h",
			"use enclaves of one release");
}

/* The reply goes to `ret`. */
static enum tcb_error answer_message(struct pse *p, const struct peer_message *m, struct writer *ret, struct diagnosis *d)
{
	struct writer reply = WRITER_OF(reply_bytes);
	struct diagnosis refusal = {0};
	struct session_request request;
	struct span reply_body = {0};
	enum tcb_error error;

	if (!p->started || m->session == 0)
		return TCB_WRONG_STATE;
	TRY(session_receive(&p->sessions, m->session, m->message, ret, &request, d));
	if (request.is_handshake)
		return TCB_OK;
	error = answer_request(p, &request, &reply, &refusal);
	if (error == TCB_OK)
		error = writer_end(&reply, &reply_body);
	if (error != TCB_OK)
		(void)diagnose(&refusal, error, "pse.error", tcb_error_name(error), "a request that can be met", "");
	return session_reply(request.session, error, reply_body, &refusal, ret);
}

static enum tcb_error put_reply(struct pse *p, const struct peer_message *m, struct writer *ret)
{
	struct writer message = WRITER_OF(message_bytes);
	struct diagnosis d = {0};
	struct peer_reply reply;

	reply.error = answer_message(p, m, &message, &d);
	if (reply.error == TCB_OK)
		reply.error = writer_end(&message, NULL);
	if (reply.error != TCB_OK) {
		(void)diagnose(&d, reply.error, "pse.session", tcb_error_name(reply.error), "a session's next message", "");
		message = WRITER_OF(message_bytes);
		diagnosis_encode(&message, &d);
	}
	TRY(writer_end(&message, &reply.bytes));
	peer_reply_encode(ret, &reply);
	return TCB_OK;
}

static enum tcb_error handle_peer(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct peer_message messages[PSE_TOGETHER_MAX];
	struct reader r = reader_of(body);
	size_t count = 0;

	(void)d;
	do { /* all of them before anything is done */
		if (count == PSE_TOGETHER_MAX)
			return TCB_LIMIT;
		TRY(peer_message_read(&r, &messages[count++]));
	} while (r.rest.size > 0);
	for (size_t i = 0; i < count; i++)
		TRY(put_reply(state, &messages[i], ret));
	return TCB_OK;
}

static enum tcb_error handle_forget(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct pse *p = state;
	struct reader r = reader_of(body);
	uint64_t session;

	(void)ret;
	(void)d;
	TRY(reader_u64(&r, &session));
	TRY(reader_end(&r));
	session_forget(&p->sessions, session);
	return TCB_OK;
}

static enum tcb_error handle_drop(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct pse *p = state;
	struct reader r = reader_of(body);
	struct digest256 newest;
	struct uuid id;
	bool dropped, any;

	TRY(reader_copy(&r, id.bytes, sizeof id.bytes));
	any = r.rest.size == 0;
	if (!any)
		TRY(reader_copy(&r, newest.bytes, sizeof newest.bytes));
	TRY(reader_end(&r));
	if (!p->started)
		return TCB_WRONG_STATE;
	TRY(register_drop(&p->ledger, &id, any ? NULL : &newest, &dropped, d));
	writer_bool(ret, dropped);
	return TCB_OK;
}

static enum tcb_error handle_snapshot(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct pse *p = state;

	(void)ret;
	if (body.size != 0)
		return TCB_MALFORMED;
	return p->started ? ledger_snapshot(&p->ledger, d) : TCB_WRONG_STATE;
}

static const struct enclave_call calls[] = {
	{ CALL_PSE_START, handle_start },
	{ CALL_PSE_PEER, handle_peer },
	{ CALL_PSE_FORGET, handle_forget },
	{ CALL_PSE_SNAPSHOT, handle_snapshot },
	{ CALL_PSE_DROP, handle_drop },
};

int main(void)
{
	tee_lock_memory();
	tee_enter(NULL);
	enclave_serve(calls, sizeof calls / sizeof calls[0], &pse);
}
