// SPDX-License-Identifier: MIT
/* Host -> MigE. The MigE never waits for the network inside a call: each call returns a step, which says
 * what to send where, and whether a peer's request is answered. The host moves bytes and calls again. */
#ifndef TCBIND_EDGE_MIGE_H
#define TCBIND_EDGE_MIGE_H

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

/* CALL_MIGE_START */
struct mige_start {
	struct span address;        /* text HOST:PORT where peers reach this platform's MigE */
	struct span platform_name;  /* text; a label */
	struct span sealed_journal; /* what STORE_MIGE_JOURNAL last held; empty on first boot */
};

void mige_start_encode(struct writer *w, const struct mige_start *m);
enum tcb_error mige_start_decode(struct span bytes, struct mige_start *ret_m) MUST_USE;

/* CALL_MIGE_NET: bytes that came on a connection (TLS records), or that it closed. Connections that peers
 * opened to us are numbered by the host with the top bit set; those we asked for, by the MigE, without. */
struct mige_net {
	uint64_t connection;
	bool closed;
	struct span bytes;
};

#define MIGE_CONNECTION_INBOUND (1ull << 63)

void mige_net_encode(struct writer *w, const struct mige_net *m);
enum tcb_error mige_net_decode(struct span bytes, struct mige_net *ret_m) MUST_USE;

/* What CALL_MIGE_PEER, CALL_MIGE_NET and CALL_MIGE_TIDY return. */
struct mige_step {
	uint64_t connection; /* 0: nothing on the network */
	struct span address; /* text; not empty: open `connection` to here first */
	struct span bytes;   /* to send on it; may be empty */
	bool close;          /* then close it; if nothing is answered yet, CALL_MIGE_NET with `closed` says that it is done */
	bool answered;       /* `reply` answers the peer's request that this step belongs to */
	struct span reply;   /* edge/local.h */
};

void mige_step_encode(struct writer *w, const struct mige_step *m);
enum tcb_error mige_step_decode(struct span bytes, struct mige_step *ret_m) MUST_USE;

#endif
