// SPDX-License-Identifier: MIT
/* verify/appraise/reference and corim: what reference values a file gives, and that no file gives any that it should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/cbor.h"
#include "crypto/crypto.h"
#include "verify/appraise/reference.h"

static struct reference_values values;
static struct diagnosis d;

static enum tcb_error add(struct span file, const struct p256_point *signer)
{
	struct policy_reference source = { .file = "a file", .layer = LAYER_PLATFORM, .has_signer = signer != NULL };

	reference_init(&values);
	d = (struct diagnosis){0};
	if (signer != NULL)
		source.signer = *signer;
	return reference_add(&values, &source, file, &d);
}

static void refused(const char *code, struct span file, const struct p256_point *signer)
{
	assert_int_not_equal(add(file, signer), TCB_OK);
	assert_string_equal(d.code, code);
	assert_true(d.found[0] != '\0' && d.wanted[0] != '\0' && d.action[0] != '\0');
}

#define HEX32 "0101010101010101010101010101010101010101010101010101010101010101"

static void json_lists(void **state)
{
	static const uint8_t ones[SHA256_SIZE] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	static const char *const malformed[] = {
		"{}", "{\"version\":2}", "{\"version\":1,\"more\":[]}", "{\"version\":1,\"events\":{}}",
		"{\"version\":1,\"events\":[\"01\"]}", "{\"version\":1,\"pcrs\":{\"24\":[]}}", "{\"version\":1,\"pcrs\":{\"0\":\"" HEX32 "\"}}",
		"{\"version\":1,\"pcrs\":[]}",
	};

	(void)state;
	assert_int_equal(add(span_of_text("{\"version\":1,\"pcrs\":{\"4\":[\"" HEX32 "\",\"" HEX32 "\"]},\"events\":[\"" HEX32 "\"]}"), NULL),
			 TCB_OK);
	assert_int_equal(values.pcr_count, 2);
	assert_int_equal(values.pcrs[1].pcr.index, 4);
	assert_int_equal(values.pcrs[1].layer, LAYER_PLATFORM);
	assert_true(reference_knows_event(&values, LAYER_PLATFORM, SPAN_OF(ones)));
	assert_false(reference_knows_event(&values, LAYER_GUEST, SPAN_OF(ones)));
	assert_false(reference_knows_event(NULL, LAYER_GUEST, SPAN_OF(ones)));
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
		refused("reference.malformed", span_of_text(malformed[i]), NULL);
	refused("json.malformed", span_of_text("{\"version\":1,\"version\":1}"), NULL);
	refused("reference.signature", span_of_text("{\"version\":1}"), &(struct p256_point){{0}});
	refused("reference.malformed", span_of(NULL, 0), NULL);
}

/* ---- CoRIM ---- */

struct options {
	uint64_t not_after;  /* 0: none */
	bool profile;
	unsigned key;        /* 0: none; 1: PCR 7; 2: a text; 3: 24 */
	int64_t algorithm;
	size_t digest_size;
	bool registers;      /* integrity registers in place of digests */
	bool triples;
	int64_t header_algorithm;
	const char *content_type;
	bool critical;
	uint64_t signature_until; /* 0: no meta */
};

static const struct options plain = { .key = 1, .algorithm = 1, .digest_size = 32, .triples = true, .header_algorithm = -7,
				      .content_type = "application/rim+cbor" };

static void put_digests(struct writer *w, const struct options *o)
{
	static const uint8_t digest[64] = {0xd1, 0xd2};
	static const uint8_t longer[48] = {0x0f};

	cbor_write_array(w, 2);
	cbor_write_array(w, 2);
	cbor_write_int(w, o->algorithm);
	cbor_write_bytes(w, span_of(digest, o->digest_size));
	cbor_write_array(w, 2);
	cbor_write_int(w, 7);
	cbor_write_bytes(w, SPAN_OF(longer));
}

