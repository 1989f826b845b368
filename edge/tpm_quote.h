// SPDX-License-Identifier: MIT
/* One TPM quote with what it is checked against.
 *   document = {1: bstr TPMS_ATTEST, 2: bstr TPMT_SIGNATURE, 3: bstr PCR values, 4: [+ path]}
 * PCR values: the SHA-256 bank, PCR 0 to 23, 24 x 32 bytes; the quote selects exactly these.
 * path = {1: uint leaf index, 2: uint leaf count, 3: bstr nodes (n x 32)}: RFC 9162 section 2.1.3 inclusion proof of the
 * commitment in the tree whose root is the quote's qualifying data. A vTPM's own quote has no path: its
 * qualifying data is the commitment itself (document = a map of three). */
#ifndef TCBIND_EDGE_TPM_QUOTE_H
#define TCBIND_EDGE_TPM_QUOTE_H

#include "core/cbor.h"
#include "core/ids.h"
#include "core/limits.h"

#define TPM_QUOTE_PCRS_SIZE (LIMIT_PCRS * SHA256_SIZE)

struct tpm_quote {
	struct span attest;     /* TPMS_ATTEST */
	struct span signature;  /* TPMT_SIGNATURE */
	struct span pcrs;       /* TPM_QUOTE_PCRS_SIZE bytes */
	bool has_path;
	uint64_t leaf_index, leaf_count;
	struct span path; /* a multiple of 32 bytes, at most LIMIT_MERKLE_PATH nodes */
};

void tpm_quote_encode(struct writer *w, const struct tpm_quote *q);
enum tcb_error tpm_quote_decode(struct span bytes, struct tpm_quote *ret_q) MUST_USE;

#endif
