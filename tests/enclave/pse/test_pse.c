// SPDX-License-Identifier: MIT
/* The real PSE in a process of its own: what it certifies and for whom, what it refuses, and what it does with a host that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "edge/certified_ak.h"
#include "edge/cose.h"
#include "edge/endorsement.h"
#include "edge/frame.h"
#include "edge/pse.h"
#include "enclave/lib/certificate.h"
#include "enclave/lib/session_crypto.h"
#include "enclave/pse/vtpm_certificate.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ptpm.h"
#include "tests/enclave/rig/rig.h"

static struct rig_platform a;
static struct rig_vtpm vtpm;
static struct diagnosis d;
static uint8_t certified_ak_bytes[LIMIT_QUOTE + 4096];
static struct span certified_ak_document;

static int begin(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	rig_pki(0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static int fresh(void **state)
{
	struct span document;

	(void)state;
	d = (struct diagnosis){0};
	rig_platform_init(&a, 0, "A");
	if (rig_start_pse(&a, &document, NULL) != TCB_OK)
		return -1;
	memcpy(certified_ak_bytes, document.data, document.size);
	certified_ak_document = span_of(certified_ak_bytes, document.size);
	rig_vtpm_init(&vtpm, &a, 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_platform_end(&a);
	return 0;
}

static void refuses_an_unlocked_bank(void **state)
{
	struct span document;

	(void)state;
	a.processor.bank.locked = false;
	assert_int_equal(rig_start_pse(&a, &document, &d), TCB_REFUSED);
	assert_string_equal(d.code, "pse.bank.unlocked");
	a.processor.bank.locked = true;
	a.processor.bank.size = 0;
	assert_int_equal(rig_start_pse(&a, &document, NULL), TCB_REFUSED);
}

/* REPORT data stands at 48 + 320 of a quote. */
static void quotes_what_the_bank_holds(void **state)
{
	const struct span label = span_of_text(CERTIFIED_AK_LABEL);
	struct certified_ak ak;
	struct digest256 digest;

	(void)state;
	assert_int_equal(certified_ak_decode(certified_ak_document, &ak), TCB_OK);
	assert_true(span_equal(ak.ak_public, span_of(a.ak_public, a.ak_public_size)));
	assert_memory_equal(ak.epoch.bytes, a.processor.epoch.bytes, EPOCH_SIZE);
	assert_int_equal(ak.ak_source, AK_SOURCE_MSR);
	assert_true(span_is_text(ak.platform_name, "A"));
	assert_int_equal(crypto_sha256_all((struct span[]){label, ak.claims_bytes}, 2, &digest), TCB_OK);
	assert_memory_equal(ak.quote.data + 48 + 320, digest.bytes, sizeof digest.bytes);
}

static void gives_the_certified_ak_to_its_processor(void **state)
{
	static struct rig_platform b;
	struct span reply;

	(void)state;
	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, NULL), TCB_OK);
	assert_true(span_equal(reply, certified_ak_document));
	rig_platform_init(&b, 0, "B");
	b.pse = a.pse; /* the host leads a vTPM of B to A's PSE */
	rig_vtpm_init(&vtpm, &b, 2);
	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, &d), TCB_PLATFORM);
	assert_string_equal(d.code, "session.report");
	b.pse = (struct rig_enclave){0};
	rig_platform_end(&b);
}

static enum tcb_error ledger(struct rig_vtpm *v, enum local_request request, uint64_t version)
{
	const struct ledger_entry e = { .id = {{1}}, .version = version, .digest = {{(uint8_t)version}},
					.previous = {{(uint8_t)(version - 1)}} };
	uint8_t body_bytes[256];
	struct writer w = WRITER_OF(body_bytes);
	struct span reply;

	d = (struct diagnosis){0};
	ledger_entry_encode(&w, &e);
	return rig_ask(v, ROLE_PSE, request, span_of(body_bytes, w.size), &reply, &d);
}

/* The vTPM 1 is there, in its first state, and `v` holds it. */
static void create(struct rig_vtpm *v)
{
	assert_int_equal(ledger(v, LOCAL_LEDGER_CREATE, 1), TCB_OK);
}

