// SPDX-License-Identifier: MIT
#include "tests/verify/quote_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "crypto/crypto.h"
#include "verify/appraise/x509.h"

#define LIFE_S ((uint64_t)10 * RIG_DAY_S)

static const char qe_signer[] = "rig's quoting enclave's signer!!";

static bool is_tdx(const struct quote_rig *r) { return r->kind != RIG_SGX3; }

/* ---- certificates ---- */

void quote_rig_put_chain(struct quote_rig *r)
{
	X509 *const chain[] = { r->pck.certificate, r->platform_ca.certificate, r->root.certificate };
	size_t used = 0;

	for (int i = 0; i < 3; i++) {
		char *pem;
		size_t size;

		if (chain[i] == NULL)
			continue;
		assert_int_equal(certificate_pem(chain[i], &pem, &size), TCB_OK);
		assert_true(used + size < sizeof r->chain);
		memcpy(r->chain + used, pem, size);
		used += size;
		OPENSSL_free(pem);
	}
	r->chain[used] = '\0';
}

void quote_rig_issue(struct quote_rig *r, const struct issuer *signer, struct certificate_request request, struct issuer *replaced)
{
	struct issuer made;

	if (request.not_before_s == 0) {
		request.not_before_s = (int64_t)(r->made_s - LIFE_S);
		request.not_after_s = (int64_t)(r->made_s + LIFE_S);
	}
	assert_int_equal(certificate_issue(signer, &request, &made), TCB_OK);
	issuer_wipe(replaced);
	*replaced = made;
	quote_rig_put_chain(r);
}

void quote_rig_issue_pck(struct quote_rig *r)
{
	uint8_t extension[1024];
	struct writer w = WRITER_OF(extension);
	struct certificate_request request = { .common_name = "Intel SGX PCK Certificate" };

	assert_int_equal(sgx_extension_write(&r->processor, &w), TCB_OK);
	request.sgx = span_of(extension, w.size);
	quote_rig_issue(r, &r->platform_ca, request, &r->pck);
}

static void issue_all(struct quote_rig *r)
{
	quote_rig_issue(r, NULL, (struct certificate_request){ .common_name = "Intel SGX Root CA", .is_ca = true, .path_length = 1 },
			&r->root);
	quote_rig_issue(r, &r->root, (struct certificate_request){ .common_name = "Intel SGX PCK Platform CA", .is_ca = true },
			&r->platform_ca);
	quote_rig_issue(r, &r->root, (struct certificate_request){ .common_name = "Intel SGX TCB Signing" }, &r->tcb_signing);
	quote_rig_issue_pck(r);
}

void quote_rig_crl(const struct quote_rig *r, const struct issuer *issuer, X509 *const *revoked, uint64_t from_s,
		   struct rig_bytes *ret_crl)
{
	uint8_t serials[4][16];
	struct span list[4];
	size_t count = 0, size;
	uint8_t *der;

	for (; revoked != NULL && revoked[count] != NULL; count++) {
		BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(revoked[count]), NULL);

		assert_int_equal(BN_bn2binpad(number, serials[count], sizeof serials[count]), sizeof serials[count]);
		BN_free(number);
		list[count] = SPAN_OF(serials[count]);
	}
	(void)r;
	assert_int_equal(crl_issue(issuer, list, count, (int64_t)from_s, (int64_t)(from_s + 2 * LIFE_S), &der, &size), TCB_OK);
	assert_true(size <= sizeof ret_crl->bytes);
	memcpy(ret_crl->bytes, der, size);
	ret_crl->size = size;
	OPENSSL_free(der);
}

/* ---- texts ---- */

static void put_date(char *text, uint64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm tm;

	assert_non_null(gmtime_r(&at, &tm));
	(void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < t->left);
	t->at += n;
	t->left -= (size_t)n;
}

