// SPDX-License-Identifier: MIT
/* Evidence: a CMW collection (draft-ietf-rats-msg-wrap: map of label => [media type, bstr]) as the payload of a
 * COSE_Sign1 by the vTPM's residence key. Labels are unsigned integers, ascending; 1..9 always stand, 10.. where known.
 *
 *   1 request           {1: bstr nonce, 2: bstr vTPM id, 3: uint generation, 4: bstr residence key}
 *   2 certified AK      edge/certified_ak.h
 *   3 collateral        edge/collateral.h
 *   4 platform quote    edge/tpm_quote.h over evidence_commitment(PLATFORM_QUOTE_LABEL, request), with path
 *   5 platform log      TCG crypto-agile log, bytes as read (may be empty)
 *   6 endorsement       edge/endorsement.h (COSE_Sign1)
 *   7 vTPM keys         {1: bstr EK TPMT_PUBLIC, 2: bstr AK TPMT_PUBLIC}
 *   8 vTPM quote        edge/tpm_quote.h, qualifying data = evidence_commitment(VTPM_QUOTE_LABEL, request)
 *   9 custody           [* bstr record] (edge/custody.h)
 *  10 vTPM log          the guest's TCG log, where known
 *  11 platform IMA log  where there is one
 *
 * A commitment is SHA-256(label || the encoded request). */
#ifndef TCBIND_EDGE_EVIDENCE_H
#define TCBIND_EDGE_EVIDENCE_H

#include "core/cbor.h"
#include "core/ids.h"
#include "core/limits.h"

#define EVIDENCE_TYPE "application/cmw+cbor"
#define PLATFORM_QUOTE_LABEL "tcbind platform quote v1"
#define VTPM_QUOTE_LABEL "tcbind vTPM quote v1"

struct evidence_request {
	struct span nonce; /* 1..LIMIT_NONCE bytes */
	struct uuid id;
	uint64_t generation;
	struct p256_point residence_key;
};

void evidence_request_encode(struct writer *w, const struct evidence_request *q);
enum tcb_error evidence_request_decode(struct span bytes, struct evidence_request *ret_q) MUST_USE;

enum evidence_label {
	EVIDENCE_REQUEST = 1,
	EVIDENCE_CERTIFIED_AK,
	EVIDENCE_COLLATERAL,
	EVIDENCE_PLATFORM_QUOTE,
	EVIDENCE_PLATFORM_LOG,
	EVIDENCE_ENDORSEMENT,
	EVIDENCE_VTPM_KEYS,
	EVIDENCE_VTPM_QUOTE,
	EVIDENCE_CUSTODY,
	EVIDENCE_VTPM_LOG,
	EVIDENCE_PLATFORM_IMA,
	EVIDENCE_LABELS_END,
};

/* The collection: each part's bytes by its label. data == NULL: the part is absent (10 and 11 only). */
struct evidence {
	struct span parts[EVIDENCE_LABELS_END];
};

/* The payload of the COSE_Sign1. */
void evidence_encode(struct writer *w, const struct evidence *e);
enum tcb_error evidence_decode(struct span payload, struct evidence *ret_e) MUST_USE;

struct vtpm_keys {
	struct span ek_public, ak_public; /* TPMT_PUBLIC */
};

void vtpm_keys_encode(struct writer *w, const struct vtpm_keys *k);
enum tcb_error vtpm_keys_decode(struct span bytes, struct vtpm_keys *ret_k) MUST_USE;

/* A human name for a label: "certified-ak". */
const char *evidence_label_name(enum evidence_label label);

#endif
