// SPDX-License-Identifier: MIT
/* verify/bug-table: the bugs that other verifiers had (docs/dcap.md has the table), each tried on quotes and collateral that are signed anew. A
 * name starts with its row: the project or advisory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "tests/verify/quote_rig.h"
#include "verify/appraise/tcb.h"

static struct quote_rig rig;

static int start_sgx(void **state)
{
	(void)state;
	quote_rig_init(&rig, RIG_SGX3, 0);
	return 0;
}

static int start_tdx4(void **state)
{
	(void)state;
	quote_rig_init(&rig, RIG_TDX4, 0);
	return 0;
}

static int start_tdx5(void **state)
{
	(void)state;
	quote_rig_init(&rig, RIG_TDX5, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	quote_rig_end(&rig);
	return 0;
}

/* ---- QE identity ---- */

static void qe_identity_forged(void **state)
{
	struct issuer stranger = {0};

	(void)state;
	quote_rig_trusted(&rig);
	RIG_EDIT(rig.qe_identity, "\"isvsvn\":8", "\"isvsvn\":7"); /* not signed again */
	rig.collateral.qe_identity = span_of_text(rig.qe_identity);
	quote_rig_refused_as_is(&rig, "quote.qe.signature");
	rig.collateral.qe_identity_signature = (struct p256_signature){0};
	quote_rig_refused_as_is(&rig, "quote.qe.signature");
	/* signed by the root's own key, or by a stranger of the same name */
	quote_rig_sign(&rig);
	assert_int_equal(crypto_sign(rig.root.key, rig.collateral.qe_identity, &rig.collateral.qe_identity_signature), TCB_OK);
	quote_rig_refused_as_is(&rig, "quote.qe.signature");
	quote_rig_issue(&rig, NULL, (struct certificate_request){ .common_name = "Intel SGX TCB Signing" }, &stranger);
	assert_int_equal(crypto_sign(stranger.key, rig.collateral.qe_identity, &rig.collateral.qe_identity_signature), TCB_OK);
	quote_rig_refused_as_is(&rig, "quote.qe.signature");
	issuer_wipe(&stranger);
}

static void qe_identity_expired(void **state)
{
	(void)state;
	RIG_EDIT(rig.qe_identity, "\"nextUpdate\":\"2", "\"nextUpdate\":\"1"); /* a thousand years ago: no date that we take */
	quote_rig_refused(&rig, "quote.qe.version");
	quote_rig_end(&rig);
	quote_rig_init(&rig, RIG_SGX3, 1700000000); /* made 2023-11-14, valid to 2023-11-24 */
	RIG_EDIT(rig.qe_identity, "\"nextUpdate\":\"2023-11-24T", "\"nextUpdate\":\"2023-11-14T");
	rig.now_s = 1700000000 + 2;
	quote_rig_refused(&rig, "quote.collateral.expired");
	rig.now_s = 1700000000;
	quote_rig_trusted(&rig);
}

/* ---- levels ---- */

static void pce_svn_direction(void **state)
{
	(void)state;
	/* the processor has 13: a level that wants 14 is not reached, one that wants 12 is */
	RIG_EDIT(rig.tcb_info, "\"pcesvn\":13", "\"pcesvn\":14");
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
	RIG_EDIT(rig.tcb_info, "\"pcesvn\":14", "\"pcesvn\":12");
	quote_rig_trusted(&rig);
}

static void level_order(void **state)
{
	(void)state;
	/* the second level before the first: an OutOfDate processor would be UpToDate, or the other way round */
	RIG_EDIT(rig.tcb_info, "\"svn\":7", "\"svn\":4");
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	RIG_EDIT(rig.tcb_info, "\"svn\":4", "\"svn\":5"); /* the first component equal, the others above: still in order */
	quote_rig_trusted(&rig);
	RIG_EDIT(rig.tcb_info, "\"pcesvn\":13", "\"pcesvn\":9");
	quote_rig_trusted(&rig);
	quote_rig_end(&rig);
	quote_rig_init(&rig, RIG_SGX3, 0);
	RIG_EDIT(rig.qe_identity, "\"isvsvn\":6", "\"isvsvn\":9");
	quote_rig_refused(&rig, "quote.qe.malformed");
	RIG_EDIT(rig.qe_identity, "\"isvsvn\":9", "\"isvsvn\":8"); /* twice the same */
	quote_rig_refused(&rig, "quote.qe.malformed");
}

