// SPDX-License-Identifier: MIT
/* Certificates and CRLs, judged one by one: quote_chain.c puts them together. OpenSSL parses; what it lets pass and we do not is here. */
#include "verify/appraise/x509.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/crypto.h"
#include "verify/appraise/x509_signature.h"

/* ---- decoding ---- */

/* OpenSSL reads BER here and there; what it would not write so is refused. */
static bool is_canonical(struct span der, int size, uint8_t *again)
{
	bool same = size > 0 && span_equal(der, span_of(again, (size_t)size));

	OPENSSL_free(again);
	return same;
}

static CRYPTO_ONCE no_keys_once = CRYPTO_ONCE_STATIC_INIT;
static OSSL_LIB_CTX *no_keys;

static void make_no_keys(void)
{
	no_keys = OSSL_LIB_CTX_new();
	if (no_keys != NULL && OSSL_PROVIDER_load(no_keys, "null") == NULL) {
		OSSL_LIB_CTX_free(no_keys);
		no_keys = NULL;
	}
}

/* d2i_X509() makes a key of every SubjectPublicKeyInfo, which takes it five times as long as all the rest; in a library context without
 * providers it can't, and leaves it. x509_p256_key() reads the bytes. */
enum tcb_error x509_decode(struct span der, X509 **ret_certificate)
{
	const uint8_t *at = der.data;
	X509 *certificate = NULL;
	uint8_t *again = NULL;
	int size = 0;

	if (CRYPTO_THREAD_run_once(&no_keys_once, make_no_keys) != 1 || no_keys == NULL)
		return TCB_INTERNAL;
	certificate = X509_new_ex(no_keys, NULL);
	if (certificate != NULL && der.size > 0 && der.size <= INT32_MAX && d2i_X509(&certificate, &at, (long)der.size) != NULL)
		size = i2d_X509(certificate, &again);
	if (!is_canonical(der, size, again)) {
		X509_free(certificate);
		return TCB_MALFORMED;
	}
	*ret_certificate = certificate;
	return TCB_OK;
}

enum tcb_error x509_decode_or_share(struct span der, X509 *known, X509 **ret_certificate)
{
	uint8_t *bytes = NULL;
	int size = known != NULL ? i2d_X509(known, &bytes) : 0;

	if (!is_canonical(der, size, bytes))
		return x509_decode(der, ret_certificate);
	if (X509_up_ref(known) != 1)
		return TCB_INTERNAL;
	*ret_certificate = known;
	return TCB_OK;
}

enum tcb_error crl_decode(struct span der, X509_CRL **ret_crl)
{
	const uint8_t *at = der.data;
	X509_CRL *crl = der.size > 0 && der.size <= INT32_MAX ? d2i_X509_CRL(NULL, &at, (long)der.size) : NULL;
	uint8_t *again = NULL;
	int size = crl != NULL ? i2d_X509_CRL(crl, &again) : 0;

	if (!is_canonical(der, size, again)) {
		X509_CRL_free(crl);
		return TCB_MALFORMED;
	}
	*ret_crl = crl;
	return TCB_OK;
}

/* ---- certificates ---- */

bool x509_common_name(const X509 *certificate, char *ret_text, size_t capacity)
{
	const X509_NAME *name = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	return at >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, at) < 0 &&
	       X509_NAME_get_text_by_NID(name, NID_commonName, ret_text, (int)capacity) > 0;
}

/* What a certificate says that its key is for. */
struct use {
	bool ca;                /* Basic Constraints */
	bool certificates, crls; /* Key Usage: keyCertSign, cRLSign */
};

/* Either extension once at most and whole; critical ones that we do not know end the matter (RFC 5280 section 4.2). */
static bool take_use(const X509 *certificate, struct use *ret_use)
{
	int basic = 0, usage = 0; /* -1: not there; with NULL, anything else is broken, or there twice */
	BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(certificate, NID_basic_constraints, &basic, NULL);
	ASN1_BIT_STRING *bits = X509_get_ext_d2i(certificate, NID_key_usage, &usage, NULL);
	bool ok = (constraints != NULL || basic == -1) && (bits != NULL || usage == -1);

	*ret_use = (struct use){
		.ca = constraints != NULL && constraints->ca != 0,
		.certificates = bits != NULL && ASN1_BIT_STRING_get_bit(bits, 5) == 1,
		.crls = bits != NULL && ASN1_BIT_STRING_get_bit(bits, 6) == 1,
	};
	BASIC_CONSTRAINTS_free(constraints);
	ASN1_BIT_STRING_free(bits);
	for (int i = 0; i < X509_get_ext_count(certificate); i++) {
		X509_EXTENSION *extension = X509_get_ext(certificate, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		ok &= X509_EXTENSION_get_critical(extension) == 0 || nid == NID_basic_constraints || nid == NID_key_usage;
	}
	return ok;
}

/* By the issuer's key, over the bytes that OpenSSL has kept. */
static bool signed_by(const X509 *issuer, const uint8_t *der, int size, const struct memo *memo)
{
	struct p256_point key;

	return size > 0 && x509_p256_key(issuer, &key) == TCB_OK && x509_signature_checks(span_of(der, (size_t)size), &key, memo);
}

static bool certificate_is_signed(const X509 *certificate, const X509 *issuer, const struct memo *memo)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);
	bool ok = signed_by(issuer, der, size, memo);

	OPENSSL_free(der);
	return ok;
}

static bool crl_is_signed(const X509_CRL *crl, const X509 *issuer, const struct memo *memo)
{
	uint8_t *der = NULL;
	int size = i2d_X509_CRL(crl, &der);
	bool ok = signed_by(issuer, der, size, memo);

	OPENSSL_free(der);
	return ok;
}

