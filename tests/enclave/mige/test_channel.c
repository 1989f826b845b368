// SPDX-License-Identifier: MIT
/* enclave/mige/channel and ratls: two ends in this process, and peers that do not keep to the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "crypto/crypto.h"
#include "enclave/lib/certificate.h"
#include "enclave/mige/channel.h"
#include "enclave/mige/ratls.h"

static EVP_PKEY *server_key, *client_key;
static SSL_CTX *server_context, *client_context;
static struct channel server, client;
static uint8_t quote[LIMIT_QUOTE];
static uint8_t wire[LIMIT_FRAME];

static int fresh(void **state)
{
	(void)state;
	memset(quote, 0x3c, sizeof quote);
	if (ratls_init() != TCB_OK || crypto_p256_new(&server_key) != TCB_OK || crypto_p256_new(&client_key) != TCB_OK ||
	    ratls_context_new(server_key, SPAN_OF(quote), &server_context) != TCB_OK ||
	    ratls_context_new(client_key, span_of(quote, 100), &client_context) != TCB_OK)
		return -1;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	channel_close(&server);
	channel_close(&client);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	EVP_PKEY_free(server_key);
	EVP_PKEY_free(client_key);
	return 0;
}

static void move(struct channel *from, struct channel *to)
{
	struct writer w = WRITER_OF(wire);

	assert_int_equal(channel_drain(from, &w), TCB_OK);
	assert_int_equal(channel_feed(to, span_of(wire, w.size)), TCB_OK);
}

/* The first error that either side meets. */
static enum tcb_error shake_hands(void)
{
	bool client_done = false, server_done = false;

	assert_int_equal(channel_open(&server, server_context, true), TCB_OK);
	assert_int_equal(channel_open(&client, client_context, false), TCB_OK);
	for (int i = 0; i < 10 && !(client_done && server_done); i++) {
		TRY(channel_handshake(&client, &client_done));
		move(&client, &server);
		TRY(channel_handshake(&server, &server_done));
		move(&server, &client);
	}
	assert_true(client_done && server_done);
	return TCB_OK;
}

static enum tcb_error receive(bool *ret_has, enum wan_kind *ret_kind, struct span *ret_body)
{
	move(&client, &server);
	return channel_receive(&server, ret_has, ret_kind, ret_body);
}

static void tells_key_and_quote(void **state)
{
	static uint8_t got_quote[LIMIT_QUOTE];
	struct p256_point got, wanted;
	size_t size;

	(void)state;
	assert_int_equal(shake_hands(), TCB_OK);
	assert_string_equal(SSL_get_version(server.ssl), "TLSv1.3");
	assert_int_equal(ratls_peer(client.ssl, &got, got_quote, &size), TCB_OK);
	assert_int_equal(crypto_p256_public(server_key, &wanted), TCB_OK);
	assert_memory_equal(&got, &wanted, sizeof got);
	assert_int_equal(size, sizeof quote);
	assert_memory_equal(got_quote, quote, size);
	assert_int_equal(ratls_peer(server.ssl, &got, got_quote, &size), TCB_OK);
	assert_int_equal(size, 100);
}

static void carries_messages_of_every_size(void **state)
{
	static uint8_t large[8 + LIMIT_QUOTE + LIMIT_EVENT_LOG];
	enum wan_kind kind;
	struct span body;
	bool has;

	(void)state;
	assert_int_equal(shake_hands(), TCB_OK);
	memset(large, 5, sizeof large);
	assert_int_equal(channel_send(&client, WAN_REDEEM, SPAN_OF(large)), TCB_OK);
	assert_int_equal(channel_send(&client, WAN_CHALLENGE, span_of(NULL, 0)), TCB_OK);
	assert_int_equal(receive(&has, &kind, &body), TCB_OK);
	assert_true(has && kind == WAN_REDEEM && span_equal(body, SPAN_OF(large)));
	channel_next(&server);
	assert_int_equal(server.message[100], 0); /* wiped */
	assert_int_equal(receive(&has, &kind, &body), TCB_OK);
	assert_true(has && kind == WAN_CHALLENGE && body.size == 0);
	channel_next(&server);
	assert_int_equal(receive(&has, &kind, &body), TCB_OK);
	assert_false(has);
}

