// SPDX-License-Identifier: MIT
/* The age of collateral, where a policy sets a limit that is tighter than the collateral's own windows. */
#ifndef TCBIND_VERIFY_APPRAISE_AGE_H
#define TCBIND_VERIFY_APPRAISE_AGE_H

#include "edge/collateral.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"

/* `issueDate` of TCB info and of QE identity in a collateral document, not older than the policy's days. To be called after quote_appraise(): it
 * has checked signatures and windows. Nothing is checked when the policy sets no limit. */
bool collateral_check_age(struct span document, const struct policy *policy, uint64_t now_s, struct checks *checks);

#endif
