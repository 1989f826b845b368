// SPDX-License-Identifier: MIT
/* crypto/crypto.h by keyed hashes: whatever fails with real cryptography fails with these, as long
 * as nobody forges. They make the simulator fast and must never be part of anything else. Keys and
 * signatures that real cryptography made (the test root's) are handed to it. */
#include "crypto/crypto.h"

#include <stdlib.h>

#include "simulate/crypto_real.h"
#include "simulate/random.h"

#define KEY_MAGIC       0x53494d2d6b65792du
#define POINT_MAGIC     "SIMPOINT"
#define SIGNATURE_MAGIC "SIMSIGN:"

enum { MAGIC_SIZE = 8 };

/* In the place of an EVP_PKEY. */
struct stand_in_key {
	uint64_t magic;
	struct p256_point public;
};

/* ---- a hash of 256 bits: four lanes that multiply and mix ---- */

struct lanes {
	uint64_t lane[4];
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct lanes lanes_begin(const uint8_t *key, size_t size, uint64_t purpose)
{
	struct lanes l = {{0x243f6a8885a308d3u ^ purpose, 0x13198a2e03707344u, 0xa4093822299f31d0u,
			   0x082efa98ec4e6c89u}};

	for (size_t i = 0; i < 4 && (i + 1) * 8 <= size; i++) {
		uint64_t word;

		memcpy(&word, key + i * 8, sizeof word);
		l.lane[i] = mix(l.lane[i] ^ word, 0x9e3779b97f4a7c15u + i);
	}
	return l;
}

static void lanes_add(struct lanes *l, struct span bytes)
{
	size_t at = 0;

	for (; at + 32 <= bytes.size; at += 32)
		for (size_t i = 0; i < 4; i++) {
			uint64_t word;

			memcpy(&word, bytes.data + at + i * 8, sizeof word);
			l->lane[i] = mix(l->lane[i] ^ word, 0xd6e8feb86659fd93u + 2 * i);
		}
	for (size_t i = 0; at < bytes.size; at += 8, i++) {
		size_t part = bytes.size - at < 8 ? bytes.size - at : 8;
		uint64_t word = 0;

		memcpy(&word, bytes.data + at, part);
		l->lane[i] = mix(l->lane[i] ^ word, 0xa0761d6478bd642fu + 2 * i);
	}
	l->lane[0] = mix(l->lane[0] ^ bytes.size, 0xe7037ed1a0b428dbu);
}

static void lanes_end(struct lanes *l, uint8_t ret_bytes[32])
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 4; i++)
			l->lane[i] =
			    mix(l->lane[i] ^ l->lane[(i + 1) % 4], 0x8ebc6af09c88c6e3u + 2 * i);
	memcpy(ret_bytes, l->lane, 32);
}

/* ---- symmetric ---- */

enum tcb_error crypto_init(void) { return real_crypto_init(); }

/* The test root has been made. */
void crypto_prepare(void) { real_keys_end(); }

enum tcb_error crypto_random(uint8_t *ret_bytes, size_t size)
{
	random_entropy_bytes(ret_bytes, size);
	return TCB_OK;
}

enum tcb_error crypto_hkdf(struct span secret, struct span salt, struct span info,
			   uint8_t *ret_bytes, size_t size)
{
	struct lanes l = lanes_begin(NULL, 0, 1);
	uint8_t block[32];

	lanes_add(&l, secret);
	lanes_add(&l, salt);
	lanes_add(&l, info);
	for (size_t at = 0; at < size; at += sizeof block) {
		lanes_end(&l, block);
		memcpy(ret_bytes + at, block, size - at < sizeof block ? size - at : sizeof block);
	}
	return TCB_OK;
}

enum tcb_error crypto_cmac(const uint8_t key[16], struct span bytes, uint8_t ret_mac[16])
{
	struct lanes l = lanes_begin(key, 16, 2);
	uint8_t block[32];

	lanes_add(&l, bytes);
	lanes_end(&l, block);
	memcpy(ret_mac, block, 16);
	return TCB_OK;
}

static void add_stream(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE],
		       struct span in, uint8_t *out)
{
	struct lanes l = lanes_begin(key->bytes, sizeof key->bytes, 3);
	uint64_t state[4], word;
	size_t at = 0;

	lanes_add(&l, span_of(iv, AES_GCM_IV_SIZE));
	memcpy(state, l.lane, sizeof state);
	for (uint64_t i = 0; at < in.size; i++, at += 8) {
		size_t part = in.size - at < 8 ? in.size - at : 8;
		uint64_t mask = (state[i & 3] + i) * 0x9fb21c651e98df25u;

		mask ^= mask >> 29;
		word = 0;
		memcpy(&word, in.data + at, part);
		word ^= mask;
		memcpy(out + at, &word, part);
	}
}

static void make_tag(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE],
		     struct span aad, struct span sealed, uint8_t ret_tag[AES_GCM_TAG_SIZE])
{
	struct lanes l = lanes_begin(key->bytes, sizeof key->bytes, 4);
	uint8_t block[32];

	lanes_add(&l, span_of(iv, AES_GCM_IV_SIZE));
	lanes_add(&l, aad);
	lanes_add(&l, sealed);
	lanes_end(&l, block);
	memcpy(ret_tag, block, AES_GCM_TAG_SIZE);
}

enum tcb_error crypto_seal(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE],
			   struct span aad, struct span plain, uint8_t *ret_out)
{
	add_stream(key, iv, plain, ret_out);
	make_tag(key, iv, aad, span_of(ret_out, plain.size), ret_out + plain.size);
	return TCB_OK;
}

