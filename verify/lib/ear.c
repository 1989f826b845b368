// SPDX-License-Identifier: MIT
/* A result as EAT attestation result (draft-ietf-rats-ear): claims as JSON, signed as a JWT (RFC 7519, RFC 7515), ES256. */
#include <jansson.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "verify/appraise/pem.h"
#include "verify/lib/internal.h"
#include "verify/lib/trust.h"

#define EAR_PROFILE "tag:github.com,2023:veraison/ear"
#define DEVELOPER "tcbind"

enum {
	NONCE_TEXT_MIN = 8, /* EAT section 4.1: a JSON nonce has 8 to 88 characters */
	ES256_SIGNATURE_TEXT = BASE64URL_SIZE(P256_SIGNATURE_SIZE),
};

void base64url_encode(struct span bytes, char *ret_text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		bits = bits << 8 | bytes.data[i];
		for (have += 8; have >= 6; have -= 6)
			*ret_text++ = digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*ret_text++ = digits[bits << (6 - have) & 63];
	*ret_text = '\0';
}

/* ---- keys ---- */

enum tcbind_error tcbind_key_parse(const void *pem, size_t size, tcbind_key **ret_key, struct tcbind_failure *failure)
{
	struct diagnosis d = {0};
	struct tcbind_key *k;
	BIO *in;

	if (pem == NULL || ret_key == NULL || size > INT_MAX)
		return TCBIND_ERROR_ARGUMENT;
	k = calloc(1, sizeof *k);
	in = BIO_new_mem_buf(pem, (int)size);
	if (k == NULL || in == NULL) {
		free(k);
		BIO_free(in);
		return TCBIND_ERROR_MEMORY;
	}
	k->key = PEM_read_bio_PrivateKey(in, NULL, pem_no_passphrase, NULL);
	BIO_free(in);
	if (k->key == NULL || crypto_p256_public(k->key, &k->public) != TCB_OK) {
		tcbind_key_free(k);
		return failure_of(diagnose(&d, TCB_MALFORMED, "ear.key", "no such key", "a P-256 private key in PEM, not encrypted",
					   "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEYFILE"),
				  &d, failure);
	}
	*ret_key = k;
	return TCBIND_OK;
}

void tcbind_key_free(tcbind_key *key)
{
	if (key != NULL)
		EVP_PKEY_free(key->key);
	free(key);
}

/* RFC 7638: by it a relying party finds the key. */
static bool thumbprint(const struct tcbind_key *key, char ret_text[BASE64URL_SIZE(SHA256_SIZE)])
{
	char x[BASE64URL_SIZE(32)], y[BASE64URL_SIZE(32)], text[256];
	struct digest256 digest;

	base64url_encode(span_of(key->public.bytes, 32), x);
	base64url_encode(span_of(key->public.bytes + 32, 32), y);
	(void)snprintf(text, sizeof text, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
	if (crypto_sha256(span_of_text(text), &digest) != TCB_OK)
		return false;
	base64url_encode(SPAN_OF(digest.bytes), ret_text);
	return true;
}

/* ---- claims ---- */

static json_t *vector_json(const int vector[TRUST_CLAIMS_END])
{
	json_t *object = json_object();

	for (int i = 0; i < TRUST_CLAIMS_END; i++)
		(void)json_object_set_new(object, trust_claim_names[i], json_integer(vector[i]));
	return object;
}

/* Codes of the checks that failed, for whoever asks why. */
static json_t *failed_json(const tcbind_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->check_count; i++)
		if (r->checks[i].result == TCBIND_CHECK_FAIL)
			(void)json_array_append_new(list, json_string(r->checks[i].code));
	return list;
}