static void component_array_15(void **state)
{
	(void)state;
	RIG_EDIT(rig.tcb_info, "{\"svn\":7},{\"svn\":7}],", "{\"svn\":7}],"); /* fifteen */
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	RIG_EDIT(rig.tcb_info, "{\"svn\":7}],", "{\"svn\":7},{\"svn\":7},{\"svn\":7}],"); /* seventeen */
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	RIG_EDIT(rig.tcb_info, "{\"svn\":7},{\"svn\":7},{\"svn\":7}],", "{\"svn\":7},{\"svn\":7}],");
	quote_rig_trusted(&rig);
	/* the last component counts */
	RIG_EDIT(rig.tcb_info, "{\"svn\":7}],", "{\"svn\":8}],");
	quote_rig_refused(&rig, "quote.tcb.status");
}

static void component_array_15_tdx(void **state)
{
	(void)state;
	RIG_EDIT(rig.tcb_info, "{\"svn\":0}]},", "{\"svn\":0},{\"svn\":0}]},");
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	RIG_EDIT(rig.tcb_info, "{\"svn\":0},{\"svn\":0},{\"svn\":0}]},", "{\"svn\":0}]},");
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
}

static void status_unknown(void **state)
{
	static const char *const none[] = { "\"Excellent\"", "\"uptodate\"", "\"\"", "\"NotSupported\"", "\"TDRelaunchAdvised\"", " 7 ", "null" };

	(void)state;
	rig.policy.accepted_statuses = ~0u;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		RIG_EDIT(rig.tcb_info, "\"UpToDate\"", none[i]);
		quote_rig_refused(&rig, "quote.tcbinfo.malformed");
		RIG_EDIT(rig.tcb_info, none[i], "\"UpToDate\"");
	}
	/* of a level that is not reached, too */
	RIG_EDIT(rig.tcb_info, "\"OutOfDate\"", "\"Excellent\"");
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	RIG_EDIT(rig.tcb_info, "\"Excellent\"", "\"OutOfDate\"");
	RIG_EDIT(rig.qe_identity, "\"UpToDate\"", "\"Excellent\"");
	quote_rig_refused(&rig, "quote.qe.malformed");
}

static void status_revoked(void **state)
{
	(void)state;
	rig.policy.accepted_statuses = ~0u; /* whatever a policy says */
	RIG_EDIT(rig.tcb_info, "\"UpToDate\"", "\"Revoked\"");
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_REVOKED);
	RIG_EDIT(rig.tcb_info, "\"Revoked\"", "\"UpToDate\"");
	RIG_EDIT(rig.qe_identity, "\"UpToDate\"", "\"Revoked\"");
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_REVOKED);
	/* and no level at all */
	RIG_EDIT(rig.qe_identity, "\"Revoked\"", "\"UpToDate\"");
	memset(rig.processor.component_svn, 1, sizeof rig.processor.component_svn);
	quote_rig_issue_pck(&rig);
	quote_rig_refused(&rig, "quote.tcb.unsupported");
}

static void status_surfaced(void **state)
{
	(void)state;
	RIG_EDIT(rig.tcb_info, "\"svn\":7", "\"svn\":8");
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
	assert_int_equal(rig.claims.platform_status, TCB_OUT_OF_DATE);
	assert_int_equal(rig.claims.qe_status, TCB_UP_TO_DATE);
	assert_int_equal(rig.claims.tcb_date_s, 1710288000);
	assert_int_equal(rig.claims.advisory_count, 1);
	assert_string_equal(rig.claims.advisories[0], "RIG-SA-5");
	rig.policy.accepted_statuses |= 1u << TCB_OUT_OF_DATE;
	quote_rig_trusted(&rig);
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
}

