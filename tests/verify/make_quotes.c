// SPDX-License-Identifier: MIT
/* make_quotes DIR: quotes under test roots with their collateral, as files: for tests of the command line and as seeds of the fuzz targets. DIR/KIND
 * (sgx3, tdx4, tdx5): quote.bin, root.pem, collateral.json, and the same as a directory, pcs/. DIR/sgx3 also has old-tcb/, old-qe/, old-crl/ and new/: collateral.json
 * of the same processor, issued before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>

#include "sgxsim/file.h"
#include "sgxsim/pki_json.h"
#include "tests/verify/quote_rig.h"

static struct quote_rig rig;
static const char *top;

static void save(const char *dir, const char *name, struct span bytes)
{
	char path[4096];

	assert_int_equal(path_join(path, sizeof path, dir, name, NULL), TCB_OK);
	assert_int_equal(file_write(path, bytes, 0644, NULL), TCB_OK);
}

static void make_dir(const char *dir, const char *name, char ret_path[4096])
{
	assert_int_equal(path_join(ret_path, 4096, dir, name, NULL), TCB_OK);
	assert_int_equal(mkdir(ret_path, 0700), 0);
}

static void save_json(const char *dir)
{
	quote_rig_sign(&rig);
	assert_int_equal(pki_save_json(&rig.collateral, rig.tcb_signing.certificate, rig.root.certificate, rig.platform_ca.certificate, dir,
				       NULL), TCB_OK);
	save(dir, "quote.bin", span_of(rig.quote, rig.quote_size));
}

static void save_response(const char *dir, const char *name, const char *member, struct span text, const struct p256_signature *signature)
{
	static char answer[20000];
	char hex[129];

	for (int i = 0; i < 64; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", signature->bytes[i]);
	(void)snprintf(answer, sizeof answer, "{\"%s\":%.*s,\"signature\":\"%s\"}", member, (int)text.size, (const char *)text.data, hex);
	save(dir, name, span_of_text(answer));
}

static void save_chain(const char *dir, const char *name, X509 *signer)
{
	char both[8192] = "", *pem;
	size_t size;

	assert_int_equal(certificate_pem(signer, &pem, &size), TCB_OK);
	(void)snprintf(both, sizeof both, "%.*s", (int)size, pem);
	OPENSSL_free(pem);
	assert_int_equal(certificate_pem(rig.root.certificate, &pem, &size), TCB_OK);
	(void)snprintf(both + strlen(both), sizeof both - strlen(both), "%.*s", (int)size, pem);
	OPENSSL_free(pem);
	save(dir, name, span_of_text(both));
}

static void save_pcs(const char *kind_dir)
{
	char dir[4096];

	make_dir(kind_dir, "pcs", dir);
	save_response(dir, "tcb_info.json", "tcbInfo", rig.collateral.tcb_info, &rig.collateral.tcb_info_signature);
	save_response(dir, "qe_identity.json", "enclaveIdentity", rig.collateral.qe_identity, &rig.collateral.qe_identity_signature);
	save_chain(dir, "tcb_info_issuer_chain.pem", rig.tcb_signing.certificate);
	save_chain(dir, "qe_identity_issuer_chain.pem", rig.tcb_signing.certificate);
	save_chain(dir, "pck_crl_issuer_chain.pem", rig.platform_ca.certificate);
	save(dir, "pck_crl.der", rig.collateral.pck_crl);
	save(dir, "root_ca_crl.der", rig.collateral.root_crl);
}

/* The same processor's collateral, of an earlier issue. */
static void save_old(const char *kind_dir)
{
	static struct rig_bytes kept;
	char dir[4096];

	make_dir(kind_dir, "old-tcb", dir);
	RIG_EDIT(rig.tcb_info, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":16");
	save_json(dir);
	RIG_EDIT(rig.tcb_info, "\"tcbEvaluationDataNumber\":16", "\"tcbEvaluationDataNumber\":17");
	make_dir(kind_dir, "old-qe", dir);
	RIG_EDIT(rig.qe_identity, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":16");
	save_json(dir);
	RIG_EDIT(rig.qe_identity, "\"tcbEvaluationDataNumber\":16", "\"tcbEvaluationDataNumber\":17");
	make_dir(kind_dir, "old-crl", dir);
	kept = rig.pck_crl;
	quote_rig_crl(&rig, &rig.platform_ca, NULL, rig.made_s - 11 * RIG_DAY_S, &rig.pck_crl);
	save_json(dir);
	rig.pck_crl = kept;
	make_dir(kind_dir, "new", dir);
	RIG_EDIT(rig.tcb_info, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":18");
	save_json(dir);
}

static void make(enum rig_kind kind, const char *name)
{
	char dir[4096], *pem;
	size_t size;

	quote_rig_init(&rig, kind, 0);
	make_dir(top, name, dir);
	save_json(dir);
	assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
	assert_int_equal(certificate_pem(rig.root.certificate, &pem, &size), TCB_OK);
	save(dir, "root.pem", span_of(pem, size));
	OPENSSL_free(pem);
	save(dir, "chain.pem", span_of_text(rig.chain));
	save_pcs(dir);
	if (kind == RIG_SGX3)
		save_old(dir);
	quote_rig_end(&rig);
}

static void make_all(void **state)
{
	(void)state;
	make(RIG_SGX3, "sgx3");
	make(RIG_TDX4, "tdx4");
	make(RIG_TDX5, "tdx5");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest all[] = { cmocka_unit_test(make_all) };

	if (argc != 2)
		return 2;
	top = argv[1];
	(void)mkdir(top, 0700);
	return cmocka_run_group_tests_name("make_quotes", all, NULL, NULL);
}
