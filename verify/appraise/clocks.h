// SPDX-License-Identifier: MIT
/* What a TPM's quote says of the TPM's own life (TPMS_CLOCK_INFO, TPM 2.0 Part 2, 10.11.1), judged. The keys of our quotes are of the endorsement
 * hierarchy: the counts are plain. resetCount goes up at each TPM reset, restartCount at each resume without one; `safe` is lost when the clock
 * may have run backwards, by a power cut at a wrong moment. */
#ifndef TCBIND_VERIFY_APPRAISE_CLOCKS_H
#define TCBIND_VERIFY_APPRAISE_CLOCKS_H

#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"
#include "verify/appraise/tpm.h"

/* Checks only what `wanted` asks for. */
bool clock_check(const struct tpm_clock *clock, const struct policy_clock *wanted, const char *layer, const char *code,
		 struct checks *checks);

#endif