static void judges_a_head_before_its_body(void **state)
{
	static const struct {
		uint8_t head[CHANNEL_HEAD_SIZE];
		enum tcb_error wanted;
	} cases[] = {
		{ {0xff, 0xff, 0xff, 0xff, WAN_REDEEM}, TCB_LIMIT },
		{ {0, 4, 0x41, 0, WAN_REDEEM}, TCB_LIMIT },  /* more than quote and log */
		{ {0, 0, 0, 117, WAN_ASK}, TCB_LIMIT },      /* an ask has 116 */
		{ {0, 0, 0, 33, WAN_CHALLENGE}, TCB_LIMIT },
		{ {0, 0, 0, 17, WAN_CONFIRM}, TCB_LIMIT },
		{ {0, 0, 0, 17, WAN_CONFIRMED}, TCB_LIMIT },
		{ {0, 0, 0, 0, 0}, TCB_MALFORMED },
		{ {0, 0, 0, 17, WAN_RETURN}, TCB_LIMIT },
		{ {0, 0, 0, 17, WAN_RETURNED}, TCB_LIMIT },
		{ {0, 0, 0, 0, WAN_RETURNED + 1}, TCB_MALFORMED },
	};
	enum wan_kind kind;
	struct span body;
	bool has;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(shake_hands(), TCB_OK);
		assert_int_equal(SSL_write(client.ssl, cases[i].head, CHANNEL_HEAD_SIZE), CHANNEL_HEAD_SIZE);
		assert_int_equal(receive(&has, &kind, &body), cases[i].wanted);
		channel_close(&server);
		channel_close(&client);
	}
}

static void notices_the_end(void **state)
{
	enum wan_kind kind;
	struct span body;
	bool has;

	(void)state;
	assert_int_equal(shake_hands(), TCB_OK);
	(void)SSL_shutdown(client.ssl);
	assert_int_equal(receive(&has, &kind, &body), TCB_PLATFORM);
}

/* ---- peers without what it takes ---- */

/* A certificate like ours, but as `records` says without or with two quotes. */
static void use_certificate(SSL_CTX *context, EVP_PKEY *key, int records)
{
	X509 *certificate;

	assert_int_equal(certificate_new("x", "x", key, 0, false, &certificate), TCB_OK);
	for (int i = 0; i < records; i++)
		assert_int_equal(certificate_add_cmw(certificate, "application/vnd.tcbind.sgx-quote", span_of(quote, 9)), TCB_OK);
	assert_int_equal(certificate_sign(certificate, key), TCB_OK);
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
}

static void refuses_certificates_without_a_quote(void **state)
{
	(void)state;
	for (int records = 0; records <= 2; records++) {
		use_certificate(client_context, client_key, records);
		assert_int_equal(shake_hands(), records == 1 ? TCB_OK : TCB_CRYPTO);
		channel_close(&server);
		channel_close(&client);
	}
	use_certificate(client_context, client_key, 1);
	use_certificate(server_context, server_key, 0);
	assert_int_equal(shake_hands(), TCB_CRYPTO);
}

static void refuses_a_peer_without_a_certificate(void **state)
{
	(void)state;
	SSL_CTX_free(client_context);
	client_context = SSL_CTX_new(TLS_method());
	SSL_CTX_set_verify(client_context, SSL_VERIFY_NONE, NULL);
	assert_int_equal(shake_hands(), TCB_CRYPTO);
}

static void refuses_older_tls(void **state)
{
	(void)state;
	assert_int_equal(SSL_CTX_set_min_proto_version(client_context, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(client_context, TLS1_2_VERSION), 1);
	assert_int_equal(shake_hands(), TCB_CRYPTO);
}

static void refuses_another_kind_of_key(void **state)
{
	EVP_PKEY *keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), EVP_EC_gen("P-256") };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		SSL_CTX_free(client_context);
		client_context = SSL_CTX_new(TLS_method());
		use_certificate(client_context, keys[i], 1);
		assert_int_equal(shake_hands(), i == 3 ? TCB_OK : TCB_CRYPTO);
		channel_close(&server);
		channel_close(&client);
		EVP_PKEY_free(keys[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_key_and_quote),
		TEST(carries_messages_of_every_size),
		TEST(judges_a_head_before_its_body),
		TEST(notices_the_end),
		TEST(refuses_certificates_without_a_quote),
		TEST(refuses_a_peer_without_a_certificate),
		TEST(refuses_older_tls),
		TEST(refuses_another_kind_of_key),
	};

	return cmocka_run_group_tests_name("mige/channel", tests, NULL, NULL);
}
