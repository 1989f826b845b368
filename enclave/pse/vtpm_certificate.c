// SPDX-License-Identifier: MIT
#include "enclave/pse/vtpm_certificate.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "crypto/key_id.h"
#include "edge/certified_ak.h"
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

/* ---- names ---- */

static bool add_name(X509_NAME *name, const char *oid, const char *value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 0);
	bool ok = object != NULL && X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, (const unsigned char *)value,
							       -1, -1, 0) == 1;

	ASN1_OBJECT_free(object);
	return ok;
}

static void put_hex(char *ret_text, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

/* What tells an issuer from all others: its platform, and its key. */
struct issuer {
	EVP_PKEY *key;
	uint8_t key_id[KEY_ID_SIZE];
	struct digest256 platform;
};

static enum tcb_error identify(EVP_PKEY *pse_key, struct span certified_ak, struct issuer *ret)
{
	struct certified_ak ak;
	struct p256_point public;

	ret->key = pse_key;
	TRY(certified_ak_decode(certified_ak, &ak));
	TRY(crypto_sha256(ak.ak_public, &ret->platform));
	TRY(crypto_p256_public(pse_key, &public));
	return key_id_of(&public, ret->key_id);
}

static bool name_issuer(X509_NAME *name, const struct issuer *issuer)
{
	char platform[2 * 16 + 1], key[sizeof "tcbind PSE " + 2 * KEY_ID_SIZE] = "tcbind PSE ";

	put_hex(platform, issuer->platform.bytes, 16);
	put_hex(key + strlen(key), issuer->key_id, KEY_ID_SIZE);
	return add_name(name, "serialNumber", platform) && add_name(name, "CN", key);
}

static bool name_vtpm(X509_NAME *name, const struct local_certify *asked)
{
	const uint8_t *b = asked->id.bytes;
	char id[37], generation[sizeof "generation 0000000000"];

	(void)snprintf(id, sizeof id, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
		       b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	(void)snprintf(generation, sizeof generation, "generation %010u", (unsigned)(asked->generation & UINT32_MAX));
	return add_name(name, "CN", id) && add_name(name, "dnQualifier", generation);
}

/* ---- extensions ---- */

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
		ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
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

static enum tcb_error add_octets(X509 *certificate, int nid, const uint8_t *bytes, size_t size)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	bool ok = octets != NULL && ASN1_OCTET_STRING_set(octets, bytes, (int)size) == 1 && X509_add1_ext_i2d(certificate, nid, octets, 0, 0) == 1;

	ASN1_OCTET_STRING_free(octets);
	return ok ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error add_issuer_key_id(X509 *certificate, const struct issuer *issuer)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	bool ok;

	if (id != NULL)
		id->keyid = ASN1_OCTET_STRING_new();
	ok = id != NULL && id->keyid != NULL && ASN1_OCTET_STRING_set(id->keyid, issuer->key_id, KEY_ID_SIZE) == 1 &&
	     X509_add1_ext_i2d(certificate, NID_authority_key_identifier, id, 0, 0) == 1;
	AUTHORITY_KEYID_free(id);
	return ok ? TCB_OK : TCB_INTERNAL;
}

/* Whose key, and who says so. */
static enum tcb_error add_key_ids(X509 *certificate, const struct issuer *issuer)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;

	if (X509_pubkey_digest(certificate, EVP_sha256(), digest, &size) != 1 || size < KEY_ID_SIZE)
		return TCB_INTERNAL;
	TRY(add_octets(certificate, NID_subject_key_identifier, digest, KEY_ID_SIZE));
	return add_issuer_key_id(certificate, issuer);
}

/* One DER element with short content. */
static void put_element(struct writer *w, uint8_t tag, struct span content)
{
	writer_u8(w, tag);
	writer_u8(w, (uint8_t)content.size);
	writer_bytes(w, content);
}

