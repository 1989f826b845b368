// SPDX-License-Identifier: MIT
#include "sgxsim/sigstruct.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"

enum {
	MODULUS_SIZE = 384,
	HEADER_SIZE = 128, /* signed */
	BODY_OFFSET = 900, /* signed, up to Q1's reserved bytes */
	BODY_SIZE = 128,
	SIGNATURE_OFFSET = 516,
	EXPONENT = 3,
};

static const uint8_t header1[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
static const uint8_t header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};

enum tcb_error enclave_measure(struct span image, uint64_t attributes, uint8_t ret_mrenclave[32])
{
	uint8_t flags[8];
	struct writer w = WRITER_OF(flags);
	struct digest256 digest;

	writer_u64_le(&w, attributes);
	TRY(crypto_sha256_all((struct span[]){image, SPAN_OF(flags)}, 2, &digest));
	memcpy(ret_mrenclave, digest.bytes, sizeof digest.bytes);
	return TCB_OK;
}

static void encode(struct writer *w, const struct enclave_identity *e, const uint8_t modulus_le[MODULUS_SIZE])
{
	writer_bytes(w, SPAN_OF(header1));
	writer_u32_le(w, 0);          /* vendor: not Intel */
	writer_u32_le(w, 0x20260101); /* date */
	writer_bytes(w, SPAN_OF(header2));
	writer_u32_le(w, 0); /* swdefined */
	writer_zeros(w, 84);
	writer_bytes(w, span_of(modulus_le, MODULUS_SIZE));
	writer_u32_le(w, EXPONENT);
	writer_zeros(w, MODULUS_SIZE); /* signature, set afterwards */
	writer_u32_le(w, 0);           /* miscselect */
	writer_u32_le(w, 0xffffffff);  /* miscmask */
	writer_zeros(w, 4 + 16);       /* reserved, isvfamilyid */
	writer_u64_le(w, e->attributes);
	writer_u64_le(w, 3); /* xfrm */
	writer_u64_le(w, UINT64_MAX);
	writer_u64_le(w, UINT64_MAX);
	writer_bytes(w, SPAN_OF(e->mrenclave));
	writer_zeros(w, 16 + 16); /* reserved, isvextprodid */
	writer_u16_le(w, e->isv_prod_id);
	writer_u16_le(w, e->isv_svn);
	writer_zeros(w, 12);
}

static void reverse(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		uint8_t swap = bytes[i];

		bytes[i] = bytes[size - 1 - i];
		bytes[size - 1 - i] = swap;
	}
}

/* Q1 = s^2 / m, Q2 = (s^3 - Q1 s m) / m, as EINIT wants them; all little-endian. */
static bool put_quotients(struct writer *w, const uint8_t *signature_le, const uint8_t *modulus_le)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *s = BN_lebin2bn(signature_le, MODULUS_SIZE, NULL), *m = BN_lebin2bn(modulus_le, MODULUS_SIZE, NULL);
	BIGNUM *square = BN_new(), *q1 = BN_new(), *q2 = BN_new(), *rest = BN_new();
	uint8_t bytes[MODULUS_SIZE];
	bool ok = BN_sqr(square, s, ctx) && BN_div(q1, rest, square, m, ctx) && BN_mul(square, s, rest, ctx) &&
		  BN_div(q2, NULL, square, m, ctx);

	ok = ok && BN_bn2lebinpad(q1, bytes, sizeof bytes) > 0;
	writer_bytes(w, SPAN_OF(bytes));
	ok = ok && BN_bn2lebinpad(q2, bytes, sizeof bytes) > 0;
	writer_bytes(w, SPAN_OF(bytes));
	BN_free(s);
	BN_free(m);
	BN_free(square);
	BN_free(q1);
	BN_free(q2);
	BN_free(rest);
	BN_CTX_free(ctx);
	return ok;
}

static void signed_bytes(const uint8_t *sigstruct, uint8_t ret_bytes[HEADER_SIZE + BODY_SIZE])
{
	memcpy(ret_bytes, sigstruct, HEADER_SIZE);
	memcpy(ret_bytes + HEADER_SIZE, sigstruct + BODY_OFFSET, BODY_SIZE);
}

/* SIGSTRUCT has room for no other key: RSA-3072 with exponent 3. */
static bool is_signer(EVP_PKEY *key)
{
	BIGNUM *exponent = NULL;
	bool ok = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == MODULUS_SIZE * 8 &&
		  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
		  BN_is_word(exponent, EXPONENT);

	BN_free(exponent);
	return ok;
}

