// SPDX-License-Identifier: MIT
/* Between journal.c (what may become of an entry) and journal_chain.c (how a version is stored). */
#ifndef TCBIND_ENCLAVE_MIGE_JOURNAL_CHAIN_H
#define TCBIND_ENCLAVE_MIGE_JOURNAL_CHAIN_H

#include "enclave/mige/journal.h"

/* What a version does besides: the change of the vTPM's register that the ledger makes with it. */
struct journal_step {
	enum journal_change change;
	struct uuid id;
	struct handover_id handover;
};

static const struct journal_step journal_step_alone = { .change = JOURNAL_CHANGES_NONE };

/* Stores the journal as it is in memory; version and register change in one step. TCB_PLATFORM: it is
 * not known whether the step was made, and j->doubt is open. */
enum tcb_error journal_store(struct journal *j, const struct journal_step *step, struct diagnosis *d) MUST_USE;

/* NULL when none is free. */
struct journal_policy *journal_take_policy(struct journal *j, struct span bytes);
struct journal_grant *journal_take_grant(struct journal *j, const struct journal_platform *redeemer,
					 struct span record);
/* Policy and grant of `gone` are free, unless `kept` names them. */
void journal_release(const struct journal_entry *gone, const struct journal_entry *kept);
/* The refusal of a journal without room. */
enum tcb_error journal_full(struct diagnosis *d);

#endif