static void converged(const char *platform, const char *qe, enum tcb_status wanted)
{
	quote_rig_end(&rig);
	quote_rig_init(&rig, RIG_SGX3, 0);
	rig.policy.accepted_statuses = ~0u;
	RIG_EDIT(rig.tcb_info, "\"UpToDate\"", platform);
	RIG_EDIT(rig.qe_identity, "\"UpToDate\"", qe);
	quote_rig_sign(&rig);
	(void)quote_rig_appraise(&rig);
	assert_int_equal(rig.claims.tcb_status, wanted);
}

static void convergence(void **state)
{
	(void)state;
	converged("\"ConfigurationNeeded\"", "\"OutOfDate\"", TCB_OUT_OF_DATE_CONFIGURATION_NEEDED);
	converged("\"ConfigurationAndSWHardeningNeeded\"", "\"OutOfDate\"", TCB_OUT_OF_DATE_CONFIGURATION_NEEDED);
	converged("\"OutOfDateConfigurationNeeded\"", "\"OutOfDate\"", TCB_OUT_OF_DATE_CONFIGURATION_NEEDED);
	converged("\"SWHardeningNeeded\"", "\"OutOfDate\"", TCB_OUT_OF_DATE);
	converged("\"UpToDate\"", "\"OutOfDate\"", TCB_OUT_OF_DATE);
	converged("\"ConfigurationNeeded\"", "\"UpToDate\"", TCB_CONFIGURATION_NEEDED);
	converged("\"UpToDate\"", "\"Revoked\"", TCB_REVOKED);
	converged("\"Revoked\"", "\"OutOfDate\"", TCB_REVOKED);
}

/* ---- the quote ---- */

static void debug_sgx(void **state)
{
	(void)state;
	quote_rig_sgx(&rig)[48] |= 0x2;
	quote_rig_refused(&rig, "quote.enclave.debug");
	assert_int_equal(rig.claims.tcb_status, TCB_UP_TO_DATE); /* and all else is well */
}

static void debug_tdx(void **state)
{
	(void)state;
	for (int bit = 0; bit < 8; bit++) { /* the whole group "TD under debug" */
		quote_rig_td(&rig)[120] = (uint8_t)(1 << bit);
		quote_rig_refused(&rig, "quote.td.debug");
	}
}

static void vendor_id(void **state)
{
	(void)state;
	for (int i = 12; i < 28; i++) {
		rig.header[i] ^= 1;
		quote_rig_refused(&rig, "quote.malformed");
		rig.header[i] ^= 1;
	}
	quote_rig_trusted(&rig);
}

static void windows(void **state)
{
	(void)state;
	quote_rig_end(&rig);
	quote_rig_init(&rig, RIG_SGX3, 1700000000);
	quote_rig_sign(&rig);
	rig.now_s = rig.made_s + 10 * RIG_DAY_S; /* the last second */
	assert_int_equal(quote_rig_appraise(&rig), TCB_OK);
	/* each document by itself, a day before the others end, two seconds too late */
	RIG_EDIT(rig.tcb_info, "\"nextUpdate\":\"2023-11-24T", "\"nextUpdate\":\"2023-11-23T");
	rig.now_s = rig.made_s + 9 * RIG_DAY_S + 2;
	quote_rig_refused(&rig, "quote.collateral.expired");
	RIG_EDIT(rig.tcb_info, "\"nextUpdate\":\"2023-11-23T", "\"nextUpdate\":\"2023-11-24T");
	quote_rig_trusted(&rig);
	RIG_EDIT(rig.tcb_info, "\"issueDate\":\"2023-11-04T", "\"issueDate\":\"2023-11-24T"); /* of the future */
	quote_rig_refused(&rig, "quote.collateral.expired");
	RIG_EDIT(rig.tcb_info, "\"issueDate\":\"2023-11-24T", "\"issueDate\":\"2023-11-04T");
	quote_rig_crl(&rig, &rig.root, NULL, rig.now_s - 20 * RIG_DAY_S - 2, &rig.root_crl); /* ended two seconds ago */
	quote_rig_refused(&rig, "quote.collateral.expired");
}

