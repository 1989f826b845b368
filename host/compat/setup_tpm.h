// SPDX-License-Identifier: MIT
/* swtpm_setup's own commands to the new TPM, by a data channel: what is not the enclave's to make. Handles, templates and indices are swtpm's. */
#ifndef TCBIND_HOST_COMPAT_SETUP_TPM_H
#define TCBIND_HOST_COMPAT_SETUP_TPM_H

#include "core/error.h"
#include "core/span.h"

#define PCR_BANKS_TEXT 64 /* bytes of a list of all banks' names */

/* Those of a list of names, with commas, that there are: enum pcr_bank. */
uint8_t setup_tpm_known_banks(const char *names);
/* The other way round. */
void setup_tpm_bank_names(uint8_t known, char ret_names[PCR_BANKS_TEXT]);

/* All calls: `fd` is a data channel of a TPM that is started. Codes: setup.tpm (what it answered), setup.link. */

/* Leaves only these banks active, from the next start on. `ret_active`, `ret_all`: names, with commas. */
enum tcb_error setup_tpm_banks(int fd, const char *names, char ret_active[PCR_BANKS_TEXT], char ret_all[PCR_BANKS_TEXT],
			       struct diagnosis *d) MUST_USE;
/* A storage primary key at 0x81000001: RSA of so many bits, or 0: ECC P-384. */
enum tcb_error setup_tpm_storage_key(int fd, unsigned rsa_bits, struct diagnosis *d) MUST_USE;
/* Puts the template that the key at `handle` was made from into an NV index, for who makes the key again; `lock`: not to be written again. */
enum tcb_error setup_tpm_template(int fd, uint32_t handle, uint32_t index, bool lock, struct diagnosis *d) MUST_USE;
/* An index's content. */
enum tcb_error setup_tpm_read(int fd, uint32_t index, uint8_t *ret_bytes, size_t capacity, size_t *ret_size,
			      struct diagnosis *d) MUST_USE;

#endif
