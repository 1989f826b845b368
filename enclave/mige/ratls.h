// SPDX-License-Identifier: MIT
/* RA-TLS: TLS 1.3 in which each side's certificate is self-signed and carries a QUOTE over its key. TLS proves that the peer holds the
 * key; who the key belongs to is what the quote says, judged by judge.c. Nothing else of a certificate is believed. */
#ifndef TCBIND_ENCLAVE_MIGE_RATLS_H
#define TCBIND_ENCLAVE_MIGE_RATLS_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

/* Once, before the sandbox: libssl sorts its tables, and the C library's sort asks the kernel how much memory there is. */
enum tcb_error ratls_init(void) MUST_USE;

/* What a MigE's QUOTE says of its TLS key: SHA-256("tcbind MigE key v1" || x || y), then zeros. */
enum tcb_error ratls_report_data(const struct p256_point *key, uint8_t ret_data[SGX_REPORT_DATA_SIZE]) MUST_USE;

/* TLS 1.3 only, both sides with certificates, no tickets, no resumption. The caller frees. */
enum tcb_error ratls_context_new(EVP_PKEY *key, struct span quote, SSL_CTX **ret_context) MUST_USE;

/* After the handshake: the peer's key and quote (at most LIMIT_QUOTE bytes to `ret_quote`). */
enum tcb_error ratls_peer(const SSL *ssl, struct p256_point *ret_key, uint8_t *ret_quote, size_t *ret_size) MUST_USE;

#endif