static void given_time(void **state)
{
	static const uint64_t years[] = { 946684800 /* 2000 */, 1262304000, 2208988800 /* 2040 */, 4070908800 /* 2099 */ };

	(void)state;
	for (size_t i = 0; i < sizeof years / sizeof years[0]; i++) {
		quote_rig_end(&rig);
		quote_rig_init(&rig, RIG_SGX3, years[i]);
		quote_rig_trusted(&rig); /* the system's clock says that none of it is valid */
		rig.now_s = years[i] + 11 * RIG_DAY_S;
		quote_rig_refused(&rig, "quote.chain.expired");
		rig.now_s = years[i] - 11 * RIG_DAY_S;
		quote_rig_refused(&rig, "quote.chain.expired");
	}
}

/* ---- TDX ---- */

static void module_missing(void **state)
{
	(void)state;
	quote_rig_trusted(&rig);
	quote_rig_td(&rig)[1] = 3; /* a module "TDX_03": not listed */
	quote_rig_refused(&rig, "quote.tdx.module");
	quote_rig_td(&rig)[1] = 1;
	quote_rig_td(&rig)[0] = 3; /* below all of its levels */
	quote_rig_refused(&rig, "quote.tdx.module");
	quote_rig_td(&rig)[0] = 5; /* an old one */
	if (rig.kind == RIG_TDX5)
		quote_rig_td(&rig)[584] = 5; /* and it runs now: tee_tcb_svn2 */
	quote_rig_refused(&rig, "quote.tcb.status");
	assert_int_equal(rig.claims.tcb_status, TCB_OUT_OF_DATE);
	assert_int_equal(rig.claims.module_status, TCB_OUT_OF_DATE);
	assert_int_equal(rig.claims.platform_status, TCB_UP_TO_DATE);
	assert_string_equal(rig.claims.advisories[1], "RIG-SA-MODULE");
}

static void module_mismatch(void **state)
{
	(void)state;
	quote_rig_td(&rig)[64] = 1; /* MRSIGNERSEAM */
	quote_rig_refused(&rig, "quote.tdx.module");
	quote_rig_td(&rig)[64] = 0;
	quote_rig_td(&rig)[112] = 1; /* SEAMATTRIBUTES */
	quote_rig_refused(&rig, "quote.tdx.module");
	quote_rig_td(&rig)[112] = 0;
	RIG_EDIT(rig.tcb_info, "\"TDX_01\"", "\"tdx_01\""); /* case does not count */
	quote_rig_trusted(&rig);
	RIG_EDIT(rig.tcb_info, "\"tdxModuleIdentities\"", "\"tdxModuleIdentitie\"");
	quote_rig_refused(&rig, "quote.tdx.module");
}

static void service_td_and_sept(void **state)
{
	(void)state;
	quote_rig_td(&rig)[123] = 0; /* SEPT_VE_DISABLE clear */
	memset(quote_rig_td(&rig) + 600, 0x55, 48);
	quote_rig_trusted(&rig); /* what a TD should be is its user's policy: reported, always the same way */
	assert_int_equal(rig.claims.td.td_attributes, 0);
	assert_true(rig.claims.td.has_td15);
	assert_int_equal(rig.claims.td.mr_service_td[47], 0x55);
}

/* ---- trailing bytes ---- */

static void after_json(void **state)
{
	size_t size = strlen(rig.tcb_info);

	(void)state;
	memcpy(rig.tcb_info + size, "{}", 3);
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	memcpy(rig.tcb_info + size, "\x01", 2);
	quote_rig_refused(&rig, "quote.tcbinfo.malformed");
	memcpy(rig.tcb_info + size, "\n", 2); /* white space is JSON, and signed */
	quote_rig_trusted(&rig);
	size = strlen(rig.qe_identity);
	memcpy(rig.qe_identity + size, ",", 2);
	quote_rig_refused(&rig, "quote.qe.malformed");
	rig.qe_identity[size] = '\0';
	quote_rig_sign(&rig);
	rig.collateral.tcb_info.size--; /* and not a byte less than was signed */
	quote_rig_refused_as_is(&rig, "quote.tcbinfo.signature");
}

