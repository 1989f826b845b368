// SPDX-License-Identifier: MIT
/* TCB info (v3) and QE identity (v2): what Intel, or a test root, says of a processor's security version (DCAP notes 2.5). The texts'
 * signatures are checked by the caller; everything else here. */
#ifndef TCBIND_VERIFY_APPRAISE_TCB_H
#define TCBIND_VERIFY_APPRAISE_TCB_H

#include "verify/appraise/pck.h"
#include "verify/appraise/quote.h"

/* TDX members of a quote that TCB evaluation needs. */
struct td_tcb {
	uint8_t svn[16], svn2[16];
	bool has_svn2;
	uint8_t mr_signer_seam[48];
	uint64_t seam_attributes;
};

/* Before convergence. */
struct tcb_findings {
	enum tcb_status platform; /* of the level that the processor, and the TD, reach */
	enum tcb_status sgx;      /* of the level that the processor alone reaches: the same for SGX */
	enum tcb_status module;   /* the TDX module's own; TCB_UP_TO_DATE where it has none */
	/* of tee_tcb_svn2, the module that runs now: at or above the newest level, below it, or not identified */
	enum { RUNNING_BELOW, RUNNING_NEWEST, RUNNING_UNKNOWN } running;
};

/* Judges `text` and finds the levels; false when a check failed. `td` NULL: SGX. Fills the claims' advisories, date, evaluation number. */
bool tcb_info_appraise(struct span text, const struct pck_facts *pck, const struct td_tcb *td, uint64_t now_s,
		       struct checks *checks, struct quote_claims *claims, struct tcb_findings *ret_findings);

/* Judges the quoting enclave's REPORT body by its identity; false when a check failed. Adds to advisories and marks. */
bool qe_identity_appraise(struct span text, struct span qe_report, bool tdx, uint64_t now_s, struct checks *checks,
			  struct quote_claims *claims, enum tcb_status *ret_status);

/* Narrows a span of time to a judged document's issueDate and nextUpdate. */
void tcb_narrow(struct span text, uint64_t *from_s, uint64_t *until_s);

/* Intel's convergence of a platform's status with the QE's or the module's: the worse wins, and ConfigurationNeeded is not lost. */
enum tcb_status tcb_converge(enum tcb_status platform, enum tcb_status other);

/* Module, QE, and the advice to relaunch a TD, put together; TCB_REFUSED where that advice needs a module that is not identified. */
enum tcb_error tcb_conclude(const struct tcb_findings *findings, enum tcb_status qe, enum tcb_status *ret_status) MUST_USE;

const char *tcb_status_name(enum tcb_status status);
/* False for a name that is none: the document is then refused. */
bool tcb_status_parse(struct span name, enum tcb_status *ret_status);

#endif
