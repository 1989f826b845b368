// SPDX-License-Identifier: MIT
/* The custody chain: one signed record for each hand-over, from generation 1 to the residence that answers. */
#ifndef TCBIND_VERIFY_APPRAISE_CUSTODY_H
#define TCBIND_VERIFY_APPRAISE_CUSTODY_H

#include "verify/appraise/evidence.h"

/* Checks the chain against the request and the platform, and an unlisted platform against the policy's rule. */
bool custody_appraise(struct span chain, struct evidence_claims *claims, const struct policy *policy, struct checks *checks);

#endif
