// SPDX-License-Identifier: MIT
#include "enclave/mige/channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/reader.h"
#include "core/wipe.h"

enum { DIAGNOSIS_BODY_MAX = 4 * 2 + DIAGNOSIS_CODE_MAX + 3 * DIAGNOSIS_TEXT_MAX };

/* The most that a body of each kind can have. */
static const struct {
	enum wan_kind kind;
	size_t max;
} kinds[] = {
	{ WAN_ATTEST, 8 + LIMIT_QUOTE + LIMIT_TPM_PUBLIC + LIMIT_NAME + 256 + LIMIT_COLLATERAL },
	{ WAN_ASK, HANDOVER_ID_SIZE + UUID_SIZE + 8 + 32 + 32 + 2 + 2 + 8 },
	{ WAN_CHALLENGE, SHA256_SIZE },
	{ WAN_REDEEM, 8 + LIMIT_QUOTE + LIMIT_EVENT_LOG },
	{ WAN_GRANT, 12 + sizeof(struct secret256) + LIMIT_CUSTODY_RECORD + LIMIT_CUSTODY_PROOF },
	{ WAN_REFUSE, DIAGNOSIS_BODY_MAX },
	{ WAN_CONFIRM, HANDOVER_ID_SIZE },
	{ WAN_CONFIRMED, HANDOVER_ID_SIZE },
	{ WAN_RETURN, HANDOVER_ID_SIZE },
	{ WAN_RETURNED, HANDOVER_ID_SIZE },
};

enum tcb_error channel_open(struct channel *c, SSL_CTX *context, bool server)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(context);

	if (in == NULL || out == NULL || ssl == NULL) {
		BIO_free(in);
		BIO_free(out);
		SSL_free(ssl);
		return TCB_INTERNAL;
	}
	SSL_set_bio(ssl, in, out); /* owned by ssl now */
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	c->ssl = ssl;
	c->have = 0;
	return TCB_OK;
}

void channel_close(struct channel *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	channel_next(c);
}

enum tcb_error channel_feed(struct channel *c, struct span bytes)
{
	size_t put = 0;

	if (bytes.size > 0 &&
	    (BIO_write_ex(SSL_get_rbio(c->ssl), bytes.data, bytes.size, &put) != 1 || put != bytes.size))
		return TCB_INTERNAL;
	return TCB_OK;
}

enum tcb_error channel_handshake(struct channel *c, bool *ret_done)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(c->ssl);
	if (result != 1 && SSL_get_error(c->ssl, result) != SSL_ERROR_WANT_READ)
		return TCB_CRYPTO;
	*ret_done = result == 1;
	return TCB_OK;
}

/* Reads until `want` bytes of the message are there, or no more have come. */
static enum tcb_error read_up_to(struct channel *c, size_t want, bool *ret_has)
{
	while (c->have < want) {
		size_t got = 0;

		ERR_clear_error();
		if (SSL_read_ex(c->ssl, c->message + c->have, want - c->have, &got) == 1) {
			c->have += got;
			continue;
		}
		*ret_has = false;
		switch (SSL_get_error(c->ssl, 0)) {
		case SSL_ERROR_WANT_READ: return TCB_OK;
		case SSL_ERROR_ZERO_RETURN: return TCB_PLATFORM;
		default: return TCB_CRYPTO;
		}
	}
	*ret_has = true;
	return TCB_OK;
}

static enum tcb_error head_decode(const struct channel *c, enum wan_kind *ret_kind, size_t *ret_size)
{
	struct reader r = reader_of(span_of(c->message, CHANNEL_HEAD_SIZE));
	uint32_t size;
	uint8_t kind;

	TRY(reader_u32(&r, &size));
	TRY(reader_u8(&r, &kind));
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].kind != kind)
			continue;
		*ret_kind = kinds[i].kind;
		*ret_size = size;
		return size <= kinds[i].max ? TCB_OK : TCB_LIMIT;
	}
	return TCB_MALFORMED;
}

enum tcb_error channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind, struct span *ret_body)
{
	size_t size;

	TRY(read_up_to(c, CHANNEL_HEAD_SIZE, ret_has));
	if (!*ret_has)
		return TCB_OK;
	TRY(head_decode(c, ret_kind, &size));
	TRY(read_up_to(c, CHANNEL_HEAD_SIZE + size, ret_has));
	*ret_body = span_of(c->message + CHANNEL_HEAD_SIZE, size);
	return TCB_OK;
}

void channel_next(struct channel *c)
{
	wipe(c->message, c->have);
	c->have = 0;
}

static enum tcb_error write_all(struct channel *c, struct span bytes)
{
	size_t put = 0;

	ERR_clear_error();
	if (bytes.size > 0 && (SSL_write_ex(c->ssl, bytes.data, bytes.size, &put) != 1 || put != bytes.size))
		return TCB_CRYPTO;
	return TCB_OK;
}

enum tcb_error channel_send(struct channel *c, enum wan_kind kind, struct span body)
{
	uint8_t head_bytes[CHANNEL_HEAD_SIZE];
	struct writer w = WRITER_OF(head_bytes);

	if (body.size > CHANNEL_MESSAGE_MAX - CHANNEL_HEAD_SIZE)
		return TCB_LIMIT;
	writer_u32(&w, (uint32_t)body.size);
	writer_u8(&w, (uint8_t)kind);
	TRY(write_all(c, SPAN_OF(head_bytes)));
	return write_all(c, body);
}

enum tcb_error channel_drain(struct channel *c, struct writer *out)
{
	uint8_t bytes[4096];
	size_t got;

	while (BIO_read_ex(SSL_get_wbio(c->ssl), bytes, sizeof bytes, &got) == 1)
		writer_bytes(out, span_of(bytes, got));
	return writer_end(out, NULL);
}
