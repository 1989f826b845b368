// SPDX-License-Identifier: MIT
/* What a vTPM enclave of a test asks of its PSE's ledger. `entry` is the state that it means; its
 * handover member names the hand-over. Codes are the ledger's. */
#ifndef TCBIND_TESTS_ENCLAVE_RIG_LEDGER_H
#define TCBIND_TESTS_ENCLAVE_RIG_LEDGER_H

#include "tests/enclave/rig/rig.h"

/* LOCAL_LEDGER_OPEN, _CREATE, _COMMIT, _ARRIVE. `ret_lease` NULL: it is not wanted, or there is none. */
enum tcb_error rig_ledger(struct rig_vtpm *v, enum local_request request, const struct ledger_entry *entry,
			  struct ledger_lease *ret_lease, struct diagnosis *d) MUST_USE;
/* Opens the state; makes a register where there is none. */
enum tcb_error rig_take_lease(struct rig_vtpm *v, const struct ledger_entry *entry, struct ledger_lease *ret_lease,
			      struct diagnosis *d) MUST_USE;
enum tcb_error rig_offer(struct rig_vtpm *v, const struct ledger_entry *entry, struct diagnosis *d) MUST_USE;
/* `entry`: as it will be at the destination. */
enum tcb_error rig_expect(struct rig_vtpm *v, const struct ledger_entry *entry, struct diagnosis *d) MUST_USE;

#endif