static struct span endorse_body(uint8_t *bytes, size_t capacity)
{
	const struct local_endorse asked = { .id = {{1}}, .generation = 4, .residence_key = {{2}}, .ek_name = {{3}},
					     .ak_name = {{4}}, .policy_digest = {{5}}, .origin = ORIGIN_IMPORTED };
	struct writer w = writer_of(bytes, capacity);

	local_endorse_encode(&w, &asked);
	return span_of(bytes, w.size);
}

static void endorses_by_the_report(void **state)
{
	uint8_t body_bytes[512], tbs_bytes[1024];
	struct span body = endorse_body(body_bytes, sizeof body_bytes), reply, payload;
	struct writer w = WRITER_OF(tbs_bytes);
	struct p256_signature signature;
	struct certified_ak ak;
	struct endorsement e;

	(void)state;
	create(&vtpm);
	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_ENDORSE, body, &reply, NULL), TCB_OK);
	assert_int_equal(cose_sign1_decode(reply, ENDORSEMENT_TYPE, &payload, &signature), TCB_OK);
	assert_int_equal(endorsement_decode(payload, &e), TCB_OK);
	assert_memory_equal(e.enclave.mrenclave, vtpm.identity.mrenclave, 32);
	assert_int_equal(e.enclave.isv_prod_id, ROLE_VTPM);
	assert_int_equal(e.generation, 4);
	assert_int_equal(e.policy_digest.bytes[0], 5);
	assert_int_equal(e.origin, ORIGIN_IMPORTED);
	assert_memory_equal(e.epoch.bytes, a.processor.epoch.bytes, EPOCH_SIZE);
	assert_int_equal(certified_ak_decode(certified_ak_document, &ak), TCB_OK);
	cose_tbs_encode(&w, ENDORSEMENT_TYPE, payload);
	assert_int_equal(crypto_verify(&ak.pse_key, span_of(tbs_bytes, w.size), &signature), TCB_OK);
}

static void does_only_what_a_role_may_ask(void **state)
{
	uint8_t body_bytes[512];
	struct span body = endorse_body(body_bytes, sizeof body_bytes), reply;
	const enum local_request for_vtpms[] = { LOCAL_ENDORSE, LOCAL_LEDGER_OPEN, LOCAL_LEDGER_COMMIT, LOCAL_LEDGER_CREATE,
						 LOCAL_LEDGER_ARRIVE, LOCAL_LEDGER_OFFER, LOCAL_LEDGER_EXPECT, LOCAL_CERTIFY,
						 LOCAL_REDEEM };

	(void)state;
	vtpm.identity = fake_identity(ROLE_MIGE);
	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, NULL), TCB_OK);
	for (size_t i = 0; i < sizeof for_vtpms / sizeof for_vtpms[0]; i++) {
		d = (struct diagnosis){0};
		assert_int_equal(rig_ask(&vtpm, ROLE_PSE, for_vtpms[i], body, &reply, &d), TCB_REFUSED);
		assert_string_equal(d.code, "pse.request");
	}
	rig_vtpm_init(&vtpm, &a, 3);
	vtpm.identity = fake_identity(ROLE_DRIVER);
	d = (struct diagnosis){0};
	assert_int_not_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, &d), TCB_OK);
	assert_string_equal(d.code, "session.peer");
}

/* Two copies of one vTPM: whichever opened last goes on, also where the host gives both the same number. */
static void one_copy_only(void **state)
{
	struct rig_vtpm copy;

	(void)state;
	create(&vtpm);
	for (uint64_t number = 1; number <= 2; number++) {
		rig_vtpm_init(&vtpm, &a, 1);
		rig_vtpm_init(&copy, &a, number);
		assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_OPEN, number), TCB_OK);
		assert_int_equal(ledger(&copy, LOCAL_LEDGER_OPEN, number), TCB_OK);
		assert_int_not_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, number + 1), TCB_OK);
		vtpm.pse.open = false; /* and it does not help to open the session anew */
		assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, number + 1), TCB_REFUSED);
		assert_string_equal(d.code, "ledger.copy.superseded");
		if (number == 2) /* the copy's session is its own */
			assert_int_equal(ledger(&copy, LOCAL_LEDGER_COMMIT, number + 1), TCB_OK);
		else
			assert_int_equal(ledger(&copy, LOCAL_LEDGER_OPEN, number), TCB_PLATFORM);
		if (number == 1) {
			copy.pse.open = false;
			assert_int_equal(ledger(&copy, LOCAL_LEDGER_OPEN, 1), TCB_OK);
			assert_int_equal(ledger(&copy, LOCAL_LEDGER_COMMIT, 2), TCB_OK);
		}
	}
}

