// SPDX-License-Identifier: MIT
/* make_seeds DIR: seeds for the fuzz targets that need keys or are large, DIR/TARGET/NAME: quotes and collateral under test roots, every codec's
 * sample, a policy. What is small and hand-made stands in fuzz/corpus/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>

#include "edge/blob.h"
#include "fuzz/target.h"
#include "sgxsim/file.h"
#include "sgxsim/pki_json.h"
#include "tests/edge/codecs.h"
#include "tests/verify/quote_rig.h"

static const char *top;
static struct quote_rig rig;
static const char *const kinds[] = {"sgx3", "tdx4", "tdx5"};

/* `prefix` < 0: none. */
static void save(const char *target, const char *name, int prefix, struct span bytes)
{
	static uint8_t memory[1 << 20];
	struct writer w = WRITER_OF(memory);
	char dir[4096], path[4096];

	if (prefix >= 0)
		writer_u8(&w, (uint8_t)prefix);
	writer_bytes(&w, bytes);
	assert_int_equal(path_join(dir, sizeof dir, top, target, NULL), TCB_OK);
	(void)mkdir(dir, 0700);
	assert_int_equal(path_join(path, sizeof path, dir, name, NULL), TCB_OK);
	assert_int_equal(file_write(path, span_of(w.data, w.size), 0644, NULL), TCB_OK);
}

static void save_document(const char *name)
{
	struct file_bytes json = {0};
	char path[4096];

	assert_int_equal(pki_save_json(&rig.collateral, rig.tcb_signing.certificate, rig.root.certificate, rig.platform_ca.certificate, top,
				       NULL), TCB_OK);
	assert_int_equal(path_join(path, sizeof path, top, "collateral.json", NULL), TCB_OK);
	assert_int_equal(file_read(path, &json, NULL), TCB_OK);
	save("collateral", name, 0, file_span(&json));
	file_free(&json);
	assert_int_equal(remove(path), 0);
}

static void save_response(const char *name)
{
	static char answer[20000];

	(void)snprintf(answer, sizeof answer, "{\"tcbInfo\":%s,\"signature\":\"%0128d\"}", rig.tcb_info, 0);
	save("collateral", name, 1, span_of_text(answer));
}

static void save_extension(const char *name)
{
	uint8_t bytes[1024];
	struct writer w = WRITER_OF(bytes);

	assert_int_equal(sgx_extension_write(&rig.processor, &w), TCB_OK);
	save("sgx_extension", name, -1, span_of(bytes, w.size));
}

static void make_quotes(void **state)
{
	(void)state;
	for (int kind = RIG_SGX3; kind <= RIG_TDX5; kind++) {
		const char *name = kinds[kind];

		quote_rig_init(&rig, (enum rig_kind)kind, FUZZ_NOW_S);
		quote_rig_trusted(&rig);
		save("quote", name, -1, span_of(rig.quote, rig.quote_size));
		save("pck", name, -1, span_of(rig.chain, strlen(rig.chain) + (kind == RIG_SGX3)));
		save("tcb_info", name, kind != RIG_SGX3, rig.collateral.tcb_info);
		save("qe_identity", name, kind != RIG_SGX3, rig.collateral.qe_identity);
		save("json", name, -1, span_of(rig.collateral.qe_identity.data, rig.collateral.qe_identity.size));
		if (kind == RIG_SGX3) {
			quote_rig_crl(&rig, &rig.platform_ca, (X509 *[]){rig.pck.certificate, NULL}, FUZZ_NOW_S, &rig.pck_crl);
			save("crl", "crl", 0, span_of(rig.pck_crl.bytes, rig.pck_crl.size));
			save("crl", "certificate", 1, rig.collateral.tcb_signing_certificate);
			save("collateral", "crl", 2, rig.collateral.root_crl);
			save("collateral", "chain", 3, span_of(rig.chain, strlen(rig.chain)));
			save_document("document");
			save_response("response");
			save_extension("platform");
			rig.processor.of_platform_ca = false;
			save_extension("processor");
		}
		quote_rig_end(&rig);
	}
}

static void make_samples(void **state)
{
	static uint8_t bytes[1 << 19];

	(void)state;
	for (size_t i = 0; i < codec_count; i++) {
		struct writer w = WRITER_OF(bytes);
		char name[32];

		codecs[i].sample(&w);
		(void)snprintf(name, sizeof name, "%02zu", i);
		save("edge", name, (int)i, span_of(bytes, w.size));
		if (w.size < 4096)
			save("cbor", name, -1, span_of(bytes, w.size));
		if (strstr(codecs[i].name, "blob") != NULL)
			save("blob", name, -1, span_of(bytes, w.size));
	}
}

/* A head, and as much as a sealed part must have. */
static void make_blob(void **state)
{
	struct blob_head head = { .type = 1, .generation = 7, .source_address = span_of_text("host:1") };
	uint8_t bytes[512];
	struct writer w = WRITER_OF(bytes);

	(void)state;
	blob_head_encode(&w, &head);
	writer_zeros(&w, 48);
	save("blob", "blob", -1, span_of(bytes, w.size));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest all[] = { cmocka_unit_test(make_quotes), cmocka_unit_test(make_samples), cmocka_unit_test(make_blob) };

	if (argc != 2)
		return 2;
	top = argv[1];
	(void)mkdir(top, 0700);
	return cmocka_run_group_tests_name("make_seeds", all, NULL, NULL);
}
