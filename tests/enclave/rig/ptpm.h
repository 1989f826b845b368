// SPDX-License-Identifier: MIT
/* A physical TPM's answers, made from a key that the test holds. */
#ifndef TCBIND_TESTS_ENCLAVE_RIG_PTPM_H
#define TCBIND_TESTS_ENCLAVE_RIG_PTPM_H

#include <openssl/types.h>

#include "core/ids.h"
#include "core/limits.h"
#include "core/writer.h"

enum tcb_error fake_ak_public(const EVP_PKEY *ak, struct writer *w) MUST_USE;
/* Of TCG's template L-2. */
enum tcb_error fake_ek_public(const EVP_PKEY *ek, struct writer *w) MUST_USE;

/* What quotes say of their TPM from now on; at first all zeros, not safe. */
struct fake_clock {
	uint32_t reset_count, restart_count;
	bool safe;
};
void fake_set_clock(struct fake_clock clock);

/* PCR 10 of the quotes to come; NULL: zeros, as at first. */
void fake_set_pcr10(const uint8_t value[SHA256_SIZE]);

/* A tpm_quote document that commits to `commitment` alone. */
enum tcb_error fake_quote(EVP_PKEY *ak, const struct digest256 *commitment, const uint8_t pcr0[SHA256_SIZE],
			  struct writer *out) MUST_USE;

/* One quote for many: signed over a Merkle root, to be given out with each leaf's path (edge/tpm_quote.h). */
struct fake_root {
	uint8_t attest[LIMIT_TPM_ATTEST], signature[128], pcrs[LIMIT_PCRS * SHA256_SIZE];
	size_t attest_size, signature_size;
};
enum tcb_error fake_quote_root(EVP_PKEY *ak, const struct digest256 *root, const uint8_t pcr0[SHA256_SIZE],
			       struct fake_root *ret_root) MUST_USE;

/* A vTPM's own: no path, the qualifying data is the commitment. */
enum tcb_error fake_plain_quote(EVP_PKEY *ak, const struct digest256 *qualifying, const uint8_t pcr0[SHA256_SIZE],
				struct writer *out) MUST_USE;

#endif