static enum tcb_error ask_about_it(struct rig_vtpm *v, enum local_request request)
{
	uint8_t body_bytes[512];
	const struct uuid id = {{1}};
	const struct span body = request == LOCAL_ENDORSE ? endorse_body(body_bytes, sizeof body_bytes) : SPAN_OF(id.bytes);
	struct span reply;

	d = (struct diagnosis){0};
	return rig_ask(v, ROLE_PSE, request, body, &reply, &d);
}

/* A copy that runs on in memory, while another was opened, gives no evidence; nor one whose vTPM the host has deleted. */
static void only_who_holds_it_is_endorsed(void **state)
{
	const enum local_request requests[] = { LOCAL_ENDORSE, LOCAL_LEDGER_CHECK };
	const struct uuid id = {{1}};
	uint8_t drop_bytes[UUID_SIZE + SHA256_SIZE] = {0};
	struct rig_vtpm copy;

	(void)state;
	rig_vtpm_init(&copy, &a, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ask_about_it(&vtpm, requests[i]), TCB_REFUSED);
		assert_string_equal(d.code, "ledger.unknown");
	}
	create(&vtpm);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ask_about_it(&vtpm, requests[i]), TCB_OK);
	assert_int_equal(ledger(&copy, LOCAL_LEDGER_OPEN, 1), TCB_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ask_about_it(&copy, requests[i]), TCB_OK);
		assert_int_equal(ask_about_it(&vtpm, requests[i]), TCB_REFUSED);
		assert_string_equal(d.code, "ledger.copy.superseded");
	}
	memcpy(drop_bytes, id.bytes, sizeof id.bytes);
	drop_bytes[sizeof id.bytes] = 1; /* the digest of version 1 */
	assert_int_equal(enclave_link_call(&a.pse.link, CALL_PSE_DROP, SPAN_OF(drop_bytes), NULL, NULL), TCB_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ask_about_it(&copy, requests[i]), TCB_REFUSED);
		assert_string_equal(d.code, "ledger.unknown");
	}
}

static void an_old_state_is_refused_after_a_restart(void **state)
{
	struct span document;

	(void)state;
	create(&vtpm);
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 2), TCB_OK);
	assert_int_equal(rig_start_pse(&a, &document, NULL), TCB_OK);
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 3), TCB_PLATFORM); /* its session is not known there */
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 3), TCB_REFUSED);
	assert_string_equal(d.code, "ledger.copy.superseded");
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_OPEN, 1), TCB_REFUSED);
	assert_string_equal(d.code, "ledger.state.old");
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_OPEN, 2), TCB_OK);
}

/* The step goes to the host with the answer: a host that cannot keep it passes no answer on, and starts over. */
static void a_step_that_is_not_stored_is_not_acknowledged(void **state)
{
	struct span document;

	(void)state;
	create(&vtpm);
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 2), TCB_OK);
	a.store_fails = true;
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 3), TCB_PLATFORM);
	assert_string_equal(d.code, "store.full");
	a.store_fails = false;
	assert_int_equal(rig_start_pse(&a, &document, NULL), TCB_OK);
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_OPEN, 2), TCB_OK);
	assert_int_equal(ledger(&vtpm, LOCAL_LEDGER_COMMIT, 3), TCB_OK);
}

/* ---- certificates ---- */

static X509 *ask_certificate(enum local_request request, struct span body)
{
	const unsigned char *der;
	struct span reply;
	X509 *certificate;

	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, request, body, &reply, NULL), TCB_OK);
	der = reply.data;
	certificate = d2i_X509(NULL, &der, (long)reply.size);
	assert_non_null(certificate);
	assert_ptr_equal(der, reply.data + reply.size);
	return certificate;
}

static uint64_t generation = 1;

