// SPDX-License-Identifier: MIT
#include "enclave/lib/session_crypto.h"

#include <openssl/evp.h>

#include "core/limits.h"
#include "edge/frame.h"
#include "enclave/lib/ocall.h"

static uint8_t message_bytes[LIMIT_LOCAL_MESSAGE]; /* what we send */
static uint8_t plain_bytes[LIMIT_LOCAL_MESSAGE];   /* request, then reply, in the clear */

static void session_close(struct session *s)
{
	wipe(&s->keys, sizeof s->keys);
	s->open = false;
}

/* Messages 1 and 2. Fills the transcript and the keys; `ret_target` is where our REPORT must go. */
static enum tcb_error greet(struct session *s, EVP_PKEY *own, const struct session_hello *hello,
			    uint8_t ret_transcript[SHA256_SIZE], uint8_t ret_target[SGX_TARGETINFO_SIZE],
			    struct diagnosis *d)
{
	uint8_t hello_bytes[1 + P256_POINT_SIZE + SGX_TARGETINFO_SIZE], report[SGX_REPORT_SIZE];
	struct writer w = WRITER_OF(hello_bytes);
	struct enclave_identity peer;
	struct session_hello answer;
	struct span message, reply;
	struct reader r;

	writer_u8(&w, LOCAL_HELLO);
	session_hello_encode(&w, hello);
	TRY(writer_end(&w, &message));
	TRY(host_peer(s->peer_role, message, &reply, d));
	r = reader_of(reply);
	TRY(session_hello_decode(&r, &answer));
	TRY(reader_copy(&r, report, sizeof report));
	TRY(reader_end(&r));
	TRY(session_transcript(hello, &answer, ret_transcript));
	TRY(session_check_report(SESSION_RESPONDER_LABEL, ret_transcript, report, 1u << s->peer_role, &peer, d));
	memcpy(ret_target, answer.target, sizeof answer.target);
	return session_derive(own, &answer.point, ret_transcript, true, &s->keys);
}

/* The head of the next message: our REPORT when the session is new, else only the kind. */
static enum tcb_error start_message(struct session *s, struct writer *w, struct diagnosis *d)
{
	uint8_t transcript[SHA256_SIZE], target[SGX_TARGETINFO_SIZE], report[SGX_REPORT_SIZE];
	struct session_hello hello;
	EVP_PKEY *own = NULL;
	enum tcb_error error;

	if (s->open) {
		writer_u8(w, LOCAL_DATA);
		return TCB_OK;
	}
	TRY(session_hello_new(&own, &hello));
	error = greet(s, own, &hello, transcript, target, d);
	EVP_PKEY_free(own);
	if (error != TCB_OK)
		return error;
	TRY(session_report(SESSION_INITIATOR_LABEL, transcript, target, report));
	writer_u8(w, LOCAL_PROVE);
	writer_bytes(w, SPAN_OF(report));
	return TCB_OK;
}

/* Reply plaintext: u8 error class | body or diagnosis. */
static enum tcb_error read_reply(struct span plain, struct span *ret_body, struct diagnosis *d)
{
	struct reader r = reader_of(plain);
	struct diagnosis from_peer;
	uint8_t error;

	TRY(reader_u8(&r, &error));
	if (error == TCB_OK) {
		*ret_body = r.rest;
		return TCB_OK;
	}
	if (error > TCB_INTERNAL)
		return TCB_MALFORMED;
	TRY(diagnosis_decode(&r, &from_peer));
	TRY(reader_end(&r));
	return diagnose_again(d, (enum tcb_error)error, &from_peer);
}

/* One request and its reply, opened. An error here is the session's, not the request's. */
static enum tcb_error exchange(struct session *s, enum local_request request, struct span body,
			       struct span *ret_plain, struct diagnosis *d)
{
	struct span plain_request, sealed, reply;
	struct writer plain = WRITER_OF(plain_bytes), message = WRITER_OF(message_bytes);

	TRY(start_message(s, &message, d));
	writer_u8(&plain, (uint8_t)request);
	writer_bytes(&plain, body);
	TRY(writer_end(&plain, &plain_request));
	TRY(session_seal(&s->keys, plain_request, &message));
	TRY(writer_end(&message, &sealed));
	TRY(host_peer(s->peer_role, sealed, &reply, d));
	TRY(session_open(&s->keys, reply, plain_bytes, sizeof plain_bytes, ret_plain));
	s->openings += s->open ? 0 : 1;
	s->open = true;
	return TCB_OK;
}

enum tcb_error session_call(struct session *s, enum local_request request, struct span body, struct span *ret_reply,
			    struct diagnosis *d)
{
	struct span plain;
	enum tcb_error error = exchange(s, request, body, &plain, d);

	if (error == TCB_OK)
		return read_reply(plain, ret_reply, d);
	session_close(s);
	return diagnose(d, TCB_PLATFORM, "session.broken", "a session with another enclave that broke",
			"replies that open in order", "the host altered, dropped or repeated a message: try again");
}
