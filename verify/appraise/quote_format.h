// SPDX-License-Identifier: MIT
/* Quotes as bytes: SGX in v3, v4 and v5, TDX in v4 and v5 (Intel sgx_quote_3.h, 4, 5; DCAP notes 2.1, 2.2). Pure structure; nothing is judged
 * but that every size closes exactly. */
#ifndef TCBIND_VERIFY_APPRAISE_QUOTE_FORMAT_H
#define TCBIND_VERIFY_APPRAISE_QUOTE_FORMAT_H

#include "core/ids.h"
#include "core/span.h"
#include "core/error.h"

struct quote_parts {
	uint16_t version;
	bool tdx;
	bool has_td15;       /* the body is a TD 1.5 report */
	uint8_t qe_id[16];   /* first bytes of the header's user data */
	struct span signed_bytes; /* header and body */
	struct span body;    /* ISV report body, or TD report body */
	struct p256_signature signature;
	struct p256_point attestation_key;
	struct span qe_report; /* 384 bytes */
	struct p256_signature qe_signature;
	struct span qe_auth;
	struct span pck_chain; /* certification data of type 5 */
};

enum tcb_error quote_parts_decode(struct span quote, struct quote_parts *ret_parts) MUST_USE;

/* How many bytes follow a quote that is whole; 0: none, or `quote` does not begin with one. */
size_t quote_trailing_size(struct span quote);

#endif
