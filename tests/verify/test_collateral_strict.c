// SPDX-License-Identifier: MIT
/* verify/collateral-strict: what a strict verifier refuses of certificates, CRLs, TCB info and QE identity (DCAP notes 2.4 to 2.7), one thing
 * altered at a time and all signed anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "tests/verify/quote_rig.h"
#include "verify/appraise/tcb.h"

static struct quote_rig rig;

static int start(void **state)
{
	(void)state;
	quote_rig_init(&rig, RIG_SGX3, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	quote_rig_end(&rig);
	return 0;
}

static void again(enum rig_kind kind)
{
	quote_rig_end(&rig);
	quote_rig_init(&rig, kind, 0);
}

/* ---- certificates ---- */

static void issue_pck_as(struct certificate_request request, const struct issuer *signer)
{
	uint8_t extension[1024];
	struct writer w = WRITER_OF(extension);

	assert_int_equal(sgx_extension_write(&rig.processor, &w), TCB_OK);
	if (request.sgx.data == NULL)
		request.sgx = span_of(extension, w.size);
	quote_rig_issue(&rig, signer, request, &rig.pck);
}

static const struct certificate_request pck_request = { .common_name = "Intel SGX PCK Certificate" };
static const struct certificate_request ca_request = { .common_name = "Intel SGX PCK Platform CA", .is_ca = true };

static void names_and_uses(void **state)
{
	struct certificate_request request = pck_request;

	(void)state;
	request.common_name = "Intel SGX PCK Certificate 2";
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.chain");
	request = pck_request;
	request.is_ca = true;
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.chain");
	request.is_ca = false;
	request.strange = true; /* a critical extension that nobody knows */
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.chain");
	issue_pck_as(pck_request, &rig.root); /* not by the intermediate */
	quote_rig_refused(&rig, "quote.chain");
	issue_pck_as(pck_request, &rig.platform_ca);
	quote_rig_trusted(&rig);
}

static void intermediates(void **state)
{
	struct certificate_request request = ca_request;

	(void)state;
	request.common_name = "Intel SGX PCK Another CA";
	quote_rig_issue(&rig, &rig.root, request, &rig.platform_ca);
	quote_rig_issue_pck(&rig);
	quote_rig_refused(&rig, "quote.chain");
	request = ca_request;
	request.is_ca = false;
	quote_rig_issue(&rig, &rig.root, request, &rig.platform_ca);
	quote_rig_issue_pck(&rig);
	quote_rig_refused(&rig, "quote.chain");
	quote_rig_issue(&rig, NULL, ca_request, &rig.platform_ca); /* of itself, not of the root */
	quote_rig_issue_pck(&rig);
	quote_rig_refused(&rig, "quote.chain");
}

static void other_root(void **state)
{
	struct issuer stranger = {0};

	(void)state;
	quote_rig_issue(&rig, NULL, (struct certificate_request){ .common_name = "Intel SGX Root CA", .is_ca = true, .path_length = 1 },
			&stranger);
	quote_rig_sign(&rig);
	assert_int_equal(x509_spki_digest(stranger.certificate, &rig.policy.roots[0]), TCB_OK);
	quote_rig_refused_as_is(&rig, "quote.root.untrusted");
	rig.policy.root_count = 0;
	quote_rig_refused_as_is(&rig, "quote.root.untrusted");
	issuer_wipe(&stranger);
}

static void processor_ca(void **state)
{
	struct certificate_request request = ca_request;

	(void)state;
	request.common_name = "Intel SGX PCK Processor CA";
	quote_rig_issue(&rig, &rig.root, request, &rig.platform_ca);
	quote_rig_issue_pck(&rig); /* with what only the Platform CA writes */
	quote_rig_crl(&rig, &rig.platform_ca, NULL, rig.now_s - 60, &rig.pck_crl);
	quote_rig_refused(&rig, "quote.pck.malformed");
	rig.processor.of_platform_ca = false;
	rig.processor.sgx_type = 0;
	quote_rig_issue_pck(&rig);
	quote_rig_trusted(&rig);
	assert_false(rig.claims.has_platform_instance_id);
	rig.processor.sgx_type = 3;
	quote_rig_issue_pck(&rig);
	quote_rig_refused(&rig, "quote.pck.malformed");
}

