// SPDX-License-Identifier: MIT
/* What initiator and responder of a session share; only for enclave/lib/session_*.c. */
#ifndef TCBIND_ENCLAVE_LIB_SESSION_CRYPTO_H
#define TCBIND_ENCLAVE_LIB_SESSION_CRYPTO_H

#include "crypto/crypto.h"
#include "enclave/lib/session.h"

#define SESSION_INITIATOR_LABEL "tcbind local initiator"
#define SESSION_RESPONDER_LABEL "tcbind local responder"

/* One side's public half of the handshake. */
struct session_hello {
	struct p256_point point;
	uint8_t target[SGX_TARGETINFO_SIZE];
};

enum tcb_error session_hello_new(EVP_PKEY **ret_key, struct session_hello *ret_hello) MUST_USE;
void session_hello_encode(struct writer *w, const struct session_hello *hello);
enum tcb_error session_hello_decode(struct reader *r, struct session_hello *ret_hello) MUST_USE;

enum tcb_error session_transcript(const struct session_hello *initiator, const struct session_hello *responder,
				  uint8_t ret_transcript[SHA256_SIZE]) MUST_USE;

/* A REPORT for `peer_target` that speaks for `transcript` in the role of `label`. */
enum tcb_error session_report(const char *label, const uint8_t transcript[SHA256_SIZE],
			      const uint8_t peer_target[SGX_TARGETINFO_SIZE],
			      uint8_t ret_report[SGX_REPORT_SIZE]) MUST_USE;
/* Same processor, same signer, a role of `roles`, no DEBUG, SVN, this transcript. Codes: session.report, session.peer. */
enum tcb_error session_check_report(const char *label, const uint8_t transcript[SHA256_SIZE],
				    const uint8_t report[SGX_REPORT_SIZE], unsigned roles,
				    struct enclave_identity *ret_peer, struct diagnosis *d) MUST_USE;

enum tcb_error session_derive(EVP_PKEY *own, const struct p256_point *peer, const uint8_t transcript[SHA256_SIZE],
			      bool initiator, struct session_keys *ret_keys) MUST_USE;

/* AEAD of one message; the counter moves on success only. */
enum tcb_error session_seal(struct session_keys *keys, struct span plain, struct writer *out) MUST_USE;
enum tcb_error session_open(struct session_keys *keys, struct span sealed, uint8_t *ret_plain, size_t capacity,
			    struct span *ret_bytes) MUST_USE;

#endif
