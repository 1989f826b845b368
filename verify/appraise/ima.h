// SPDX-License-Identifier: MIT
/* Linux' IMA list (binary_runtime_measurements, with SHA-1 digests, little-endian), walked entry by entry and replayed in the SHA-256 bank as
 * kernels from 5.8 on extend it: SHA-256 over the template's data. Templates: ima, ima-ng, ima-ngv2, ima-sig, ima-sigv2, ima-buf, ima-modsig. */
#ifndef TCBIND_VERIFY_APPRAISE_IMA_H
#define TCBIND_VERIFY_APPRAISE_IMA_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"

struct ima_entry {
	uint32_t pcr; /* 10 unless a rule says otherwise */
	bool violation; /* the file was written while it was measured: the PCR is extended with ones, and the digest below says nothing */
	struct digest256 digest;  /* what the PCR is extended with */
	struct span template_name; /* "ima-ng" */
	struct span algorithm;     /* of the file's digest: "sha256"; empty for SHA-1 in `ima` */
	struct span file_digest;
	struct span path; /* without its closing NUL */
};

/* `*rest` starts as the whole list and is consumed; *ret_end at its end, and then no entry. The entry borrows from the list. TCB_MALFORMED: an
 * unknown template, sizes that do not close, or an SHA-1 that is not the data's. */
enum tcb_error ima_next(struct span *rest, bool *ret_end, struct ima_entry *ret_entry) MUST_USE;

/* The entries at the start of a list that a quote vouches for. */
struct ima_covered {
	size_t size;       /* their bytes */
	size_t entries;
	size_t behind;     /* entries after them */
	uint32_t extended; /* bit i: they extend PCR i */
};

/* Extends `pcrs` by the entries of a list; what firmware has extended before stands in them.
 * With `quoted`, the entries are the longest run from the start, of one at least, that leads to the quoted values of all PCRs that it
 * extends: a list that was read after the quote may have grown. Without such a run, and with NULL, all entries are taken.
 * The whole list must decode. TCB_LIMIT: it is larger than LIMIT_IMA_LOG. On failure `pcrs` are spoiled. */
enum tcb_error ima_replay(struct span list, const struct digest256 quoted[LIMIT_PCRS], struct digest256 pcrs[LIMIT_PCRS],
			  struct ima_covered *ret_covered) MUST_USE;

#endif
