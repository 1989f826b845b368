// SPDX-License-Identifier: MIT
/* The vTPM's keys: EK (P-256, TCG EK Credential Profile template L-2) and AK (restricted signing, P-256), persistent; and
 * its own quotes. A key that the guest evicted or cleared is made again from the same seed: the same key. */
#ifndef TCBIND_ENCLAVE_VTPM_IDENTITY_H
#define TCBIND_ENCLAVE_VTPM_IDENTITY_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/writer.h"
#include "enclave/vtpm/key_template.h"

struct vtpm_identity {
	size_t ek_size, ak_size;
	uint8_t ek_public[LIMIT_TPM_PUBLIC], ak_public[LIMIT_TPM_PUBLIC]; /* TPMT_PUBLIC */
	struct tpm_name ek_name, ak_name;
};

/* Reads both keys of the running TPM, making them where they are not. Code: vtpm.keys (the endorsement hierarchy does not
 * let us: the guest set its authorization or switched it off). */
enum tcb_error identity_ensure(struct vtpm_identity *ret_identity, struct diagnosis *d) MUST_USE;

/* Makes one more key, if it is not there; the same codes. */
enum tcb_error identity_make(enum vtpm_key key, struct diagnosis *d) MUST_USE;
/* TPMT_PUBLIC of a key that is there; TCB_REFUSED: it is not, or another stands at its handle. */
enum tcb_error identity_public(enum vtpm_key key, uint8_t ret_public[LIMIT_TPM_PUBLIC], size_t *ret_size) MUST_USE;

/* Appends a tpm_quote document (edge/tpm_quote.h, without path) over SHA-256 PCR 0..23 with this qualifying data. */
enum tcb_error identity_quote(const struct digest256 *qualifying, struct writer *out, struct diagnosis *d) MUST_USE;

#endif