/* The one submodule: appraisal and our own claims. Those that were not proved are left out. */
static json_t *appraisal_json(const tcbind_result *r)
{
	const struct tcbind_claims *c = &r->claims;
	char policy[sizeof "ni:///sha-256;" + BASE64URL_SIZE(SHA256_SIZE)] = "ni:///sha-256;"; /* RFC 6920 */
	int vector[TRUST_CLAIMS_END];
	json_t *object;

	base64url_encode(SPAN_OF(r->policy_text.bytes), policy + strlen(policy));
	trust_vector(r, vector);
	object = json_pack("{s:s, s:o, s:s, s:s, s:I, s:o}", "ear.status", trust_status(r, vector), "ear.trustworthiness-vector",
			   vector_json(vector), "ear.appraisal-policy-id", policy, "ear.tcbind.verdict",
			   tcbind_verdict_name(r->verdict), "ear.tcbind.judged-at", (json_int_t)c->judged_at_s,
			   "ear.tcbind.failed", failed_json(r));
	if (object == NULL || r->verdict != TCBIND_TRUSTED)
		return object;
	(void)json_object_set_new(object, "ear.tcbind.tcb-status", json_string(c->tcb_status));
	if (r->quote != NULL)
		return object;
	(void)json_object_set_new(object, "ear.tcbind.platform", json_string(c->platform_name));
	(void)json_object_set_new(object, "ear.tcbind.vtpm-id", json_string(c->vtpm_id));
	(void)json_object_set_new(object, "ear.tcbind.generation", json_integer((json_int_t)c->generation));
	(void)json_object_set_new(object, "ear.tcbind.ak-source", json_string(c->ak_source));
	return object;
}

static json_t *claims_json(const tcbind_result *r, uint64_t issued_at_s)
{
	char nonce[BASE64URL_SIZE(LIMIT_NONCE)], build[32];
	json_t *object;

	(void)snprintf(build, sizeof build, "tcbind %s", tcbind_verify_version());
	object = json_pack("{s:s, s:I, s:{s:s, s:s}, s:{s:o}}", "eat_profile", EAR_PROFILE, "iat", (json_int_t)issued_at_s,
			   "ear.verifier-id", "developer", DEVELOPER, "build", build, "submods", "tcbind", appraisal_json(r));
	if (object == NULL || !r->fresh)
		return object;
	base64url_encode(span_of(r->claims.nonce, r->claims.nonce_size), nonce);
	if (strlen(nonce) >= NONCE_TEXT_MIN)
		(void)json_object_set_new(object, "eat_nonce", json_string(nonce));
	return object;
}

/* ---- the token ---- */

static char *encoded_text(const char *text)
{
	struct span bytes = span_of_text(text);
	char *encoded = malloc(BASE64URL_SIZE(bytes.size));

	if (encoded != NULL)
		base64url_encode(bytes, encoded);
	return encoded;
}

/* header.claims.signature */
static char *sign_token(const char *header, const char *claims, const tcbind_key *key)
{
	size_t size = strlen(header) + 1 + strlen(claims);
	char *token = malloc(size + 1 + ES256_SIGNATURE_TEXT);
	struct p256_signature signature;

	if (token == NULL)
		return NULL;
	(void)sprintf(token, "%s.%s", header, claims);
	if (crypto_sign(key->key, span_of(token, size), &signature) != TCB_OK) {
		free(token);
		return NULL;
	}
	token[size] = '.';
	base64url_encode(SPAN_OF(signature.bytes), token + size + 1);
	return token;
}

enum tcbind_error tcbind_result_ear(const tcbind_result *result, const tcbind_key *key, uint64_t issued_at_s, char **ret_jwt)
{
	char kid[BASE64URL_SIZE(SHA256_SIZE)], header[128];
	char *text, *encoded_header, *encoded, *token;
	json_t *claims;

	if (result == NULL || key == NULL || ret_jwt == NULL || issued_at_s > INT64_MAX)
		return TCBIND_ERROR_ARGUMENT;
	if (!thumbprint(key, kid))
		return TCBIND_ERROR_INTERNAL;
	(void)snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", kid);
	claims = claims_json(result, issued_at_s);
	text = claims != NULL ? json_dumps(claims, JSON_COMPACT) : NULL;
	json_decref(claims);
	encoded_header = encoded_text(header);
	encoded = text != NULL ? encoded_text(text) : NULL;
	token = encoded_header != NULL && encoded != NULL ? sign_token(encoded_header, encoded, key) : NULL;
	free(text);
	free(encoded_header);
	free(encoded);
	if (token == NULL)
		return TCBIND_ERROR_MEMORY;
	*ret_jwt = token;
	return TCBIND_OK;
}