static void after_crl(void **state)
{
	(void)state;
	rig.pck_crl.size++;
	quote_rig_refused(&rig, "quote.collateral.malformed");
	rig.pck_crl.size -= 2;
	quote_rig_refused(&rig, "quote.collateral.malformed");
	rig.pck_crl.size++;
	rig.root_crl.size++;
	quote_rig_refused(&rig, "quote.collateral.malformed");
	rig.root_crl.size--;
	quote_rig_trusted(&rig);
	rig.ders[0].bytes[rig.collateral.tcb_signing_certificate.size] = 0;
	rig.collateral.tcb_signing_certificate.size++;
	quote_rig_refused_as_is(&rig, "quote.collateral.malformed");
}

/* ---- revocation, which must not fail open ---- */

static void revoked_pck(void **state)
{
	(void)state;
	quote_rig_crl(&rig, &rig.platform_ca, (X509 *[]){rig.pck.certificate, NULL}, rig.now_s - 60, &rig.pck_crl);
	quote_rig_refused(&rig, "quote.pck.revoked");
}

static void revoked_pck_garbage_crl(void **state)
{
	(void)state;
	memset(rig.pck_crl.bytes, 0xa5, sizeof rig.pck_crl.bytes);
	rig.pck_crl.size = 300;
	quote_rig_refused(&rig, "quote.collateral.malformed");
	rig.pck_crl.size = 0;
	quote_rig_refused(&rig, "quote.collateral.malformed");
	quote_rig_crl(&rig, &rig.platform_ca, NULL, rig.now_s - 60, &rig.pck_crl);
	rig.pck_crl.bytes[rig.pck_crl.size - 1] ^= 1; /* its signature */
	quote_rig_refused(&rig, "quote.crl");
}

static void revoked_pck_foreign_crl(void **state)
{
	struct issuer stranger = {0};

	(void)state;
	quote_rig_crl(&rig, &rig.root, NULL, rig.now_s - 60, &rig.pck_crl); /* the root's in its place */
	quote_rig_refused(&rig, "quote.crl");
	quote_rig_issue(&rig, &rig.root, (struct certificate_request){ .common_name = "Intel SGX PCK Processor CA", .is_ca = true }, &stranger);
	quote_rig_crl(&rig, &stranger, NULL, rig.now_s - 60, &rig.pck_crl); /* the other CA's */
	quote_rig_refused(&rig, "quote.crl");
	quote_rig_issue(&rig, &rig.root, (struct certificate_request){ .common_name = "Intel SGX PCK Platform CA", .is_ca = true }, &stranger);
	quote_rig_crl(&rig, &stranger, NULL, rig.now_s - 60, &rig.pck_crl); /* one of the same name, another key */
	quote_rig_refused(&rig, "quote.crl");
	issuer_wipe(&stranger);
}

static void revoked_pck_stale_crl(void **state)
{
	(void)state;
	quote_rig_crl(&rig, &rig.platform_ca, NULL, rig.now_s - 20 * RIG_DAY_S - 2, &rig.pck_crl); /* two seconds over */
	quote_rig_refused(&rig, "quote.collateral.expired");
	quote_rig_crl(&rig, &rig.platform_ca, NULL, rig.now_s + 2, &rig.pck_crl); /* not yet */
	quote_rig_refused(&rig, "quote.collateral.expired");
}

static void revoked_intermediate(void **state)
{
	(void)state;
	quote_rig_crl(&rig, &rig.root, (X509 *[]){rig.platform_ca.certificate, NULL}, rig.now_s - 60, &rig.root_crl);
	quote_rig_refused(&rig, "quote.intermediate.revoked");
	quote_rig_crl(&rig, &rig.root, (X509 *[]){rig.tcb_signing.certificate, NULL}, rig.now_s - 60, &rig.root_crl);
	quote_rig_refused(&rig, "quote.tcbsigning.revoked");
}

/* ---- what cannot be noticed ---- */

