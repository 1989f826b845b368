// SPDX-License-Identifier: MIT
/* Sessions between two enclaves of one processor (edge/local.h): mutual local attestation, then AEAD with counters.
 * The host carries the messages and can only drop them. */
#ifndef TCBIND_ENCLAVE_LIB_SESSION_H
#define TCBIND_ENCLAVE_LIB_SESSION_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/wipe.h"
#include "core/writer.h"
#include "edge/local.h"

/* The least ISVSVN of an enclave that ours talk to. */
#define SESSION_MIN_SVN 1

/* Responders keep this many sessions: vTPMs of one platform, and its MigE. */
#define SESSIONS_MAX 1100

/* One direction each; wiped with the session. */
struct session_keys {
	struct secret256 send, receive;
	uint64_t sent, received; /* messages, the IVs */
};

/* ---- initiator: vTPM -> PSE, vTPM -> MigE, MigE -> PSE ---- */

struct session {
	enum enclave_role peer_role;
	bool open;
	uint64_t openings; /* how often it was opened: what hangs on one session compares it */
	struct session_keys keys;
};

/* Asks the enclave of `s->peer_role`, once. Opens the session first if it is not open.
 * TCB_PLATFORM: the peer may or may not have done what was asked; the session is closed. Whatever the
 * host says comes back as this class. Every other error is the peer's own, authenticated answer, with
 * its diagnosis. `ret_reply` is borrowed until the next call here. */
enum tcb_error session_call(struct session *s, enum local_request request, struct span body, struct span *ret_reply,
			    struct diagnosis *d) MUST_USE;

/* ---- responder: PSE, MigE ---- */

enum session_stage { SESSION_FREE = 0, SESSION_GREETED, SESSION_OPEN };

struct session_entry {
	uint64_t number; /* the host's */
	uint64_t serial; /* ours: never used twice, so that a new session under an old number is another session */
	enum session_stage stage;
	uint8_t transcript[SHA256_SIZE];
	struct session_keys keys;
	struct enclave_identity peer; /* from its REPORT; valid when open */
};

struct session_server {
	unsigned roles; /* bit (1u << enum enclave_role): who may open a session */
	struct session_entry entries[SESSIONS_MAX];
};

/* What a message turned out to be. */
struct session_request {
	bool is_handshake; /* answered already: `ret` holds the reply to a hello */
	struct session_entry *session;
	enum local_request request;
	struct span body; /* plaintext, borrowed until the next call here */
};

/* Takes a peer's message. For a hello the reply is written to `ret` at once; otherwise the caller handles the request and
 * answers with session_reply(), now or later. Anything that does not open ends that session. */
enum tcb_error session_receive(struct session_server *server, uint64_t number, struct span message,
			       struct writer *ret, struct session_request *ret_request, struct diagnosis *d) MUST_USE;

/* The sealed reply: `error` and, if it is TCB_OK, `body`, else `d`. Replies leave in the order of their requests. */
enum tcb_error session_reply(struct session_entry *session, enum tcb_error error, struct span body,
			     const struct diagnosis *d, struct writer *ret) MUST_USE;

/* The session that the host numbers so, or NULL. */
struct session_entry *session_find(struct session_server *server, uint64_t number);

void session_forget(struct session_server *server, uint64_t number);

#endif