static void put_measurement(struct writer *w, const struct options *o)
{
	cbor_write_map(w, o->key != 0 ? 2u : 1u);
	if (o->key != 0)
		cbor_write_uint(w, 0);
	if (o->key == 1)
		cbor_write_uint(w, 7);
	else if (o->key == 2)
		cbor_write_text(w, span_of_text("shim"));
	else if (o->key == 3)
		cbor_write_uint(w, 24);
	cbor_write_uint(w, 1);
	cbor_write_map(w, 2);
	cbor_write_uint(w, 1); /* a security version, tagged */
	cbor_write_tag(w, 552);
	cbor_write_uint(w, 3);
	cbor_write_uint(w, o->registers ? 14 : 2);
	if (o->registers) {
		cbor_write_map(w, 2);
		cbor_write_uint(w, 9);
		put_digests(w, o);
		cbor_write_text(w, span_of_text("pcr"));
		put_digests(w, o);
	} else {
		put_digests(w, o);
	}
}

static struct span put_comid(const struct options *o)
{
	static uint8_t bytes[2048];
	struct writer w = WRITER_OF(bytes);
	struct span comid;

	cbor_write_map(&w, 2);
	cbor_write_uint(&w, 1); /* identity */
	cbor_write_map(&w, 1);
	cbor_write_uint(&w, 0);
	cbor_write_text(&w, span_of_text("tcbind test"));
	cbor_write_uint(&w, 4); /* triples */
	cbor_write_map(&w, 1);
	cbor_write_uint(&w, o->triples ? 0 : 1); /* reference, or endorsed */
	cbor_write_array(&w, 1);
	cbor_write_array(&w, 2);
	cbor_write_map(&w, 1); /* environment: class: vendor */
	cbor_write_uint(&w, 0);
	cbor_write_map(&w, 1);
	cbor_write_uint(&w, 1);
	cbor_write_text(&w, span_of_text("ACME"));
	cbor_write_array(&w, 1);
	put_measurement(&w, o);
	assert_int_equal(writer_end(&w, &comid), TCB_OK);
	return comid;
}

static struct span put_corim(const struct options *o)
{
	static uint8_t bytes[4096];
	struct writer w = WRITER_OF(bytes);
	struct span corim;

	cbor_write_tag(&w, 501);
	cbor_write_map(&w, 2u + (o->profile ? 1u : 0u) + (o->not_after > 0 ? 1u : 0u));
	cbor_write_uint(&w, 0);
	cbor_write_text(&w, span_of_text("urn:example:corim"));
	cbor_write_uint(&w, 1);
	cbor_write_array(&w, 2);
	cbor_write_tag(&w, 505); /* a CoSWID: not for us */
	cbor_write_bytes(&w, span_of_text("x"));
	cbor_write_tag(&w, 506);
	cbor_write_bytes(&w, put_comid(o));
	if (o->profile) {
		cbor_write_uint(&w, 3);
		cbor_write_text(&w, span_of_text("urn:example:profile"));
	}
	if (o->not_after > 0) {
		cbor_write_uint(&w, 4);
		cbor_write_map(&w, 1);
		cbor_write_uint(&w, 1);
		cbor_write_tag(&w, 1);
		cbor_write_uint(&w, o->not_after);
	}
	assert_int_equal(writer_end(&w, &corim), TCB_OK);
	return corim;
}

static struct span put_header(const struct options *o)
{
	static uint8_t bytes[512], meta_bytes[256];
	struct writer w = WRITER_OF(bytes), meta = WRITER_OF(meta_bytes);
	struct span header;

