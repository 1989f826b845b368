// SPDX-License-Identifier: MIT
/* The MigE's journal: what each hand-over from and to this platform came to. One entry for each vTPM:
 * for each lineage, since a host can make two vTPMs under one id.
 * Every version is sealed, and is committed in the PSE's ledger together with what it changes in the
 * vTPM's register, in one step (docs/protocol.md). `revoked` and `redeemed` exclude each other because
 * one entry is changed in one place, and is durable before either is said aloud.
 *
 *   (none) -- escrow --> ESCROWED -- redeem --> REDEEMED -- confirm --> SETTLED    leaving: the point of decision
 *                        ESCROWED -- revoke --> (none) or SETTLED
 *                                               REDEEMED -- return --> (none) or SETTLED
 *   (none) -- arrive --> ARRIVING -- settle, escrow --> SETTLED or ESCROWED        coming
 *                        ARRIVING -- renounce --> RETURNING -- returned --> (none) or SETTLED
 *   SETTLED -- drop --> (none)     once the PSE's ledger has no such vTPM and every source was told
 *
 * `settled` is the highest generation that was handed over, to this platform or from it, and has run
 * on. It never comes here a second time. */
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

enum journal_state {
	JOURNAL_FREE = 0,
	JOURNAL_ESCROWED = 1,
	JOURNAL_REDEEMED = 2,
	JOURNAL_ARRIVING = 3, /* granted to this platform; its vTPM is not known to have become durable */
	JOURNAL_SETTLED = 4,  /* nothing is open */
	JOURNAL_RETURNING = 5, /* granted to this platform, never to be adopted here; its source is to be told */
};

/* A platform, by what it cannot change: its physical TPM's key and its processor. */
struct journal_platform {
	struct tpm_name ak;
	uint8_t ppid[PPID_SIZE];
};

struct journal_policy {
	bool used;
	size_t size;
	uint8_t bytes[LIMIT_POLICY];
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
	struct digest256 lineage;
	uint64_t settled; /* 0: none */
	bool untold;      /* an arrival was overwritten by a later one before its source was told: that source may grant it again */
	struct journal_arrival arrival; /* the newest, in whatever state */
	uint64_t round;   /* of CALL_MIGE_TIDY in which the source was last tried; not stored */
	/* escrowed, redeemed, arriving, returning */
	struct handover_id handover;
	uint64_t generation; /* that is given up by its source */
	/* escrowed, redeemed */
	struct secret256 key;
	struct digest256 last_custody;
	uint16_t exporter_svn; /* ISVSVN of the vTPM enclave that gave it: no older one gets it */
	struct journal_policy *policy; /* escrowed; NULL: the owner gave none */
	struct journal_grant *grant;   /* redeemed */
};

/* A version whose commit was not answered, and the entry that it changed. */
struct journal_doubt {
	bool open;
	struct digest256 digest;
	struct journal_entry *entry; /* NULL: it only forgot entries, which is repeated */
	struct journal_entry next;
};

struct journal {
	struct session *pse; /* the caller's; whose ledger has this journal */
	uint64_t lease;      /* the opening of `pse` that has the journal's lease */
	uint64_t version;    /* 0: never stored */
	struct digest256 digest;
	struct journal_doubt doubt;
	size_t used; /* entries from here on were never taken */
	struct journal_entry entries[JOURNAL_ENTRIES];
	struct journal_policy policies[JOURNAL_POLICIES];
	struct journal_grant grants[JOURNAL_GRANTS];
};

/* From what STORE_MIGE_JOURNAL last held; empty: a new journal. `j` is all zeros but for `pse`. Takes the
 * journal's lease. Codes of the ledger: ledger.journal.old, ledger.journal.missing. */
enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d) MUST_USE;
/* A commit that was not answered was made, or was not: finds out. TCB_PLATFORM: it is not known yet,
 * and nothing else may be asked of the journal. */
enum tcb_error journal_certain(struct journal *j, struct diagnosis *d) MUST_USE;
/* The same, and that this MigE still holds the journal's lease: another one, with a newer journal, may decide
 * otherwise. Refused: ledger.journal.superseded. */
