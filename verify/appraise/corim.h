// SPDX-License-Identifier: MIT
/* CoRIM (draft-ietf-rats-corim): reference values in deterministic CBOR. What is taken of a document:
 *   corim = 501(map), or COSE_Sign1 (18) over it: protected {1: -7 (ES256), 3: "application/rim+cbor", ? 8: bstr {? 1: validity, ...},
 *           ...}, the payload 501(map)
 *   map   = {0: id, 1: [+ tag], ? 4: validity {? 0: 1(time), 1: 1(time)}, ...}; a tag is 506(bstr CoMID); others are passed over
 *   CoMID = {..., 4: triples {? 0: [+ [environment, [+ measurement]]], ...}}: reference triples; others are passed over
 *   measurement = {? 0: mkey, 1: mval {? 2: digests, ? 14: {+ register => digests}, ...}}; digests = [+ [alg, bstr]]
 * A digest whose mkey, or whose register in member 14, is an unsigned integer 0..23 is a value of that PCR; a digest with another mkey or none
 * is that of an event. Of each list of digests those of SHA-256 are taken (alg 1 or "sha-256"), as alternatives; others are passed over.
 * Environments are not looked at: the policy says whose boot a file is about. Indefinite lengths and floats are malformed. */
#ifndef TCBIND_VERIFY_APPRAISE_CORIM_H
#define TCBIND_VERIFY_APPRAISE_CORIM_H

#include "core/ids.h"
#include "verify/appraise/reference.h"

/* `signer` NULL: only an unsigned document is taken. TCB_CRYPTO: not signed by this key. TCB_LIMIT: more than
 * `values` can hold. TCB_WRONG_STATE: it has a profile, and we know none. TCB_MALFORMED: no CoRIM, signed where it should not be or the other way round, or no reference value in it. */
enum tcb_error corim_take(struct span bytes, const struct p256_point *signer, enum policy_layer layer,
			  struct reference_values *values) MUST_USE;

#endif
