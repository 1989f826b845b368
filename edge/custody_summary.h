// SPDX-License-Identifier: MIT
/* The oldest part of a custody chain, folded: what the records said, signed by the MigE that folded
 * them: COSE_Sign1 (ES256). payload = {1: bstr vTPM id, 2: uint first generation, 3: uint last
 * generation, 4: uint time of the first record, 5: uint time of the last, 6: [* [tstr name, bstr AK
 * name, uint hand-overs from there]], 7: uint hand-overs from platforms that are not in 6, 8: bstr
 * SHA-256 of the last record, 9: bstr AK name of the platform where that one led, 10: bstr PPID of
 * its processor (zeros: not known), 11: bstr key of the signing MigE} The record after it continues
 * 3, 8 and 9. */
#ifndef TCBIND_EDGE_CUSTODY_SUMMARY_H
#define TCBIND_EDGE_CUSTODY_SUMMARY_H

#include "core/cbor.h"
#include "core/ids.h"
#include "core/limits.h"

#define CUSTODY_SUMMARY_TYPE "application/vnd.tcbind.custody-summary+cbor"

/* A platform that the vTPM was on, and how many hand-overs began there. */
struct custody_stay {
	struct span name; /* as its newest record has it */
	struct tpm_name ak;
	uint64_t count; /* at least 1 */
};

struct custody_summary {
	struct uuid id;
	uint64_t first_generation, last_generation;
	uint64_t first_time_s, last_time_s;
	size_t stay_count;
	struct custody_stay
	    stays[LIMIT_CUSTODY_STAYS]; /* in the order of their first hand-overs; no AK twice */
	uint64_t others;
	struct digest256 last;
	struct tpm_name at_ak;
	uint8_t at_ppid[PPID_SIZE];
	struct p256_point mige_key;
};

void custody_summary_encode(struct writer *w, const struct custody_summary *s);
/* Refuses counts that do not add up to the number of generations. */
enum tcb_error custody_summary_decode(struct span payload, struct custody_summary *ret_s) MUST_USE;
/* What a signed summary says. Its signature is not checked: that is custody_appraise(). */
enum tcb_error custody_summary_read(struct span signed_summary, struct custody_summary *ret_s) MUST_USE;

#endif