static void put_integer(struct writer *w, uint32_t value)
{
	const uint8_t bytes[5] = { 0, (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
	size_t from = 0;

	while (from < 4 && bytes[from] == 0 && bytes[from + 1] < 0x80)
		from++;
	put_element(w, V_ASN1_INTEGER, span_of(bytes + from, sizeof bytes - from));
}

/* tPMSpecification (profile, section 3.1.3): SEQUENCE { family UTF8String, level INTEGER, revision INTEGER }, the one value of the one attribute
 * of the extension subjectDirectoryAttributes. */
static enum tcb_error add_specification(X509 *certificate, const struct local_certify *asked)
{
	enum { SEQUENCE = 0x30, SET = 0x31 };
	static const uint8_t oid[] = { 0x67, 0x81, 0x05, 0x02, 0x10 }; /* 2.23.133.2.16 */
	uint8_t a_bytes[64], b_bytes[64];
	struct writer a = WRITER_OF(a_bytes), b = WRITER_OF(b_bytes);

	put_element(&a, V_ASN1_UTF8STRING, span_of_text("2.0"));
	put_integer(&a, asked->level);
	put_integer(&a, asked->revision);
	put_element(&b, SEQUENCE, span_of(a_bytes, a.size));
	a = WRITER_OF(a_bytes);
	put_element(&a, V_ASN1_OBJECT, SPAN_OF(oid));
	put_element(&a, SET, span_of(b_bytes, b.size));
	b = WRITER_OF(b_bytes);
	put_element(&b, SEQUENCE, span_of(a_bytes, a.size));
	a = WRITER_OF(a_bytes);
	put_element(&a, SEQUENCE, span_of(b_bytes, b.size));
	TRY(writer_end(&a, NULL));
	return certificate_add_der(certificate, "2.5.29.9", span_of(a_bytes, a.size));
}

static enum tcb_error add_extensions(X509 *certificate, const struct issuer *issuer, const struct local_certify *asked, const struct key_use *use)
{
	static const char *const purposes[] = { [CERTIFY_EK] = EKU_EK, [CERTIFY_AK] = EKU_AK, [CERTIFY_PLATFORM] = EKU_PLATFORM };

	TRY(certificate_add(certificate, NID_key_usage, key_usage(use)));
	TRY(certificate_add(certificate, NID_ext_key_usage, purposes[asked->kind]));
	TRY(add_key_ids(certificate, issuer));
	if (asked->kind == CERTIFY_EK)
		TRY(add_specification(certificate, asked));
	return add_subject_name(certificate, asked->kind);
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

/* The host's clock may be a little ahead of a verifier's. */
static enum tcb_error set_lifetime(X509 *certificate, uint64_t now_s)
{
	enum { AHEAD_S = 3600, YEAR_S = 31556952 };
	uint64_t from = now_s > AHEAD_S ? now_s - AHEAD_S : 0;

	return certificate_set_times(certificate, from, from + (uint64_t)CERTIFICATE_YEARS * YEAR_S);
}

static enum tcb_error begin(const struct issuer *issuer, EVP_PKEY *key, uint64_t now_s, bool authority, X509 **ret_certificate)
{
	X509 *certificate;
	enum tcb_error error;

	TRY(certificate_new(NULL, NULL, key, now_s, authority, &certificate));
	error = name_issuer(X509_get_issuer_name(certificate), issuer) ? set_lifetime(certificate, now_s) : TCB_INTERNAL;
	if (error != TCB_OK)
		X509_free(certificate);
	else
		*ret_certificate = certificate;
	return error;
}

/* A key's certificate, before it is signed. */
static enum tcb_error draft(const struct issuer *issuer, const struct local_certify *asked, EVP_PKEY *key, const struct key_use *use, uint64_t now_s,
			    X509 **ret_certificate)
{
	X509 *certificate;
	enum tcb_error error;

	TRY(begin(issuer, key, now_s, false, &certificate));
	error = name_vtpm(X509_get_subject_name(certificate), asked) ? add_extensions(certificate, issuer, asked, use) : TCB_INTERNAL;
	if (error != TCB_OK)
		X509_free(certificate);
	else
		*ret_certificate = certificate;
	return error;
}

enum tcb_error vtpm_certificate_issue(EVP_PKEY *pse_key, struct span certified_ak, const struct local_certify *asked, uint64_t now_s,
				      struct writer *out, struct diagnosis *d)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	enum tcb_error error;
	struct key_use use = {0};
	struct issuer issuer;

	TRY(identify(pse_key, certified_ak, &issuer));
	if (read_public(asked->tpmt_public, &use, &key) != TCB_OK)
		return diagnose(d, TCB_REFUSED, "pse.certify.key", "a public area that cannot be certified",
				"a TPMT_PUBLIC of ECC P-256 or P-384, or of RSA from 2048 bits",
				"use the default EK templates");
	error = draft(&issuer, asked, key, &use, now_s, &certificate);
	if (error == TCB_OK)
		error = sign_to_size(certificate, pse_key);
	if (error == TCB_OK)
		error = put_der(certificate, out);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return error;
}

static enum tcb_error complete_issuer(X509 *certificate, const struct issuer *issuer, struct span certified_ak)
{
	if (!name_issuer(X509_get_subject_name(certificate), issuer))
		return TCB_INTERNAL;
	TRY(certificate_add(certificate, NID_key_usage, "critical,keyCertSign"));
	TRY(add_key_ids(certificate, issuer));
	TRY(certificate_add_cmw(certificate, CERTIFIED_AK_TYPE, certified_ak));
	return certificate_sign(certificate, issuer->key);
}

enum tcb_error vtpm_certificate_issuer(EVP_PKEY *pse_key, struct span certified_ak, uint64_t now_s, struct writer *out)
{
	X509 *certificate = NULL;
	struct issuer issuer;
	enum tcb_error error;

	TRY(identify(pse_key, certified_ak, &issuer));
	TRY(begin(&issuer, pse_key, now_s, true, &certificate));
	error = complete_issuer(certificate, &issuer, certified_ak);
	if (error == TCB_OK)
		error = put_der(certificate, out);
	X509_free(certificate);
	return error;
}
