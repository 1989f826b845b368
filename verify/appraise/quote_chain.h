// SPDX-License-Identifier: MIT
/* The half of a quote's appraisal that does not need the quote: its PCK chain, the CRLs and the collateral's signatures. Internal to
 * quote.c: only with the quote's own signatures judged do the answers here mean anything. Many quotes of one platform share all of it. */
#ifndef TCBIND_VERIFY_APPRAISE_QUOTE_CHAIN_H
#define TCBIND_VERIFY_APPRAISE_QUOTE_CHAIN_H

#include "edge/collateral.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/quote.h"

/* Owned; release with quote_chain_release(), whatever became of it. */
struct quote_chain {
	X509 *pck, *intermediate, *root; /* of the quote */
	X509 *tcb_signing, *collateral_root, *crl_issuer;
	X509_CRL *root_crl, *pck_crl;
	struct pck_facts facts;
	struct p256_point pck_key;
};

void quote_chain_release(struct quote_chain *chain);

/* PCK chain: to a root that the policy names, each certificate as Intel issues it, valid at `now_s`. False when a check failed. */
bool quote_chain_appraise(struct span pem, const struct policy *policy, uint64_t now_s, struct checks *checks,
			  struct quote_chain *ret_chain, struct digest256 *ret_root_spki);

/* Collateral for a chain that passed: its certificates, both CRLs and what they revoke, and the signatures over both texts. Fills the marks'
 * keys and CRL ages. False when a check failed. */
bool quote_collateral_appraise(struct quote_chain *chain, const struct collateral *collateral, const struct policy *policy,
			       uint64_t now_s, struct checks *checks, struct collateral_marks *marks);

/* Narrows a span of time to every window of certificates and CRLs that was judged. Whoever adds such a thing adds it here, too. */
void quote_chain_narrow(const struct quote_chain *chain, uint64_t *from_s, uint64_t *until_s);

#endif
