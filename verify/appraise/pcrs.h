// SPDX-License-Identifier: MIT
/* PCR values beside a quote: are they what was quoted, and what the policy wants. */
#ifndef TCBIND_VERIFY_APPRAISE_PCRS_H
#define TCBIND_VERIFY_APPRAISE_PCRS_H

#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"

/* "pcr0" .. "pcr23": for checks. */
const char *pcr_name(unsigned pcr);

/* `values` are 24 x 32 bytes. */
bool pcrs_check_digest(struct span values, const struct digest256 *quoted, const char *layer, const char *code,
		       struct checks *checks, struct digest256 ret_pcrs[LIMIT_PCRS]);
/* Each PCR that the policy or its reference values name has one of their values for it; one check a PCR. */
bool pcrs_check_policy(const struct digest256 pcrs[LIMIT_PCRS], const struct policy *policy, enum policy_layer layer,
		       const char *layer_name, const char *code, struct checks *checks);

#endif
