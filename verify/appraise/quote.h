/* DCAP quotes, judged whole: structure, signatures, PCK chain, CRLs, TCB info, QE identity, TCB level, DEBUG.
 * One call; there is no way to use half of it. Facts: shared DCAP notes; Intel sgx_quote_{3,4,5}.h. */
#ifndef TCBIND_VERIFY_APPRAISE_QUOTE_H
#define TCBIND_VERIFY_APPRAISE_QUOTE_H

#include "core/ids.h"
#include "edge/collateral.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/policy.h"

enum quote_tee { QUOTE_TEE_SGX, QUOTE_TEE_TDX };

/* What a quote says, of use only when quote_appraise() returned TCB_OK and no check failed. */
struct quote_claims {
	enum quote_tee tee;
	enum tcb_status tcb_status;
	struct enclave_identity enclave; /* SGX */
	uint8_t mr_td[48];               /* TDX */
	uint8_t report_data[SGX_REPORT_DATA_SIZE];
	uint8_t fmspc[6], ppid[16];
	struct digest256 root_spki;
	uint32_t tcb_evaluation_number;
	/* At any time from here to there every window that was judged (certificates, CRLs, TCB info, QE identity) holds, as it did
	 * at the time of the check. Empty (from > until) unless all is known. */
	uint64_t valid_from_s, valid_until_s;
	size_t advisory_count;
	char advisories[32][24];
};

/* Judges `quote` at time `now_s` with `collateral` (NULL: missing -> checks->missing). Policy members used:
 * roots, accepted_statuses, min_tcb_evaluation_number. TCB_OK when every check was run and passed;
 * TCB_MALFORMED when the quote is not a quote; TCB_REFUSED when a check failed; TCB_WRONG_STATE when something
 * needed to judge is missing. */
enum tcb_error quote_appraise(struct span quote, const struct collateral *collateral, const struct policy *policy,
			      uint64_t now_s, struct checks *checks, struct quote_claims *ret_claims) MUST_USE;

/* SHA-256 of the SubjectPublicKeyInfo of the last certificate in the quote's PCK chain: NOT judged. By it a MigE
 * learns its own root from its own QUOTE. */
enum tcb_error quote_peek_root(struct span quote, struct digest256 *ret_root_spki) MUST_USE;

#endif