	cbor_write_map(&meta, 2);
	cbor_write_uint(&meta, 0);
	cbor_write_map(&meta, 1);
	cbor_write_uint(&meta, 0);
	cbor_write_text(&meta, span_of_text("ACME"));
	cbor_write_uint(&meta, 1);
	cbor_write_map(&meta, 1);
	cbor_write_uint(&meta, 1);
	cbor_write_tag(&meta, 1);
	cbor_write_uint(&meta, o->signature_until);
	cbor_write_map(&w, 2u + (o->critical ? 1u : 0u) + (o->signature_until > 0 ? 1u : 0u));
	cbor_write_uint(&w, 1);
	cbor_write_int(&w, o->header_algorithm);
	if (o->critical) {
		cbor_write_uint(&w, 2);
		cbor_write_array(&w, 1);
		cbor_write_uint(&w, 99);
	}
	cbor_write_uint(&w, 3);
	cbor_write_text(&w, span_of_text(o->content_type));
	if (o->signature_until > 0) {
		cbor_write_uint(&w, 8);
		cbor_write_bytes(&w, span_of(meta_bytes, meta.size));
	}
	assert_int_equal(writer_end(&w, &header), TCB_OK);
	return header;
}

static struct span sign(EVP_PKEY *key, const struct options *o)
{
	static uint8_t bytes[8192], tbs_bytes[8192];
	struct writer w = WRITER_OF(bytes), t = WRITER_OF(tbs_bytes);
	struct span header = put_header(o), payload = put_corim(o), tbs, corim;
	struct p256_signature signature;

	cbor_write_array(&t, 4);
	cbor_write_text(&t, span_of_text("Signature1"));
	cbor_write_bytes(&t, header);
	cbor_write_bytes(&t, span_of(NULL, 0));
	cbor_write_bytes(&t, payload);
	assert_int_equal(writer_end(&t, &tbs), TCB_OK);
	assert_int_equal(crypto_sign(key, tbs, &signature), TCB_OK);
	cbor_write_tag(&w, 18);
	cbor_write_array(&w, 4);
	cbor_write_bytes(&w, header);
	cbor_write_map(&w, 1); /* unprotected: a hint that nobody follows */
	cbor_write_uint(&w, 4);
	cbor_write_bytes(&w, span_of_text("kid"));
	cbor_write_bytes(&w, payload);
	cbor_write_bytes(&w, SPAN_OF(signature.bytes));
	assert_int_equal(writer_end(&w, &corim), TCB_OK);
	return corim;
}

static void a_corim_gives_pcrs_and_events(void **state)
{
	struct options o = plain;

	(void)state;
	assert_int_equal(add(put_corim(&o), NULL), TCB_OK);
	assert_int_equal(values.pcr_count, 1);
	assert_int_equal(values.pcrs[0].pcr.index, 7);
	assert_int_equal(values.pcrs[0].pcr.value.bytes[1], 0xd2);
	assert_int_equal(values.event_count[LAYER_PLATFORM], 0);
	o.key = 2; /* a named component, and one without a name */
	assert_int_equal(add(put_corim(&o), NULL), TCB_OK);
	assert_int_equal(values.event_count[LAYER_PLATFORM], 1);
	o.key = 0;
	assert_int_equal(add(put_corim(&o), NULL), TCB_OK);
	assert_int_equal(values.event_count[LAYER_PLATFORM], 1);
	assert_int_equal(values.pcr_count, 0);
	o.registers = true;
	assert_int_equal(add(put_corim(&o), NULL), TCB_OK);
	assert_int_equal(values.pcr_count, 1); /* the register with a name is none */
	assert_int_equal(values.pcrs[0].pcr.index, 9);
	o = plain;
	assert_int_equal(values.until_s == UINT64_MAX, 1);
	o.not_after = 1000;
	assert_int_equal(add(put_corim(&o), NULL), TCB_OK);
	assert_int_equal(values.until_s, 1000);
}

static void a_corim_that_is_not_for_us_is_refused(void **state)
{
	struct options o = plain;

	(void)state;
	o.profile = true;
	refused("reference.profile", put_corim(&o), NULL);
	o = plain;
	o.algorithm = 8; /* not one SHA-256 digest */
	refused("reference.malformed", put_corim(&o), NULL);
	o = plain;
	o.digest_size = 31;
	refused("reference.malformed", put_corim(&o), NULL);
	o = plain;
	o.key = 3;
	refused("reference.malformed", put_corim(&o), NULL);
	o = plain;
	o.triples = false;
	refused("reference.malformed", put_corim(&o), NULL);
}

