// SPDX-License-Identifier: MIT
/* Collateral as files have it (forms of the parts: collateral_forms.h). In one JSON document
 * (collateral_json_decode), or part by part as a provisioning service answers (verify/lib/collateral_file.h); both end in
 * collateral_assemble(). Codes: collateral.malformed. */
#ifndef TCBIND_VERIFY_APPRAISE_COLLATERAL_JSON_H
#define TCBIND_VERIFY_APPRAISE_COLLATERAL_JSON_H

#include "core/limits.h"
#include "core/writer.h"
#include "edge/collateral.h"

/* Memory for what must be decoded; the collateral borrows from it. */
struct collateral_memory {
	uint8_t bytes[LIMIT_COLLATERAL];
};

/* What collateral is made of, borrowed. */
struct collateral_parts {
	struct span tcb_info, qe_identity; /* exactly the signed bytes */
	struct p256_signature tcb_info_signature, qe_identity_signature;
	struct span tcb_info_chain, qe_identity_chain, pck_crl_chain; /* PEM, each its signer and the root */
	struct span root_crl, pck_crl; /* DER */
	struct span pck_chain; /* PEM of the PCK's own chain; may be empty */
};

/* Decodes the chains into `w`. TCB info and QE identity must have one signer, and all chains one root. */
enum tcb_error collateral_assemble(const struct collateral_parts *parts, struct writer *w, struct collateral *ret_collateral,
				   struct diagnosis *d) MUST_USE;

/* The document: pck_crl_issuer_chain, root_ca_crl, pck_crl, tcb_info_issuer_chain, tcb_info, tcb_info_signature,
 * qe_identity_issuer_chain, qe_identity, qe_identity_signature; pck_certificate_chain may be there. tcb_info and qe_identity may be a service's
 * whole answers, with their signatures inside. Copied into `memory`. The diagnosis names the member. */
enum tcb_error collateral_json_decode(struct span json, struct collateral_memory *memory,
				      struct collateral *ret_collateral, struct diagnosis *d) MUST_USE;

/* A provisioning service's answer, {`name`: object, "signature": hex}, nothing else: the object's own bytes and the signature. */
enum tcb_error collateral_response_decode(struct span json, const char *name, struct span *ret_text,
					  struct p256_signature *ret_signature, struct diagnosis *d) MUST_USE;
/* A CRL in any form of form_crl(). */
enum tcb_error collateral_crl_decode(struct span bytes, struct writer *w, struct span *ret_der, struct diagnosis *d) MUST_USE;
/* An issuer chain in any form of form_chain(). */
enum tcb_error collateral_chain_decode(struct span bytes, struct writer *w, struct span *ret_pem, struct diagnosis *d) MUST_USE;

#endif
