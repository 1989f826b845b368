// SPDX-License-Identifier: MIT
/* enclave/mige/channel.h and ratls.h without TLS: both sides say who they are and draw a nonce;
 * then records under a key that both derive. hello  = u8 1 | nonce 32 | key 64 | sized quote record
 * = u8 2 | sized sealed bytes Anything else, altered, twice or out of order, breaks the channel, as
 * TLS would. */
#include <stdlib.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/frame.h"
#include "enclave/mige/channel.h"
#include "enclave/mige/ratls.h"

enum { NONCE_SIZE = 32, HELLO = 1, RECORD = 2, HELLO_HEAD = 1 + NONCE_SIZE + P256_POINT_SIZE };

/* In the place of SSL_CTX. */
struct context {
	struct p256_point key;
	size_t quote_size;
	uint8_t quote[LIMIT_QUOTE];
};

struct buffer {
	uint8_t *bytes;
	size_t size, used;
};

/* In the place of SSL. */
struct connection {
	const struct context *context;
	bool server, said_hello, open;
	uint8_t own_nonce[NONCE_SIZE], peer_nonce[NONCE_SIZE];
	struct context peer;
	struct secret256 send, receive;
	uint64_t sent, received;
	struct buffer in, out, plain;
};

static struct connection *connection_of(const SSL *ssl)
{
	return (struct connection *)(uintptr_t)ssl;
}

static bool buffer_add(struct buffer *b, struct span bytes)
{
	uint8_t *more = realloc(b->bytes, b->size + bytes.size + 1);

	if (more == NULL)
		return false;
	b->bytes = more;
	if (bytes.size > 0)
		memcpy(b->bytes + b->size, bytes.data, bytes.size);
	b->size += bytes.size;
	return true;
}

static struct span buffer_rest(const struct buffer *b)
{
	return span_of(b->bytes != NULL ? b->bytes + b->used : NULL, b->size - b->used);
}

static void buffer_drop(struct buffer *b, size_t size)
{
	b->used += size;
	if (b->used == b->size)
		b->used = b->size = 0;
}

/* ---- ratls.h ---- */

enum tcb_error ratls_init(void) { return TCB_OK; }

enum tcb_error ratls_report_data(const struct p256_point *key,
				 uint8_t ret_data[SGX_REPORT_DATA_SIZE])
{
	const struct span parts[] = {span_of_text("tcbind MigE key v1"), SPAN_OF(key->bytes)};
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memset(ret_data, 0, SGX_REPORT_DATA_SIZE);
	memcpy(ret_data, digest.bytes, sizeof digest.bytes);
	return TCB_OK;
}

enum tcb_error ratls_context_new(EVP_PKEY *key, struct span quote, SSL_CTX **ret_context)
{
	struct context *c = calloc(1, sizeof *c);

	if (c == NULL || quote.size > sizeof c->quote ||
	    crypto_p256_public(key, &c->key) != TCB_OK) {
		free(c);
		return TCB_INTERNAL;
	}
	memcpy(c->quote, quote.data, quote.size);
	c->quote_size = quote.size;
	*ret_context = (SSL_CTX *)c;
	return TCB_OK;
}

enum tcb_error ratls_peer(const SSL *ssl, struct p256_point *ret_key, uint8_t *ret_quote,
			  size_t *ret_size)
{
	const struct connection *c = connection_of(ssl);

	*ret_key = c->peer.key;
	memcpy(ret_quote, c->peer.quote, c->peer.quote_size);
	*ret_size = c->peer.quote_size;
	return TCB_OK;
}

/* ---- channel.h ---- */

enum tcb_error channel_open(struct channel *c, SSL_CTX *context, bool server)
{
	struct connection *n = calloc(1, sizeof *n);

	if (n == NULL || crypto_random(n->own_nonce, sizeof n->own_nonce) != TCB_OK)
		return TCB_INTERNAL;
	n->context = (const struct context *)context;
	n->server = server;
	c->ssl = (SSL *)n;
	c->have = 0;
	return TCB_OK;
}

void channel_close(struct channel *c)
{
	struct connection *n = connection_of(c->ssl);

	if (n != NULL) {
		free(n->in.bytes);
		free(n->out.bytes);
		free(n->plain.bytes);
		free(n);
	}
	c->ssl = NULL;
	channel_next(c);
}