static void put_level(struct text *t, bool tdx, unsigned svn, unsigned pce_svn, const char *status)
{
	put(t, "{\"tcb\":{\"sgxtcbcomponents\":[");
	for (int i = 0; i < 16; i++)
		put(t, "%s{\"svn\":%u}", i > 0 ? "," : "", svn);
	put(t, "],\"pcesvn\":%u", pce_svn);
	if (tdx) {
		put(t, ",\"tdxtcbcomponents\":[");
		for (unsigned i = 0; i < 16; i++)
			put(t, "%s{\"svn\":%u}", i > 0 ? "," : "", i == 1 || i > 2 ? 0 : svn);
		put(t, "]");
	}
	put(t, "},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"%s\",\"advisoryIDs\":[\"RIG-SA-%u\"]}", status, svn);
}

static void put_modules(struct text *t)
{
	static const char signer[] = "\"mrsigner\":\"%096d\",\"attributes\":\"%016d\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"";

	put(t, "\"tdxModule\":{");
	put(t, signer, 0, 0);
	put(t, "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",");
	put(t, signer, 0, 0);
	put(t, ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":6},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},"
	       "{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\","
	       "\"advisoryIDs\":[\"RIG-SA-MODULE\"]}]}],");
}

static void put_tcb_info(struct quote_rig *r)
{
	struct text t = { .at = r->tcb_info, .left = sizeof r->tcb_info };
	bool tdx = is_tdx(r);
	char from[32], to[32];

	put_date(from, r->made_s - LIFE_S);
	put_date(to, r->made_s + LIFE_S);
	put(&t, "{\"id\":\"%s\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"%02x%02x%02x%02x%02x%02x\","
		"\"pceId\":\"0000\",\"tcbType\":0,\"tcbEvaluationDataNumber\":17,",
	    tdx ? "TDX" : "SGX", from, to, pki_fmspc[0], pki_fmspc[1], pki_fmspc[2], pki_fmspc[3], pki_fmspc[4], pki_fmspc[5]);
	if (tdx)
		put_modules(&t);
	put(&t, "\"tcbLevels\":[");
	put_level(&t, tdx, 7, 13, "UpToDate");
	put(&t, ",");
	put_level(&t, tdx, 5, 11, "OutOfDate");
	put(&t, ",");
	put_level(&t, tdx, 2, 5, "Revoked");
	put(&t, "]}");
}

static void put_qe_identity(struct quote_rig *r)
{
	struct text t = { .at = r->qe_identity, .left = sizeof r->qe_identity };
	char from[32], to[32];

	put_date(from, r->made_s - LIFE_S);
	put_date(to, r->made_s + LIFE_S);
	put(&t, "{\"id\":\"%s\",\"version\":2,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"tcbEvaluationDataNumber\":17,"
		"\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\","
		"\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"",
	    is_tdx(r) ? "TD_QE" : "QE", from, to);
	for (int i = 0; i < 32; i++)
		put(&t, "%02X", (unsigned)(uint8_t)qe_signer[i]);
	put(&t, "\",\"isvprodid\":%d,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},"
		"{\"tcb\":{\"isvsvn\":6},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"}]}",
	    is_tdx(r) ? 2 : 1);
}

void quote_rig_edit(char *text, size_t capacity, const char *from, const char *to)
{
	char *at = strstr(text, from);
	size_t rest;

	if (at == NULL)
		fail_msg("the text has no %s", from);
	rest = strlen(at + strlen(from)) + 1;
	assert_true((size_t)(at - text) + strlen(to) + rest <= capacity);
	memmove(at + strlen(to), at + strlen(from), rest);
	memcpy(at, to, strlen(to));
}

/* ---- the quote ---- */

