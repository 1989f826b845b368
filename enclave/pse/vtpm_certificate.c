// SPDX-License-Identifier: MIT
#include "enclave/pse/vtpm_certificate.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/reader.h"
#include "enclave/lib/certificate.h"

#define OID_TPM_MANUFACTURER "2.23.133.2.1"
#define OID_TPM_MODEL "2.23.133.2.2"
#define OID_TPM_VERSION "2.23.133.2.3"
#define OID_PLATFORM_MANUFACTURER "2.23.133.5.1.1"
#define OID_PLATFORM_MODEL "2.23.133.5.1.4"
#define OID_PLATFORM_VERSION "2.23.133.5.1.5"
#define EKU_EK "2.23.133.8.1" /* tcg-kp-EKCertificate */
#define EKU_PLATFORM "2.23.133.8.2" /* tcg-kp-PlatformCertificate */
#define EKU_AK "2.23.133.8.3" /* tcg-kp-AIKCertificate */

enum {
	ALG_RSA = 0x0001, ALG_ECC = 0x0023, ALG_NULL = 0x0010, ALG_AES = 0x0006,
	CURVE_P256 = 0x0003, CURVE_P384 = 0x0004,
	ATTRIBUTE_DECRYPT = 1 << 17, ATTRIBUTE_SIGN = 1 << 18,
	RSA_EXPONENT_DEFAULT = 65537, RSA_BITS_MIN = 2048, POINT_MAX = 1 + 2 * 48,
};

/* ---- a TPMT_PUBLIC as a key (TPM 2.0 Part 2, 12.2.4) ---- */

/* TPMT_SYM_DEF_OBJECT of a storage key, or null. */
static enum tcb_error skip_symmetric(struct reader *r)
{
	struct span skipped;
	uint16_t algorithm;

	TRY(reader_u16(r, &algorithm));
	if (algorithm == ALG_NULL)
		return TCB_OK;
	return algorithm == ALG_AES ? reader_bytes(r, 4, &skipped) : TCB_MALFORMED; /* bits, mode */
}

/* A scheme of signing keys has its hash behind it. */
static enum tcb_error skip_scheme(struct reader *r)
{
	uint16_t scheme, hash;

	TRY(reader_u16(r, &scheme));
	return scheme == ALG_NULL ? TCB_OK : reader_u16(r, &hash);
}

static enum tcb_error key_of_params(const char *type, OSSL_PARAM_BLD *builder, EVP_PKEY **ret_key)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	bool ok = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, ret_key, EVP_PKEY_PUBLIC_KEY, params) == 1;

	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return ok ? TCB_OK : TCB_CRYPTO;
}

static enum tcb_error make_ec(const char *group, struct span x, struct span y, size_t size, EVP_PKEY **ret_key)
{
	uint8_t point[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	enum tcb_error error = TCB_INTERNAL;

	memcpy(point + 1 + size - x.size, x.data, x.size);
	memcpy(point + 1 + 2 * size - y.size, y.data, y.size);
	if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) == 1)
		error = key_of_params("EC", builder, ret_key);
	OSSL_PARAM_BLD_free(builder);
	return error;
}

static enum tcb_error make_rsa(struct span modulus, uint32_t exponent, EVP_PKEY **ret_key)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.size, NULL);
	enum tcb_error error = TCB_INTERNAL;

	if (builder != NULL && n != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		error = key_of_params("RSA", builder, ret_key);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	return error;
}

static enum tcb_error read_ecc(struct reader *r, EVP_PKEY **ret_key)
{
	uint16_t curve, kdf;
	struct span x, y;
	size_t size;

	TRY(reader_u16(r, &curve));
	TRY(reader_u16(r, &kdf));
	TRY(reader_tpm2b(r, &x));
	TRY(reader_tpm2b(r, &y));
	TRY(reader_end(r));
	size = curve == CURVE_P256 ? 32 : 48;
	if ((curve != CURVE_P256 && curve != CURVE_P384) || kdf != ALG_NULL || x.size > size || y.size > size)
		return TCB_REFUSED;
	return make_ec(curve == CURVE_P256 ? "P-256" : "P-384", x, y, size, ret_key);
}

static enum tcb_error read_rsa(struct reader *r, EVP_PKEY **ret_key)
{
	struct span modulus;
	uint32_t exponent;
	uint16_t bits;

	TRY(reader_u16(r, &bits));
	TRY(reader_u32(r, &exponent));
	TRY(reader_tpm2b(r, &modulus));
	TRY(reader_end(r));
	if (bits < RSA_BITS_MIN || modulus.size * 8 != bits || (exponent != 0 && exponent != RSA_EXPONENT_DEFAULT))
		return TCB_REFUSED;
	return make_rsa(modulus, RSA_EXPONENT_DEFAULT, ret_key);
}

/* What a certificate says of a key's use. */
struct key_use {
	bool rsa, decrypts, signs;
};

static enum tcb_error read_public(struct span tpmt_public, struct key_use *ret_use, EVP_PKEY **ret_key)
{
	struct reader r = reader_of(tpmt_public);
	uint16_t type, name_algorithm;
	uint32_t attributes;
	struct span policy;

	TRY(reader_u16(&r, &type));
	TRY(reader_u16(&r, &name_algorithm));
	TRY(reader_u32(&r, &attributes));
	TRY(reader_tpm2b(&r, &policy));
	if (type != ALG_RSA && type != ALG_ECC)
		return TCB_REFUSED;
	TRY(skip_symmetric(&r));
	TRY(skip_scheme(&r));
	*ret_use = (struct key_use){ type == ALG_RSA, (attributes & ATTRIBUTE_DECRYPT) != 0, (attributes & ATTRIBUTE_SIGN) != 0 };
	return type == ALG_RSA ? read_rsa(&r, ret_key) : read_ecc(&r, ret_key);
}

