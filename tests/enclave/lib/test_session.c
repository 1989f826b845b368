// SPDX-License-Identifier: MIT
/* enclave/lib/session: two enclaves of one processor in this process; the test is the host between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "edge/frame.h"
#include "enclave/lib/session_crypto.h"
#include "tests/enclave/fake_tee.h"

#define ASKER 7u /* the host's number of the session */

static struct processor processor, other_processor;
static struct enclave_identity asker, server_identity;
static struct processor *asker_on;
static struct session_server server;
static struct session session;

/* What the host does to the next messages. */
static struct {
	size_t flip_request, flip_reply; /* index of the byte to alter, plus one */
	bool replay;                     /* delivers the request twice, returns the second reply */
	bool drop_reply;                 /* returns the reply before */
	size_t kept_size;
	uint8_t kept[4096];
} host;

/* The server answers a request by its body, reversed; LOCAL_REVOKE it refuses. */
static enum tcb_error serve(struct span message, struct writer *ret, struct diagnosis *d)
{
	static uint8_t body_bytes[LIMIT_LOCAL_MESSAGE];
	struct session_request request;
	struct diagnosis refusal = {0};
	struct span body;

	TRY(session_receive(&server, ASKER, message, ret, &request, d));
	if (request.is_handshake)
		return TCB_OK;
	for (size_t i = 0; i < request.body.size; i++)
		body_bytes[i] = request.body.data[request.body.size - 1 - i];
	body = span_of(body_bytes, request.body.size);
	if (request.request != LOCAL_REVOKE)
		return session_reply(request.session, TCB_OK, body, NULL, ret);
	(void)diagnose(&refusal, TCB_REFUSED, "test.refused", "found", "wanted", "do");
	return session_reply(request.session, TCB_REFUSED, body, &refusal, ret);
}

static enum tcb_error deliver(enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	static uint8_t message_bytes[LIMIT_LOCAL_MESSAGE], reply_bytes[LIMIT_LOCAL_MESSAGE];
	struct writer reply = WRITER_OF(reply_bytes);
	struct reader r = reader_of(body);
	struct span message;
	uint8_t role;

	assert_int_equal(call, CALL_HOST_PEER);
	assert_int_equal(reader_u8(&r, &role), TCB_OK);
	assert_int_equal(reader_sized(&r, LIMIT_LOCAL_MESSAGE, &message), TCB_OK);
	memcpy(message_bytes, message.data, message.size);
	if (host.flip_request > 0)
		message_bytes[(host.flip_request - 1) % message.size] ^= 1;
	if (host.replay) {
		TRY(serve(span_of(message_bytes, message.size), &reply, d));
		reply = WRITER_OF(reply_bytes);
	}
	TRY(serve(span_of(message_bytes, message.size), &reply, d));
	if (host.flip_reply > 0)
		reply_bytes[(host.flip_reply - 1) % reply.size] ^= 1;
	if (host.drop_reply)
		writer_sized(ret, span_of(host.kept, host.kept_size));
	else
		writer_sized(ret, span_of(reply_bytes, reply.size));
	host.kept_size = reply.size < sizeof host.kept ? reply.size : 0;
	memcpy(host.kept, reply_bytes, host.kept_size);
	return TCB_OK;
}

/* The processor runs the other enclave while the host is called. */
static enum tcb_error on_call(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	enum tcb_error error;

	(void)context;
	fake_tee_become(&processor, &server_identity);
	error = deliver(call, body, ret, d);
	fake_tee_become(asker_on, &asker);
	return error;
}

static int fresh(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	fake_processor(&processor, 1);
	fake_processor(&other_processor, 2);
	asker = fake_identity(ROLE_VTPM);
	server_identity = fake_identity(ROLE_PSE);
	asker_on = &processor;
	wipe(&server, sizeof server);
	server.roles = 1u << ROLE_VTPM;
	session = (struct session){ .peer_role = ROLE_PSE };
	memset(&host, 0, sizeof host);
	fake_tee_become(asker_on, &asker);
	fake_tee_host(on_call, NULL);
	return 0;
}

