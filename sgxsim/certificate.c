// SPDX-License-Identifier: MIT
#include "sgxsim/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "sgxsim/file.h"

#define SGX_EXTENSION_OID "1.2.840.113741.1.13.1"

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_subject(X509 *x, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(x);

	return add_name(name, "CN", common_name) && add_name(name, "O", "tcbind test processors, not Intel");
}

static bool set_serial(X509 *x)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool ok;

	if (crypto_random(bytes, sizeof bytes) != TCB_OK)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40); /* positive, always 16 bytes */
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return ok;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension != NULL && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool add_raw(X509 *x, const char *oid_text, bool critical, struct span content)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(oid_text, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool ok = oid != NULL && value != NULL &&
		  ASN1_OCTET_STRING_set(value, content.data, (int)content.size) == 1 &&
		  (extension = X509_EXTENSION_create_by_OBJ(NULL, oid, critical ? 1 : 0, value)) != NULL &&
		  X509_add_ext(x, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return ok;
}

static bool add_extensions(X509 *x, X509 *issuer, const struct certificate_request *request)
{
	char constraints[48] = "critical,CA:FALSE";

	if (request->is_ca)
		(void)snprintf(constraints, sizeof constraints, "critical,CA:TRUE,pathlen:%d", request->path_length);
	return add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(x, issuer, NID_authority_key_identifier, "keyid") &&
	       add_extension(x, issuer, NID_basic_constraints, constraints) &&
	       add_extension(x, issuer, NID_key_usage,
			     request->is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,nonRepudiation") &&
	       (request->sgx.size == 0 || add_raw(x, SGX_EXTENSION_OID, false, request->sgx)) &&
	       (!request->strange || add_raw(x, "2.999.1", true, span_of("\x05\0", 2)));
}

enum tcb_error certificate_issue(const struct issuer *signer, const struct certificate_request *request,
				 struct issuer *ret_issued)
{
	struct issuer made = { .certificate = X509_new() };
	X509 *issuer = signer != NULL ? signer->certificate : made.certificate;
	X509 *x = made.certificate;
	bool ok = x != NULL && crypto_p256_new(&made.key) == TCB_OK && X509_set_version(x, X509_VERSION_3) == 1 &&
		  set_serial(x) && set_subject(x, request->common_name) &&
		  X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 &&
		  ASN1_TIME_set(X509_getm_notBefore(x), request->not_before_s) != NULL &&
		  ASN1_TIME_set(X509_getm_notAfter(x), request->not_after_s) != NULL &&
		  X509_set_pubkey(x, made.key) == 1 && add_extensions(x, issuer, request) &&
		  X509_sign(x, signer != NULL ? signer->key : made.key, EVP_sha256()) > 0;

	if (!ok) {
		issuer_wipe(&made);
		return TCB_INTERNAL;
	}
	*ret_issued = made;
	return TCB_OK;
}

void issuer_wipe(struct issuer *issuer)
{
	X509_free(issuer->certificate);
	EVP_PKEY_free(issuer->key);
	*issuer = (struct issuer){0};
}

enum tcb_error certificate_pem(X509 *certificate, char **ret_pem, size_t *ret_size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long size = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1 ? BIO_get_mem_data(bio, &data) : 0;
	char *pem = size > 0 ? OPENSSL_memdup(data, (size_t)size) : NULL;

	BIO_free(bio);
	if (pem == NULL)
		return TCB_INTERNAL;
	*ret_pem = pem;
	*ret_size = (size_t)size;
	return TCB_OK;
}

enum tcb_error certificate_der(X509 *certificate, uint8_t **ret_der, size_t *ret_size)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);

	if (size <= 0)
		return TCB_INTERNAL;
	*ret_der = der;
	*ret_size = (size_t)size;
	return TCB_OK;
}

enum tcb_error issuer_save(const struct issuer *issuer, const char *dir, const char *name, struct diagnosis *d)
{
	char path[4096], file[64];
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL, *data;
	size_t size = 0;
	enum tcb_error error = certificate_pem(issuer->certificate, &pem, &size);

