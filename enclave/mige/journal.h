/* The MigE's journal: what each hand-over from and to this platform came to. One entry a vTPM; sealed and durable before anything is
 * answered. `revoked` and `redeemed` exclude each other because an entry is changed in one place and written before either is said
 * aloud: a revoked hand-over is no longer in it, a redeemed one can no longer be revoked.
 *
 *   (none) -- escrow --> ESCROWED -- redeem --> REDEEMED     leaving: the one point of decision
 *                        ESCROWED -- revoke, activate --> (none) or SETTLED
 *   (none) -- arrive --> ARRIVING -- activate, escrow --> SETTLED or ESCROWED     coming
 *
 * `settled` is the highest generation that was handed over to this platform and has run on: it never comes here a second time. */
#ifndef TCBIND_ENCLAVE_MIGE_JOURNAL_H
#define TCBIND_ENCLAVE_MIGE_JOURNAL_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"
#include "core/wipe.h"
#include "edge/local.h"

#define JOURNAL_ENTRIES 2048      /* vTPMs that came to this platform, left it, or are about to */
#define JOURNAL_POLICIES 64       /* undecided hand-overs with an owner's policy */
#define JOURNAL_POLICY_MAX 16384u /* bytes of an owner's policy that can travel */
#define PPID_SIZE 16

enum journal_state {
	JOURNAL_FREE = 0,
	JOURNAL_ESCROWED = 1,
	JOURNAL_REDEEMED = 2,
	JOURNAL_ARRIVING = 3, /* granted to this platform; its vTPM is not known to have become durable */
	JOURNAL_SETTLED = 4,  /* nothing is open */
};

/* A platform, by what it cannot change: its physical TPM's key and its processor. */
struct journal_platform {
	struct tpm_name ak;
	uint8_t ppid[PPID_SIZE];
};

struct journal_policy {
	bool used;
	size_t size;
	uint8_t bytes[JOURNAL_POLICY_MAX];
};

struct journal_entry {
	enum journal_state state;
	struct uuid id;
	uint64_t settled; /* 0: none */
	/* escrowed, redeemed, arriving */
	struct handover_id handover;
	uint64_t generation; /* that is given up by its source */
	/* escrowed, redeemed */
	struct secret256 key;
	struct digest256 last_custody;
	struct journal_policy *policy; /* escrowed; NULL: the owner gave none */
	/* redeemed: to whom, and what was said */
	struct journal_platform redeemer;
	size_t record_size;
	uint8_t record[LIMIT_CUSTODY_RECORD];
};

struct journal {
	struct journal_entry entries[JOURNAL_ENTRIES];
	struct journal_policy policies[JOURNAL_POLICIES];
};

/* From what STORE_MIGE_JOURNAL last held; empty: a new journal. `j` is all zeros. */
enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d) MUST_USE;

struct journal_entry *journal_find(struct journal *j, const struct uuid *id);
/* Only what is escrowed or redeemed. */
struct journal_entry *journal_find_handover(struct journal *j, const struct handover_id *handover);

/* Whether this generation was handed over and can no longer run here. */
bool journal_has_moved(struct journal *j, const struct uuid *id, uint64_t generation);

/* Each of these is durable when it returns TCB_OK, and has changed nothing otherwise. Codes of all: mige.journal.full. */

/* May this generation run here? Revokes an undecided escrow; ends an arrival. Refused: vtpm.moved. */
enum tcb_error journal_activate(struct journal *j, const struct uuid *id, uint64_t generation,
				struct diagnosis *d) MUST_USE;
/* Replaces an undecided escrow of the same vTPM. Refused: vtpm.moved. */
enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, struct diagnosis *d) MUST_USE;
/* Refused: mige.handover.gone, once redeemed. A hand-over that is not known is revoked already. */
enum tcb_error journal_revoke(struct journal *j, const struct handover_id *handover, struct diagnosis *d) MUST_USE;
/* The point of decision. The entry must be escrowed. */
enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct journal_platform *redeemer,
			      struct span record, struct diagnosis *d) MUST_USE;

/* Has nothing to store: could this generation of its source's come here? Refused: mige.handover.consumed. */
enum tcb_error journal_check_arrival(struct journal *j, const struct uuid *id, uint64_t generation,
				     struct diagnosis *d) MUST_USE;
/* A source has granted it to us. Again for the same hand-over until it is activated. */
enum tcb_error journal_arrive(struct journal *j, const struct uuid *id, const struct handover_id *handover,
			      uint64_t generation, struct diagnosis *d) MUST_USE;

#endif
