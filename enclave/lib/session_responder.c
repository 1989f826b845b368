// SPDX-License-Identifier: MIT
#include "enclave/lib/session_crypto.h"

#include <openssl/evp.h>

#include "core/limits.h"
#include "edge/frame.h"

static uint8_t plain_bytes[LIMIT_LOCAL_MESSAGE];

/* A session that was greeted but not proved keeps its keys until then; both are wiped with the entry. */
struct session_entry *session_find(struct session_server *server, uint64_t number)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (server->entries[i].stage != SESSION_FREE && server->entries[i].number == number)
			return &server->entries[i];
	return NULL;
}

void session_forget(struct session_server *server, uint64_t number)
{
	struct session_entry *entry = session_find(server, number);

	if (entry != NULL)
		wipe(entry, sizeof *entry);
}

static struct session_entry *take_entry(struct session_server *server, uint64_t number)
{
	static uint64_t serials;

	session_forget(server, number); /* a new hello on an old number starts over */
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (server->entries[i].stage == SESSION_FREE) {
			server->entries[i].number = number;
			server->entries[i].serial = ++serials;
			return &server->entries[i];
		}
	}
	return NULL;
}

static enum tcb_error answer_hello(struct session_entry *entry, const struct session_hello *initiator,
				   EVP_PKEY *own, const struct session_hello *responder, struct writer *ret)
{
	uint8_t report[SGX_REPORT_SIZE];

	TRY(session_transcript(initiator, responder, entry->transcript));
	TRY(session_derive(own, &initiator->point, entry->transcript, false, &entry->keys));
	TRY(session_report(SESSION_RESPONDER_LABEL, entry->transcript, initiator->target, report));
	session_hello_encode(ret, responder);
	writer_bytes(ret, SPAN_OF(report));
	return writer_end(ret, NULL);
}

static enum tcb_error receive_hello(struct session_server *server, uint64_t number, struct reader *r,
				    struct writer *ret, struct diagnosis *d)
{
	struct session_hello initiator, responder;
	struct session_entry *entry;
	EVP_PKEY *own = NULL;
	enum tcb_error error;

	TRY(session_hello_decode(r, &initiator));
	TRY(reader_end(r));
	entry = take_entry(server, number);
	if (entry == NULL)
		return diagnose_found(d, TCB_LIMIT, "session.limit", "fewer sessions at once",
				      "stop vTPMs that are not needed, or spread them over platforms",
				      "%u sessions are open", SESSIONS_MAX);
	TRY(session_hello_new(&own, &responder));
	error = answer_hello(entry, &initiator, own, &responder, ret);
	EVP_PKEY_free(own);
	if (error != TCB_OK)
		wipe(entry, sizeof *entry);
	else
		entry->stage = SESSION_GREETED;
	return error;
}

static enum tcb_error receive_proof(struct session_server *server, struct session_entry *entry, struct reader *r,
				    struct diagnosis *d)
{
	uint8_t report[SGX_REPORT_SIZE];

	if (entry->stage != SESSION_GREETED)
		return TCB_MALFORMED;
	TRY(reader_copy(r, report, sizeof report));
	TRY(session_check_report(SESSION_INITIATOR_LABEL, entry->transcript, report, server->roles, &entry->peer, d));
	entry->stage = SESSION_OPEN;
	return TCB_OK;
}

/* Request plaintext: u8 request | body. */
static enum tcb_error open_request(struct session_entry *entry, struct span sealed,
				   struct session_request *ret_request)
{
	struct span plain;
	struct reader r;
	uint8_t request;

	TRY(session_open(&entry->keys, sealed, plain_bytes, sizeof plain_bytes, &plain));
	r = reader_of(plain);
	TRY(reader_u8(&r, &request));
	*ret_request = (struct session_request){
		.session = entry,
		.request = (enum local_request)request,
		.body = r.rest,
	};
	return TCB_OK;
}

static enum tcb_error receive_request(struct session_server *server, struct session_entry *entry, uint8_t kind,
				      struct reader *r, struct session_request *ret_request, struct diagnosis *d)
{
	if (kind == LOCAL_PROVE)
		TRY(receive_proof(server, entry, r, d));
	else if (kind != LOCAL_DATA || entry->stage != SESSION_OPEN)
		return TCB_MALFORMED;
	return open_request(entry, r->rest, ret_request);
}

enum tcb_error session_receive(struct session_server *server, uint64_t number, struct span message,
			       struct writer *ret, struct session_request *ret_request, struct diagnosis *d)
{
	struct reader r = reader_of(message);
	struct session_entry *entry;
	enum tcb_error error;
	uint8_t kind;

	TRY(reader_u8(&r, &kind));
	if (kind == LOCAL_HELLO) {
		TRY(receive_hello(server, number, &r, ret, d));
		*ret_request = (struct session_request){ .is_handshake = true };
		return TCB_OK;
	}
	entry = session_find(server, number);
	if (entry == NULL)
		return diagnose(d, TCB_WRONG_STATE, "session.unknown", "a message of a session that is not known here",
				"a session opened since this enclave started", "open the session anew");
	error = receive_request(server, entry, kind, &r, ret_request, d);
	if (error != TCB_OK) {
		wipe(entry, sizeof *entry);
		return diagnose(d, error, "session.broken", "a message that does not open in its place",
				"each message once, in order, unaltered",
				"the host altered, dropped or repeated a message: the peer opens a new session");
	}
	return TCB_OK;
}

enum tcb_error session_reply(struct session_entry *session, enum tcb_error error, struct span body,
			     const struct diagnosis *d, struct writer *ret)
{
	struct writer w = WRITER_OF(plain_bytes);
	struct span plain;

	writer_u8(&w, (uint8_t)error);
	if (error == TCB_OK)
		writer_bytes(&w, body);
	else
		diagnosis_encode(&w, d);
	TRY(writer_end(&w, &plain));
	TRY(session_seal(&session->keys, plain, ret));
	return writer_end(ret, NULL);
}
