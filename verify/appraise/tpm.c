// SPDX-License-Identifier: MIT
#include "verify/appraise/tpm.h"


#include "core/reader.h"
#include "crypto/crypto.h"

#define TPM_GENERATED 0xff544347u

enum {
	ST_ATTEST_QUOTE = 0x8018, ALG_ECC = 0x0023, ALG_SHA256 = 0x000b, ALG_ECDSA = 0x0018, ALG_NULL = 0x0010,
	CURVE_P256 = 0x0003,
	/* fixedTPM 1, fixedParent 4, sensitiveDataOrigin 5, restricted 16, sign 18; decrypt 17 */
	AK_WANTED = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18,
	AK_UNWANTED = 1 << 17,
	ALG_AES = 0x0006, ALG_CFB = 0x0043,
	/* fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt, and nothing else */
	EK_ATTRIBUTES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 16 | 1 << 17,
};

/* PolicySecret of the endorsement hierarchy, SHA-256 (EK Credential Profile, B.2.2, PolicyA). */
static const uint8_t ek_policy[SHA256_SIZE] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
	0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* One selection of SHA-256, PCR 0..23. */
static enum tcb_error read_selection(struct reader *r)
{
	static const uint8_t all[] = {0xff, 0xff, 0xff};
	struct span bits;
	uint32_t count;
	uint16_t algorithm;
	uint8_t size;

	TRY(reader_u32(r, &count));
	TRY(reader_u16(r, &algorithm));
	TRY(reader_u8(r, &size));
	TRY(reader_bytes(r, size, &bits));
	return count == 1 && algorithm == ALG_SHA256 && span_equal(bits, SPAN_OF(all)) ? TCB_OK : TCB_MALFORMED;
}

enum tcb_error tpm_attest_decode(struct span bytes, struct tpm_attest *ret_attest)
{
	struct reader r = reader_of(bytes);
	struct tpm_attest a;
	struct span signer, digest;
	uint32_t magic;
	uint16_t type;
	uint64_t firmware;

	TRY(reader_u32(&r, &magic));
	TRY(reader_u16(&r, &type));
	if (magic != TPM_GENERATED || type != ST_ATTEST_QUOTE)
		return TCB_MALFORMED;
	TRY(reader_tpm2b(&r, &signer));
	TRY(reader_tpm2b(&r, &a.qualifying));
	TRY(reader_u64(&r, &a.clock.clock_ms));
	TRY(reader_u32(&r, &a.clock.reset_count));
	TRY(reader_u32(&r, &a.clock.restart_count));
	TRY(reader_bool(&r, &a.clock.safe));
	TRY(reader_u64(&r, &firmware));
	TRY(read_selection(&r));
	TRY(reader_tpm2b(&r, &digest));
	TRY(reader_end(&r));
	if (digest.size != SHA256_SIZE)
		return TCB_MALFORMED;
	memcpy(a.pcr_digest.bytes, digest.data, SHA256_SIZE);
	*ret_attest = a;
	return TCB_OK;
}

/* A coordinate, which a TPM may write without its leading zeros. */
static enum tcb_error read_number(struct reader *r, uint8_t ret_bytes[32])
{
	struct span number;

	TRY(reader_tpm2b(r, &number));
	if (number.size == 0 || number.size > 32)
		return TCB_MALFORMED;
	memset(ret_bytes, 0, 32);
	memcpy(ret_bytes + 32 - number.size, number.data, number.size);
	return TCB_OK;
}

enum tcb_error tpm_ak_decode(struct span tpmt_public, struct p256_point *ret_key)
{
	struct reader r = reader_of(tpmt_public);
	uint16_t type, name, symmetric, scheme, hash, curve, kdf;
	struct p256_point key;
	uint32_t attributes;
	struct span policy;

	TRY(reader_u16(&r, &type));
	TRY(reader_u16(&r, &name));
	TRY(reader_u32(&r, &attributes));
	TRY(reader_tpm2b(&r, &policy));
	TRY(reader_u16(&r, &symmetric));
	TRY(reader_u16(&r, &scheme));
	TRY(reader_u16(&r, &hash));
	TRY(reader_u16(&r, &curve));
	TRY(reader_u16(&r, &kdf));
	TRY(read_number(&r, key.bytes));
	TRY(read_number(&r, key.bytes + 32));
	TRY(reader_end(&r));
	if (type != ALG_ECC || name != ALG_SHA256 || (attributes & (AK_WANTED | AK_UNWANTED)) != AK_WANTED ||
	    symmetric != ALG_NULL || scheme != ALG_ECDSA || hash != ALG_SHA256 || curve != CURVE_P256 || kdf != ALG_NULL)
		return TCB_REFUSED;
	*ret_key = key;
	return TCB_OK;
}

enum tcb_error tpm_ek_decode(struct span tpmt_public, struct p256_point *ret_key)
{
	struct reader r = reader_of(tpmt_public);
	uint16_t type, name, symmetric, bits, mode, scheme, curve, kdf;
	struct p256_point key;
	uint32_t attributes;
	struct span policy;

	TRY(reader_u16(&r, &type));
	TRY(reader_u16(&r, &name));
	TRY(reader_u32(&r, &attributes));
	TRY(reader_tpm2b(&r, &policy));
	TRY(reader_u16(&r, &symmetric));
	TRY(reader_u16(&r, &bits));
	TRY(reader_u16(&r, &mode));
	TRY(reader_u16(&r, &scheme));
	TRY(reader_u16(&r, &curve));
	TRY(reader_u16(&r, &kdf));
	TRY(read_number(&r, key.bytes));
	TRY(read_number(&r, key.bytes + 32));
	TRY(reader_end(&r));
	if (type != ALG_ECC || name != ALG_SHA256 || attributes != EK_ATTRIBUTES || !span_equal(policy, SPAN_OF(ek_policy)) ||
	    symmetric != ALG_AES || bits != 128 || mode != ALG_CFB || scheme != ALG_NULL || curve != CURVE_P256 || kdf != ALG_NULL)
		return TCB_REFUSED;
	TRY(crypto_p256_check(&key));
	*ret_key = key;
	return TCB_OK;
}

enum tcb_error tpm_signature_decode(struct span bytes, struct p256_signature *ret_signature)
{
	struct reader r = reader_of(bytes);
	struct p256_signature signature;
	uint16_t scheme, hash;

	TRY(reader_u16(&r, &scheme));
	TRY(reader_u16(&r, &hash));
	TRY(read_number(&r, signature.bytes));
	TRY(read_number(&r, signature.bytes + 32));
	TRY(reader_end(&r));
	if (scheme != ALG_ECDSA || hash != ALG_SHA256)
		return TCB_REFUSED;
	*ret_signature = signature;
	return TCB_OK;
}
