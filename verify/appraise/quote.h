// SPDX-License-Identifier: MIT
/* DCAP quotes, judged whole: structure, signatures, PCK chain, CRLs, TCB info, QE identity, TCB level, DEBUG.
 * One call; there is no way to use half of it. Facts: shared DCAP notes; Intel sgx_quote_{3,4,5}.h. */
#ifndef TCBIND_VERIFY_APPRAISE_QUOTE_H
#define TCBIND_VERIFY_APPRAISE_QUOTE_H

#include "core/ids.h"
#include "edge/collateral.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/collateral_marks.h"
#include "verify/appraise/policy.h"

enum quote_tee { QUOTE_TEE_SGX, QUOTE_TEE_TDX };

#define QUOTE_ADVISORIES_MAX 64
#define QUOTE_ADVISORY_SIZE 24 /* of one id, with its NUL */

/* What an enclave's REPORT has besides its identity: fields that a loader sets, all zero where it sets none. */
struct sgx_settings {
	uint8_t cpu_svn[16];
	uint32_t misc_select;
	uint64_t xfrm;
	uint8_t isv_ext_prod_id[16], isv_family_id[16], config_id[64];
	uint16_t config_svn;
};

/* A TD report (DCAP notes 2.2). Which TD is wanted is its user's matter: measurements, SEPT_VE_DISABLE, a service TD. */
struct td_claims {
	uint8_t tee_tcb_svn[16], mr_seam[48], mr_signer_seam[48];
	uint64_t seam_attributes, td_attributes, xfam;
	uint8_t mr_td[48], mr_config_id[48], mr_owner[48], mr_owner_config[48], rtmr[4][48];
	bool has_td15; /* the members below are there */
	uint8_t tee_tcb_svn2[16], mr_service_td[48];
};

/* What a quote says, of use only when quote_appraise() returned TCB_OK and no check failed. */
struct quote_claims {
	enum quote_tee tee;
	enum tcb_status tcb_status;       /* converged: what the policy judges */
	enum tcb_status platform_status;  /* of the level that was reached */
	enum tcb_status module_status;    /* of the TDX module; UpToDate for SGX */
	enum tcb_status qe_status;
	uint64_t tcb_date_s;              /* the oldest tcbDate of the levels that platform, TDX module and QE reached, Unix time */
	struct enclave_identity enclave;  /* SGX */
	struct sgx_settings sgx;          /* SGX */
	struct td_claims td;              /* TDX */
	uint8_t report_data[SGX_REPORT_DATA_SIZE];
	uint8_t qe_id[16];                /* of the quoting enclave on this platform */
	uint8_t fmspc[6], ppid[16];
	bool has_platform_instance_id;
	uint8_t platform_instance_id[16];
	struct digest256 root_spki;
	uint32_t tcb_evaluation_number;
	/* At any time from here to there every window that was judged (certificates, CRLs, TCB info, QE identity) holds, as it did
	 * at the time of the check. Empty (from > until) unless all is known. */
	uint64_t valid_from_s, valid_until_s;
	struct collateral_marks marks;
	size_t advisory_count;
	char advisories[QUOTE_ADVISORIES_MAX][QUOTE_ADVISORY_SIZE];
};

/* Judges `quote` at time `now_s` with `collateral` (NULL: missing -> checks->missing). Policy members used:
 * roots, accepted_statuses, min_tcb_evaluation_number, min_root_crl_number, min_pck_crl_number. TCB_OK when every check was run and passed;
 * TCB_MALFORMED when the quote is not a quote; TCB_REFUSED when a check failed; TCB_WRONG_STATE when something
 * needed to judge is missing. */
enum tcb_error quote_appraise(struct span quote, const struct collateral *collateral, const struct policy *policy,
			      uint64_t now_s, struct checks *checks, struct quote_claims *ret_claims) MUST_USE;

/* SHA-256 of the SubjectPublicKeyInfo of the last certificate in the quote's PCK chain: NOT judged. By it a MigE
 * learns its own root from its own QUOTE. */
enum tcb_error quote_peek_root(struct span quote, struct digest256 *ret_root_spki) MUST_USE;

#endif