static void expired_certificates(void **state)
{
	struct certificate_request request = pck_request;

	(void)state;
	request.not_before_s = (int64_t)rig.now_s - RIG_DAY_S;
	request.not_after_s = (int64_t)rig.now_s - 2;
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.chain.expired");
	request.not_before_s = (int64_t)rig.now_s + 2;
	request.not_after_s = (int64_t)rig.now_s + RIG_DAY_S;
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.chain.expired");
	issue_pck_as(pck_request, &rig.platform_ca);
	request.common_name = "Intel SGX TCB Signing";
	quote_rig_issue(&rig, &rig.root, request, &rig.tcb_signing);
	quote_rig_refused(&rig, "quote.tcbsigning");
}

static void sgx_extension(void **state)
{
	static const uint8_t broken[] = {0x30, 0x03, 0x02, 0x01, 0x00};
	struct certificate_request request = pck_request;

	(void)state;
	quote_rig_issue(&rig, &rig.platform_ca, pck_request, &rig.pck); /* none */
	quote_rig_refused(&rig, "quote.pck.malformed");
	request.sgx = SPAN_OF(broken);
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.pck.malformed");
	quote_rig_sign(&rig); /* a raw quote under the same OID, as TLS certificates of Intel's SDK have it */
	request.sgx = span_of(rig.quote, 1000);
	issue_pck_as(request, &rig.platform_ca);
	quote_rig_refused(&rig, "quote.pck.malformed");
}

static void signature_algorithm(void **state)
{
	(void)state;
	assert_true(X509_sign(rig.pck.certificate, rig.platform_ca.key, EVP_sha384()) > 0);
	quote_rig_put_chain(&rig);
	quote_rig_refused(&rig, "quote.chain");
}

static void tcb_signing(void **state)
{
	struct certificate_request request = { .common_name = "Intel SGX TCB Signing 2" };

	(void)state;
	quote_rig_issue(&rig, &rig.root, request, &rig.tcb_signing);
	quote_rig_refused(&rig, "quote.tcbsigning");
	request.common_name = "Intel SGX TCB Signing";
	quote_rig_issue(&rig, &rig.platform_ca, request, &rig.tcb_signing); /* by the wrong CA */
	quote_rig_refused(&rig, "quote.tcbsigning");
	quote_rig_issue(&rig, NULL, request, &rig.tcb_signing);
	quote_rig_refused(&rig, "quote.tcbsigning");
}

static void collateral_of_other_root(void **state)
{
	static struct quote_rig other;

	(void)state;
	quote_rig_init(&other, RIG_SGX3, 0);
	quote_rig_sign(&other);
	quote_rig_sign(&rig);
	rig.collateral.root_certificate = other.collateral.root_certificate;
	quote_rig_refused_as_is(&rig, "quote.collateral.root");
	rig.collateral = other.collateral; /* whole, and valid for what it is */
	quote_rig_refused_as_is(&rig, "quote.collateral.root");
	quote_rig_sign(&rig);
	rig.collateral.pck_crl_issuer = other.collateral.pck_crl_issuer;
	quote_rig_refused_as_is(&rig, "quote.crl");
	quote_rig_end(&other);
}

/* ---- CRLs that are not whole ---- */

static void crl_kinds(void **state)
{
	const uint8_t *at = rig.pck_crl.bytes;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)rig.pck_crl.size);
	ASN1_INTEGER *base = ASN1_INTEGER_new();
	uint8_t *der = NULL;
	int size;

	(void)state;
	assert_non_null(crl);
	assert_int_equal(ASN1_INTEGER_set(base, 1), 1);
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, X509V3_ADD_DEFAULT), 1);
	assert_true(X509_CRL_sign(crl, rig.platform_ca.key, EVP_sha256()) > 0);
	size = i2d_X509_CRL(crl, &der);
	assert_in_range(size, 1, (int)sizeof rig.pck_crl.bytes);
	memcpy(rig.pck_crl.bytes, der, (size_t)size);
	rig.pck_crl.size = (size_t)size;
	quote_rig_refused(&rig, "quote.crl");
	OPENSSL_free(der);
	ASN1_INTEGER_free(base);
	X509_CRL_free(crl);
}