static X509 *certify(enum certify_kind kind, struct span tpmt_public)
{
	const struct local_certify asked = { .kind = kind, .id = {{ 0xab, 0xcd }}, .generation = generation, .level = 0, .revision = 164,
					     .tpmt_public = tpmt_public };
	uint8_t body_bytes[1024];
	struct writer w = WRITER_OF(body_bytes);

	local_certify_encode(&w, &asked);
	return ask_certificate(LOCAL_CERTIFY, span_of(body_bytes, w.size));
}

/* Its one extended key usage. */
static bool has_purpose(X509 *certificate, const char *oid)
{
	EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	char text[64] = "";

	if (sk_ASN1_OBJECT_num(purposes) == 1)
		(void)OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(purposes, 0), 1);
	EXTENDED_KEY_USAGE_free(purposes);
	return strcmp(text, oid) == 0;
}

static void certifies_keys_under_the_quote(void **state)
{
	uint8_t public_bytes[LIMIT_TPM_PUBLIC];
	struct writer w = WRITER_OF(public_bytes);
	EVP_PKEY *key, *pse_key;
	struct certified_ak ak;
	X509 *certificate, *issuer;
	struct span found;
	int size = 0;

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(fake_ak_public(key, &w), TCB_OK);
	assert_int_equal(certified_ak_decode(certified_ak_document, &ak), TCB_OK);
	assert_int_equal(crypto_p256_from_public(&ak.pse_key, &pse_key), TCB_OK);
	issuer = ask_certificate(LOCAL_ISSUER, span_of(NULL, 0));
	assert_int_equal(X509_verify(issuer, pse_key), 1);
	assert_int_equal(X509_check_ca(issuer), 1);
	assert_int_equal(certificate_find_cmw(issuer, CERTIFIED_AK_TYPE, &found), TCB_OK);
	assert_true(span_equal(found, certified_ak_document));
	for (int i = 0; i < 8; i++) { /* of one size, whatever the signature's numbers are */
		certificate = certify(CERTIFY_EK, span_of(public_bytes, w.size));
		assert_true(size == 0 || i2d_X509(certificate, NULL) == size);
		size = i2d_X509(certificate, NULL);
		X509_free(certificate);
	}
	for (enum certify_kind kind = CERTIFY_EK; kind <= CERTIFY_PLATFORM; kind++) {
		public_bytes[5] = kind == CERTIFY_AK ? 0x05 : 0x03; /* restricted, and sign or decrypt */
		certificate = certify(kind, span_of(public_bytes, w.size));
		assert_int_equal(X509_verify(certificate, pse_key), 1);
		assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), key), 1);
		assert_int_equal(X509_check_issued(issuer, certificate), X509_V_OK);
		assert_int_equal(X509_check_ca(certificate), 0);
		assert_int_equal(X509_get_key_usage(certificate), kind == CERTIFY_AK ? KU_DIGITAL_SIGNATURE : KU_KEY_AGREEMENT);
		assert_true(has_purpose(certificate, kind == CERTIFY_EK ? "2.23.133.8.1" : kind == CERTIFY_AK ? "2.23.133.8.3" : "2.23.133.8.2"));
		X509_free(certificate);
	}
	X509_free(issuer);
	EVP_PKEY_free(pse_key);
	EVP_PKEY_free(key);
}

