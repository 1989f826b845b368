/* PCR values beside a quote: are they what was quoted, and what the policy wants. */
#ifndef TCBIND_VERIFY_APPRAISE_PCRS_H
#define TCBIND_VERIFY_APPRAISE_PCRS_H

#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"

/* SHA-256 over all values must be the quote's digest; then they are copied to `ret_pcrs`. */
bool pcrs_check_digest(struct span values, const struct digest256 *quoted, const char *layer, const char *code,
		       struct checks *checks, struct digest256 ret_pcrs[LIMIT_PCRS]);
bool pcrs_check_policy(const struct digest256 pcrs[LIMIT_PCRS], const struct policy_pcr *wanted, size_t count,
		       const char *layer, const char *code, struct checks *checks);

#endif