static enum tcb_error sign(EVP_PKEY *key, const struct enclave_identity *identity,
			   uint8_t ret_sigstruct[SIGSTRUCT_SIZE])
{
	struct writer w = writer_of(ret_sigstruct, SIGSTRUCT_SIZE);
	uint8_t modulus[MODULUS_SIZE], signature[MODULUS_SIZE], message[HEADER_SIZE + BODY_SIZE];
	size_t size = sizeof signature;
	BIGNUM *n = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		  BN_bn2lebinpad(n, modulus, sizeof modulus) == MODULUS_SIZE;

	encode(&w, identity, modulus);
	signed_bytes(ret_sigstruct, message);
	ok = ok && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSign(ctx, signature, &size, message, sizeof message) == 1 && size == MODULUS_SIZE;
	if (ok) {
		reverse(signature, sizeof signature);
		memcpy(ret_sigstruct + SIGNATURE_OFFSET, signature, sizeof signature);
		ok = put_quotients(&w, signature, modulus);
	}
	BN_free(n);
	EVP_MD_CTX_free(ctx);
	return ok && w.size == SIGSTRUCT_SIZE && w.error == TCB_OK ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error sigstruct_sign(EVP_PKEY *key, const struct enclave_identity *identity,
			      uint8_t ret_sigstruct[SIGSTRUCT_SIZE])
{
	return is_signer(key) ? sign(key, identity, ret_sigstruct) : TCB_REFUSED;
}

static bool signature_checks(const uint8_t *modulus_le, const uint8_t *sigstruct)
{
	BIGNUM *n = BN_lebin2bn(modulus_le, MODULUS_SIZE, NULL), *e = BN_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[MODULUS_SIZE], message[HEADER_SIZE + BODY_SIZE];
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool ok;

	memcpy(signature, sigstruct + SIGNATURE_OFFSET, sizeof signature);
	reverse(signature, sizeof signature);
	signed_bytes(sigstruct, message);
	ok = BN_set_word(e, EXPONENT) && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	     OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
	     (params = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(pctx) == 1 &&
	     EVP_PKEY_fromdata(pctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
	     EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, signature, sizeof signature, message, sizeof message) == 1;
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(pctx);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return ok;
}

/* Members of a SIGSTRUCT that matter here; fixed bytes are compared. */
static enum tcb_error decode(struct span sigstruct, struct enclave_identity *ret_identity, struct span *ret_modulus)
{
	struct reader r = reader_of(sigstruct);
	struct span skip, first, second;
	uint32_t exponent;
	uint64_t xfrm;

	TRY(reader_bytes(&r, 16, &first));
	TRY(reader_bytes(&r, 8, &skip));
	TRY(reader_bytes(&r, 16, &second));
	TRY(reader_bytes(&r, 88, &skip));
	TRY(reader_bytes(&r, MODULUS_SIZE, ret_modulus));
	TRY(reader_u32_le(&r, &exponent));
	TRY(reader_bytes(&r, MODULUS_SIZE + 8 + 20, &skip));
	TRY(reader_u64_le(&r, &ret_identity->attributes));
	TRY(reader_u64_le(&r, &xfrm));
	TRY(reader_bytes(&r, 16, &skip));
	TRY(reader_copy(&r, ret_identity->mrenclave, sizeof ret_identity->mrenclave));
	TRY(reader_bytes(&r, 32, &skip));
	TRY(reader_u16_le(&r, &ret_identity->isv_prod_id));
	TRY(reader_u16_le(&r, &ret_identity->isv_svn));
	TRY(reader_bytes(&r, 12 + 2 * MODULUS_SIZE, &skip));
	TRY(reader_end(&r));
	if (!span_equal(first, SPAN_OF(header1)) || !span_equal(second, SPAN_OF(header2)) || exponent != EXPONENT)
		return TCB_MALFORMED;
	return TCB_OK;
}

enum tcb_error sigstruct_check(struct span sigstruct, struct span image, struct enclave_identity *ret_identity,
			       struct diagnosis *d)
{
	struct enclave_identity identity;
	struct digest256 signer;
	uint8_t measured[32];
	struct span modulus;

	if (decode(sigstruct, &identity, &modulus) != TCB_OK)
		return diagnose_found(d, TCB_MALFORMED, "sgx.sigstruct.malformed", "a SIGSTRUCT of 1808 bytes",
				      "sign the enclave's image again", "%zu bytes that are none", sigstruct.size);
	if (!signature_checks(modulus.data, sigstruct.data))
		return diagnose(d, TCB_CRYPTO, "sgx.sigstruct.signature", "a signature that does not check",
				"the author's RSA-3072 signature over this SIGSTRUCT", "sign the enclave's image again");
	TRY(enclave_measure(image, identity.attributes, measured));
	if (memcmp(measured, identity.mrenclave, sizeof measured) != 0)
		return diagnose(d, TCB_REFUSED, "sgx.sigstruct.measurement", "an image that is not the one signed",
				"the image whose measurement the SIGSTRUCT names", "put image and signature of one build together");
	TRY(crypto_sha256(modulus, &signer));
	memcpy(identity.mrsigner, signer.bytes, sizeof identity.mrsigner);
	*ret_identity = identity;
	return TCB_OK;
}
