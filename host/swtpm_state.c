// SPDX-License-Identifier: MIT
#include "host/swtpm_state.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/wipe.h"

enum {
	VERSION_MIN_SUPPORTED = 2,
	HEADER_SIZE = 10,
	TAG_DATA = 1, TAG_ENCRYPTED = 2, TAG_HMAC = 3, TAG_MIGRATION = 4, TAG_ENCRYPTED_MIGRATION = 5, TAG_IV = 6, TAG_IV_MIGRATION = 7,
	TAG_MAX = 7,
	PBKDF2_ROUNDS = 1000,
	AES_BLOCK = 16,
	IV_MAX = 32, /* swtpm writes as many bytes as the key has; the cipher takes the first 16 */
};

struct swtpm_tlvs {
	struct span of[TAG_MAX + 1];
};

static enum tcb_error not_swtpm(struct diagnosis *d)
{
	return diagnose(d, TCB_MALFORMED, "swtpm.state", "a state that is neither tcbind's nor swtpm's",
			"a state file of tcbind, or of swtpm 0.5 or later for TPM 2", "name the directory of that vTPM, or an empty one");
}

enum tcb_error swtpm_key_derive(struct span passphrase, bool kdf_pbkdf2, size_t size, struct swtpm_key *ret_key)
{
	uint8_t hash[64];
	unsigned hash_size = sizeof hash;
	bool ok;

	if (size != 16 && size != 32)
		return TCB_MALFORMED;
	if (kdf_pbkdf2)
		ok = PKCS5_PBKDF2_HMAC((const char *)passphrase.data, (int)passphrase.size, (const unsigned char *)"swtpm", 5,
				       PBKDF2_ROUNDS, EVP_sha512(), (int)size, hash) == 1;
	else
		ok = EVP_Digest(passphrase.data, passphrase.size, hash, &hash_size, EVP_sha512(), NULL) == 1;
	if (ok) {
		ret_key->size = size;
		memcpy(ret_key->bytes, hash, size);
	}
	wipe(hash, sizeof hash);
	return ok ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error read_tlvs(struct span bytes, struct swtpm_tlvs *ret_tlvs)
{
	struct reader r = reader_of(bytes);

	*ret_tlvs = (struct swtpm_tlvs){0};
	while (r.rest.size > 0) {
		struct span data;
		uint16_t tag;

		TRY(reader_u16(&r, &tag));
		TRY(reader_sized(&r, LIMIT_STATE, &data));
		if (tag == 0 || tag > TAG_MAX || ret_tlvs->of[tag].size > 0)
			return TCB_MALFORMED;
		ret_tlvs->of[tag] = data;
	}
	return TCB_OK;
}

static enum tcb_error read_header(struct span bytes, struct span *ret_rest)
{
	struct reader r = reader_of(bytes);
	uint8_t version, min_version;
	uint16_t header_size, flags;
	uint32_t total;

	TRY(reader_u8(&r, &version));
	TRY(reader_u8(&r, &min_version));
	TRY(reader_u16(&r, &header_size));
	TRY(reader_u16(&r, &flags));
	TRY(reader_u32(&r, &total));
	if (min_version > VERSION_MIN_SUPPORTED || header_size != HEADER_SIZE || total != bytes.size)
		return TCB_MALFORMED;
	*ret_rest = r.rest;
	return TCB_OK;
}

static bool is_authentic(struct span ciphertext, struct span iv, struct span mac, const struct swtpm_key *key)
{
	uint8_t input[LIMIT_STATE + IV_MAX], expected[32];
	unsigned size = sizeof expected;

	if (ciphertext.size > LIMIT_STATE || iv.size > IV_MAX)
		return false;
	memcpy(input, ciphertext.data, ciphertext.size);
	if (iv.size > 0)
		memcpy(input + ciphertext.size, iv.data, iv.size);
	return HMAC(EVP_sha256(), key->bytes, (int)key->size, input, ciphertext.size + iv.size, expected, &size) != NULL &&
	       mac.size == size && CRYPTO_memcmp(mac.data, expected, size) == 0;
}

/* swtpm pads to a multiple of the key's size, in the manner of PKCS #7. */
static bool strip_padding(const uint8_t *plain, size_t *size, size_t pad_max)
{
	size_t pad = *size > 0 ? plain[*size - 1] : 0;

	if (pad == 0 || pad > pad_max || pad > *size)
		return false;
	for (size_t i = 1; i <= pad; i++)
		if (plain[*size - i] != pad)
			return false;
	*size -= pad;
	return true;
}

/* AES-CBC, into memory of its own. */
static enum tcb_error decipher(struct span ciphertext, struct span iv, const struct swtpm_key *key, struct span *ret_plain)
{
	static const uint8_t zeros[AES_BLOCK];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *plain = malloc(ciphertext.size + AES_BLOCK);
	int got = 0, more = 0;
	size_t size = 0;
	bool ok = ctx != NULL && plain != NULL && (iv.size == 0 || iv.size >= AES_BLOCK) &&
		  EVP_DecryptInit_ex(ctx, key->size == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc(), NULL, key->bytes,
				     iv.size > 0 ? iv.data : zeros) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		  EVP_DecryptUpdate(ctx, plain, &got, ciphertext.data, (int)ciphertext.size) == 1 &&
		  EVP_DecryptFinal_ex(ctx, plain + got, &more) == 1;

