// SPDX-License-Identifier: MIT
#include "tests/enclave/rig/ptpm.h"

#include "core/limits.h"
#include "crypto/crypto.h"
#include "edge/tpm_quote.h"

/* TPMT_PUBLIC of a restricted P-256 signing key (TPM 2.0 Part 2, 12.2.4). */
enum tcb_error fake_ak_public(const EVP_PKEY *ak, struct writer *w)
{
	struct p256_point point;

	TRY(crypto_p256_public(ak, &point));
	writer_u16(w, 0x0023); /* TPM_ALG_ECC */
	writer_u16(w, 0x000b); /* nameAlg SHA-256 */
	writer_u32(w, 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 16 | 1u << 18);
	writer_u16(w, 0);      /* authPolicy */
	writer_u16(w, 0x0010); /* symmetric: null */
	writer_u16(w, 0x0018); /* ECDSA */
	writer_u16(w, 0x000b);
	writer_u16(w, 0x0003); /* P-256 */
	writer_u16(w, 0x0010); /* kdf: null */
	writer_tpm2b(w, span_of(point.bytes, 32));
	writer_tpm2b(w, span_of(point.bytes + 32, 32));
	return writer_end(w, NULL);
}

enum tcb_error fake_ek_public(const EVP_PKEY *ek, struct writer *w)
{
	static const uint8_t policy_a[] = {
		0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
		0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
	};
	struct p256_point point;

	TRY(crypto_p256_public(ek, &point));
	writer_u16(w, 0x0023);
	writer_u16(w, 0x000b);
	writer_u32(w, 0x000300b2);
	writer_tpm2b(w, SPAN_OF(policy_a));
	writer_u16(w, 0x0006); /* AES-128-CFB */
	writer_u16(w, 128);
	writer_u16(w, 0x0043);
	writer_u16(w, 0x0010); /* scheme: null */
	writer_u16(w, 0x0003);
	writer_u16(w, 0x0010);
	writer_tpm2b(w, span_of(point.bytes, 32));
	writer_tpm2b(w, span_of(point.bytes + 32, 32));
	return writer_end(w, NULL);
}

static struct fake_clock clock_info;
static uint8_t pcr10[SHA256_SIZE];

void fake_set_pcr10(const uint8_t value[SHA256_SIZE])
{
	memset(pcr10, 0, sizeof pcr10);
	if (value != NULL)
		memcpy(pcr10, value, sizeof pcr10);
}

void fake_set_clock(struct fake_clock clock)
{
	clock_info = clock;
}

static enum tcb_error make_attest(struct span qualifying, struct span pcrs, struct writer *w)
{
	struct digest256 digest;

	TRY(crypto_sha256(pcrs, &digest));
	writer_u32(w, 0xff544347); /* TPM_GENERATED_VALUE */
	writer_u16(w, 0x8018);     /* TPM_ST_ATTEST_QUOTE */
	writer_u16(w, 0);          /* qualifiedSigner */
	writer_tpm2b(w, qualifying);
	writer_u64(w, 0); /* clock */
	writer_u32(w, clock_info.reset_count);
	writer_u32(w, clock_info.restart_count);
	writer_bool(w, clock_info.safe);
	writer_u64(w, 0); /* firmware version */
	writer_u32(w, 1);
	writer_u16(w, 0x000b);
	writer_u8(w, 3);
	writer_bytes(w, span_of("\xff\xff\xff", 3));
	writer_tpm2b(w, SPAN_OF(digest.bytes));
	return writer_end(w, NULL);
}

static enum tcb_error sign_over(EVP_PKEY *ak, struct span qualifying, const uint8_t pcr0[SHA256_SIZE], struct fake_root *ret_root)
{
	struct writer attest = WRITER_OF(ret_root->attest), signature = WRITER_OF(ret_root->signature);
	struct p256_signature raw;

	memset(ret_root->pcrs, 0, sizeof ret_root->pcrs);
	memcpy(ret_root->pcrs, pcr0, SHA256_SIZE);
	memcpy(ret_root->pcrs + 10 * SHA256_SIZE, pcr10, sizeof pcr10);
	TRY(make_attest(qualifying, SPAN_OF(ret_root->pcrs), &attest));
	TRY(crypto_sign(ak, span_of(ret_root->attest, attest.size), &raw));
	writer_u16(&signature, 0x0018);
	writer_u16(&signature, 0x000b);
	writer_tpm2b(&signature, span_of(raw.bytes, 32));
	writer_tpm2b(&signature, span_of(raw.bytes + 32, 32));
	ret_root->attest_size = attest.size;
	ret_root->signature_size = signature.size;
	return writer_end(&signature, NULL);
}

enum tcb_error fake_quote_root(EVP_PKEY *ak, const struct digest256 *root, const uint8_t pcr0[SHA256_SIZE],
			       struct fake_root *ret_root)
{
	return sign_over(ak, SPAN_OF(root->bytes), pcr0, ret_root);
}

static enum tcb_error quote_over(EVP_PKEY *ak, struct span qualifying, bool has_path, const uint8_t pcr0[SHA256_SIZE],
				 struct writer *out)
{
	struct fake_root r;
	struct tpm_quote q = { .has_path = has_path, .leaf_count = has_path ? 1 : 0 };

	TRY(sign_over(ak, qualifying, pcr0, &r));
	q.attest = span_of(r.attest, r.attest_size);
	q.signature = span_of(r.signature, r.signature_size);
	q.pcrs = SPAN_OF(r.pcrs);
	tpm_quote_encode(out, &q);
	return writer_end(out, NULL);
}

enum tcb_error fake_plain_quote(EVP_PKEY *ak, const struct digest256 *qualifying, const uint8_t pcr0[SHA256_SIZE],
				struct writer *out)
{
	return quote_over(ak, SPAN_OF(qualifying->bytes), false, pcr0, out);
}

/* One leaf: the root is its hash (RFC 9162 section 2.1.1). */
enum tcb_error fake_quote(EVP_PKEY *ak, const struct digest256 *commitment, const uint8_t pcr0[SHA256_SIZE],
			  struct writer *out)
{
	static const uint8_t leaf_prefix = 0;
	const struct span leaf[] = { span_of(&leaf_prefix, 1), SPAN_OF(commitment->bytes) };
	struct digest256 root;

	TRY(crypto_sha256_all(leaf, 2, &root));
	return quote_over(ak, SPAN_OF(root.bytes), true, pcr0, out);
}
