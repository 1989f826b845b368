// SPDX-License-Identifier: MIT
/* The PKI's JSON: the signed texts of TCB info (v3) and QE identity (v2), and the collateral file. */
#ifndef TCBIND_SGXSIM_PKI_JSON_H
#define TCBIND_SGXSIM_PKI_JSON_H

#include <openssl/types.h>

#include "edge/collateral.h"
#include "sgxsim/pki.h"

/* Exactly the bytes that are signed. */
struct pki_texts {
	char tcb_info[8192];
	char qe_identity[2048];
};

enum tcb_error pki_texts_make(const struct pki_collateral_options *options, struct pki_texts *ret_texts) MUST_USE;

/* DIR/collateral.json, in the common shape: PEM chains, hex DER CRLs, signed texts with hex signatures. */
enum tcb_error pki_save_json(const struct collateral *c, X509 *tcb_signing, X509 *root, X509 *platform_ca,
			     const char *dir, struct diagnosis *d) MUST_USE;

#endif
