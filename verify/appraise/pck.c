#include "verify/appraise/pck.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/reader.h"
#include "crypto/crypto.h"

#define SGX_OID "1.2.840.113741.1.13.1"

/* ---- decoding ---- */

enum tcb_error x509_decode(struct span der, X509 **ret_certificate)
{
	const uint8_t *at = der.data;
	X509 *certificate = der.size <= INT32_MAX ? d2i_X509(NULL, &at, (long)der.size) : NULL;

	if (certificate == NULL || at != der.data + der.size) {
		X509_free(certificate);
		return TCB_MALFORMED;
	}
	*ret_certificate = certificate;
	return TCB_OK;
}

enum tcb_error crl_decode(struct span der, X509_CRL **ret_crl)
{
	const uint8_t *at = der.data;
	X509_CRL *crl = der.size <= INT32_MAX ? d2i_X509_CRL(NULL, &at, (long)der.size) : NULL;

	if (crl == NULL || at != der.data + der.size) {
		X509_CRL_free(crl);
		return TCB_MALFORMED;
	}
	*ret_crl = crl;
	return TCB_OK;
}

/* The text must be what we would write for the certificate: no second encoding of one chain. */
static bool take_pem(struct reader *r, X509 **ret_certificate)
{
	BIO *in = BIO_new_mem_buf(r->rest.data, (int)r->rest.size), *out = BIO_new(BIO_s_mem());
	X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	char *text = NULL;
	struct span canonical = {0}, given;
	bool ok = false;

	if (certificate != NULL && out != NULL && PEM_write_bio_X509(out, certificate) == 1) {
		canonical.size = (size_t)BIO_get_mem_data(out, &text);
		canonical.data = (const uint8_t *)text;
		ok = reader_bytes(r, canonical.size, &given) == TCB_OK && span_equal(given, canonical);
	}
	BIO_free(in);
	BIO_free(out);
	if (!ok) {
		X509_free(certificate);
		return false;
	}
	*ret_certificate = certificate;
	return true;
}

enum tcb_error pck_chain_decode(struct span pem, X509 *ret_chain[3])
{
	struct reader r = reader_of(pem);
	X509 *chain[3] = {0};
	bool ok = pem.size < INT32_MAX;

	for (int i = 0; ok && i < 3; i++)
		ok = take_pem(&r, &chain[i]);
	if (ok && r.rest.size == 1 && r.rest.data[0] == 0)
		r.rest.size = 0;
	if (!ok || r.rest.size != 0) {
		for (int i = 0; i < 3; i++)
			X509_free(chain[i]);
		return TCB_MALFORMED;
	}
	memcpy(ret_chain, chain, sizeof chain);
	return TCB_OK;
}

/* ---- the SGX extension ---- */

/* One DER value: tag and content. */
static enum tcb_error take_der(struct reader *r, uint8_t *ret_tag, struct span *ret_content)
{
	uint8_t length;
	uint16_t size;

	TRY(reader_u8(r, ret_tag));
	TRY(reader_u8(r, &length));
	size = length;
	if (length == 0x81) {
		TRY(reader_u8(r, &length));
		if (length < 0x80)
			return TCB_MALFORMED;
		size = length;
	} else if (length == 0x82) {
		TRY(reader_u16(r, &size));
		if (size < 0x100)
			return TCB_MALFORMED;
	} else if (length > 0x7f) {
		return TCB_MALFORMED;
	}
	return reader_bytes(r, size, ret_content);
}

/* SEQUENCE { OID, value }: the arcs after the SGX OID, and the value. */
static enum tcb_error take_member(struct reader *r, struct span *ret_arcs, uint8_t *ret_tag, struct span *ret_value)
{
	static const uint8_t prefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
	struct span member, oid;
	struct reader inner;
	uint8_t tag;

	TRY(take_der(r, &tag, &member));
	if (tag != 0x30)
		return TCB_MALFORMED;
	inner = reader_of(member);
	TRY(take_der(&inner, &tag, &oid));
	if (tag != 0x06 || oid.size <= sizeof prefix || memcmp(oid.data, prefix, sizeof prefix) != 0)
		return TCB_MALFORMED;
	*ret_arcs = span_of(oid.data + sizeof prefix, oid.size - sizeof prefix);
	TRY(take_der(&inner, ret_tag, ret_value));
	return reader_end(&inner);
}

static enum tcb_error copy_exactly(struct span value, uint8_t tag, uint8_t *ret_bytes, size_t size)
{
	if (tag != 0x04 || value.size != size)
		return TCB_MALFORMED;
	memcpy(ret_bytes, value.data, size);
	return TCB_OK;
}

