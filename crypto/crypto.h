// SPDX-License-Identifier: MIT
/* The few cryptographic operations that enclaves, the simulated processor and the verifier share, over
 * OpenSSL's libcrypto. Keys are P-256; signatures travel as r || s. No files, no clock, no configuration.
 * Failures of the library itself are TCB_INTERNAL; things that do not check are TCB_CRYPTO. */
#ifndef TCBIND_CRYPTO_CRYPTO_H
#define TCBIND_CRYPTO_CRYPTO_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "core/wipe.h"

#define AES_GCM_IV_SIZE 12
#define AES_GCM_TAG_SIZE 16

/* Call once before anything else in a program with a sandbox: initialises libcrypto without reading
 * openssl.cnf. */
enum tcb_error crypto_init(void) MUST_USE;
/* Makes later first uses quick; draws no random number. Failures show at the real use. */
void crypto_prepare(void);

enum tcb_error crypto_random(uint8_t *ret_bytes, size_t size) MUST_USE;

enum tcb_error crypto_sha256(struct span bytes, struct digest256 *ret_digest) MUST_USE;
/* SHA-256 over the concatenation of `count` spans: label first, where a domain is meant. */
enum tcb_error crypto_sha256_all(const struct span *parts, size_t count,
				 struct digest256 *ret_digest) MUST_USE;

/* HKDF-SHA256 (RFC 5869) to `size` bytes. */
enum tcb_error crypto_hkdf(struct span secret, struct span salt, struct span info, uint8_t *ret_bytes,
			   size_t size) MUST_USE;
/* AES-128-CMAC (NIST SP 800-38B), as EREPORT uses it. */
enum tcb_error crypto_cmac(const uint8_t key[16], struct span bytes, uint8_t ret_mac[16]) MUST_USE;

/* AES-256-GCM. `ret_out` takes plain.size + AES_GCM_TAG_SIZE bytes (tag last). An IV never serves twice
 * under one key: callers draw it at random for stored data and count it in sessions. */
enum tcb_error crypto_seal(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE], struct span aad,
			   struct span plain, uint8_t *ret_out) MUST_USE;
/* `ret_plain` takes sealed.size - AES_GCM_TAG_SIZE bytes; it is wiped when the tag does not check. */
enum tcb_error crypto_open(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE], struct span aad,
			   struct span sealed, uint8_t *ret_plain) MUST_USE;

/* A P-256 private key, owned by OpenSSL; free with EVP_PKEY_free. */
enum tcb_error crypto_p256_new(EVP_PKEY **ret_key) MUST_USE;
/* From a 32-byte big-endian scalar (1..n-1). */
enum tcb_error crypto_p256_from_scalar(const uint8_t scalar[32], EVP_PKEY **ret_key) MUST_USE;
/* TCB_CRYPTO for any key that is not on the named curve P-256. */
enum tcb_error crypto_p256_public(const EVP_PKEY *key, struct p256_point *ret_point) MUST_USE;
/* Refuses points that are not on the curve (TCB_CRYPTO). */
enum tcb_error crypto_p256_from_public(const struct p256_point *point, EVP_PKEY **ret_key) MUST_USE;
/* The same without a key: TCB_CRYPTO for a point that is not on the curve. */
enum tcb_error crypto_p256_check(const struct p256_point *point) MUST_USE;
/* ECDSA over SHA-256 of `message`. */
enum tcb_error crypto_sign(EVP_PKEY *key, struct span message, struct p256_signature *ret_signature) MUST_USE;
enum tcb_error crypto_verify(const struct p256_point *key, struct span message,
			     const struct p256_signature *signature) MUST_USE;
/* Over the concatenation of `count` spans. */
enum tcb_error crypto_verify_all(const struct p256_point *key, const struct span *parts, size_t count,
				 const struct p256_signature *signature) MUST_USE;
/* Over a digest that the caller has made. */
enum tcb_error crypto_verify_digest(const struct p256_point *key, const struct digest256 *digest,
				    const struct p256_signature *signature) MUST_USE;
/* The x coordinate of the shared point. */
enum tcb_error crypto_ecdh(EVP_PKEY *own, const struct p256_point *peer, struct secret256 *ret_shared) MUST_USE;

#endif
