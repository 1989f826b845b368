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

#define LOW_EK_ATTRIBUTES 0x000300b2u  /* fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt */
#define HIGH_EK_ATTRIBUTES 0x000300f2u /* the same and userWithAuth */
#define AK_ATTRIBUTES 0x00050072u      /* fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign */

enum { CURVE_P256 = 0x0003, CURVE_P384 = 0x0004, RSA_BYTES = 256 };

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

static void put_ek_p384(struct writer *w)
{
	put_head(w, TPM_ALG_ECC, TPM_ALG_SHA384, HIGH_EK_ATTRIBUTES, SPAN_OF(policy_b));
	put_aes(w, 256);
	writer_u16(w, TPM_ALG_NULL);
	writer_u16(w, CURVE_P384);
	writer_u16(w, TPM_ALG_NULL);
	writer_u16(w, 0);
	writer_u16(w, 0);
}

static void put_ek_rsa2048(struct writer *w)
{
	static const uint8_t zeros[RSA_BYTES];

	put_head(w, TPM_ALG_RSA, TPM_ALG_SHA256, LOW_EK_ATTRIBUTES, SPAN_OF(policy_a));
	put_aes(w, 128);
	writer_u16(w, TPM_ALG_NULL);
	writer_u16(w, RSA_BYTES * 8);
	writer_u32(w, 0); /* exponent 65537 */
	writer_tpm2b(w, SPAN_OF(zeros));
}

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
	[KEY_EK_RSA2048] = { 0x81010001, 0x01c00002, CERTIFY_EK, put_ek_rsa2048, 2 + RSA_BYTES },
};

const struct key_template *key_template_of(enum vtpm_key key)
{
	return &templates[key];
}
