// SPDX-License-Identifier: MIT
#include "enclave/lib/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/cbor.h"
#include "crypto/crypto.h"

#define CMW_OID "1.3.6.1.5.5.7.1.35"

enum { SERIAL_SIZE = 16, X509_V3 = 2, TIME_TEXT_SIZE = 32 };

#define TIME_MAX_S 253402300799u /* the last second of 9999 */

static bool set_serial(X509 *certificate)
{
	uint8_t bytes[SERIAL_SIZE];
	BIGNUM *number;
	bool ok;

	if (crypto_random(bytes, sizeof bytes) != TCB_OK)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, always of one length */
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return ok;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
	return common_name == NULL ||
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name, -1,
					  -1, 0) == 1;
}

/* "YYYYMMDDHHMMSSZ" of a Unix time. By hand, since the C library's way there reads the time zone's file. */
static void time_text(uint64_t seconds, char ret_text[TIME_TEXT_SIZE])
{
	static const unsigned month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned day = (unsigned)(seconds / 86400), year = 1970, month = 0, second = (unsigned)(seconds % 86400);
	bool leap;

	for (;; year++) {
		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		if (day < 365u + leap)
			break;
		day -= 365u + leap;
	}
	for (; day >= month_days[month] + (month == 1 && leap); month++)
		day -= month_days[month] + (month == 1 && leap);
	(void)snprintf(ret_text, TIME_TEXT_SIZE, "%04u%02u%02u%02u%02u%02uZ", year % 10000, month + 1, day + 1,
		       second / 3600, second / 60 % 60, second % 60);
}

static bool set_time(ASN1_TIME *time, uint64_t seconds)
{
	char text[TIME_TEXT_SIZE];

	time_text(seconds < TIME_MAX_S ? seconds : TIME_MAX_S, text);
	return ASN1_TIME_set_string_X509(time, text) == 1;
}

enum tcb_error certificate_set_times(X509 *certificate, uint64_t not_before_s, uint64_t not_after_s)
{
	return set_time(X509_getm_notBefore(certificate), not_before_s) && set_time(X509_getm_notAfter(certificate), not_after_s) ? TCB_OK
																   : TCB_INTERNAL;
}

static bool fill(X509 *certificate, const char *issuer, const char *subject, EVP_PKEY *public_key, uint64_t not_before_s)
{
	return X509_set_version(certificate, X509_V3) == 1 && set_serial(certificate) &&
	       set_name(X509_get_issuer_name(certificate), issuer) &&
	       set_name(X509_get_subject_name(certificate), subject) &&
	       certificate_set_times(certificate, not_before_s, TIME_MAX_S) == TCB_OK && X509_set_pubkey(certificate, public_key) == 1;
}

enum tcb_error certificate_new(const char *issuer, const char *subject, EVP_PKEY *public_key, uint64_t not_before_s,
			       bool authority, X509 **ret_certificate)
{
	X509 *certificate = X509_new();

	if (certificate == NULL || !fill(certificate, issuer, subject, public_key, not_before_s) ||
	    certificate_add(certificate, NID_basic_constraints,
			    authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") != TCB_OK) {
		X509_free(certificate);
		return TCB_INTERNAL;
	}
	*ret_certificate = certificate;
	return TCB_OK;
}

enum tcb_error certificate_add(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error certificate_add_der(X509 *certificate, const char *oid, struct span der)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool ok;

	if (object != NULL && value != NULL && ASN1_OCTET_STRING_set(value, der.data, (int)der.size) == 1)
		extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
	return ok ? TCB_OK : TCB_INTERNAL;
}

/* The `cbor` choice is an OCTET STRING of its own, inside the extension's. */
static enum tcb_error wrap_octets(struct span bytes, uint8_t **ret_der, int *ret_size)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();

	*ret_der = NULL;
	*ret_size = -1;
	if (octets != NULL && ASN1_OCTET_STRING_set(octets, bytes.data, (int)bytes.size) == 1)
		*ret_size = i2d_ASN1_OCTET_STRING(octets, ret_der);
	ASN1_OCTET_STRING_free(octets);
	return *ret_size > 0 ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error certificate_add_cmw(X509 *certificate, const char *media_type, struct span bytes)
{
	static uint8_t record_bytes[CERTIFICATE_CMW_MAX];
	struct writer w = WRITER_OF(record_bytes);
	struct span record;
	enum tcb_error error;
	uint8_t *der;
	int size;

	cbor_write_array(&w, 2);
	cbor_write_text(&w, span_of_text(media_type));
	cbor_write_bytes(&w, bytes);
	TRY(writer_end(&w, &record));
	TRY(wrap_octets(record, &der, &size));
	error = certificate_add_der(certificate, CMW_OID, span_of(der, (size_t)size));
	OPENSSL_free(der);
	return error;
}

enum tcb_error certificate_sign(X509 *certificate, EVP_PKEY *key)
{
	return X509_sign(certificate, key, EVP_sha256()) > 0 ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error find_extension(const X509 *certificate, struct span *ret_value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(CMW_OID, 1);
	const ASN1_OCTET_STRING *value;
	int place, again;

	if (object == NULL)
		return TCB_INTERNAL;
	place = X509_get_ext_by_OBJ(certificate, object, -1);
	again = place >= 0 ? X509_get_ext_by_OBJ(certificate, object, place) : -1;
	ASN1_OBJECT_free(object);
	if (place < 0 || again >= 0)
		return TCB_MALFORMED;
	value = X509_EXTENSION_get_data(X509_get_ext(certificate, place));
	*ret_value = span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	return TCB_OK;
}

/* An OCTET STRING in DER (X.690 section 8.7) that fills `bytes`; the content is borrowed. */
static enum tcb_error unwrap_octets(struct span bytes, struct span *ret_content)
{
	const unsigned char *p = bytes.data;
	long size;
	int tag, class_of;

	if (bytes.size == 0 || (ASN1_get_object(&p, &size, &tag, &class_of, (long)bytes.size) & 0xa1) != 0 ||
	    tag != V_ASN1_OCTET_STRING || class_of != V_ASN1_UNIVERSAL || p + size != bytes.data + bytes.size)
		return TCB_MALFORMED;
	*ret_content = span_of(p, (size_t)size);
	return TCB_OK;
}

enum tcb_error certificate_find_cmw(const X509 *certificate, const char *media_type, struct span *ret_bytes)
{
	struct span value, record, type, bytes;
	struct reader r;

	TRY(find_extension(certificate, &value));
	TRY(unwrap_octets(value, &record));
	r = reader_of(record);
	TRY(cbor_read_array_of(&r, 2));
	TRY(cbor_read_text(&r, &type));
	TRY(cbor_read_bytes(&r, &bytes));
	TRY(reader_end(&r));
	if (!span_is_text(type, media_type))
		return TCB_MALFORMED;
	*ret_bytes = bytes;
	return TCB_OK;
}
