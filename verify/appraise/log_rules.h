// SPDX-License-Identifier: MIT
/* The logs of one boot, the firmware's and the kernel's, judged: do they lead to the quoted PCRs, and is what they tell what the policy wants. */
#ifndef TCBIND_VERIFY_APPRAISE_LOG_RULES_H
#define TCBIND_VERIFY_APPRAISE_LOG_RULES_H

#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"

struct boot_logs {
	struct span firmware; /* TCG crypto-agile; empty: there is none */
	struct span ima;      /* Linux' IMA list; empty: there is none */
};

/* Adds its checks. Without any log nothing is judged, and a not-run check says so, unless the policy has rules for the log: then it fails.
 *   Replay: the PCRs that the policy names (else 0..15, and 10 only where there is an IMA list), and those of 17..22 that the log extends.
 *   IMA lists may have grown since the quote: the longest run of entries that leads to the quoted PCRs is judged, and a not-run check
 *   says how many entries are behind it.
 *   Rules: each `must` event is there, no `must_not` event is, and each event in a `known` PCR is a reference value (an IMA entry: its file's
 *   digest; a violation never is, the boot aggregate always). Rules speak of events in replayed PCRs alone: others are anybody's word. */
bool logs_appraise(const struct boot_logs *logs, const struct digest256 pcrs[LIMIT_PCRS], const struct policy *policy,
		   enum policy_layer layer, struct checks *checks);

#endif