/* An EK certificate of a PSE with this key on a platform with this AK, with its issuer. */
static void issue(EVP_PKEY *pse_key, const uint8_t ak[4], struct span tpmt_public, uint64_t now_s, X509 **ret_issuer, X509 **ret_certificate)
{
	const struct local_certify asked = { .kind = CERTIFY_EK, .id = {{ 1 }}, .generation = 1, .revision = 164, .tpmt_public = tpmt_public };
	static uint8_t document_bytes[1024], issuer_bytes[8192], certificate_bytes[2048];
	struct writer claims = WRITER_OF(document_bytes), document = WRITER_OF(document_bytes);
	struct writer issuer = WRITER_OF(issuer_bytes), certificate = WRITER_OF(certificate_bytes);
	uint8_t claims_bytes[512];
	struct certified_ak m = { .ak_public = span_of(ak, 4), .ak_source = AK_SOURCE_MSR, .platform_name = span_of_text("p"),
				  .quote = span_of_text("quote") };
	const unsigned char *at;

	claims = WRITER_OF(claims_bytes);
	assert_int_equal(crypto_p256_public(pse_key, &m.pse_key), TCB_OK);
	certified_ak_claims_encode(&claims, &m);
	m.claims_bytes = span_of(claims_bytes, claims.size);
	certified_ak_encode(&document, &m);
	assert_int_equal(writer_end(&document, NULL), TCB_OK);
	assert_int_equal(vtpm_certificate_issuer(pse_key, span_of(document_bytes, document.size), now_s, &issuer), TCB_OK);
	assert_int_equal(vtpm_certificate_issue(pse_key, span_of(document_bytes, document.size), &asked, now_s, &certificate, NULL), TCB_OK);
	at = issuer_bytes;
	*ret_issuer = d2i_X509(NULL, &at, (long)issuer.size);
	at = certificate_bytes;
	*ret_certificate = d2i_X509(NULL, &at, (long)certificate.size);
	assert_true(*ret_issuer != NULL && *ret_certificate != NULL);
}

static int verify_strictly(X509 *const issuers[], size_t count, X509 *certificate, uint64_t at_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(X509_STORE_add_cert(store, issuers[i]), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, certificate, NULL), 1);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)at_s);
	(void)X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