	(void)snprintf(file, sizeof file, "%s.pem", name);
	if (error == TCB_OK)
		error = path_join(path, sizeof path, dir, file, d);
	if (error == TCB_OK)
		error = file_write(path, span_of(pem, size), 0644, d);
	OPENSSL_free(pem);
	(void)snprintf(file, sizeof file, "%s-key.pem", name);
	if (error == TCB_OK)
		error = path_join(path, sizeof path, dir, file, d);
	if (error == TCB_OK && (bio == NULL || PEM_write_bio_PrivateKey(bio, issuer->key, NULL, NULL, 0, NULL, NULL) != 1))
		error = TCB_INTERNAL;
	if (error == TCB_OK) {
		size = (size_t)BIO_get_mem_data(bio, &data);
		error = file_write(path, span_of(data, size), 0600, d);
	}
	BIO_free(bio);
	return error;
}

enum tcb_error issuer_load(const char *dir, const char *name, struct issuer *ret_issuer, struct diagnosis *d)
{
	char path[4096];
	struct issuer loaded = {0};
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
	f = fopen(path, "re");
	if (f != NULL) {
		loaded.certificate = PEM_read_X509(f, NULL, NULL, NULL);
		(void)fclose(f);
	}
	(void)snprintf(path, sizeof path, "%s/%s-key.pem", dir, name);
	f = fopen(path, "re");
	if (f != NULL) {
		loaded.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		(void)fclose(f);
	}
	if (loaded.certificate == NULL || loaded.key == NULL) {
		issuer_wipe(&loaded);
		return diagnose_found(d, TCB_PLATFORM, "pki.unreadable", "a directory made by `tcbind pki init`",
				      "name the PKI's directory", "no %s.pem with its key in %s", name, dir);
	}
	*ret_issuer = loaded;
	return TCB_OK;
}

static bool add_revoked(X509_CRL *crl, struct span serial, int64_t at_s)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	BIGNUM *number = BN_bin2bn(serial.data, (int)serial.size, NULL);
	ASN1_INTEGER *integer = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	ASN1_TIME *at = ASN1_TIME_set(NULL, at_s);
	bool ok = revoked != NULL && integer != NULL && at != NULL && X509_REVOKED_set_serialNumber(revoked, integer) == 1 &&
		  X509_REVOKED_set_revocationDate(revoked, at) == 1 && X509_CRL_add0_revoked(crl, revoked) == 1;

	if (!ok)
		X509_REVOKED_free(revoked);
	BN_free(number);
	ASN1_INTEGER_free(integer);
	ASN1_TIME_free(at);
	return ok;
}

static bool set_crl_times(X509_CRL *crl, int64_t this_update_s, int64_t next_update_s)
{
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, this_update_s), *next_update = ASN1_TIME_set(NULL, next_update_s);
	bool ok = this_update != NULL && next_update != NULL && X509_CRL_set1_lastUpdate(crl, this_update) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, next_update) == 1;

	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	return ok;
}

/* CRL number (the time: it only grows) and the issuer's key identifier. */
static bool set_crl_extensions(X509_CRL *crl, X509 *issuer, int64_t number)
{
	ASN1_INTEGER *integer = ASN1_INTEGER_new();
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid");
	ok = integer != NULL && extension != NULL && ASN1_INTEGER_set_int64(integer, number) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, integer, 0, 0) == 1 && X509_CRL_add_ext(crl, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	ASN1_INTEGER_free(integer);
	return ok;
}

enum tcb_error crl_issue(const struct issuer *issuer, struct span const *revoked, size_t revoked_count,
			 int64_t this_update_s, int64_t next_update_s, uint8_t **ret_der, size_t *ret_size)
{
	X509_CRL *crl = X509_CRL_new();
	uint8_t *der = NULL;
	int size = 0;
	bool ok = crl != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) == 1 &&
		  set_crl_times(crl, this_update_s, next_update_s) &&
		  set_crl_extensions(crl, issuer->certificate, this_update_s);

	for (size_t i = 0; ok && i < revoked_count; i++)
		ok = add_revoked(crl, revoked[i], this_update_s);
	ok = ok && X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0 && (size = i2d_X509_CRL(crl, &der)) > 0;
	X509_CRL_free(crl);
	if (!ok)
		return TCB_INTERNAL;
	*ret_der = der;
	*ret_size = (size_t)size;
	return TCB_OK;
}
