// SPDX-License-Identifier: MIT
/* Policies for the public library: JSON, the roots that are added to it, and the digests by which judgements under it are told apart. */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "crypto/crypto.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/pem.h"
#include "verify/lib/files.h"
#include "verify/lib/internal.h"
#include "verify/lib/reference_files.h"

enum tcbind_error failure_of(enum tcb_error error, const struct diagnosis *d, struct tcbind_failure *ret_failure)
{
	if (ret_failure != NULL) {
		_Static_assert(sizeof ret_failure->code == sizeof d->code && sizeof ret_failure->found == sizeof d->found,
			       "one shape for both");
		memcpy(ret_failure->code, d->code, sizeof d->code);
		memcpy(ret_failure->found, d->found, sizeof d->found);
		memcpy(ret_failure->wanted, d->wanted, sizeof d->wanted);
		memcpy(ret_failure->action, d->action, sizeof d->action);
	}
	switch (error) {
	case TCB_OK: return TCBIND_OK;
	case TCB_MALFORMED:
	case TCB_REFUSED:
	case TCB_CRYPTO:
	case TCB_LIMIT: return TCBIND_ERROR_MALFORMED;
	case TCB_PLATFORM: return TCBIND_ERROR_FILE;
	default: return TCBIND_ERROR_INTERNAL;
	}
}

static enum tcb_error decode(struct tcbind_policy *p, struct span json, struct diagnosis *d)
{
	struct span roots;

	TRY(policy_decode(json, &p->policy, d));
	p->default_root = json_find(json_value(json), "roots", &roots) != TCB_OK;
	TRY(crypto_sha256(json, &p->text));
	p->scope = p->text;
	return TCB_OK;
}

enum tcbind_error tcbind_policy_parse(const void *json, size_t size, tcbind_policy **ret_policy, struct tcbind_failure *failure)
{
	struct diagnosis d = {0};
	struct tcbind_policy *p;
	enum tcb_error error;

	if (json == NULL || ret_policy == NULL)
		return TCBIND_ERROR_ARGUMENT;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return TCBIND_ERROR_MEMORY;
	error = decode(p, span_of(json, size), &d);
	if (error != TCB_OK) {
		free(p);
		return failure_of(error, &d, failure);
	}
	*ret_policy = p;
	return TCBIND_OK;
}

/* What it names, beside it. */
static enum tcb_error load_references(const char *path, struct tcbind_policy *p, struct diagnosis *d)
{
	if (p->policy.reference_count == 0)
		return TCB_OK;
	p->references = malloc(sizeof *p->references);
	if (p->references == NULL)
		return TCB_INTERNAL;
	TRY(reference_files_load(&p->policy, path, p->references, d));
	p->policy.references = p->references;
	return TCB_OK;
}

/* What is wrong stands in a file, which the parser does not know. */
static void name_file(const char *path, struct tcbind_failure *failure)
{
	char found[sizeof failure->found];

	if (failure == NULL)
		return;
	(void)snprintf(found, sizeof found, "%s", failure->found);
	(void)snprintf(failure->found, sizeof failure->found, "%.120s: %.130s", path, found);
}

enum tcbind_error tcbind_policy_load(const char *path, tcbind_policy **ret_policy, struct tcbind_failure *failure)
{
	struct diagnosis d = {0};
	tcbind_policy *policy = NULL;
	enum tcbind_error result;
	uint8_t *json = NULL;
	enum tcb_error error;
	size_t size;

	if (path == NULL || ret_policy == NULL)
		return TCBIND_ERROR_ARGUMENT;
	error = files_read(path, LIMIT_POLICY, false, &json, &size, &d);
	if (error != TCB_OK)
		return failure_of(error, &d, failure);
	result = tcbind_policy_parse(json, size, &policy, failure);
	free(json);
	if (result != TCBIND_OK) {
		name_file(path, failure);
		return result;
	}
	error = load_references(path, policy, &d);
	if (error != TCB_OK) {
		tcbind_policy_free(policy);
		return failure_of(error, &d, failure);
	}
	*ret_policy = policy;
	return TCBIND_OK;
}

/* PEM, or else DER with nothing behind it. */
static X509 *certificate_of(struct span bytes)
{
	BIO *in = bytes.size <= INT32_MAX ? BIO_new_mem_buf(bytes.data, (int)bytes.size) : NULL;
	X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, pem_no_passphrase, NULL) : NULL;

	BIO_free(in);
	if (certificate == NULL && x509_decode(bytes, &certificate) != TCB_OK)
		return NULL;
	return certificate;
}

static enum tcb_error add_root(struct tcbind_policy *p, struct span bytes, struct diagnosis *d)
{
	X509 *certificate = certificate_of(bytes);
	struct digest256 root;
	enum tcb_error error = certificate != NULL ? x509_spki_digest(certificate, &root) : TCB_MALFORMED;

	X509_free(certificate);
	if (error != TCB_OK)
		return diagnose(d, TCB_MALFORMED, "quote.root.file", "no certificate", "a certificate in PEM or DER",
				"name the root's certificate");
	if (p->default_root)
		p->policy.root_count = 0;
	p->default_root = false;
	if (p->policy.root_count == POLICY_ROOTS_MAX)
		return diagnose(d, TCB_LIMIT, "policy.roots", "one root more", "at most 8 roots", "leave out those not needed");
	p->policy.roots[p->policy.root_count++] = root;
	return crypto_sha256_all((struct span[]){SPAN_OF(p->scope.bytes), SPAN_OF(root.bytes)}, 2, &p->scope);
}

enum tcbind_error tcbind_policy_add_root(tcbind_policy *policy, const void *certificate, size_t size,
					 struct tcbind_failure *failure)
{
	struct diagnosis d = {0};

	if (policy == NULL || certificate == NULL)
		return TCBIND_ERROR_ARGUMENT;
	return failure_of(add_root(policy, span_of(certificate, size), &d), &d, failure);
}

void tcbind_policy_free(tcbind_policy *policy)
{
	if (policy != NULL)
		free(policy->references);
	free(policy);
}
