// SPDX-License-Identifier: MIT
/* The migration agent (the publication's 104): moves the Migration Enclaves' TLS bytes between platforms. It understands none of
 * them. Each step of a MigE (edge/mige.h) says what to send where; the MigE's lock is never held while the network is waited for. */
#ifndef TCBIND_HOST_AGENT_H
#define TCBIND_HOST_AGENT_H

#include "edge/mige.h"
#include "host/daemon.h"

/* Listens at the platform's address; a thread a connection. Codes: those of address_listen(). */
enum tcb_error agent_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;

/* A message of one of our vTPMs to the MigE (an encoded peer_message). If the MigE's step waits for the network, goes there and comes
 * back with the answer. `ret` takes the sized reply. What the network does to it, the MigE says. Code: agent.steps. */
enum tcb_error agent_ask(struct daemon *daemon, struct span peer_message, struct writer *ret, struct diagnosis *d) MUST_USE;

/* CALL_MIGE_TIDY, and what its step wants of the network. `ret_done`: nothing was left to do in this round. */
enum tcb_error agent_tidy(struct daemon *daemon, uint64_t round, bool *ret_done, struct diagnosis *d) MUST_USE;

#endif
