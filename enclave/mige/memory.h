// SPDX-License-Identifier: MIT
/* What was judged before, so that it is not judged again while a machine stands still: signatures, which hold for ever; and processors' quotes with their
 * collateral, under an owner's policy, for as long as every window in them lasts. What is fresh at each hand-over (the physical TPM's quote, the time) is
 * judged each time. */
#ifndef TCBIND_ENCLAVE_MIGE_MEMORY_H
#define TCBIND_ENCLAVE_MIGE_MEMORY_H

#include "core/ids.h"
#include "verify/appraise/memo.h"

/* The enclave's only memory: of the last 64 signatures and 4 processors. `scope` tells policies apart; it is for all judgements until the next call. */
const struct memo *memory_under(const struct digest256 *scope);
/* The same, for signatures alone. */
const struct memo *memory_of_signatures(void);

#endif