enum tcb_error crypto_open(const struct secret256 *key, const uint8_t iv[AES_GCM_IV_SIZE],
			   struct span aad, struct span sealed, uint8_t *ret_plain)
{
	uint8_t tag[AES_GCM_TAG_SIZE];
	struct span body;

	if (sealed.size < AES_GCM_TAG_SIZE)
		return TCB_MALFORMED;
	body = span_of(sealed.data, sealed.size - AES_GCM_TAG_SIZE);
	make_tag(key, iv, aad, body, tag);
	if (memcmp(tag, sealed.data + body.size, sizeof tag) != 0)
		return TCB_CRYPTO;
	add_stream(key, iv, body, ret_plain);
	return TCB_OK;
}

/* ---- keys ---- */

static bool is_stand_in(const EVP_PKEY *key)
{
	uint64_t magic;

	memcpy(&magic, key, sizeof magic);
	return magic == KEY_MAGIC;
}

static enum tcb_error new_key(const uint8_t seed[32], EVP_PKEY **ret_key)
{
	struct stand_in_key *key = calloc(1, sizeof *key);
	struct lanes l = lanes_begin(seed, 32, 5);

	if (key == NULL)
		return TCB_INTERNAL;
	key->magic = KEY_MAGIC;
	memcpy(key->public.bytes, POINT_MAGIC, MAGIC_SIZE);
	lanes_end(&l, key->public.bytes + MAGIC_SIZE);
	*ret_key = (EVP_PKEY *)key;
	return TCB_OK;
}

/* In the place of EVP_PKEY_free(), by the linker's --wrap. */
void __real_EVP_PKEY_free(EVP_PKEY *key);
void __wrap_EVP_PKEY_free(EVP_PKEY *key);

void __wrap_EVP_PKEY_free(EVP_PKEY *key)
{
	if (key != NULL && is_stand_in(key))
		free(key);
	else
		__real_EVP_PKEY_free(key);
}

enum tcb_error crypto_p256_new(EVP_PKEY **ret_key)
{
	uint8_t seed[32];

	if (real_keys_wanted())
		return real_crypto_p256_new(ret_key);
	random_entropy_bytes(seed, sizeof seed);
	return new_key(seed, ret_key);
}

enum tcb_error crypto_p256_from_scalar(const uint8_t scalar[32], EVP_PKEY **ret_key)
{
	return new_key(scalar, ret_key);
}

enum tcb_error crypto_p256_public(const EVP_PKEY *key, struct p256_point *ret_point)
{
	if (key == NULL || !is_stand_in(key))
		return real_crypto_p256_public(key, ret_point);
	*ret_point = ((const struct stand_in_key *)key)->public;
	return TCB_OK;
}

static bool is_stand_in_point(const struct p256_point *point)
{
	return memcmp(point->bytes, POINT_MAGIC, MAGIC_SIZE) == 0;
}

enum tcb_error crypto_p256_check(const struct p256_point *point)
{
	return is_stand_in_point(point) ? TCB_OK : real_crypto_p256_check(point);
}

enum tcb_error crypto_p256_from_public(const struct p256_point *point, EVP_PKEY **ret_key)
{
	return real_crypto_p256_from_public(point, ret_key);
}

/* Anybody could compute it: nobody here does. */
static void signature_of(const struct p256_point *key, const struct digest256 *digest,
			 struct p256_signature *ret_signature)
{
	struct lanes l = lanes_begin(digest->bytes, sizeof digest->bytes, 6);

	memset(ret_signature, 0, sizeof *ret_signature);
	memcpy(ret_signature->bytes, SIGNATURE_MAGIC, MAGIC_SIZE);
	lanes_add(&l, SPAN_OF(key->bytes));
	lanes_end(&l, ret_signature->bytes + MAGIC_SIZE);
}

enum tcb_error crypto_sign(EVP_PKEY *key, struct span message, struct p256_signature *ret_signature)
{
	struct digest256 digest;

	if (!is_stand_in(key))
		return real_crypto_sign(key, message, ret_signature);
	TRY(crypto_sha256(message, &digest));
	signature_of(&((const struct stand_in_key *)key)->public, &digest, ret_signature);
	return TCB_OK;
}

enum tcb_error crypto_verify_digest(const struct p256_point *key, const struct digest256 *digest,
				    const struct p256_signature *signature)
{
	struct p256_signature wanted;

	if (!is_stand_in_point(key))
		return real_verify_once(key, digest, signature);
	signature_of(key, digest, &wanted);
	return memcmp(&wanted, signature, sizeof wanted) == 0 ? TCB_OK : TCB_CRYPTO;
}

enum tcb_error crypto_verify_all(const struct p256_point *key, const struct span *parts,
				 size_t count, const struct p256_signature *signature)
{
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, count, &digest));
	return crypto_verify_digest(key, &digest, signature);
}

enum tcb_error crypto_verify(const struct p256_point *key, struct span message,
			     const struct p256_signature *signature)
{
	return crypto_verify_all(key, &message, 1, signature);
}

enum tcb_error crypto_ecdh(EVP_PKEY *own, const struct p256_point *peer,
			   struct secret256 *ret_shared)
{
	const struct p256_point *mine = &((const struct stand_in_key *)own)->public;
	bool first = memcmp(mine, peer, sizeof *mine) < 0;
	struct lanes l = lanes_begin(NULL, 0, 7);

	if (!is_stand_in(own) || !is_stand_in_point(peer))
		return TCB_CRYPTO;
	lanes_add(&l, SPAN_OF(first ? mine->bytes : peer->bytes));
	lanes_add(&l, SPAN_OF(first ? peer->bytes : mine->bytes));
	lanes_end(&l, ret_shared->bytes);
	return TCB_OK;
}