enum tcb_error channel_feed(struct channel *c, struct span bytes)
{
	return buffer_add(&connection_of(c->ssl)->in, bytes) ? TCB_OK : TCB_INTERNAL;
}

static void say_hello(struct connection *n)
{
	uint8_t head_bytes[HELLO_HEAD + 4];
	struct writer w = WRITER_OF(head_bytes);

	writer_u8(&w, HELLO);
	writer_bytes(&w, SPAN_OF(n->own_nonce));
	writer_bytes(&w, SPAN_OF(n->context->key.bytes));
	writer_u32(&w, (uint32_t)n->context->quote_size);
	(void)buffer_add(&n->out, SPAN_OF(head_bytes));
	(void)buffer_add(&n->out, span_of(n->context->quote, n->context->quote_size));
	n->said_hello = true;
}

/* Each direction's key, of both nonces and both public keys. */
static enum tcb_error derive(const struct connection *n, bool of_server, struct secret256 *ret_key)
{
	const struct context *client = n->server ? &n->peer : n->context,
			     *server = n->server ? n->context : &n->peer;
	uint8_t seed[2 * NONCE_SIZE + 2 * P256_POINT_SIZE];
	struct writer w = WRITER_OF(seed);

	writer_bytes(&w, n->server ? SPAN_OF(n->peer_nonce) : SPAN_OF(n->own_nonce));
	writer_bytes(&w, n->server ? SPAN_OF(n->own_nonce) : SPAN_OF(n->peer_nonce));
	writer_bytes(&w, SPAN_OF(client->key.bytes));
	writer_bytes(&w, SPAN_OF(server->key.bytes));
	return crypto_hkdf(SPAN_OF(seed), span_of(NULL, 0),
			   span_of_text(of_server ? "server" : "client"), ret_key->bytes,
			   sizeof ret_key->bytes);
}

/* TCB_PLATFORM: it has not come whole. */
static enum tcb_error read_hello(struct connection *n)
{
	struct reader r = reader_of(buffer_rest(&n->in));
	struct span quote;
	uint8_t kind;
	uint32_t size;

	if (r.rest.size == 0)
		return TCB_PLATFORM;
	if (r.rest.data[0] != HELLO)
		return TCB_CRYPTO;
	if (r.rest.size < HELLO_HEAD + 4)
		return TCB_PLATFORM;
	TRY(reader_u8(&r, &kind));
	TRY(reader_copy(&r, n->peer_nonce, sizeof n->peer_nonce));
	TRY(reader_copy(&r, n->peer.key.bytes, sizeof n->peer.key.bytes));
	TRY(reader_u32(&r, &size));
	if (size > LIMIT_QUOTE)
		return TCB_CRYPTO;
	if (r.rest.size < size)
		return TCB_PLATFORM;
	TRY(reader_bytes(&r, size, &quote));
	memcpy(n->peer.quote, quote.data, quote.size);
	n->peer.quote_size = quote.size;
	buffer_drop(&n->in, HELLO_HEAD + 4 + size);
	return TCB_OK;
}

enum tcb_error channel_handshake(struct channel *c, bool *ret_done)
{
	struct connection *n = connection_of(c->ssl);
	enum tcb_error error;

	*ret_done = false;
	if (!n->server && !n->said_hello)
		say_hello(n);
	error = read_hello(n);
	if (error == TCB_PLATFORM)
		return TCB_OK;
	if (error != TCB_OK)
		return TCB_CRYPTO;
	if (n->server)
		say_hello(n);
	TRY(derive(n, n->server, &n->send));
	TRY(derive(n, !n->server, &n->receive));
	*ret_done = n->open = true;
	return TCB_OK;
}

static void count_iv(uint64_t count, uint8_t ret_iv[AES_GCM_IV_SIZE])
{
	memset(ret_iv, 0, AES_GCM_IV_SIZE);
	memcpy(ret_iv, &count, sizeof count);
}