	EVP_CIPHER_CTX_free(ctx);
	size = (size_t)(got + more);
	ok = ok && strip_padding(plain, &size, key->size);
	if (!ok) {
		free(plain);
		return TCB_CRYPTO;
	}
	*ret_plain = span_of(plain, size);
	return TCB_OK;
}

static enum tcb_error open_encrypted(struct span ciphertext, struct span iv, struct span mac, const struct swtpm_key *key,
				     struct span *ret_plain, struct diagnosis *d)
{
	if (key->size == 0)
		return diagnose(d, TCB_REFUSED, "swtpm.key", "an encrypted state of swtpm, and no key",
				"the key that swtpm was given", "add --key, or --migration-key for a migrated state");
	if (!is_authentic(ciphertext, iv, mac, key) || decipher(ciphertext, iv, key, ret_plain) != TCB_OK)
		return diagnose(d, TCB_CRYPTO, "swtpm.key", "an encrypted state of swtpm that this key does not open",
				"the key that swtpm was given", "check the key file, its mode and its key derivation");
	return TCB_OK;
}

static enum tcb_error copy_of(struct span bytes, struct span *ret_copy)
{
	uint8_t *copy = malloc(bytes.size + 1);

	if (copy == NULL)
		return TCB_INTERNAL;
	memcpy(copy, bytes.data, bytes.size);
	*ret_copy = span_of(copy, bytes.size);
	return TCB_OK;
}

/* What stands behind a header: plain, encrypted, or wrapped for migration (a stream of the same kind inside). */
static enum tcb_error open_stream(struct span stream, const struct swtpm_key *key, unsigned depth, struct span *ret_state,
				  struct diagnosis *d)
{
	struct swtpm_tlvs t;
	struct span inner;
	enum tcb_error error;

	if (depth > 1 || read_tlvs(stream, &t) != TCB_OK)
		return not_swtpm(d);
	if (t.of[TAG_DATA].size > 0)
		return copy_of(t.of[TAG_DATA], ret_state);
	if (t.of[TAG_ENCRYPTED].size > 0)
		return open_encrypted(t.of[TAG_ENCRYPTED], t.of[TAG_IV], t.of[TAG_HMAC], key, ret_state, d);
	if (t.of[TAG_MIGRATION].size > 0)
		return open_stream(t.of[TAG_MIGRATION], key, depth + 1, ret_state, d);
	if (t.of[TAG_ENCRYPTED_MIGRATION].size == 0)
		return not_swtpm(d);
	TRY(open_encrypted(t.of[TAG_ENCRYPTED_MIGRATION], t.of[TAG_IV_MIGRATION], t.of[TAG_HMAC], key, &inner, d));
	error = open_stream(inner, key, depth + 1, ret_state, d);
	wipe((void *)(uintptr_t)inner.data, inner.size);
	free((void *)(uintptr_t)inner.data);
	return error;
}

enum tcb_error swtpm_state_open(struct span bytes, const struct swtpm_key *key, struct span *ret_state, struct diagnosis *d)
{
	struct span stream;

	if (read_header(bytes, &stream) != TCB_OK)
		return not_swtpm(d);
	return open_stream(stream, key, 0, ret_state, d);
}
