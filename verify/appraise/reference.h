// SPDX-License-Identifier: MIT
/* Reference values: digests that somebody vouches for, from files that a policy names. Two forms, told by their first byte:
 *   JSON   {"version": 1, "pcrs": {"0": ["hex", ...]}, "events": ["hex", ...]}
 *   CoRIM  (draft-ietf-rats-corim) unsigned (CBOR tag 501) or signed (COSE_Sign1, tag 18, ES256): of each CoMID (tag 506) the reference triples;
 *          see corim.h
 * What is in them: values that a PCR may have, and digests of events (of an IMA entry: of its file) that are known. SHA-256 only. */
#ifndef TCBIND_VERIFY_APPRAISE_REFERENCE_H
#define TCBIND_VERIFY_APPRAISE_REFERENCE_H

#include "verify/appraise/policy.h"

#define REFERENCE_PCRS_MAX 512
#define REFERENCE_EVENTS_MAX 8192
#define LIMIT_REFERENCE_FILE (4u * 1024u * 1024u)

struct reference_pcr {
	enum policy_layer layer;
	struct policy_pcr pcr;
};

/* The caller's memory. Large. */
struct reference_values {
	uint64_t from_s, until_s; /* when all of them are valid: the intersection of what the files say; Unix seconds, both included */
	size_t pcr_count;
	struct reference_pcr pcrs[REFERENCE_PCRS_MAX];
	size_t event_count[LAYERS];
	struct digest256 events[LAYERS][REFERENCE_EVENTS_MAX];
};

/* None, valid for ever. */
void reference_init(struct reference_values *ret_values);

/* Adds what a file has, for the layer that the policy's entry says; with a signer only a CoRIM signed by it, without one only what is not signed.
 * Codes: reference.malformed, reference.signature, reference.limit, reference.profile, json.malformed. On failure `values` may have got a part:
 * they are then of no use. */
enum tcb_error reference_add(struct reference_values *values, const struct policy_reference *source, struct span file,
			     struct diagnosis *d) MUST_USE;

/* They are valid only from and until then, too. */
void reference_narrow(struct reference_values *values, uint64_t from_s, uint64_t until_s);
/* TCB_LIMIT: full. */
enum tcb_error reference_add_pcr(struct reference_values *values, enum policy_layer layer, uint8_t index,
				 const struct digest256 *value) MUST_USE;
enum tcb_error reference_add_event(struct reference_values *values, enum policy_layer layer, const struct digest256 *digest) MUST_USE;

/* NULL values know nothing. */
bool reference_knows_event(const struct reference_values *values, enum policy_layer layer, struct span digest);

#endif