/* ---- extensions ---- */

static bool add_name(X509_NAME *name, const char *oid, const char *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	bool ok = object != NULL && X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, (const unsigned char *)value,
							       -1, -1, 0) == 1;

	ASN1_OBJECT_free(object);
	return ok;
}

static bool add_subject(X509_NAME *name, enum certify_kind kind)
{
	if (kind == CERTIFY_PLATFORM)
		return add_name(name, OID_PLATFORM_MANUFACTURER, "tcbind") && add_name(name, OID_PLATFORM_MODEL, "tcbind platform") &&
		       add_name(name, OID_PLATFORM_VERSION, "1");
	return add_name(name, OID_TPM_MANUFACTURER, "id:49424D00") && add_name(name, OID_TPM_MODEL, "tcbind vTPM") &&
	       add_name(name, OID_TPM_VERSION, "id:00010000");
}

/* Subject alternative name: whose TPM (profile section 3.2.9) or platform (Platform Certificate Profile 1.1, section 3.2) it is. */
static enum tcb_error add_subject_name(X509 *certificate, enum certify_kind kind)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *entry = GENERAL_NAME_new();
	X509_NAME *name = X509_NAME_new();
	bool ok = names != NULL && entry != NULL && name != NULL && add_subject(name, kind);

	if (ok) {
		GENERAL_NAME_set0_value(entry, GEN_DIRNAME, name);
		name = NULL; /* owned by entry now */
		ok = sk_GENERAL_NAME_push(names, entry) > 0;
	}
	if (ok) {
		entry = NULL; /* owned by names now */
		/* critical, since the subject is empty (RFC 5280 section 4.2.1.6) */
		ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 1, 0) == 1;
	}
	X509_NAME_free(name);
	GENERAL_NAME_free(entry);
	GENERAL_NAMES_free(names);
	return ok ? TCB_OK : TCB_INTERNAL;
}

static const char *key_usage(const struct key_use *use)
{
	if (!use->decrypts)
		return "critical,digitalSignature";
	if (use->signs)
		return use->rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature,keyAgreement";
	return use->rsa ? "critical,keyEncipherment" : "critical,keyAgreement";
}

static enum tcb_error add_extensions(X509 *certificate, enum certify_kind kind, const struct key_use *use)
{
	static const char *const purposes[] = { [CERTIFY_EK] = EKU_EK, [CERTIFY_AK] = EKU_AK, [CERTIFY_PLATFORM] = EKU_PLATFORM };

	TRY(certificate_add(certificate, NID_key_usage, key_usage(use)));
	TRY(certificate_add(certificate, NID_ext_key_usage, purposes[kind]));
	return add_subject_name(certificate, kind);
}

static enum tcb_error put_der(const X509 *certificate, struct writer *out)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);

	if (size <= 0)
		return TCB_INTERNAL;
	writer_bytes(out, span_of(der, (size_t)size));
	OPENSSL_free(der);
	return writer_end(out, NULL);
}

/* Signs until the signature has its most common size, so that certificates of one kind of key are of one size: what is written into a
 * vTPM's NV index here fits into the same index on the next platform. */
static enum tcb_error sign_to_size(X509 *certificate, EVP_PKEY *key)
{
	enum { SIGNATURE_DER_SIZE = 71, TRIES = 128 }; /* every second one is */
	const ASN1_BIT_STRING *signature;

	for (int i = 0; i < TRIES; i++) {
		TRY(certificate_sign(certificate, key));
		X509_get0_signature(&signature, NULL, certificate);
		if (ASN1_STRING_length(signature) == SIGNATURE_DER_SIZE)
			return TCB_OK;
	}
	return TCB_INTERNAL;
}

enum tcb_error vtpm_certificate_issue(EVP_PKEY *pse_key, enum certify_kind kind, struct span tpmt_public, uint64_t now_s,
				      struct writer *out, struct diagnosis *d)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	enum tcb_error error;
	struct key_use use = {0};

	if (read_public(tpmt_public, &use, &key) != TCB_OK)
		return diagnose(d, TCB_REFUSED, "pse.certify.key", "a public area that cannot be certified",
				"a TPMT_PUBLIC of ECC P-256 or P-384, or of RSA from 2048 bits",
				"use the default EK templates");
	error = certificate_new(CERTIFICATE_ISSUER, NULL, key, now_s, false, &certificate);
	if (error == TCB_OK)
		error = add_extensions(certificate, kind, &use);
	if (error == TCB_OK)
		error = sign_to_size(certificate, pse_key);
	if (error == TCB_OK)
		error = put_der(certificate, out);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return error;
}

enum tcb_error vtpm_certificate_issuer(EVP_PKEY *pse_key, struct span certified_ak, uint64_t now_s, struct writer *out)
{
	X509 *certificate = NULL;
	enum tcb_error error = certificate_new(CERTIFICATE_ISSUER, CERTIFICATE_ISSUER, pse_key, now_s, true, &certificate);

	if (error == TCB_OK)
		error = certificate_add(certificate, NID_key_usage, "critical,keyCertSign");
	if (error == TCB_OK)
		error = certificate_add_cmw(certificate, CERTIFIED_AK_TYPE, certified_ak);
	if (error == TCB_OK)
		error = certificate_sign(certificate, pse_key);
	if (error == TCB_OK)
		error = put_der(certificate, out);
	X509_free(certificate);
	return error;
}