enum tcb_error journal_hold(struct journal *j, struct diagnosis *d) MUST_USE;

/* NULL: none. */
struct journal_entry *journal_find(struct journal *j, const struct uuid *id, const struct digest256 *lineage);
/* Only what is escrowed or redeemed. */
struct journal_entry *journal_find_handover(struct journal *j, const struct handover_id *handover);

/* Whether this generation was handed over and can no longer run here. */
bool journal_has_moved(struct journal *j, const struct uuid *id, const struct digest256 *lineage, uint64_t generation);

/* Each of these is durable when it returns TCB_OK, and has changed nothing otherwise; but after
 * TCB_PLATFORM journal_certain() tells which. Codes of all: mige.journal.full; those of the ledger. */

/* Replaces an undecided escrow of the same vTPM. `svn`: ISVSVN of the enclave that gives it. Refused: vtpm.moved. */
enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, uint16_t svn,
			      struct diagnosis *d) MUST_USE;
/* Another key for a hand-over that was granted and is not confirmed: for the same platform alone, and of blobs that are made again, since those with the
 * first were lost. Refused: mige.handover.none. */
enum tcb_error journal_escrow_again(struct journal *j, const struct local_escrow *escrow, struct handover_id *ret_handover,
				    struct diagnosis *d) MUST_USE;
/* `*ret_outcome`: REVOKE_GRANTED once redeemed, for as long as the ledger has the vTPM. A hand-over that is not
 * known is revoked already. */
enum tcb_error journal_revoke(struct journal *j, const struct ledger_handover *m, uint64_t generation,
			      enum revoke_outcome *ret_outcome, struct diagnosis *d) MUST_USE;
/* The point of decision. The entry must be escrowed. */
enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct journal_platform *redeemer,
			      struct span record, struct diagnosis *d) MUST_USE;

/* The destination has it for good: key and record go. The entry must be redeemed. */
enum tcb_error journal_confirm(struct journal *j, struct journal_entry *entry, struct diagnosis *d) MUST_USE;
/* The destination gives it back: the vTPM goes on here. The entry must be redeemed. */
enum tcb_error journal_return(struct journal *j, struct journal_entry *entry, struct diagnosis *d) MUST_USE;

/* Has nothing to store: could this generation of its source's come here? Refused: mige.handover.consumed,
 * mige.handover.returned. */
enum tcb_error journal_check_arrival(struct journal *j, const struct local_redeem *asked, struct diagnosis *d) MUST_USE;
/* Its source has granted it to us. Again for the same hand-over until it has settled. */
enum tcb_error journal_arrive(struct journal *j, const struct local_redeem *granted, struct diagnosis *d) MUST_USE;

/* The ledger has adopted what was ARRIVING, or what was redeemed on this platform itself. */
enum tcb_error journal_settle(struct journal *j, struct journal_entry *entry, struct diagnosis *d) MUST_USE;
/* The ledger has no such vTPM any more: its undecided escrow can come to nothing. */
enum tcb_error journal_abandon(struct journal *j, struct journal_entry *entry, struct diagnosis *d) MUST_USE;
/* What was granted to this platform is never adopted here; `*ret_source` is to be told. Refused: mige.handover.adopted. */
enum tcb_error journal_renounce(struct journal *j, const struct ledger_handover *m, struct journal_arrival *ret_source,
				struct diagnosis *d) MUST_USE;

/* The next entry whose source is to be told, that it arrived or that it is returned, and was not tried in this round: it
 * is now. NULL: none. */
const struct journal_entry *journal_next_untold(struct journal *j, uint64_t round);
/* Nor are the others from the same address in this round. */
void journal_pass_over(struct journal *j, const struct handover_id *arrived, uint64_t round);
/* The source of this arrival was told. */
enum tcb_error journal_told(struct journal *j, const struct handover_id *arrived, struct diagnosis *d) MUST_USE;

/* Says nothing that matters once the platform has no state of the vTPM. */
bool journal_may_drop(const struct journal_entry *entry);
enum tcb_error journal_drop(struct journal *j, struct journal_entry *const *entries, size_t count, struct diagnosis *d) MUST_USE;

#endif
