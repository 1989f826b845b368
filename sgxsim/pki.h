// SPDX-License-Identifier: MIT
/* A test root for simulated processors, with the collateral that a verifier needs (Intel's PCS shapes), and the
 * manufacture of one processor under it. A verifier trusts such a root only where its policy names it. */
#ifndef TCBIND_SGXSIM_PKI_H
#define TCBIND_SGXSIM_PKI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* What the collateral says; the defaults are what `tcbind pki init` writes. */
struct pki_collateral_options {
	int64_t issued_s;          /* Unix time of issueDate and thisUpdate */
	int64_t next_update_s;     /* of nextUpdate */
	uint8_t up_to_date_svn;    /* component SVN from which a platform is UpToDate; below it: OutOfDate */
	uint32_t evaluation_number;
	bool revoke_pck;           /* put every PCK issued so far on the CRL */
};

void pki_collateral_defaults(struct pki_collateral_options *ret_options);

/* Makes DIR (it must not exist or be empty): root.pem, root-key.pem, platform-ca.pem, platform-ca-key.pem,
 * tcb-signing.pem, tcb-signing-key.pem, and the collateral. Code: pki.exists. */
enum tcb_error pki_init(const char *dir, struct diagnosis *d) MUST_USE;

/* Issues DIR/collateral.cbor and collateral.json anew. */
enum tcb_error pki_issue_collateral(const char *dir, const struct pki_collateral_options *options,
				    struct diagnosis *d) MUST_USE;

/* Makes PLATFORM/processor/ (a processor's fuses) with a PCK certificate of PKI, and copies PKI/collateral.cbor to
 * PLATFORM/. `acm_sig_path` is the signature file of the ACM whose signer this processor accepts. */
enum tcb_error processor_fuse(const char *platform_dir, const char *pki_dir, const char *acm_sig_path,
			      struct diagnosis *d) MUST_USE;

/* The component SVN and PCESVN that processors are made with. */
#define PKI_COMPONENT_SVN 7
#define PKI_PCE_SVN 13

#endif
