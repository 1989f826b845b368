// SPDX-License-Identifier: MIT
#include "enclave/mige/ratls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/limits.h"
#include "crypto/crypto.h"
#include "enclave/lib/certificate.h"

#define KEY_LABEL "tcbind MigE key v1"
#define SUBJECT "tcbind MigE"
#define QUOTE_TYPE "application/vnd.tcbind.sgx-quote"

enum tcb_error ratls_report_data(const struct p256_point *key, uint8_t ret_data[SGX_REPORT_DATA_SIZE])
{
	const struct span parts[] = { span_of_text(KEY_LABEL), SPAN_OF(key->bytes) };
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memset(ret_data, 0, SGX_REPORT_DATA_SIZE);
	memcpy(ret_data, digest.bytes, sizeof digest.bytes);
	return TCB_OK;
}

enum tcb_error ratls_init(void)
{
	return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error read_certificate(const X509 *certificate, struct p256_point *ret_key, struct span *ret_quote)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	struct span quote;

	if (key == NULL)
		return TCB_MALFORMED;
	TRY(certificate_find_cmw(certificate, QUOTE_TYPE, &quote));
	if (quote.size > LIMIT_QUOTE)
		return TCB_LIMIT;
	TRY(crypto_p256_public(key, ret_key));
	*ret_quote = quote;
	return TCB_OK;
}

/* In the place of a chain's verification: is it a certificate of our shape at all? */
static int check_shape(X509_STORE_CTX *store, void *context)
{
	const X509 *certificate = X509_STORE_CTX_get0_cert(store);
	struct p256_point key;
	struct span quote;

	(void)context;
	if (certificate != NULL && read_certificate(certificate, &key, &quote) == TCB_OK)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
	return 0;
}

static enum tcb_error make_certificate(EVP_PKEY *key, struct span quote, X509 **ret_certificate)
{
	X509 *certificate;
	enum tcb_error error;

	TRY(certificate_new(SUBJECT, SUBJECT, key, 0, false, &certificate));
	error = certificate_add_cmw(certificate, QUOTE_TYPE, quote);
	if (error == TCB_OK)
		error = certificate_sign(certificate, key);
	if (error != TCB_OK)
		X509_free(certificate);
	else
		*ret_certificate = certificate;
	return error;
}

static bool configure(SSL_CTX *context, EVP_PKEY *key, X509 *certificate)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, check_shape, NULL);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") == 1 &&
	       SSL_CTX_set1_groups_list(context, "P-256") == 1 &&
	       SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256") == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
	       SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
}

enum tcb_error ratls_context_new(EVP_PKEY *key, struct span quote, SSL_CTX **ret_context)
{
	X509 *certificate;
	SSL_CTX *context;
	bool ok;

	TRY(make_certificate(key, quote, &certificate));
	context = SSL_CTX_new(TLS_method());
	ok = context != NULL && configure(context, key, certificate);
	X509_free(certificate);
	if (!ok) {
		SSL_CTX_free(context);
		return TCB_INTERNAL;
	}
	*ret_context = context;
	return TCB_OK;
}

enum tcb_error ratls_peer(const SSL *ssl, struct p256_point *ret_key, uint8_t *ret_quote, size_t *ret_size)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	struct span quote;
	enum tcb_error error;

	if (certificate == NULL)
		return TCB_CRYPTO;
	error = read_certificate(certificate, ret_key, &quote);
	if (error == TCB_OK) {
		memcpy(ret_quote, quote.data, quote.size);
		*ret_size = quote.size;
	}
	X509_free(certificate);
	return error;
}
