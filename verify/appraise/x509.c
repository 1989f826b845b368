/* Certificates and CRLs, judged one by one: quote_chain.c puts them together. OpenSSL parses; what it lets pass and we do not is here. */
#include "verify/appraise/x509.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/crypto.h"

/* ---- decoding ---- */

/* OpenSSL reads BER here and there; what it would not write so is refused. */
static bool is_canonical(struct span der, int size, uint8_t *again)
{
	bool same = size > 0 && span_equal(der, span_of(again, (size_t)size));

	OPENSSL_free(again);
	return same;
}

enum tcb_error x509_decode(struct span der, X509 **ret_certificate)
{
	const uint8_t *at = der.data;
	X509 *certificate = der.size > 0 && der.size <= INT32_MAX ? d2i_X509(NULL, &at, (long)der.size) : NULL;
	uint8_t *again = NULL;
	int size = certificate != NULL ? i2d_X509(certificate, &again) : 0;

	if (!is_canonical(der, size, again)) {
		X509_free(certificate);
		return TCB_MALFORMED;
	}
	*ret_certificate = certificate;
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

/* Critical extensions that we do not know end the matter (RFC 5280 section 4.2). */
static bool extensions_are_known(X509 *certificate)
{
	return (X509_get_extension_flags(certificate) & (EXFLAG_CRITICAL | EXFLAG_INVALID)) == 0;
}

bool x509_is_issued(X509 *certificate, X509 *issuer, const char *common_name, bool ca)
{
	char found[128];
	uint32_t flags = X509_get_extension_flags(certificate), usage = X509_get_key_usage(certificate);
	bool is_ca = (flags & EXFLAG_CA) != 0 && (flags & EXFLAG_KUSAGE) != 0 && (usage & KU_KEY_CERT_SIGN) != 0;
	struct p256_point key;

	return x509_common_name(certificate, found, sizeof found) && strcmp(found, common_name) == 0 &&
	       is_ca == ca && extensions_are_known(certificate) &&
	       X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
	       X509_get_signature_nid(certificate) == NID_ecdsa_with_SHA256 && x509_p256_key(issuer, &key) == TCB_OK &&
	       X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
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
	return crypto_p256_public(X509_get0_pubkey(certificate), ret_point);
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

bool crl_is_issued(X509_CRL *crl, X509 *issuer, uint64_t now_s, bool *ret_current)
{
	struct p256_point key;

	*ret_current = within(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), now_s);
	return crl_is_whole(crl) && X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
	       (X509_get_key_usage(issuer) & KU_CRL_SIGN) != 0 && X509_CRL_get_signature_nid(crl) == NID_ecdsa_with_SHA256 &&
	       x509_p256_key(issuer, &key) == TCB_OK && X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
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
