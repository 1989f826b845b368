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

enum tcbind_error tcbind_key_jwks(const tcbind_key *key, char **ret_text)
{
	char kid[BASE64URL_SIZE(SHA256_SIZE)], x[BASE64URL_SIZE(32)], y[BASE64URL_SIZE(32)];
	json_t *set;

	if (key == NULL || ret_text == NULL)
		return TCBIND_ERROR_ARGUMENT;
	if (!thumbprint(key, kid))
		return TCBIND_ERROR_INTERNAL;
	base64url_encode(span_of(key->public.bytes, 32), x);
	base64url_encode(span_of(key->public.bytes + 32, 32), y);
	set = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s}]}", "keys", "kty", "EC", "crv", "P-256", "x", x, "y", y, "use", "sig", "alg",
			"ES256", "kid", kid);
	*ret_text = set != NULL ? json_dumps(set, JSON_COMPACT) : NULL;
	json_decref(set);
	return *ret_text != NULL ? TCBIND_OK : TCBIND_ERROR_MEMORY;
}

/* ---- claims ---- */

/* How a profile names what it has. */
struct profile {
	const char *name, *verifier_id, *status, *vector, *policy;
	bool has_policies; /* an array of policies' names, not one */
	const char *own;   /* what our own claims' names begin with */
	char between;      /* words of our own claims' names */
};

static const struct profile profile_current = {
	"tag:ietf.org,2026:rats/ear#04", "ear_verifier_id", "ear_status", "ear_trustworthiness_vector", "ear_appraisal_policy_ids", true,
	"ear_tcbind_", '_',
};
static const struct profile profile_2023 = {
	"tag:github.com,2023:veraison/ear", "ear.verifier-id", "ear.status", "ear.trustworthiness-vector", "ear.appraisal-policy-id", false,
	"ear.tcbind.", '-',
};

/* `name`: its words with '_' between. */
static void set_own(json_t *object, const struct profile *p, const char *name, json_t *value)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%s%s", p->own, name);
	for (char *at = text + strlen(p->own); *at != '\0'; at++)
		*at = *at == '_' ? p->between : *at;
	(void)json_object_set_new(object, text, value);
}

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

/* The PCRs of each side that the policy pinned: what `executables` rests on. */
static json_t *pinned_json(const tcbind_result *r)
{
	static const char *const layers[] = {"platform", "guest"};
	json_t *object = json_object();

	for (size_t l = 0; l < sizeof layers / sizeof layers[0]; l++) {
		json_t *list = json_array();

		for (size_t i = 0; i < r->check_count; i++)
			if (trust_is_pinned_pcr(&r->checks[i], layers[l]))
				(void)json_array_append_new(list, json_string(r->checks[i].field));
		(void)json_object_set_new(object, layers[l], list);
	}
	return object;
}

/* RFC 6920: the policy by the SHA-256 of its text. */
static json_t *policy_json(const tcbind_result *r, const struct profile *p)
{
	char name[sizeof "ni:///sha-256;" + BASE64URL_SIZE(SHA256_SIZE)] = "ni:///sha-256;";

	base64url_encode(SPAN_OF(r->policy_text.bytes), name + strlen(name));
	return p->has_policies ? json_pack("[s]", name) : json_string(name);
}

/* The one submodule: appraisal and our own claims. Those that were not proved are left out. */
static json_t *appraisal_json(const tcbind_result *r, const struct profile *p)
{
	const struct tcbind_claims *c = &r->claims;
	int vector[TRUST_CLAIMS_END];
	json_t *object;

	trust_vector(r, vector);
	object = json_pack("{s:s, s:o, s:o}", p->status, trust_status(r, vector), p->vector, vector_json(vector), p->policy, policy_json(r, p));
	if (object == NULL)
		return NULL;
	set_own(object, p, "verdict", json_string(tcbind_verdict_name(r->verdict)));
	set_own(object, p, "judged_at", json_integer((json_int_t)c->judged_at_s));
	set_own(object, p, "failed", failed_json(r));
	if (r->verdict != TCBIND_TRUSTED)
		return object;
	set_own(object, p, "tcb_status", json_string(c->tcb_status));
	if (r->quote != NULL)
		return object;
	set_own(object, p, "pinned", pinned_json(r));
	set_own(object, p, "platform", json_string(c->platform_name));
	set_own(object, p, "vtpm_id", json_string(c->vtpm_id));
	set_own(object, p, "generation", json_integer((json_int_t)c->generation));
	set_own(object, p, "ak_source", json_string(c->ak_source));
	return object;
}

static json_t *claims_json(const tcbind_result *r, const struct profile *p, uint64_t issued_at_s)
{
	char nonce[BASE64URL_SIZE(LIMIT_NONCE)], build[32];
	json_t *object;

	(void)snprintf(build, sizeof build, "tcbind %s", tcbind_verify_version());
	object = json_pack("{s:s, s:I, s:{s:s, s:s}, s:{s:o}}", "eat_profile", p->name, "iat", (json_int_t)issued_at_s, p->verifier_id,
			   "developer", DEVELOPER, "build", build, "submods", "tcbind", appraisal_json(r, p));
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

static enum tcbind_error make_token(const tcbind_result *result, const struct profile *profile, const tcbind_key *key, uint64_t issued_at_s,
				    char **ret_jwt)
{
	char kid[BASE64URL_SIZE(SHA256_SIZE)], header[128];
	char *text, *encoded_header, *encoded, *token;
	json_t *claims;

	if (result == NULL || key == NULL || ret_jwt == NULL || issued_at_s > INT64_MAX)
		return TCBIND_ERROR_ARGUMENT;
	if (!thumbprint(key, kid))
		return TCBIND_ERROR_INTERNAL;
	(void)snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", kid);
	claims = claims_json(result, profile, issued_at_s);
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

enum tcbind_error tcbind_result_ear(const tcbind_result *result, const tcbind_key *key, uint64_t issued_at_s, char **ret_jwt)
{
	return make_token(result, &profile_current, key, issued_at_s, ret_jwt);
}

enum tcbind_error tcbind_result_ear_2023(const tcbind_result *result, const tcbind_key *key, uint64_t issued_at_s, char **ret_jwt)
{
	return make_token(result, &profile_2023, key, issued_at_s, ret_jwt);
}