static void which_processor(void **state)
{
	uint8_t ppid[16];

	(void)state;
	quote_rig_trusted(&rig);
	memcpy(ppid, rig.claims.ppid, sizeof ppid);
	assert_true(rig.claims.has_platform_instance_id);
	assert_int_equal(rig.claims.qe_id[0], 0x1d);
	quote_rig_issue_pck(&rig); /* another processor */
	quote_rig_trusted(&rig);
	assert_memory_not_equal(ppid, rig.claims.ppid, sizeof ppid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"CVE-2026-22696 GHSA-796p-j2gh-9m2q dcap-qvl: forged QE identity", qe_identity_forged, start_sgx, end, NULL},
		{"CVE-2026-22696 GHSA-796p-j2gh-9m2q dcap-qvl: expired QE identity", qe_identity_expired, start_sgx, end, NULL},
		{"oasis-core d1a4eddfd: PCESVN is compared the right way round", pce_svn_direction, start_sgx, end, NULL},
		{"oasis-core d1a4eddfd: the same for TDX", pce_svn_direction, start_tdx4, end, NULL},
		{"taiko 21824, QVL by design: a DEBUG enclave", debug_sgx, start_sgx, end, NULL},
		{"taiko 21824, QVL by design: a DEBUG TD", debug_tdx, start_tdx4, end, NULL},
		{"aleph-vm 1195: documents outside their windows", windows, start_sgx, end, NULL},
		{"dcap-qvl 127: vendor id altered and signed again", vendor_id, start_sgx, end, NULL},
		{"dcap-qvl 127: vendor id altered in TDX", vendor_id, start_tdx5, end, NULL},
		{"dcap-qvl 124, go-tdx-guest 37: TDX module not identified, v4", module_missing, start_tdx4, end, NULL},
		{"dcap-qvl 124, go-tdx-guest 37: TDX module not identified, v5", module_missing, start_tdx5, end, NULL},
		{"dcap-qvl 124, go-tdx-guest 37: another TDX module", module_mismatch, start_tdx5, end, NULL},
		{"dcap-qvl 126: shuffled levels", level_order, start_sgx, end, NULL},
		{"dcap-qvl bdf315d GHSA-6q6c-vvf9-fj3w: fifteen components", component_array_15, start_sgx, end, NULL},
		{"dcap-qvl bdf315d GHSA-6q6c-vvf9-fj3w: fifteen TDX components", component_array_15_tdx, start_tdx4, end, NULL},
		{"dcap-qvl 2a5efcb: bytes after JSON", after_json, start_sgx, end, NULL},
		{"dcap-qvl 581c767: bytes after a CRL", after_crl, start_sgx, end, NULL},
		{"dcap-qvl cf5dc43: a made-up status", status_unknown, start_sgx, end, NULL},
		{"dcap-qvl 22942e7: Revoked is never accepted", status_revoked, start_sgx, end, NULL},
		{"dcap-qvl JS 0.3.9: a revoked PCK", revoked_pck, start_sgx, end, NULL},
		{"dcap-qvl JS 0.3.9: a revoked PCK with a garbage CRL", revoked_pck_garbage_crl, start_sgx, end, NULL},
		{"dcap-qvl JS 0.3.9: a revoked PCK with a foreign CRL", revoked_pck_foreign_crl, start_sgx, end, NULL},
		{"dcap-qvl JS 0.3.9: a revoked PCK with a stale CRL", revoked_pck_stale_crl, start_sgx, end, NULL},
		{"rust-sgx 925: the root CRL revokes intermediate and TCB Signing", revoked_intermediate, start_sgx, end, NULL},
		{"oasis-core cbefc5ecb: the given time, years from the system's", given_time, start_sgx, end, NULL},
		{"dcap-qvl 972c3f4, 79fe652: MRSERVICETD and SEPT_VE_DISABLE are reported", service_td_and_sept, start_tdx5, end, NULL},
		{"go-tdx-guest 57: which level was reached is reported", status_surfaced, start_sgx, end, NULL},
		{"dcap-qvl JS 0.3.9: convergence keeps ConfigurationNeeded", convergence, start_sgx, end, NULL},
		{"WireTap, TEE.fail, Battering RAM: which processor it was is reported", which_processor, start_sgx, end, NULL},
	};

	return cmocka_run_group_tests_name("verify/bug-table", tests, NULL, NULL);
}
