/* The MigE's journal: what each hand-over from this platform came to. One entry a vTPM; sealed and durable before
 * anything is answered. `revoked` and `redeemed` exclude each other because an entry is changed in one place and
 * written before either is said aloud: a revoked hand-over has no entry, a redeemed one can no longer be revoked. */
#ifndef TCBIND_ENCLAVE_MIGE_JOURNAL_H
#define TCBIND_ENCLAVE_MIGE_JOURNAL_H

#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"
#include "core/wipe.h"
#include "edge/local.h"

#define JOURNAL_ENTRIES 512       /* vTPMs that left this platform or are about to */
#define JOURNAL_POLICY_MAX 16384u /* bytes of an owner's policy that can travel */

enum journal_state { JOURNAL_FREE = 0, JOURNAL_ESCROWED = 1, JOURNAL_REDEEMED = 2 };

struct journal_entry {
	enum journal_state state;
	struct handover_id handover;
	struct uuid id;
	uint64_t generation; /* that is given up */
	struct secret256 key;
	struct digest256 last_custody;
	/* redeemed: to whom, and what was said */
	struct p256_point redeemer; /* the destination MigE's key */
	struct tpm_name redeemer_ak;
	size_t record_size;
	uint8_t record[LIMIT_CUSTODY_RECORD];
	/* escrowed: the owner's policy */
	size_t policy_size;
	uint8_t policy[JOURNAL_POLICY_MAX];
};

struct journal {
	struct journal_entry entries[JOURNAL_ENTRIES];
};

/* From what STORE_MIGE_JOURNAL last held; empty: a new journal. */
enum tcb_error journal_open(struct journal *j, struct span sealed, struct diagnosis *d) MUST_USE;

struct journal_entry *journal_find(struct journal *j, const struct uuid *id);
struct journal_entry *journal_find_handover(struct journal *j, const struct handover_id *handover);

/* Each of these is durable when it returns TCB_OK, and has changed nothing otherwise. */

/* May this generation run here? Revokes an undecided escrow. Refused: vtpm.moved. */
enum tcb_error journal_activate(struct journal *j, const struct uuid *id, uint64_t generation,
				struct diagnosis *d) MUST_USE;
/* Replaces an undecided escrow of the same vTPM. Refused: vtpm.moved; mige.journal.full. */
enum tcb_error journal_escrow(struct journal *j, const struct local_escrow *escrow, struct diagnosis *d) MUST_USE;
/* Refused: mige.handover.gone, once redeemed. A hand-over that is not known is revoked already. */
enum tcb_error journal_revoke(struct journal *j, const struct handover_id *handover, struct diagnosis *d) MUST_USE;
/* The point of decision. The entry must be escrowed. */
enum tcb_error journal_redeem(struct journal *j, struct journal_entry *entry, const struct p256_point *redeemer,
			      const struct tpm_name *redeemer_ak, struct span record, struct diagnosis *d) MUST_USE;

#endif