/* Two platforms, and two boots of one of them, in one trust store. */
static void certificates_of_many_fit_one_trust_store(void **state)
{
	static const uint8_t aks[3][4] = { "ak A", "ak A", "ak B" };
	enum { COUNT = 3, NOW_S = 1700000000, YEAR_S = 31556952 };
	X509 *issuers[COUNT], *certificates[COUNT];
	uint8_t public_bytes[LIMIT_TPM_PUBLIC];
	struct writer w = WRITER_OF(public_bytes);
	EVP_PKEY *ek, *keys[COUNT];

	(void)state;
	assert_int_equal(crypto_p256_new(&ek), TCB_OK);
	assert_int_equal(fake_ak_public(ek, &w), TCB_OK);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(crypto_p256_new(&keys[i]), TCB_OK);
		issue(keys[i], aks[i], span_of(public_bytes, w.size), NOW_S, &issuers[i], &certificates[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		X509 *const others[] = { issuers[(i + 1) % COUNT], issuers[(i + 2) % COUNT] };

		assert_int_equal(verify_strictly(issuers, COUNT, certificates[i], NOW_S), X509_V_OK);
		assert_int_equal(verify_strictly(issuers, COUNT, certificates[i], NOW_S + 4 * (uint64_t)YEAR_S), X509_V_OK);
		assert_int_equal(verify_strictly(issuers, COUNT, certificates[i], NOW_S + CERTIFICATE_YEARS * (uint64_t)YEAR_S), X509_V_ERR_CERT_HAS_EXPIRED);
		assert_int_equal(verify_strictly(others, 2, certificates[i], NOW_S), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
		assert_int_not_equal(X509_NAME_cmp(X509_get_subject_name(issuers[i]), X509_get_subject_name(others[0])), 0);
		assert_int_not_equal(X509_get_ext_by_NID(certificates[i], NID_subject_directory_attributes, -1), -1);
	}
	for (int i = 0; i < COUNT; i++) {
		X509_free(issuers[i]);
		X509_free(certificates[i]);
		EVP_PKEY_free(keys[i]);
	}
	EVP_PKEY_free(ek);
}

/* What is written into an index here fits into it on the next platform, and after many moves. */
static void certificates_of_all_generations_have_one_size(void **state)
{
	static const uint64_t generations[] = { 1, 9, 10, 4096, UINT32_MAX };
	uint8_t public_bytes[LIMIT_TPM_PUBLIC];
	struct writer w = WRITER_OF(public_bytes);
	char subject[256];
	EVP_PKEY *key;
	int size = 0;

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(fake_ak_public(key, &w), TCB_OK);
	for (size_t i = 0; i < sizeof generations / sizeof generations[0]; i++) {
		X509 *certificate;

		generation = generations[i];
		certificate = certify(CERTIFY_EK, span_of(public_bytes, w.size));
		assert_true(i == 0 || i2d_X509(certificate, NULL) == size);
		size = i2d_X509(certificate, NULL);
		(void)X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
		assert_non_null(strstr(subject, "/CN=abcd0000-0000-0000-0000-000000000000"));
		assert_non_null(strstr(subject, i == 3 ? "generation 0000004096" : "generation "));
		X509_free(certificate);
	}
	generation = 1;
	EVP_PKEY_free(key);
}

/* The default EK templates' shape (TCG EK Credential Profile, B.3): RSA-2048, AES-128-CFB, no scheme. */
static void certifies_rsa_and_refuses_what_is_no_key(void **state)
{
	uint8_t public_bytes[LIMIT_TPM_PUBLIC], body_bytes[1024];
	struct writer w = WRITER_OF(public_bytes), body = WRITER_OF(body_bytes);
	struct local_certify asked = { .kind = CERTIFY_EK };
	X509 *certificate;
	struct span reply;

	(void)state;
	writer_u16(&w, 0x0001);
	writer_u16(&w, 0x000b);
	writer_u32(&w, 0x000300b2);
	writer_tpm2b(&w, span_of("12345678901234567890123456789012", 32));
	writer_u16(&w, 0x0006);
	writer_u16(&w, 128);
	writer_u16(&w, 0x0043);
	writer_u16(&w, 0x0010);
	writer_u16(&w, 2048);
	writer_u32(&w, 0);
	writer_u16(&w, 256);
	for (int i = 0; i < 256; i++)
		writer_u8(&w, (uint8_t)(i == 0 ? 0xc1 : 2 * i + 1));
	certificate = certify(CERTIFY_EK, span_of(public_bytes, w.size));
	assert_int_equal(X509_get_key_usage(certificate), KU_KEY_ENCIPHERMENT);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 2048);
	X509_free(certificate);
	asked.tpmt_public = span_of(public_bytes, w.size - 1); /* cut */
	local_certify_encode(&body, &asked);
	assert_int_equal(rig_ask(&vtpm, ROLE_PSE, LOCAL_CERTIFY, span_of(body_bytes, body.size), &reply, &d), TCB_REFUSED);
	assert_string_equal(d.code, "pse.certify.key");
}

/* ---- a host that breaks the protocol ---- */

static void send_head(enum frame_kind kind, uint16_t call, uint32_t size)
{
	const struct frame_head head = { .body_size = size, .kind = kind, .call = call };
	uint8_t bytes[FRAME_HEAD_SIZE];
	struct writer w = WRITER_OF(bytes);

	frame_head_encode(&w, &head);
	assert_int_equal(send(a.pse.link.fd, bytes, sizeof bytes, 0), sizeof bytes);
}

static void a_lying_host_ends_the_enclave(void **state)
{
	struct span document;
	uint8_t garbage[FRAME_HEAD_SIZE];

	(void)state;
	send_head(FRAME_ECALL, CALL_MIGE_NET, 0); /* a call that it does not have */
	assert_int_equal(rig_exit_status(&a.pse), 70);
	assert_int_equal(rig_start_pse(&a, &document, NULL), TCB_OK);
	send_head(FRAME_OCALL_RETURN, CALL_HOST_TIME, 0); /* an answer that nobody asked for */
	assert_int_equal(rig_exit_status(&a.pse), 70);
	assert_int_equal(rig_start_pse(&a, &document, NULL), TCB_OK);
	memset(garbage, 0xff, sizeof garbage);
	assert_int_equal(send(a.pse.link.fd, garbage, sizeof garbage, 0), sizeof garbage);
	assert_int_equal(rig_exit_status(&a.pse), 70);
}

/* An ocall of the PSE (it stores its ledger) is answered with another call's return. */
static void a_wrong_answer_ends_the_enclave(void **state)
{
	struct enclave_link *link = &a.pse.link;
	const struct frame_head start = { .body_size = 8, .kind = FRAME_ECALL, .call = CALL_PSE_START };
	uint8_t bytes[FRAME_HEAD_SIZE + 8] = {0}, head_bytes[FRAME_HEAD_SIZE];
	struct writer w = writer_of(bytes, FRAME_HEAD_SIZE);
	struct frame_head asked;

	(void)state;
	rig_spawn_pse(&a);
	frame_head_encode(&w, &start);
	assert_int_equal(send(link->fd, bytes, sizeof bytes, 0), sizeof bytes);
	assert_int_equal(recv(link->fd, head_bytes, sizeof head_bytes, MSG_WAITALL), sizeof head_bytes);
	assert_int_equal(frame_head_decode(SPAN_OF(head_bytes), &asked), TCB_OK);
	assert_true(asked.kind == FRAME_OCALL && asked.call == CALL_HOST_STORE);
	send_head(FRAME_OCALL_RETURN, CALL_HOST_TIME, 0);
	assert_int_equal(rig_exit_status(&a.pse), 70);
}

/* Of several messages in one call each has its own answer, in order. */
static void answers_many_in_one_call(void **state)
{
	static uint8_t body_bytes[LIMIT_FRAME];
	uint8_t hello_bytes[1024];
	struct writer w = WRITER_OF(body_bytes), hello = WRITER_OF(hello_bytes);
	struct peer_message m = { .session = 5, .message = span_of_text("no message of any session") };
	struct session_hello greeting;
	struct peer_reply reply;
	struct span answer;
	struct reader r;
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(enclave_link_call(&a.pse.link, CALL_PSE_PEER, span_of(NULL, 0), NULL, NULL), TCB_MALFORMED);
	assert_int_equal(session_hello_new(&key, &greeting), TCB_OK);
	EVP_PKEY_free(key);
	writer_u8(&hello, LOCAL_HELLO);
	session_hello_encode(&hello, &greeting);
	peer_message_encode(&w, &m);
	for (m.session = 6; m.session < 5 + PSE_TOGETHER_MAX; m.session++) {
		m.message = span_of(hello_bytes, hello.size);
		peer_message_encode(&w, &m);
	}
	assert_int_equal(enclave_link_call(&a.pse.link, CALL_PSE_PEER, span_of(body_bytes, w.size), &answer, NULL), TCB_OK);
	r = reader_of(answer);
	assert_int_equal(peer_reply_read(&r, &reply), TCB_OK);
	assert_int_not_equal(reply.error, TCB_OK);
	for (unsigned i = 1; i < PSE_TOGETHER_MAX; i++) {
		assert_int_equal(peer_reply_read(&r, &reply), TCB_OK);
		assert_int_equal(reply.error, TCB_OK);
		assert_true(reply.bytes.size > SGX_REPORT_SIZE);
	}
	assert_int_equal(reader_end(&r), TCB_OK);
	peer_message_encode(&w, &m); /* one more than there may be */
	assert_int_equal(enclave_link_call(&a.pse.link, CALL_PSE_PEER, span_of(body_bytes, w.size), NULL, NULL), TCB_LIMIT);
}

static void starts_once(void **state)
{
	uint8_t bytes[64];
	struct writer w = WRITER_OF(bytes);

	(void)state;
	writer_sized(&w, span_of_text("again"));
	writer_sized(&w, span_of(NULL, 0));
	assert_int_equal(enclave_link_call(&a.pse.link, CALL_PSE_START, span_of(bytes, w.size), NULL, NULL), TCB_WRONG_STATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_an_unlocked_bank),
		TEST(quotes_what_the_bank_holds),
		TEST(gives_the_certified_ak_to_its_processor),
		TEST(endorses_by_the_report),
		TEST(does_only_what_a_role_may_ask),
		TEST(one_copy_only),
		TEST(only_who_holds_it_is_endorsed),
		TEST(an_old_state_is_refused_after_a_restart),
		TEST(a_step_that_is_not_stored_is_not_acknowledged),
		TEST(certifies_keys_under_the_quote),
		TEST(certificates_of_many_fit_one_trust_store),
		TEST(certificates_of_all_generations_have_one_size),
		TEST(certifies_rsa_and_refuses_what_is_no_key),
		TEST(a_lying_host_ends_the_enclave),
		TEST(a_wrong_answer_ends_the_enclave),
		TEST(answers_many_in_one_call),
		TEST(starts_once),
	};

	return cmocka_run_group_tests_name("pse", tests, begin, end);
}