static enum tcb_error ask(const char *text, struct span *ret_reply, struct diagnosis *d)
{
	fake_tee_become(asker_on, &asker);
	return session_call(&session, LOCAL_ENDORSE, span_of_text(text), ret_reply, d);
}

static void assert_works(void)
{
	struct span reply;

	assert_int_equal(ask("abc", &reply, NULL), TCB_OK);
	assert_true(span_is_text(reply, "cba"));
}

static void asks_and_answers(void **state)
{
	static uint8_t large[LIMIT_LOCAL_MESSAGE - 1024];
	struct diagnosis d = {0};
	struct span reply;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_works();
	assert_int_equal(session_call(&session, LOCAL_REVOKE, span_of(NULL, 0), &reply, &d), TCB_REFUSED);
	assert_string_equal(d.code, "test.refused");
	assert_string_equal(d.action, "do");
	assert_works(); /* a refusal is not the session's end */
	assert_int_equal(session_call(&session, LOCAL_ENDORSE, SPAN_OF(large), &reply, NULL), TCB_OK);
	assert_int_equal(reply.size, sizeof large);
	assert_memory_equal(session_find(&server, ASKER)->peer.mrenclave, asker.mrenclave, 32);
}

static void assert_peer_refused(const char *code)
{
	struct diagnosis d = {0};
	struct span reply;

	assert_int_not_equal(ask("abc", &reply, &d), TCB_OK);
	assert_string_equal(d.code, code);
}

static void refuses_another_role(void **state)
{
	(void)state;
	asker.isv_prod_id = ROLE_DRIVER;
	assert_peer_refused("session.peer");
	(void)fresh(NULL);
	server_identity.isv_prod_id = ROLE_MIGE; /* the asker wants a PSE */
	assert_peer_refused("session.peer");
}

static void refuses_another_signer_debug_and_svn(void **state)
{
	(void)state;
	asker.mrsigner[3] ^= 1;
	assert_peer_refused("session.peer");
	(void)fresh(NULL);
	server_identity.mrsigner[31] ^= 0x80;
	assert_peer_refused("session.peer");
	(void)fresh(NULL);
	asker.attributes |= SGX_FLAG_DEBUG;
	assert_peer_refused("session.peer");
	(void)fresh(NULL);
	server_identity.attributes |= SGX_FLAG_DEBUG;
	assert_peer_refused("session.peer");
	(void)fresh(NULL);
	asker.isv_svn = SESSION_MIN_SVN - 1;
	assert_peer_refused("session.peer");
}

static void refuses_another_processor(void **state)
{
	(void)state;
	asker_on = &other_processor;
	assert_peer_refused("session.report");
}

/* Any byte of any of the first three messages, in both directions. */
static void notices_every_altered_byte(void **state)
{
	struct span reply;

	(void)state;
	for (size_t i = 1; i <= 1100; i += 3) {
		(void)fresh(NULL);
		host.flip_request = i;
		assert_int_not_equal(ask("abc", &reply, NULL), TCB_OK);
		(void)fresh(NULL);
		host.flip_reply = i;
		assert_int_not_equal(ask("abc", &reply, NULL), TCB_OK);
	}
	for (size_t i = 1; i <= 24; i++) { /* in an open session */
		(void)fresh(NULL);
		assert_works();
		host.flip_request = i;
		assert_int_not_equal(ask("abc", &reply, NULL), TCB_OK);
		(void)fresh(NULL);
		assert_works();
		host.flip_reply = i;
		assert_int_not_equal(ask("abc", &reply, NULL), TCB_OK);
	}
}

static void notices_repeated_and_old_messages(void **state)
{
	struct diagnosis d = {0};
	struct span reply;

	(void)state;
	assert_works();
	host.replay = true;
	assert_int_not_equal(ask("abc", &reply, &d), TCB_OK);
	assert_string_equal(d.code, "session.broken");
	assert_null(session_find(&server, ASKER)); /* it is over, and its keys are gone */
	(void)fresh(NULL);
	assert_works();
	host.drop_reply = true;
	assert_int_not_equal(ask("abc", &reply, NULL), TCB_OK);
	host.drop_reply = false;
	assert_works(); /* a new session */
}