/* A CA that may sign certificates, and not CRLs. */
static void crl_issuer_may(void **state)
{
	X509 *ca = rig.platform_ca.certificate;
	int at = X509_get_ext_by_NID(ca, NID_key_usage, -1);
	X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "critical,keyCertSign");

	(void)state;
	assert_true(at >= 0 && usage != NULL);
	X509_EXTENSION_free(X509_delete_ext(ca, at));
	assert_int_equal(X509_add_ext(ca, usage, -1), 1);
	assert_true(X509_sign(ca, rig.root.key, EVP_sha256()) > 0);
	ca = X509_dup(ca); /* what OpenSSL had cached of the old extension is not in the copy */
	X509_free(rig.platform_ca.certificate);
	rig.platform_ca.certificate = ca;
	X509_EXTENSION_free(usage);
	quote_rig_put_chain(&rig);
	quote_rig_refused(&rig, "quote.crl");
}

static void minimums(void **state)
{
	(void)state;
	rig.policy.min_tcb_evaluation_number = 18;
	quote_rig_refused(&rig, "quote.tcbinfo.old");
	RIG_EDIT(rig.tcb_info, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":18");
	quote_rig_refused(&rig, "quote.qe.old");
	RIG_EDIT(rig.qe_identity, "\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":18");
	quote_rig_trusted(&rig);
	rig.policy.min_root_crl_number = rig.claims.marks.root_crl.number;
	rig.policy.min_pck_crl_number = rig.claims.marks.pck_crl.number;
	quote_rig_trusted(&rig);
	rig.policy.min_root_crl_number++;
	quote_rig_refused(&rig, "quote.crl.old");
	rig.policy.min_root_crl_number--;
	rig.policy.min_pck_crl_number++;
	quote_rig_refused(&rig, "quote.crl.old");
}

/* ---- documents ---- */

static void spoil_tcb(const char *from, const char *to, const char *code)
{
	RIG_EDIT(rig.tcb_info, from, to);
	quote_rig_refused(&rig, code);
	RIG_EDIT(rig.tcb_info, to, from);
}

static void spoil_qe(const char *from, const char *to, const char *code)
{
	RIG_EDIT(rig.qe_identity, from, to);
	quote_rig_refused(&rig, code);
	RIG_EDIT(rig.qe_identity, to, from);
}

static void json_strict(void **state)
{
	(void)state;
	spoil_tcb("\"tcbType\":0,", "\"tcbType\":0,\"tcbType\":0,", "quote.tcbinfo.malformed");
	spoil_tcb("\"id\":\"SGX\",", "\"id\":\"SGX\",\"id\":\"TDX\",", "quote.tcbinfo.malformed");
	spoil_tcb("\"pcesvn\":13", "\"pcesvn\":13,\"pcesvn\":1", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", "{\"svn\":256}", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", "{\"svn\":-7}", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", "{\"svn\":7.0}", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", "{\"svn\":07}", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", "{\"svn\":\"7\"}", "quote.tcbinfo.malformed");
	spoil_tcb("{\"svn\":7}", " 7 ", "quote.tcbinfo.malformed");
	spoil_tcb("\"pcesvn\":13", "\"pcesvn\":65536", "quote.tcbinfo.malformed");
	spoil_tcb("\"tcbLevels\":[", "\"tcbLevels\":[7,", "quote.tcbinfo.malformed");
	spoil_tcb("\"RIG-SA-7\"", " 7 ", "quote.tcbinfo.malformed");
	spoil_tcb("\"RIG-SA-7\"", "\"an id of more characters than any\"", "quote.tcbinfo.malformed");
	spoil_tcb("\"tcbType\":0", "\"tcbType\":1", "quote.tcbinfo.malformed");
	spoil_qe("\"version\":2,", "\"version\":2,\"version\":2,", "quote.qe.malformed");
	spoil_qe("\"isvsvn\":8", "\"isvsvn\":65536", "quote.qe.malformed");
	spoil_qe("\"mrsigner\"", "\"mrsigned\"", "quote.qe.malformed");
	quote_rig_trusted(&rig);
}

static void dates(void **state)
{
	static const char *const bad[] = {
		"2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z",
		"2024-03-13T24:00:00Z", "2024-03-13T00:60:00Z", "2024-03-13 00:00:00Z", "2024-03-13T00:00:00", "2024-03-13T00:00:00+00:00",
		"2024-3-13T00:00:00Z", "1969-12-31T23:59:59Z", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char quoted[64];

		(void)snprintf(quoted, sizeof quoted, "\"tcbDate\":\"%s\"", bad[i]);
		spoil_tcb("\"tcbDate\":\"2024-03-13T00:00:00Z\"", quoted, "quote.tcbinfo.malformed");
		spoil_qe("\"tcbDate\":\"2024-03-13T00:00:00Z\"", quoted, "quote.qe.malformed");
		(void)snprintf(quoted, sizeof quoted, "\"issueDate\":\"%s\",\"issued\"", bad[i]);
		spoil_tcb("\"issueDate\"", quoted, "quote.tcbinfo.version");
		spoil_qe("\"issueDate\"", quoted, "quote.qe.version");
	}
	RIG_EDIT(rig.tcb_info, "\"tcbDate\":\"2024-03-13T00:00:00Z\"", "\"tcbDate\":\"2024-02-29T00:00:00Z\"");
	quote_rig_trusted(&rig);
}

static void other_tee(void **state)
{
	(void)state;
	RIG_EDIT(rig.tcb_info, "\"id\":\"SGX\"", "\"id\":\"TDX\"");
	quote_rig_refused(&rig, "quote.tcbinfo.version");
	RIG_EDIT(rig.tcb_info, "\"id\":\"TDX\"", "\"id\":\"SGX\"");
	RIG_EDIT(rig.qe_identity, "\"id\":\"QE\"", "\"id\":\"TD_QE\"");
	quote_rig_refused(&rig, "quote.qe.version");
	RIG_EDIT(rig.qe_identity, "\"id\":\"TD_QE\"", "\"id\":\"QVE\"");
	quote_rig_refused(&rig, "quote.qe.version");
	for (int kind = RIG_TDX4; kind <= RIG_TDX5; kind++) {
		again((enum rig_kind)kind);
		RIG_EDIT(rig.tcb_info, "\"id\":\"TDX\"", "\"id\":\"SGX\"");
		quote_rig_refused(&rig, "quote.tcbinfo.version");
		RIG_EDIT(rig.tcb_info, "\"id\":\"SGX\"", "\"id\":\"TDX\"");
		RIG_EDIT(rig.qe_identity, "\"id\":\"TD_QE\"", "\"id\":\"QE\"");
		quote_rig_refused(&rig, "quote.qe.version");
	}
}

static void other_documents(void **state)
{
	(void)state;
	spoil_tcb("\"version\":3", "\"version\":2", "quote.tcbinfo.version");
	spoil_tcb("\"version\":3", "\"version\":4", "quote.tcbinfo.version");
	spoil_qe("\"version\":2", "\"version\":1", "quote.qe.version");
	spoil_tcb("\"fmspc\":\"00", "\"fmspc\":\"01", "quote.tcbinfo.fmspc");
	spoil_tcb("\"pceId\":\"0000\"", "\"pceId\":\"0001\"", "quote.tcbinfo.pceid");
	quote_rig_sign(&rig);
	rig.collateral.tcb_info = rig.collateral.qe_identity; /* each signed, in the other's place */
	rig.collateral.tcb_info_signature = rig.collateral.qe_identity_signature;
	quote_rig_refused_as_is(&rig, "quote.tcbinfo.version");
}

static void statuses_are_a_list_of_what_is_allowed(void **state)
{
	static const char *const names[] = { "\"UpToDate\"", "\"SWHardeningNeeded\"", "\"ConfigurationNeeded\"",
					     "\"ConfigurationAndSWHardeningNeeded\"", "\"OutOfDate\"", "\"OutOfDateConfigurationNeeded\"" };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		again(RIG_SGX3);
		RIG_EDIT(rig.tcb_info, "\"UpToDate\"", names[i]);
		rig.policy.accepted_statuses = 0;
		quote_rig_refused(&rig, "quote.tcb.status");
		rig.policy.accepted_statuses = ~(1u << i);
		quote_rig_refused(&rig, "quote.tcb.status");
		rig.policy.accepted_statuses = 1u << i;
		quote_rig_trusted(&rig);
		assert_int_equal(rig.claims.tcb_status, i);
	}
}

/* ---- TDX levels ---- */

static void td_levels(void **state)
{
	(void)state;
	again(RIG_TDX4);
	quote_rig_td(&rig)[2] = 5; /* the TD's components reach the second level only, the processor's the first */
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.platform_status, TCB_OUT_OF_DATE);
	quote_rig_td(&rig)[2] = 1;
	quote_rig_refused(&rig, "quote.tcb.unsupported");
	/* without a module version all sixteen count, and tdxModule is the identity */
	memcpy(quote_rig_td(&rig), (uint8_t[]){7, 0, 7}, 3);
	quote_rig_trusted(&rig);
	quote_rig_td(&rig)[0] = 6;
	quote_rig_refused(&rig, "quote.tcb.status");
	/* attributes that no module has, even where a document lists them */
	RIG_EDIT(rig.tcb_info, "\"attributes\":\"0000000000000000\"", "\"attributes\":\"0100000000000000\"");
	quote_rig_td(&rig)[112] = 1;
	quote_rig_refused(&rig, "quote.tdx.module");
}

/* Intel's rule for a TD that only has to be launched again: all new but what it was launched under. */
static void td_relaunch(void **state)
{
	(void)state;
	again(RIG_TDX5);
	memcpy(quote_rig_td(&rig), (uint8_t[]){5, 1, 5}, 3);
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_TD_RELAUNCH_ADVISED);
	rig.policy.accepted_statuses |= 1u << TCB_TD_RELAUNCH_ADVISED;
	quote_rig_trusted(&rig);
	quote_rig_td(&rig)[586] = 6; /* what runs now is old, too */
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
	quote_rig_td(&rig)[586] = 7;
	quote_rig_td(&rig)[584] = 5; /* its module is not the newest */
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
	quote_rig_td(&rig)[584] = 6;
	quote_rig_td(&rig)[585] = 9; /* or nobody knows it */
	quote_rig_refused(&rig, "quote.tdx.module");
	quote_rig_td(&rig)[585] = 1;
	RIG_EDIT(rig.tcb_info, "\"tcbStatus\":\"UpToDate\",\"advisoryIDs\":[\"RIG-SA-7\"]", "\"tcbStatus\":\"ConfigurationNeeded\"");
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED);
	rig.qe_report[258] = 7; /* an old QE: no advice */
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
}

static void missing_collateral(void **state)
{
	(void)state;
	quote_rig_sign(&rig);
	rig.checks = (struct checks){0};
	assert_int_equal(quote_appraise(span_of(rig.quote, rig.quote_size), NULL, &rig.policy, rig.now_s, &rig.checks, &rig.claims),
			 TCB_WRONG_STATE);
	assert_true(rig.checks.missing);
	assert_int_equal(rig.claims.tcb_status, TCB_NOT_SUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_and_uses),
		TEST(intermediates),
		TEST(other_root),
		TEST(processor_ca),
		TEST(expired_certificates),
		TEST(sgx_extension),
		TEST(signature_algorithm),
		TEST(tcb_signing),
		TEST(collateral_of_other_root),
		TEST(crl_kinds),
		TEST(crl_issuer_may),
		TEST(minimums),
		TEST(json_strict),
		TEST(dates),
		TEST(other_tee),
		TEST(other_documents),
		TEST(statuses_are_a_list_of_what_is_allowed),
		TEST(td_levels),
		TEST(td_relaunch),
		TEST(missing_collateral),
	};

	return cmocka_run_group_tests_name("verify/collateral-strict", tests, NULL, NULL);
}