static void cut_and_lengthened(void **state)
{
	struct span whole = put_corim(&plain);
	uint8_t longer[4096];

	(void)state;
	memcpy(longer, whole.data, whole.size);
	longer[whole.size] = 0;
	for (size_t size = 0; size < whole.size; size++)
		refused("reference.malformed", span_of(longer, size), NULL);
	refused("reference.malformed", span_of(longer, whole.size + 1), NULL);
	memset(longer, 0x81, sizeof longer); /* arrays in arrays, and so on */
	refused("reference.malformed", SPAN_OF(longer), NULL);
	memset(longer, 0xc1, sizeof longer);
	refused("reference.malformed", SPAN_OF(longer), NULL);
}

static void a_signed_corim_is_the_signers(void **state)
{
	EVP_PKEY *key, *other;
	struct p256_point signer, stranger;
	struct options o = plain;
	uint8_t altered[8192];
	struct span file;
	size_t unprotected;

	(void)state;
	assert_int_equal(crypto_p256_new(&key), TCB_OK);
	assert_int_equal(crypto_p256_new(&other), TCB_OK);
	assert_int_equal(crypto_p256_public(key, &signer), TCB_OK);
	assert_int_equal(crypto_p256_public(other, &stranger), TCB_OK);
	o.signature_until = 1000;
	file = sign(key, &o);
	unprotected = 2 + 2 + put_header(&o).size; /* the only bytes that no signature covers, and that nobody looks at */
	assert_int_equal(add(file, &signer), TCB_OK);
	assert_int_equal(values.pcr_count, 1);
	assert_int_equal(values.until_s, 1000);
	refused("reference.signature", file, &stranger);
	refused("reference.malformed", file, NULL); /* signed, and the policy names nobody */
	refused("reference.malformed", put_corim(&o), &signer); /* not signed, and the policy names somebody */
	memcpy(altered, file.data, file.size);
	for (size_t at = 0; at < file.size; at++) {
		altered[at] ^= (uint8_t)(1u << at % 8);
		if (add(span_of(altered, file.size), &signer) == TCB_OK && (at < unprotected || at >= unprotected + 6))
			fail_msg("byte %zu is not noticed", at);
		altered[at] ^= (uint8_t)(1u << at % 8);
	}
	o = plain;
	o.header_algorithm = -35;
	refused("reference.malformed", sign(key, &o), &signer);
	o = plain;
	o.content_type = "application/json";
	refused("reference.malformed", sign(key, &o), &signer);
	o = plain;
	o.critical = true;
	refused("reference.malformed", sign(key, &o), &signer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void there_is_an_end(void **state)
{
	struct digest256 digest = {{1}};

	(void)state;
	reference_init(&values);
	for (unsigned i = 0; i < REFERENCE_EVENTS_MAX; i++)
		assert_int_equal(reference_add_event(&values, LAYER_GUEST, &digest), TCB_OK);
	assert_int_equal(reference_add_event(&values, LAYER_GUEST, &digest), TCB_LIMIT);
	for (unsigned i = 0; i < REFERENCE_PCRS_MAX; i++)
		assert_int_equal(reference_add_pcr(&values, LAYER_GUEST, 1, &digest), TCB_OK);
	assert_int_equal(reference_add_pcr(&values, LAYER_GUEST, 1, &digest), TCB_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_lists),
		cmocka_unit_test(a_corim_gives_pcrs_and_events),
		cmocka_unit_test(a_corim_that_is_not_for_us_is_refused),
		cmocka_unit_test(cut_and_lengthened),
		cmocka_unit_test(a_signed_corim_is_the_signers),
		cmocka_unit_test(there_is_an_end),
	};

	return crypto_init() == TCB_OK ? cmocka_run_group_tests_name("verify/reference", tests, NULL, NULL) : 1;
}
