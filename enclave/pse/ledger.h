// SPDX-License-Identifier: MIT
/* The PSE's ledger: one register for each vTPM of this platform, and one for the MigE's journal.
 *
 *   ledger.c    the stored chain: one step for each change (STORE_PSE_LEDGER_STEP), which has a number
 *               and names, by its digest, the step before; and a snapshot (STORE_PSE_LEDGER), which
 *               stands for all steps until its own
 *   register.c  the rules: who may change which register, and how (docs/protocol.md)
 *
 * A step is posted with the answer that rests on it, so a change is durable before it is known. */
#ifndef TCBIND_ENCLAVE_PSE_LEDGER_H
#define TCBIND_ENCLAVE_PSE_LEDGER_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "edge/ledger.h"

#define LEDGER_ENTRIES 10240
#define LEDGER_PLAIN_MAX (LEDGER_ENTRIES * 136u + 64u) /* bytes of a snapshot; a slot takes 131 */
#define LEDGER_ARRIVALS 64 /* expected at once */

/* One vTPM. Members up to `incarnation` are stored. */
struct ledger_slot {
	struct uuid id;
	struct digest256 lineage;
	uint64_t generation;
	uint64_t version; /* of the newest state */
	struct digest256 digest;
	enum ledger_phase phase;
	struct handover_id handover; /* the last one, in either direction; zeros: none */
	bool unsettled;          /* the other side may still act on `handover` */
	bool drop_when_settled;  /* the host has no use for it any more */
	struct incarnation incarnation; /* of the holder */
	uint64_t holder;             /* serial of the session that has the lease; 0: nobody */
	struct handover_id offered;  /* by the holder, for the state that is the newest; zeros: none */
};

/* A vTPM that may arrive. Kept in memory only: after a restart the destination asks again. */
struct ledger_expected {
	bool used, granted;
	uint64_t session; /* serial of the vTPM enclave that it is to arrive at */
	uint64_t asked;   /* counts requests: the oldest goes first */
	struct ledger_arrival arrival;
};

struct ledger_journal {
	uint64_t version; /* 0: there was never one */
	struct digest256 digest;
	uint64_t holder;  /* serial of the MigE's session; 0: nobody */
};

struct ledger {
	size_t count;
	struct ledger_slot slots[LEDGER_ENTRIES]; /* in the order of their ids */
	struct ledger_journal journal;
	struct ledger_expected expected[LEDGER_ARRIVALS];
	uint64_t requests;     /* counts them, for `asked` */
	uint64_t step;         /* number of the newest change */
	struct digest256 last; /* SHA-256 of that step, sealed; zeros: there was none */
};

/* ---- ledger.c ---- */

/* Reads what was stored (edge/pse.h). Empty: a new ledger. Steps that the snapshot contains are
 * passed over. A missing, altered or foreign step is refused: ledger.chain. Missing newest steps
 * cannot be seen here. */
enum tcb_error ledger_load(struct ledger *l, struct span stored, struct diagnosis *d) MUST_USE;
/* Stores the whole ledger. Earlier steps are not needed any more. Blocks until it is durable. */
enum tcb_error ledger_snapshot(struct ledger *l, struct diagnosis *d) MUST_USE;

/* One change: of a register, of the journal's register, or of both at once. */
struct ledger_change {
	const struct ledger_slot *slot; /* NULL: no register changes */
	bool gone;                      /* the register goes */
	const struct ledger_journal *journal; /* NULL: it stays */
};

/* Posts the step, then makes the change in memory. Code: ledger.full; nothing has changed then. */
enum tcb_error ledger_change(struct ledger *l, const struct ledger_change *change, struct diagnosis *d) MUST_USE;
/* The register of this id. NULL: there is none. Borrowed until the next ledger_change(). */
struct ledger_slot *ledger_find(struct ledger *l, const struct uuid *id);

/* ---- register.c: requests of vTPM enclaves. `session` is the serial of the asker's session, never 0. ---- */

/* A TPM that was made here. It replaces one under its id that was made and has done nothing since, which is
 * what a crash leaves of a creation. Refused: ledger.id.taken. */
enum tcb_error register_create(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d) MUST_USE;
/* The asker has opened this state and takes the lease; other holders are superseded. A state that is
 * one ahead was written before its commit was made, and is taken in. Refused: ledger.unknown,
 * ledger.lineage, ledger.state.old, ledger.state.forked; ledger.copy.superseded where it resumes. */
enum tcb_error register_open(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			     struct ledger_lease *ret_lease, struct diagnosis *d) MUST_USE;
/* The next state. Refused: ledger.unknown, ledger.copy.superseded, ledger.phase, ledger.version. */
enum tcb_error register_commit(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d) MUST_USE;
/* Whether the asker holds the lease. Refused: ledger.unknown, ledger.copy.superseded. */
enum tcb_error register_check(struct ledger *l, const struct uuid *id, uint64_t session,
			      struct ledger_lease *ret_lease, struct diagnosis *d) MUST_USE;
/* The holder names the hand-over that it will leave with the MigE. Refused as register_commit(). */
enum tcb_error register_offer(struct ledger *l, const struct ledger_offer *offer, uint64_t session,
			      struct diagnosis *d) MUST_USE;
/* Asked before a source decides. Refused: ledger.full, ledger.lineage, ledger.arrived, ledger.phase. */
enum tcb_error register_expect(struct ledger *l, const struct ledger_arrival *arrival, uint64_t session,
			       struct diagnosis *d) MUST_USE;
/* One step: the register is this state's, and the asker has the lease. The same refusals;
 * ledger.arrival.unknown where it was not expected at this session, not granted, or renounced. */
enum tcb_error register_arrive(struct ledger *l, const struct ledger_entry *entry, uint64_t session,
			       struct diagnosis *d) MUST_USE;

/* ---- requests of the MigE ---- */

/* `*ret_ahead`: this journal is one ahead; its change must be committed, or be dropped with it.
 * Refused: ledger.journal.old, ledger.journal.missing. */
enum tcb_error register_open_journal(struct ledger *l, const struct journal_version *m, uint64_t session,
				     bool *ret_ahead, struct diagnosis *d) MUST_USE;
/* Journal and register change in one step. Refused: ledger.journal.superseded, ledger.version, ledger.phase. */
enum tcb_error register_commit_journal(struct ledger *l, const struct journal_version *m, uint64_t session,
				       struct diagnosis *d) MUST_USE;
/* Whether the asker holds the journal's lease: what a MigE answers without a commit rests on it. */
enum tcb_error register_check_journal(const struct ledger *l, uint64_t session, struct diagnosis *d) MUST_USE;
/* An expected arrival may happen from now on; or not any more, by whatever enclave has its key.
 * Refused: ledger.journal.superseded. */
enum tcb_error register_granted(struct ledger *l, const struct ledger_handover *m, uint64_t session,
				struct diagnosis *d) MUST_USE;
enum tcb_error register_renounce(struct ledger *l, const struct ledger_handover *m, uint64_t session,
				 struct diagnosis *d) MUST_USE;

/* ---- requests of the host ---- */

/* The host has deleted the vTPM, or has no use for it any more. The host's word costs its own files
 * only: none of the vTPM's states acts here any more. `newest` NULL: in any case. Else only if this is
 * the digest of its newest state; one that has moved can be given again until its hand-over is settled.
 * `*ret_dropped` false: another state is the newest, and nothing has changed. */
enum tcb_error register_drop(struct ledger *l, const struct uuid *id, const struct digest256 *newest,
			     bool *ret_dropped, struct diagnosis *d) MUST_USE;

#endif