/* All whole records that have come. */
static enum tcb_error open_records(struct connection *n)
{
	for (;;) {
		struct reader r = reader_of(buffer_rest(&n->in));
		uint8_t kind, iv[AES_GCM_IV_SIZE], *plain;
		struct span sealed;
		uint32_t size;
		bool ok;

		if (r.rest.size > 0 && r.rest.data[0] != RECORD)
			return TCB_CRYPTO;
		if (reader_u8(&r, &kind) != TCB_OK || reader_u32(&r, &size) != TCB_OK ||
		    r.rest.size < size)
			return TCB_OK;
		if (size < AES_GCM_TAG_SIZE || reader_bytes(&r, size, &sealed) != TCB_OK ||
		    (plain = malloc(size)) == NULL)
			return TCB_CRYPTO;
		count_iv(n->received++, iv);
		ok = crypto_open(&n->receive, iv, span_of(NULL, 0), sealed, plain) == TCB_OK &&
		     buffer_add(&n->plain, span_of(plain, size - AES_GCM_TAG_SIZE));
		free(plain);
		if (!ok)
			return TCB_CRYPTO;
		buffer_drop(&n->in, 5 + size);
	}
}

static enum tcb_error head_decode(struct span head, enum wan_kind *ret_kind, size_t *ret_size)
{
	struct reader r = reader_of(head);
	uint32_t size;
	uint8_t kind;

	TRY(reader_u32(&r, &size));
	TRY(reader_u8(&r, &kind));
	*ret_kind = (enum wan_kind)kind;
	*ret_size = size;
	return size <= CHANNEL_MESSAGE_MAX - CHANNEL_HEAD_SIZE ? TCB_OK : TCB_LIMIT;
}

enum tcb_error channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind,
			       struct span *ret_body)
{
	struct connection *n = connection_of(c->ssl);
	struct span have;
	size_t size;

	TRY(open_records(n));
	have = buffer_rest(&n->plain);
	*ret_has = false;
	if (have.size < CHANNEL_HEAD_SIZE)
		return TCB_OK;
	TRY(head_decode(span_of(have.data, CHANNEL_HEAD_SIZE), ret_kind, &size));
	if (have.size < CHANNEL_HEAD_SIZE + size)
		return TCB_OK;
	memcpy(c->message, have.data, CHANNEL_HEAD_SIZE + size);
	c->have = CHANNEL_HEAD_SIZE + size;
	buffer_drop(&n->plain, c->have);
	*ret_body = span_of(c->message + CHANNEL_HEAD_SIZE, size);
	*ret_has = true;
	return TCB_OK;
}

void channel_next(struct channel *c) { c->have = 0; }

enum tcb_error channel_send(struct channel *c, enum wan_kind kind, struct span body)
{
	struct connection *n = connection_of(c->ssl);
	size_t size = CHANNEL_HEAD_SIZE + body.size;
	uint8_t iv[AES_GCM_IV_SIZE], head_bytes[5], *plain = malloc(size + AES_GCM_TAG_SIZE),
						    *sealed = malloc(size + AES_GCM_TAG_SIZE);
	struct writer w = writer_of(plain, size), head = WRITER_OF(head_bytes);
	bool ok = plain != NULL && sealed != NULL && n->open;

	if (ok) {
		writer_u32(&w, (uint32_t)body.size);
		writer_u8(&w, (uint8_t)kind);
		writer_bytes(&w, body);
		count_iv(n->sent++, iv);
		writer_u8(&head, RECORD);
		writer_u32(&head, (uint32_t)(size + AES_GCM_TAG_SIZE));
		ok = crypto_seal(&n->send, iv, span_of(NULL, 0), span_of(plain, size), sealed) ==
			 TCB_OK &&
		     buffer_add(&n->out, SPAN_OF(head_bytes)) &&
		     buffer_add(&n->out, span_of(sealed, size + AES_GCM_TAG_SIZE));
	}
	free(plain);
	free(sealed);
	return ok ? TCB_OK : TCB_CRYPTO;
}

enum tcb_error channel_drain(struct channel *c, struct writer *out)
{
	struct connection *n = connection_of(c->ssl);

	writer_bytes(out, buffer_rest(&n->out));
	n->out.used = n->out.size = 0;
	return writer_end(out, NULL);
}
