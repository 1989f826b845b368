// SPDX-License-Identifier: MIT
/* SIGSTRUCT: the signature that names an enclave's author (Intel SDM vol. 3D, table 35-19). 1808 bytes, stored
 * beside the image as IMAGE.sig. RSA-3072 with exponent 3, PKCS #1 v1.5 over SHA-256 of header and body. */
#ifndef TCBIND_SGXSIM_SIGSTRUCT_H
#define TCBIND_SGXSIM_SIGSTRUCT_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"

#define SIGSTRUCT_SIZE 1808

/* MRENCLAVE of the simulated processor: SHA-256(image || u64 le ATTRIBUTES.FLAGS). */
enum tcb_error enclave_measure(struct span image, uint64_t attributes, uint8_t ret_mrenclave[32]) MUST_USE;

/* Signs mrenclave, isv_prod_id, isv_svn and attributes of `identity`. TCB_REFUSED: the key is not
 * RSA-3072 with exponent 3. */
enum tcb_error sigstruct_sign(EVP_PKEY *key, const struct enclave_identity *identity,
			      uint8_t ret_sigstruct[SIGSTRUCT_SIZE]) MUST_USE;

/* Checks signature and measurement of `image`; the identity (MRSIGNER too) is then this enclave's.
 * Codes: sgx.sigstruct.malformed, sgx.sigstruct.signature, sgx.sigstruct.measurement. */
enum tcb_error sigstruct_check(struct span sigstruct, struct span image, struct enclave_identity *ret_identity,
			       struct diagnosis *d) MUST_USE;

#endif