/* The request whose session was gone may have been served: the caller decides whether it asks again. */
static void assert_lost(void)
{
	struct span reply;

	assert_int_equal(ask("abc", &reply, NULL), TCB_PLATFORM);
}

static void opens_anew_when_the_peer_has_restarted(void **state)
{
	uint64_t serial;

	(void)state;
	assert_works();
	serial = session_find(&server, ASKER)->serial;
	wipe(&server, sizeof server);
	server.roles = 1u << ROLE_VTPM;
	assert_lost();
	assert_works();
	assert_true(session_find(&server, ASKER)->serial != serial);
	session_forget(&server, ASKER);
	assert_lost();
	assert_works();
}

/* A host in the middle with a key of its own: it has genuine REPORTs to relay, but they speak for other keys. */
static void a_host_with_its_own_key_gets_nowhere(void **state)
{
	struct session_hello own, responder;
	uint8_t hello_bytes[1024], proof_bytes[1024], reply_bytes[2048], other[SHA256_SIZE] = {1};
	uint8_t transcript[SHA256_SIZE], report[SGX_REPORT_SIZE];
	struct writer hello = WRITER_OF(hello_bytes), proof = WRITER_OF(proof_bytes), reply = WRITER_OF(reply_bytes);
	struct session_keys keys;
	struct diagnosis d = {0};
	EVP_PKEY *key;
	struct reader r;

	(void)state;
	assert_int_equal(session_hello_new(&key, &own), TCB_OK);
	writer_u8(&hello, LOCAL_HELLO);
	session_hello_encode(&hello, &own);
	fake_tee_become(&processor, &server_identity);
	assert_int_equal(serve(span_of(hello_bytes, hello.size), &reply, NULL), TCB_OK);
	r = reader_of(span_of(reply_bytes, reply.size));
	assert_int_equal(session_hello_decode(&r, &responder), TCB_OK);
	assert_int_equal(session_transcript(&own, &responder, transcript), TCB_OK);
	assert_int_equal(session_derive(key, &responder.point, transcript, true, &keys), TCB_OK);
	fake_tee_become(&processor, &asker);
	assert_int_equal(session_report(SESSION_INITIATOR_LABEL, other, responder.target, report), TCB_OK);
	writer_u8(&proof, LOCAL_PROVE);
	writer_bytes(&proof, SPAN_OF(report));
	assert_int_equal(session_seal(&keys, span_of("\1", 1), &proof), TCB_OK);
	fake_tee_become(&processor, &server_identity);
	reply = WRITER_OF(reply_bytes);
	assert_int_equal(serve(span_of(proof_bytes, proof.size), &reply, &d), TCB_CRYPTO);
	assert_string_equal(d.code, "session.report");
	EVP_PKEY_free(key);
	(void)fresh(NULL);
	host.flip_reply = 40; /* the responder's point: refused for its REPORT, before any key is derived */
	assert_peer_refused("session.report");
}

static void limits_the_number_of_sessions(void **state)
{
	struct diagnosis d = {0};
	struct span reply;

	(void)state;
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		server.entries[i].stage = SESSION_OPEN;
		server.entries[i].number = 1000 + i;
	}
	assert_int_equal(ask("abc", &reply, &d), TCB_PLATFORM); /* the host's word, as far as the asker knows */
	assert_string_equal(d.code, "session.limit");
	session_forget(&server, 1500);
	assert_works();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(asks_and_answers, fresh),
		cmocka_unit_test_setup(refuses_another_role, fresh),
		cmocka_unit_test_setup(refuses_another_signer_debug_and_svn, fresh),
		cmocka_unit_test_setup(refuses_another_processor, fresh),
		cmocka_unit_test_setup(notices_every_altered_byte, fresh),
		cmocka_unit_test_setup(notices_repeated_and_old_messages, fresh),
		cmocka_unit_test_setup(opens_anew_when_the_peer_has_restarted, fresh),
		cmocka_unit_test_setup(a_host_with_its_own_key_gets_nowhere, fresh),
		cmocka_unit_test_setup(limits_the_number_of_sessions, fresh),
	};

	return cmocka_run_group_tests_name("enclave/session", tests, NULL, NULL);
}
