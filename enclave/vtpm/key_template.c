// SPDX-License-Identifier: MIT
#include "enclave/vtpm/key_template.h"

#include "enclave/vtpm/tpm_command.h"

/* PolicyA: PolicySecret of the endorsement hierarchy, SHA-256. */
static const uint8_t policy_a[32] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
	0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* PolicyB: PolicyA or an administrator's NV policy, SHA-384. */
static const uint8_t policy_b[48] = {
	0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
	0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
	0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12,
};

/* TPMA_OBJECT */
#define LOW_EK_ATTRIBUTES 0x000300b2u  /* fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt */
#define HIGH_EK_ATTRIBUTES 0x000300f2u /* the same and userWithAuth */
#define AK_ATTRIBUTES 0x00050472u      /* fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA restricted sign: a TPM in lockout still gives evidence */
#define RESTRICTED_DECRYPT 0x00030000u
#define SIGN 0x00040000u
#define DECRYPT 0x00020000u

enum { CURVE_P256 = 0x0003, CURVE_P384 = 0x0004 };

static void put_head(struct writer *w, uint16_t type, uint16_t name_algorithm, uint32_t attributes, struct span policy)
{
	writer_u16(w, type);
	writer_u16(w, name_algorithm);
	writer_u32(w, attributes);
	writer_tpm2b(w, policy);
}

static void put_aes(struct writer *w, uint16_t bits)
{
	writer_u16(w, TPM_ALG_AES);
	writer_u16(w, bits);
	writer_u16(w, TPM_ALG_CFB);
}

static void put_ek_p256(struct writer *w)
{
	static const uint8_t zeros[32];

	put_head(w, TPM_ALG_ECC, TPM_ALG_SHA256, LOW_EK_ATTRIBUTES, SPAN_OF(policy_a));
	put_aes(w, 128);
	writer_u16(w, TPM_ALG_NULL); /* scheme */
	writer_u16(w, CURVE_P256);
	writer_u16(w, TPM_ALG_NULL); /* KDF */
	writer_tpm2b(w, SPAN_OF(zeros));
	writer_tpm2b(w, SPAN_OF(zeros));
}

/* Head and symmetric of an EK; `use` 0: the standard's, a storage key; else unrestricted, with these attributes. */
static void put_ek_head(struct writer *w, uint16_t type, bool high, uint32_t use)
{
	uint32_t attributes = high ? HIGH_EK_ATTRIBUTES : LOW_EK_ATTRIBUTES;

	if (use != 0)
		attributes = (attributes & ~RESTRICTED_DECRYPT) | use;
	if (high)
		put_head(w, type, TPM_ALG_SHA384, attributes, SPAN_OF(policy_b));
	else
		put_head(w, type, TPM_ALG_SHA256, attributes, SPAN_OF(policy_a));
	if (use != 0)
		writer_u16(w, TPM_ALG_NULL);
	else
		put_aes(w, high ? 256 : 128);
	writer_u16(w, TPM_ALG_NULL); /* scheme */
}

static void put_p384(struct writer *w, uint32_t use)
{
	put_ek_head(w, TPM_ALG_ECC, true, use);
	writer_u16(w, CURVE_P384);
	writer_u16(w, TPM_ALG_NULL);
	writer_u16(w, 0);
	writer_u16(w, 0);
}

/* The low profile has zeros of the key's size where the high one has nothing. */
static void put_rsa(struct writer *w, uint16_t bytes, uint32_t use)
{
	bool high = bytes > 256;

	put_ek_head(w, TPM_ALG_RSA, high, use);
	writer_u16(w, (uint16_t)(bytes * 8));
	writer_u32(w, 0); /* exponent 65537 */
	writer_u16(w, high ? 0 : bytes);
	writer_zeros(w, high ? 0 : bytes);
}

static void put_ek_p384(struct writer *w) { put_p384(w, 0); }
static void put_p384_signs(struct writer *w) { put_p384(w, SIGN); }
static void put_p384_both(struct writer *w) { put_p384(w, SIGN | DECRYPT); }
static void put_ek_rsa2048(struct writer *w) { put_rsa(w, 256, 0); }
static void put_rsa2048_signs(struct writer *w) { put_rsa(w, 256, SIGN); }
static void put_rsa2048_both(struct writer *w) { put_rsa(w, 256, SIGN | DECRYPT); }
static void put_ek_rsa3072(struct writer *w) { put_rsa(w, 384, 0); }
static void put_rsa3072_signs(struct writer *w) { put_rsa(w, 384, SIGN); }
static void put_rsa3072_both(struct writer *w) { put_rsa(w, 384, SIGN | DECRYPT); }

static void put_ak(struct writer *w)
{
	static const char label[32] = "tcbind vTPM attestation key";

	put_head(w, TPM_ALG_ECC, TPM_ALG_SHA256, AK_ATTRIBUTES, span_of(NULL, 0));
	writer_u16(w, TPM_ALG_NULL); /* symmetric */
	writer_u16(w, TPM_ALG_ECDSA);
	writer_u16(w, TPM_ALG_SHA256);
	writer_u16(w, CURVE_P256);
	writer_u16(w, TPM_ALG_NULL);
	writer_tpm2b(w, SPAN_OF(label));
	writer_u16(w, 0);
}

static const struct key_template templates[KEY_COUNT] = {
	[KEY_EK_P256] = { 0x8101000a, 0x01c0000a, CERTIFY_EK, put_ek_p256, 2 + 32 + 2 + 32 },
	[KEY_AK] = { 0x8101ffa0, 0x01c101d0, CERTIFY_AK, put_ak, 2 + 32 + 2 },
	[KEY_EK_P384] = { 0x81010016, 0x01c00016, CERTIFY_EK, put_ek_p384, 2 + 2 },
	[KEY_EK_P384_SIGNS] = { 0x81010016, 0x01c00016, CERTIFY_EK, put_p384_signs, 2 + 2 },
	[KEY_EK_P384_BOTH] = { 0x81010016, 0x01c00016, CERTIFY_EK, put_p384_both, 2 + 2 },
	[KEY_EK_RSA2048] = { 0x81010001, 0x01c00002, CERTIFY_EK, put_ek_rsa2048, 2 + 256 },
	[KEY_EK_RSA2048_SIGNS] = { 0x81010001, 0x01c00002, CERTIFY_EK, put_rsa2048_signs, 2 + 256 },
	[KEY_EK_RSA2048_BOTH] = { 0x81010001, 0x01c00002, CERTIFY_EK, put_rsa2048_both, 2 + 256 },
	[KEY_EK_RSA3072] = { 0x8101001c, 0x01c0001c, CERTIFY_EK, put_ek_rsa3072, 2 },
	[KEY_EK_RSA3072_SIGNS] = { 0x8101001c, 0x01c0001c, CERTIFY_EK, put_rsa3072_signs, 2 },
	[KEY_EK_RSA3072_BOTH] = { 0x8101001c, 0x01c0001c, CERTIFY_EK, put_rsa3072_both, 2 },
};

const struct key_template *key_template_of(enum vtpm_key key)
{
	return &templates[key];
}

bool key_is_p384(enum vtpm_key key)
{
	return templates[key].handle == templates[KEY_EK_P384].handle;
}
