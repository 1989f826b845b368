// SPDX-License-Identifier: MIT
/* The PSE's ledger: the newest state of every vTPM of this platform. An older state, another state of the same version, a second live copy, or a state
 * of a vTPM that it does not have is refused. Stored, sealed, before anything is acknowledged: a snapshot (STORE_PSE_LEDGER), then a step for every change
 * (STORE_PSE_LEDGER_STEP); each step has a number and names, by its digest, what was stored before it.
 * Its anchor in a counter of the physical TPM is still to come: see CAVEATS. */
#ifndef TCBIND_ENCLAVE_PSE_LEDGER_H
#define TCBIND_ENCLAVE_PSE_LEDGER_H

#include "core/ids.h"
#include "core/span.h"
#include "edge/local.h"

#define LEDGER_ENTRIES 8192

struct ledger_slot {
	struct uuid id;
	uint64_t version;
	struct digest256 digest;
	uint64_t owner; /* serial of the session that may commit; 0: none since this PSE started */
};

struct ledger {
	size_t count;
	struct ledger_slot slots[LEDGER_ENTRIES]; /* in the order of their ids; memory that is touched only as far as it is used */
	uint64_t step;         /* number of the newest change */
	struct digest256 last; /* SHA-256 of what was stored last, sealed */
};

/* From what was stored (edge/pse.h); empty: a new ledger. Steps that the snapshot has already are passed over; one that is missing, altered or
 * of another history is refused: ledger.chain. That the last ones are missing cannot be seen. */
enum tcb_error ledger_load(struct ledger *l, struct span stored, struct diagnosis *d) MUST_USE;
/* Stores all of it: the steps until now are not needed any more. */
enum tcb_error ledger_snapshot(struct ledger *l, struct diagnosis *d) MUST_USE;

/* A vTPM enclave (`session`: its serial, not 0) has opened the state `entry`. Refused: ledger.unknown, ledger.state.old, ledger.state.forked. From now
 * on only this session commits. A version one ahead whose previous is the newest is taken in. */
enum tcb_error ledger_open(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d) MUST_USE;

/* A vTPM that is made here, or came by a hand-over: this state is its newest, whatever this platform knew of the id before; all other copies are
 * superseded. What its MigE granted once, no other copy has; a new vTPM has a TPM of its own. Code: ledger.full. */
enum tcb_error ledger_adopt(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d) MUST_USE;

/* Whether this session holds the vTPM: its state is the newest, and no other enclave has opened it since. Refused: ledger.unknown,
 * ledger.copy.superseded. */
enum tcb_error ledger_check(struct ledger *l, const struct uuid *id, uint64_t session, struct diagnosis *d) MUST_USE;

/* The next version is written. Refused: ledger.unknown, ledger.copy.superseded, ledger.version. */
enum tcb_error ledger_commit(struct ledger *l, const struct ledger_entry *entry, uint64_t session, struct diagnosis *d) MUST_USE;

bool ledger_has(const struct ledger *l, const struct uuid *id);

/* The host has deleted the vTPM whose newest state has this digest (NULL: whatever it is), or knows that it has moved away: no state of it opens here any
 * more. It is the host's word, and costs the host's own files only: it could as well have deleted them. False: what the ledger has is another state,
 * which stays (the vTPM is elsewhere on this platform, say). */
enum tcb_error ledger_drop(struct ledger *l, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped) MUST_USE;

#endif
