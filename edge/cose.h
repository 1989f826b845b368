// SPDX-License-Identifier: MIT
/* COSE_Sign1 (RFC 9052 section 4.2), ES256, tag 18, exactly as we write it: protected header {1: -7, 3: content type},
 * empty unprotected header, payload inside. So nothing in the bytes is unsigned but the signature itself. */
#ifndef TCBIND_EDGE_COSE_H
#define TCBIND_EDGE_COSE_H

#include "core/cbor.h"
#include "core/ids.h"

/* The bytes that are signed: Sig_structure ["Signature1", protected, h'', payload]. */
void cose_tbs_encode(struct writer *w, const char *content_type, struct span payload);
/* All of it but the payload's own bytes, of which there are `payload_size`: for hashing a large payload where it stands. */
#define COSE_TBS_HEAD_MAX 256
void cose_tbs_head_encode(struct writer *w, const char *content_type, size_t payload_size);
void cose_sign1_encode(struct writer *w, const char *content_type, struct span payload,
		       const struct p256_signature *signature);
/* Any other header, type or trailing byte is TCB_MALFORMED. The signature is not checked here. */
enum tcb_error cose_sign1_decode(struct span bytes, const char *content_type, struct span *ret_payload,
				 struct p256_signature *ret_signature) MUST_USE;

#endif