static void put_u64_le(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void put_header(struct quote_rig *r)
{
	static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
	static const uint8_t versions[] = {3, 4, 5};

	r->header[0] = versions[r->kind];
	r->header[2] = 2;
	r->header[4] = is_tdx(r) ? 0x81 : 0;
	if (!is_tdx(r)) {
		r->header[8] = 8;
		r->header[10] = 13;
	}
	memcpy(r->header + 12, vendor, sizeof vendor);
	memset(r->header + 28, 0x1d, 16);
}

static void put_body(struct quote_rig *r)
{
	uint8_t *b = r->body;

	if (!is_tdx(r)) {
		memset(b, 7, 16);
		put_u64_le(b + 48, 0x5);
		put_u64_le(b + 56, 3);
		memset(b + 64, 0x11, 32);
		memset(b + 128, 0x22, 32);
		memset(b + 320, 0x33, 64);
		return;
	}
	memcpy(b, (uint8_t[]){6, 1, 7}, 3);
	put_u64_le(b + 120, 1u << 28); /* SEPT_VE_DISABLE */
	memset(b + 136, 0x11, 48);
	memset(b + 520, 0x33, 64);
	memcpy(b + 584, (uint8_t[]){6, 1, 7}, 3);
}

static void put_qe_report(struct quote_rig *r)
{
	uint8_t *b = r->qe_report;

	memset(b, 7, 16);
	put_u64_le(b + 48, 0x15);
	put_u64_le(b + 56, 3);
	memset(b + 64, 0x44, 32);
	memcpy(b + 128, qe_signer, 32);
	b[256] = is_tdx(r) ? 2 : 1;
	b[258] = 8;
}

uint8_t *quote_rig_sgx(struct quote_rig *r)
{
	assert_false(is_tdx(r));
	return r->body;
}

uint8_t *quote_rig_td(struct quote_rig *r)
{
	assert_true(is_tdx(r));
	return r->body;
}

static void bind_qe_report(struct quote_rig *r)
{
	struct p256_point key;
	struct digest256 digest;

	assert_int_equal(crypto_p256_public(r->attestation, &key), TCB_OK);
	assert_int_equal(crypto_sha256_all((struct span[]){SPAN_OF(key.bytes), SPAN_OF(r->qe_auth)}, 2, &digest), TCB_OK);
	memset(r->qe_report + 320, 0, 64);
	memcpy(r->qe_report + 320, digest.bytes, sizeof digest.bytes);
}

/* QE report, its signature, authentication data, chain. */
static struct span qe_part(struct quote_rig *r, uint8_t *memory, size_t capacity)
{
	struct writer w = writer_of(memory, capacity);
	struct p256_signature signature;

	if (r->bind_qe)
		bind_qe_report(r);
	assert_int_equal(crypto_sign(r->pck.key, SPAN_OF(r->qe_report), &signature), TCB_OK);
	writer_bytes(&w, SPAN_OF(r->qe_report));
	writer_bytes(&w, SPAN_OF(signature.bytes));
	writer_u16_le(&w, sizeof r->qe_auth);
	writer_bytes(&w, SPAN_OF(r->qe_auth));
	writer_u16_le(&w, 5);
	writer_u32_le(&w, (uint32_t)strlen(r->chain) + 1);
	writer_bytes(&w, span_of(r->chain, strlen(r->chain) + 1));
	assert_int_equal(w.error, TCB_OK);
	return span_of(w.data, w.size);
}

static void sign_quote(struct quote_rig *r)
{
	static const size_t body_sizes[] = {RIG_REPORT, 584, RIG_TD15};
	uint8_t memory[12288];
	struct writer w = WRITER_OF(r->quote);
	struct span qe = qe_part(r, memory, sizeof memory);
	struct p256_signature signature;
	struct p256_point key;

	writer_bytes(&w, SPAN_OF(r->header));
	if (r->kind == RIG_TDX5) {
		writer_u16_le(&w, 3);
		writer_u32_le(&w, RIG_TD15);
	}
	writer_bytes(&w, span_of(r->body, body_sizes[r->kind]));
	assert_int_equal(crypto_sign(r->attestation, span_of(r->quote, w.size), &signature), TCB_OK);
	assert_int_equal(crypto_p256_public(r->attestation, &key), TCB_OK);
	writer_u32_le(&w, (uint32_t)(64 + 64 + (is_tdx(r) ? 6u : 0u) + qe.size));
	writer_bytes(&w, SPAN_OF(signature.bytes));
	writer_bytes(&w, SPAN_OF(key.bytes));
	if (is_tdx(r)) {
		writer_u16_le(&w, 6);
		writer_u32_le(&w, (uint32_t)qe.size);
	}
	writer_bytes(&w, qe);
	assert_int_equal(w.error, TCB_OK);
	r->quote_size = w.size;
}

static struct span der_of(X509 *certificate, struct rig_bytes *memory)
{
	uint8_t *der;
	size_t size;

	assert_int_equal(certificate_der(certificate, &der, &size), TCB_OK);
	assert_true(size <= sizeof memory->bytes);
	memcpy(memory->bytes, der, size);
	memory->size = size;
	OPENSSL_free(der);
	return span_of(memory->bytes, size);
}

void quote_rig_sign(struct quote_rig *r)
{
	struct collateral *c = &r->collateral;

	sign_quote(r);
	*c = (struct collateral){
		.tcb_info = span_of_text(r->tcb_info), .qe_identity = span_of_text(r->qe_identity),
		.tcb_signing_certificate = der_of(r->tcb_signing.certificate, &r->ders[0]),
		.root_certificate = der_of(r->root.certificate, &r->ders[1]),
		.pck_crl_issuer = der_of(r->platform_ca.certificate, &r->ders[2]),
		.root_crl = span_of(r->root_crl.bytes, r->root_crl.size), .pck_crl = span_of(r->pck_crl.bytes, r->pck_crl.size),
	};
	assert_int_equal(crypto_sign(r->tcb_signing.key, c->tcb_info, &c->tcb_info_signature), TCB_OK);
	assert_int_equal(crypto_sign(r->tcb_signing.key, c->qe_identity, &c->qe_identity_signature), TCB_OK);
	r->policy.root_count = 1;
	assert_int_equal(x509_spki_digest(r->root.certificate, &r->policy.roots[0]), TCB_OK);
}

void quote_rig_init(struct quote_rig *r, enum rig_kind kind, uint64_t made_s)
{
	*r = (struct quote_rig){ .kind = kind, .made_s = made_s != 0 ? made_s : (uint64_t)time(NULL), .bind_qe = true };
	r->now_s = r->made_s;
	r->policy.accepted_statuses = 1u << TCB_UP_TO_DATE;
	sgx_extension_defaults(&r->processor);
	assert_int_equal(crypto_p256_new(&r->attestation), TCB_OK);
	for (size_t i = 0; i < sizeof r->qe_auth; i++)
		r->qe_auth[i] = (uint8_t)i;
	issue_all(r);
	put_header(r);
	put_body(r);
	put_qe_report(r);
	put_tcb_info(r);
	put_qe_identity(r);
	quote_rig_crl(r, &r->root, NULL, r->made_s - LIFE_S, &r->root_crl);
	quote_rig_crl(r, &r->platform_ca, NULL, r->made_s - LIFE_S, &r->pck_crl);
}

void quote_rig_end(struct quote_rig *r)
{
	issuer_wipe(&r->root);
	issuer_wipe(&r->platform_ca);
	issuer_wipe(&r->tcb_signing);
	issuer_wipe(&r->pck);
	EVP_PKEY_free(r->attestation);
	r->attestation = NULL;
}

/* ---- verdicts ---- */

enum tcb_error quote_rig_appraise(struct quote_rig *r)
{
	r->checks = (struct checks){0};
	return quote_appraise(span_of(r->quote, r->quote_size), &r->collateral, &r->policy, r->now_s, &r->checks, &r->claims);
}

void quote_rig_trusted(struct quote_rig *r)
{
	const struct check *failed;

	quote_rig_sign(r);
	if (quote_rig_appraise(r) == TCB_OK)
		return;
	failed = checks_first_failure(&r->checks);
	fail_msg("not trusted: %s, expected %s, got %s", failed != NULL ? failed->code : "nothing failed",
		 failed != NULL ? failed->expected : "", failed != NULL ? failed->got : "");
}

void quote_rig_refused_as_is(struct quote_rig *r, const char *code)
{
	enum tcb_error error = quote_rig_appraise(r);
	const struct check *failed = checks_first_failure(&r->checks);

	if (error == TCB_OK || failed == NULL || strcmp(failed->code, code) != 0)
		fail_msg("wanted %s, got %s", code, failed != NULL ? failed->code : "no failed check");
}

void quote_rig_refused(struct quote_rig *r, const char *code)
{
	quote_rig_sign(r);
	quote_rig_refused_as_is(r, code);
}