bool x509_is_issued(X509 *certificate, X509 *issuer, const char *common_name, bool ca, const struct memo *memo)
{
	char found[128];
	struct use use;

	return x509_common_name(certificate, found, sizeof found) && strcmp(found, common_name) == 0 &&
	       take_use(certificate, &use) && (use.ca && use.certificates) == ca &&
	       X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
	       certificate_is_signed(certificate, issuer, memo);
}

/* -1: before `now_s`, 1: after, 0: the same; 2 on error. */
static int compare_time(const ASN1_TIME *time, uint64_t now_s)
{
	int result = ASN1_TIME_cmp_time_t(time, (time_t)now_s);

	return result == -2 ? 2 : result;
}

static bool within(const ASN1_TIME *from, const ASN1_TIME *to, uint64_t now_s)
{
	int start, end;

	if (from == NULL || to == NULL || now_s > INT64_MAX)
		return false;
	start = compare_time(from, now_s);
	end = compare_time(to, now_s);
	return (start == -1 || start == 0) && (end == 0 || end == 1);
}

static bool seconds_of(const ASN1_TIME *time, uint64_t *ret_seconds)
{
	struct tm tm;
	time_t seconds;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1 || (seconds = timegm(&tm)) < 0)
		return false;
	*ret_seconds = (uint64_t)seconds;
	return true;
}

static void narrow(const ASN1_TIME *from, const ASN1_TIME *to, uint64_t *from_s, uint64_t *until_s)
{
	uint64_t start, end;

	if (!seconds_of(from, &start) || !seconds_of(to, &end)) {
		*from_s = UINT64_MAX;
		*until_s = 0;
		return;
	}
	*from_s = start > *from_s ? start : *from_s;
	*until_s = end < *until_s ? end : *until_s;
}

void x509_narrow(const X509 *certificate, uint64_t *from_s, uint64_t *until_s)
{
	narrow(X509_get0_notBefore(certificate), X509_get0_notAfter(certificate), from_s, until_s);
}

void crl_narrow(const X509_CRL *crl, uint64_t *from_s, uint64_t *until_s)
{
	narrow(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), from_s, until_s);
}

bool x509_is_valid_at(const X509 *certificate, uint64_t now_s)
{
	return within(X509_get0_notBefore(certificate), X509_get0_notAfter(certificate), now_s);
}

enum tcb_error x509_spki_digest(const X509 *certificate, struct digest256 *ret_digest)
{
	uint8_t *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	enum tcb_error error = size > 0 ? crypto_sha256(span_of(der, (size_t)size), ret_digest) : TCB_MALFORMED;

	OPENSSL_free(der);
	return error;
}

bool x509_same_key(const X509 *one, const X509 *other)
{
	struct digest256 a, b;

	return x509_spki_digest(one, &a) == TCB_OK && x509_spki_digest(other, &b) == TCB_OK && memcmp(&a, &b, sizeof a) == 0;
}

enum tcb_error x509_p256_key(const X509 *certificate, struct p256_point *ret_point)
{
	X509_ALGOR *algorithm = NULL;
	ASN1_OBJECT *kind = NULL;
	const uint8_t *bytes = NULL;
	const void *curve = NULL;
	int size = 0, type = 0;

	/* Named by its name: parameters spelt out could be an attacker's own curve (CVE-2020-0601). */
	if (X509_PUBKEY_get0_param(&kind, &bytes, &size, &algorithm, X509_get_X509_PUBKEY(certificate)) != 1)
		return TCB_CRYPTO;
	X509_ALGOR_get0(NULL, &type, &curve, algorithm);
	if (OBJ_obj2nid(kind) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT || OBJ_obj2nid(curve) != NID_X9_62_prime256v1 ||
	    size != 1 + (int)sizeof ret_point->bytes || bytes[0] != 4 /* uncompressed */)
		return TCB_CRYPTO;
	memcpy(ret_point->bytes, bytes + 1, sizeof ret_point->bytes);
	return TCB_OK;
}

/* ---- CRLs ---- */

/* Delta CRLs and CRLs of a part (issuing distribution point) are marked by critical extensions; a whole CRL of Intel's has none. */
static bool crl_is_whole(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) == 1)
			return false;
	return X509_CRL_get_version(crl) == X509_CRL_VERSION_2;
}

bool crl_is_issued(X509_CRL *crl, X509 *issuer, uint64_t now_s, const struct memo *memo, bool *ret_current)
{
	struct use use;

	*ret_current = within(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), now_s);
	return crl_is_whole(crl) && X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
	       take_use(issuer, &use) && use.crls && crl_is_signed(crl, issuer, memo);
}

bool crl_revokes(X509_CRL *crl, X509 *certificate)
{
	X509_REVOKED *revoked = NULL;

	return X509_CRL_get0_by_cert(crl, &revoked, certificate) != 0;
}

static enum tcb_error crl_number_of(const X509_CRL *crl, uint64_t *ret_number)
{
	int critical = 0;
	ASN1_INTEGER *integer = X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, NULL);
	bool ok = integer != NULL && ASN1_INTEGER_get_uint64(ret_number, integer) == 1 && *ret_number <= INT64_MAX;

	ASN1_INTEGER_free(integer);
	return ok ? TCB_OK : TCB_MALFORMED;
}

enum tcb_error crl_age_of(const X509_CRL *crl, struct crl_age *ret_age)
{
	struct crl_age age = {0};

	if (!seconds_of(X509_CRL_get0_lastUpdate(crl), &age.this_update_s) || crl_number_of(crl, &age.number) != TCB_OK)
		return TCB_MALFORMED;
	*ret_age = age;
	return TCB_OK;
}