static enum tcb_error integer_of(struct span value, uint8_t tag, uint32_t max, uint32_t *ret_number)
{
	uint32_t number = 0;

	if (tag != 0x02 || value.size == 0 || value.size > 3 || value.data[0] > 0x7f)
		return TCB_MALFORMED;
	for (size_t i = 0; i < value.size; i++)
		number = number << 8 | value.data[i];
	if (number > max)
		return TCB_MALFORMED;
	*ret_number = number;
	return TCB_OK;
}

/* .2: sixteen component SVNs, PCESVN, CPUSVN; each exactly once, in order. */
static enum tcb_error decode_tcb(struct span group, struct pck_facts *f)
{
	struct reader r = reader_of(group);
	struct span arcs, value;
	uint32_t number;
	uint8_t tag;

	for (uint8_t component = 1; component <= 18; component++) {
		TRY(take_member(&r, &arcs, &tag, &value));
		if (arcs.size != 2 || arcs.data[0] != 2 || arcs.data[1] != component)
			return TCB_MALFORMED;
		if (component == 18) {
			TRY(copy_exactly(value, tag, f->cpu_svn, sizeof f->cpu_svn));
			continue;
		}
		TRY(integer_of(value, tag, component == 17 ? UINT16_MAX : UINT8_MAX, &number));
		if (component == 17)
			f->pce_svn = (uint16_t)number;
		else
			f->component_svn[component - 1] = (uint8_t)number;
	}
	return reader_end(&r);
}

static enum tcb_error decode_extension(struct span extension, struct pck_facts *f)
{
	struct reader r = reader_of(extension), inner;
	unsigned seen = 0;
	struct span arcs, value;
	uint8_t tag;

	TRY(take_der(&r, &tag, &value));
	TRY(reader_end(&r));
	inner = reader_of(value);
	while (inner.rest.size > 0) {
		TRY(take_member(&inner, &arcs, &tag, &value));
		if (arcs.size != 1 || arcs.data[0] < 1 || arcs.data[0] > 7 || (seen & 1u << arcs.data[0]) != 0)
			return TCB_MALFORMED;
		seen |= 1u << arcs.data[0];
		switch (arcs.data[0]) {
		case 1: TRY(copy_exactly(value, tag, f->ppid, sizeof f->ppid)); break;
		case 2: TRY(decode_tcb(value, f)); break;
		case 3: TRY(copy_exactly(value, tag, f->pce_id, sizeof f->pce_id)); break;
		case 4: TRY(copy_exactly(value, tag, f->fmspc, sizeof f->fmspc)); break;
		default: break; /* SGX type, platform instance, configuration: not judged */
		}
	}
	return (seen & 0x1e) == 0x1e ? TCB_OK : TCB_MALFORMED;
}

enum tcb_error pck_facts_decode(const X509 *leaf, struct pck_facts *ret_facts)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SGX_OID, 1);
	int at = oid != NULL ? X509_get_ext_by_OBJ(leaf, oid, -1) : -1;
	const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(leaf, at)) : NULL;
	bool once = at >= 0 && X509_get_ext_by_OBJ(leaf, oid, at) < 0;

	ASN1_OBJECT_free(oid);
	if (value == NULL || !once)
		return TCB_MALFORMED;
	return decode_extension(span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)), ret_facts);
}

/* ---- judging ---- */

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

	return x509_common_name(certificate, found, sizeof found) && strcmp(found, common_name) == 0 &&
	       is_ca == ca && extensions_are_known(certificate) &&
	       X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
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

	if (from == NULL || to == NULL)
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

bool crl_is_issued(X509_CRL *crl, X509 *issuer, uint64_t now_s, bool *ret_current)
{
	*ret_current = within(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), now_s);
	return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
	       X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
}

bool crl_revokes(X509_CRL *crl, X509 *certificate)
{
	X509_REVOKED *revoked = NULL;

	return X509_CRL_get0_by_cert(crl, &revoked, certificate) != 0;
}

enum tcb_error x509_spki_digest(const X509 *certificate, struct digest256 *ret_digest)
{
	uint8_t *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	enum tcb_error error = size > 0 ? crypto_sha256(span_of(der, (size_t)size), ret_digest) : TCB_MALFORMED;

	OPENSSL_free(der);
	return error;
}

enum tcb_error x509_p256_key(const X509 *certificate, struct p256_point *ret_point)
{
	return crypto_p256_public(X509_get0_pubkey(certificate), ret_point);
}
