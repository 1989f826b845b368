// SPDX-License-Identifier: MIT
/* How old collateral is, in the terms by which its issuers order it, so that a verifier that has seen newer does not take older again.
 * Pure: quote_appraise() fills the marks, a caller keeps what it has seen (verify/lib/collateral_state.h) and has it compared here. */
#ifndef TCBIND_VERIFY_APPRAISE_COLLATERAL_MARKS_H
#define TCBIND_VERIFY_APPRAISE_COLLATERAL_MARKS_H

#include "core/ids.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/x509.h"

/* Of one set of collateral. Keys are SHA-256 of a SubjectPublicKeyInfo: numbers under a test root say nothing of Intel's. */
struct collateral_marks {
	struct digest256 root, pck_issuer;
	bool tdx;
	uint8_t fmspc[6];
	uint32_t tcb_number, qe_number; /* tcbEvaluationDataNumber of TCB info and QE identity */
	struct crl_age root_crl, pck_crl;
};

#define COLLATERAL_SEEN_FAMILIES_MAX 256
#define COLLATERAL_SEEN_ISSUERS_MAX 64

/* The newest seen of each processor family (root, FMSPC, TEE) and of each CRL (issuer). */
struct collateral_seen {
	size_t family_count, issuer_count;
	struct collateral_seen_family {
		struct digest256 root;
		bool tdx;
		uint8_t fmspc[6];
		uint32_t tcb_number, qe_number;
	} families[COLLATERAL_SEEN_FAMILIES_MAX];
	struct collateral_seen_issuer {
		struct digest256 key;
		struct crl_age age;
	} issuers[COLLATERAL_SEEN_ISSUERS_MAX];
};

/* False, with a failed check, where `marks` are older than what was seen. Intel numbers all its CRLs 1, so their time counts, too.
 * Codes: quote.tcbinfo.old, quote.qe.old, quote.crl.old. */
bool collateral_seen_check(const struct collateral_seen *seen, const struct collateral_marks *marks, struct checks *checks);

/* Raises what was seen to `marks`, which are of collateral that passed; never lowers. TCB_LIMIT: a table is full; nothing is changed. */
enum tcb_error collateral_seen_raise(struct collateral_seen *seen, const struct collateral_marks *marks) MUST_USE;

#endif
