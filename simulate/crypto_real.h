// SPDX-License-Identifier: MIT
/* Real cryptography under other names, for what the stand-ins do not stand in for. */
#ifndef TCBIND_SIMULATE_CRYPTO_REAL_H
#define TCBIND_SIMULATE_CRYPTO_REAL_H

#include <stdbool.h>

#include "crypto/crypto.h"

enum tcb_error real_crypto_init(void) MUST_USE;
enum tcb_error real_crypto_p256_new(EVP_PKEY **ret_key) MUST_USE;
enum tcb_error real_crypto_p256_public(const EVP_PKEY *key, struct p256_point *ret_point) MUST_USE;
enum tcb_error real_crypto_p256_from_public(const struct p256_point *point,
					    EVP_PKEY **ret_key) MUST_USE;
enum tcb_error real_crypto_p256_check(const struct p256_point *point) MUST_USE;
enum tcb_error real_crypto_sign(EVP_PKEY *key, struct span message,
				struct p256_signature *ret_signature) MUST_USE;
enum tcb_error real_crypto_verify_digest(const struct p256_point *key,
					 const struct digest256 *digest,
					 const struct p256_signature *signature) MUST_USE;

/* The same, remembered for the whole process: one test root serves all enclaves. */
enum tcb_error real_verify_once(const struct p256_point *key, const struct digest256 *digest,
				const struct p256_signature *signature) MUST_USE;

/* New keys are real until the test root is made: until real_keys_end(). */
bool real_keys_wanted(void);
void real_keys_end(void);

#endif
