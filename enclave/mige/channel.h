// SPDX-License-Identifier: MIT
/* One TLS connection as bytes in and bytes out, and the messages of edge/wan.h in it. No sockets: the host moves the bytes. */
#ifndef TCBIND_ENCLAVE_MIGE_CHANNEL_H
#define TCBIND_ENCLAVE_MIGE_CHANNEL_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/limits.h"
#include "core/span.h"
#include "core/writer.h"
#include "edge/wan.h"

/* u32 size of the body | u8 kind */
#define CHANNEL_HEAD_SIZE 5
/* The largest is WAN_REDEEM: a platform quote and an event log. */
#define CHANNEL_MESSAGE_MAX (CHANNEL_HEAD_SIZE + 8 + LIMIT_QUOTE + LIMIT_EVENT_LOG)

struct channel {
	SSL *ssl; /* NULL: closed */
	size_t have; /* bytes of the message that is coming in */
	uint8_t message[CHANNEL_MESSAGE_MAX];
};

enum tcb_error channel_open(struct channel *c, SSL_CTX *context, bool server) MUST_USE;
void channel_close(struct channel *c);

/* Bytes from the network. */
enum tcb_error channel_feed(struct channel *c, struct span bytes) MUST_USE;
/* Goes on with the handshake as far as the bytes reach. TCB_CRYPTO: it failed, for good. */
enum tcb_error channel_handshake(struct channel *c, bool *ret_done) MUST_USE;
/* The next whole message, if it is there; the body is borrowed until channel_next(). Sizes are judged by kind before the body is
 * read: TCB_MALFORMED, TCB_LIMIT. TCB_PLATFORM: the peer has closed. */
enum tcb_error channel_receive(struct channel *c, bool *ret_has, enum wan_kind *ret_kind, struct span *ret_body) MUST_USE;
/* The message has been handled; it is wiped. */
void channel_next(struct channel *c);
enum tcb_error channel_send(struct channel *c, enum wan_kind kind, struct span body) MUST_USE;
/* Bytes for the network, appended to `out`. */
enum tcb_error channel_drain(struct channel *c, struct writer *out) MUST_USE;

#endif
