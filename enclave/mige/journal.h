// SPDX-License-Identifier: MIT
/* The MigE's journal: what each hand-over from and to this platform came to. One entry a vTPM; sealed and durable before anything is
 * answered. `revoked` and `redeemed` exclude each other because an entry is changed in one place and written before either is said
 * aloud: a revoked hand-over is no longer in it, a redeemed one can no longer be revoked.
 *
 *   (none) -- escrow --> ESCROWED -- redeem --> REDEEMED -- confirm --> SETTLED     leaving: the one point of decision
 *                        ESCROWED -- revoke, activate --> (none) or SETTLED
 *   (none) -- arrive --> ARRIVING -- activate, escrow --> SETTLED or ESCROWED     coming
 *   SETTLED -- drop --> (none)     once the PSE's ledger no longer has the vTPM and every source was told
 *
 * `settled` is the highest generation that was handed over, to this platform or from it, and has run on: it never comes here a second time. */
#ifndef TCBIND_ENCLAVE_MIGE_JOURNAL_H
#define TCBIND_ENCLAVE_MIGE_JOURNAL_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"
#include "core/wipe.h"
#include "edge/local.h"

#define JOURNAL_ENTRIES 8192      /* vTPMs that came to this platform, left it, or are about to */
#define JOURNAL_GRANTS 1024       /* that left, and whose destination has not confirmed it */
#define JOURNAL_POLICIES 64       /* undecided hand-overs with an owner's policy */
#define JOURNAL_POLICY_MAX 16384u /* bytes of an owner's policy that can travel */

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

/* To whom, and what was said. */
struct journal_grant {
	bool used;
	struct journal_platform redeemer;
	size_t record_size;
	uint8_t record[LIMIT_CUSTODY_RECORD];
};

/* A hand-over that came, and whose source is still to hear that it did. */
struct journal_arrival {
	struct handover_id handover;
	size_t address_size; /* 0: there is none */
	uint8_t address[LIMIT_ADDRESS];
};

struct journal_entry {
	enum journal_state state;
	struct uuid id;
	uint64_t settled; /* 0: none */
	bool untold;      /* an arrival was overwritten by a later one before its source was told: that source may grant it again */
	struct journal_arrival arrival; /* the newest, in whatever state */
	uint64_t round;   /* of CALL_MIGE_TIDY in which the source was last tried; not stored */
	/* escrowed, redeemed, arriving */
	struct handover_id handover;
	uint64_t generation; /* that is given up by its source */
	/* escrowed, redeemed */
	struct secret256 key;
	struct digest256 last_custody;
	struct journal_policy *policy; /* escrowed; NULL: the owner gave none */
	struct journal_grant *grant;   /* redeemed */
};

struct journal {
	size_t used; /* entries from here on were never taken */
	struct journal_entry entries[JOURNAL_ENTRIES];
	struct journal_policy policies[JOURNAL_POLICIES];
	struct journal_grant grants[JOURNAL_GRANTS];
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
/* Another key for a hand-over that was granted and is not confirmed: for the same platform alone, and of blobs that are made again, since those with the
 * first were lost. Refused: mige.handover.none. */
enum tcb_error journal_escrow_again(struct journal *j, const struct local_escrow *escrow, struct handover_id *ret_handover,
				    struct diagnosis *d) MUST_USE;
/* Refused: mige.handover.gone, once redeemed, for as long as the ledger has the vTPM. A hand-over that is not known is revoked already. */
enum tcb_error journal_revoke(struct journal *j, const struct handover_id *handover, const struct uuid *id, uint64_t generation,
			      struct diagnosis *d) MUST_USE;
/* The point of decision. The entry must be escrowed. */
enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct journal_platform *redeemer,
			      struct span record, struct diagnosis *d) MUST_USE;

/* The destination has it for good: key and record go. The entry must be redeemed. */
enum tcb_error journal_confirm(struct journal *j, struct journal_entry *entry, struct diagnosis *d) MUST_USE;

/* Has nothing to store: could this generation of its source's come here? Refused: mige.handover.consumed. */
enum tcb_error journal_check_arrival(struct journal *j, const struct uuid *id, uint64_t generation,
				     struct diagnosis *d) MUST_USE;
/* The source at this address has granted it to us. Again for the same hand-over until it is activated. */
enum tcb_error journal_arrive(struct journal *j, const struct uuid *id, const struct handover_id *handover, uint64_t generation,
			      struct span source, struct diagnosis *d) MUST_USE;

/* The next arrival that is durable on this platform and whose source was not tried in this round: it is now. NULL: none. */
const struct journal_entry *journal_next_arrival(struct journal *j, uint64_t round);
/* Nor are the others from the same address in this round. */
void journal_pass_over(struct journal *j, const struct handover_id *arrived, uint64_t round);
/* The source of this arrival was told. */
enum tcb_error journal_told(struct journal *j, const struct handover_id *arrived, struct diagnosis *d) MUST_USE;

/* Says nothing that matters once the platform has no state of the vTPM. */
bool journal_may_drop(const struct journal_entry *entry);
enum tcb_error journal_drop(struct journal *j, struct journal_entry *const *entries, size_t count, struct diagnosis *d) MUST_USE;

#endif
