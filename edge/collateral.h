// SPDX-License-Identifier: MIT
/* DCAP collateral in the compact form that evidence and MigEs carry ("stapled"); every member is signed by
 * its issuer. JSON form: verify/.
 *   document = {1: tstr TCB info (the signed text), 2: bstr signature, 3: tstr QE identity, 4: bstr signature,
 *               5: bstr TCB signing certificate (DER), 6: bstr root certificate (DER), 7: bstr root CRL (DER),
 *               8: bstr PCK CRL (DER), 9: bstr certificate (DER) of the CA that issued the PCK CRL} */
#ifndef TCBIND_EDGE_COLLATERAL_H
#define TCBIND_EDGE_COLLATERAL_H

#include "core/cbor.h"
#include "core/ids.h"

struct collateral {
	struct span tcb_info;    /* exactly the signed bytes of the `tcbInfo` value */
	struct p256_signature tcb_info_signature;
	struct span qe_identity; /* exactly the signed bytes of the `enclaveIdentity` value */
	struct p256_signature qe_identity_signature;
	struct span tcb_signing_certificate; /* DER */
	struct span root_certificate;        /* DER */
	struct span root_crl;                /* DER */
	struct span pck_crl;                 /* DER */
	struct span pck_crl_issuer;          /* DER */
	struct span pck_chain; /* PEM; only where a caller has the chain from elsewhere, too: it must be the quote's. Not in the document */
};

void collateral_encode(struct writer *w, const struct collateral *c);
enum tcb_error collateral_decode(struct span bytes, struct collateral *ret_c) MUST_USE;

#endif
