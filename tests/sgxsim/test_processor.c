// SPDX-License-Identifier: MIT
/* sgxsim/: what a processor must refuse. Each test has platforms of its own in a temporary directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/instruction.h"
#include "sgxsim/file.h"
#include "sgxsim/launch.h"
#include "sgxsim/pki.h"
#include "sgxsim/processor.h"
#include "sgxsim/sigstruct.h"

static char dir[] = "/tmp/tcbind-sgxsim.XXXXXX";
static struct processor one, two;
static EVP_PKEY *signer;
static uint8_t answer_bytes[INSTRUCTION_MAX];

static const struct enclave_identity acm = { .isv_prod_id = ROLE_ACM, .isv_svn = 3, .attributes = 5 };
static const struct enclave_identity pse = { .mrenclave = {1}, .mrsigner = {2}, .isv_prod_id = ROLE_PSE, .isv_svn = 2,
					     .attributes = 5 };
static const struct enclave_identity vtpm = { .mrenclave = {3}, .mrsigner = {2}, .isv_prod_id = ROLE_VTPM, .isv_svn = 2,
					      .attributes = 5 };

static enum tcb_error execute(struct processor *p, const struct enclave_identity *self, enum instruction instruction,
			      struct span body, struct span *ret_answer)
{
	uint8_t request_bytes[1024];
	struct writer request = WRITER_OF(request_bytes), answer = WRITER_OF(answer_bytes);

	writer_u8(&request, (uint8_t)instruction);
	writer_bytes(&request, body);
	TRY(processor_execute(p, self, span_of(request_bytes, request.size), &answer));
	return writer_end(&answer, ret_answer);
}

static void path_of(char *ret_path, const char *name)
{
	(void)snprintf(ret_path, 4096, "%s/%s", dir, name);
}

static int setup(void **state)
{
	static uint8_t sigstruct[SIGSTRUCT_SIZE];
	char pki[4096], sig[4096], a[4096], b[4096];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	BIGNUM *three = NULL;

	(void)state;
	if (crypto_init() != TCB_OK || mkdtemp(dir) == NULL || BN_dec2bn(&three, "3") == 0 ||
	    EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072) != 1 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three) != 1 || EVP_PKEY_keygen(ctx, &signer) != 1)
		return -1;
	BN_free(three);
	EVP_PKEY_CTX_free(ctx);
	path_of(pki, "P");
	path_of(sig, "acm.sig");
	path_of(a, "A");
	path_of(b, "B");
	if (sigstruct_sign(signer, &acm, sigstruct) != TCB_OK || file_write(sig, SPAN_OF(sigstruct), 0600, NULL) != TCB_OK ||
	    pki_init(pki, NULL) != TCB_OK || mkdir(a, 0700) != 0 || mkdir(b, 0700) != 0 ||
	    processor_fuse(a, pki, sig, NULL) != TCB_OK || processor_fuse(b, pki, sig, NULL) != TCB_OK)
		return -1;
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	EVP_PKEY_free(signer);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static int reset(void **state)
{
	char a[4096], b[4096];

	(void)state;
	path_of(a, "A");
	path_of(b, "B");
	return processor_reset(&one, a, NULL) == TCB_OK && processor_reset(&two, b, NULL) == TCB_OK ? 0 : -1;
}

static int release(void **state)
{
	(void)state;
	EVP_PKEY_free(one.attestation);
	EVP_PKEY_free(one.fuses.pck);
	EVP_PKEY_free(two.attestation);
	EVP_PKEY_free(two.fuses.pck);
	return 0;
}

static void the_bank_is_written_by_the_acm_once_and_then_locked(void **state)
{
	static const uint8_t ak[] = {0, 2, 'A', 'K'}, other[] = {0, 2, 'X', 'X'};
	struct span answer;

	(void)state;
	assert_int_equal(execute(&one, &acm, INSTRUCTION_LOCK_BANK, span_of(NULL, 0), &answer), TCB_WRONG_STATE);
	assert_int_equal(execute(&one, &pse, INSTRUCTION_WRITE_BANK, SPAN_OF(ak), &answer), TCB_REFUSED);
	assert_int_equal(execute(&one, &vtpm, INSTRUCTION_READ_BANK, span_of(NULL, 0), &answer), TCB_REFUSED);
	assert_int_equal(execute(&one, &acm, INSTRUCTION_WRITE_BANK, SPAN_OF(ak), &answer), TCB_OK);
	assert_int_equal(execute(&one, &pse, INSTRUCTION_READ_BANK, span_of(NULL, 0), &answer), TCB_OK);
	assert_int_equal(answer.data[0], 0); /* not locked, and says so */
	assert_int_equal(execute(&one, &acm, INSTRUCTION_LOCK_BANK, span_of(NULL, 0), &answer), TCB_OK);
	assert_int_equal(execute(&one, &acm, INSTRUCTION_WRITE_BANK, SPAN_OF(other), &answer), TCB_REFUSED);
	assert_int_equal(execute(&one, &pse, INSTRUCTION_READ_BANK, span_of(NULL, 0), &answer), TCB_OK);
	assert_int_equal(answer.data[0], 1);
	assert_memory_equal(answer.data + 1 + EPOCH_SIZE, ak, sizeof ak);
}

static void a_reset_draws_a_new_epoch_and_clears_the_bank(void **state)
{
	static const uint8_t ak[] = {0, 2, 'A', 'K'};
	const struct boot_epoch before = one.epoch;
	struct span answer;

	assert_int_equal(execute(&one, &acm, INSTRUCTION_WRITE_BANK, SPAN_OF(ak), &answer), TCB_OK);
	(void)release(state);
	assert_int_equal(reset(state), 0);
	assert_memory_not_equal(&one.epoch, &before, sizeof before);
	assert_int_equal(execute(&one, &pse, INSTRUCTION_READ_BANK, span_of(NULL, 0), &answer), TCB_OK);
	assert_int_equal(answer.size, 1 + EPOCH_SIZE + 2);
}

static void seal_key_of(struct processor *p, const struct enclave_identity *self, uint8_t svn, uint8_t ret_key[16],
			enum tcb_error wanted)
{
	uint8_t body[2 + SGX_CPUSVN_SIZE + 32] = {0, svn};
	struct span answer;

	assert_int_equal(execute(p, self, INSTRUCTION_SEAL_KEY, SPAN_OF(body), &answer), wanted);
	if (wanted == TCB_OK)
		memcpy(ret_key, answer.data, 16);
}

static void seal_keys_differ_by_processor_signer_role_svn_and_debug(void **state)
{
	struct enclave_identity newer = pse, stranger = pse, debug = pse;
	uint8_t base[16], key[16];

	(void)state;
	newer.isv_svn = 3;
	newer.mrenclave[0] ^= 1; /* an upgrade is another image */
	stranger.mrsigner[0] ^= 1;
	debug.attributes |= SGX_FLAG_DEBUG;
	seal_key_of(&one, &pse, 2, base, TCB_OK);
	seal_key_of(&one, &newer, 2, key, TCB_OK);
	assert_memory_equal(key, base, 16); /* an upgraded enclave reads what the older one sealed */
	seal_key_of(&one, &pse, 3, key, TCB_REFUSED); /* and not the other way round */
	seal_key_of(&one, &newer, 3, key, TCB_OK);
	assert_memory_not_equal(key, base, 16);
	seal_key_of(&two, &pse, 2, key, TCB_OK);
	assert_memory_not_equal(key, base, 16);
	seal_key_of(&one, &stranger, 2, key, TCB_OK);
	assert_memory_not_equal(key, base, 16);
	seal_key_of(&one, &vtpm, 2, key, TCB_OK);
	assert_memory_not_equal(key, base, 16);
	seal_key_of(&one, &debug, 2, key, TCB_OK);
	assert_memory_not_equal(key, base, 16);
}

/* Whether `checker` on `p` finds the MAC of a REPORT right. */
static bool report_checks(struct processor *p, const struct enclave_identity *checker, const uint8_t *report)
{
	uint8_t mac[16];
	struct span key;

	assert_int_equal(execute(p, checker, INSTRUCTION_REPORT_KEY, span_of(report + SGX_REPORT_BODY_SIZE, 32), &key), TCB_OK);
	assert_int_equal(crypto_cmac(key.data, span_of(report, SGX_REPORT_BODY_SIZE), mac), TCB_OK);
	return memcmp(mac, report + SGX_REPORT_BODY_SIZE + 32, sizeof mac) == 0;
}

static void a_report_checks_for_its_target_on_its_processor_only(void **state)
{
	uint8_t body[SGX_TARGETINFO_SIZE + SGX_REPORT_DATA_SIZE] = {0}, report[SGX_REPORT_SIZE];
	struct span answer;

	(void)state;
	assert_int_equal(execute(&one, &pse, INSTRUCTION_TARGET_INFO, span_of(NULL, 0), &answer), TCB_OK);
	memcpy(body, answer.data, SGX_TARGETINFO_SIZE);
	assert_int_equal(execute(&one, &vtpm, INSTRUCTION_REPORT, SPAN_OF(body), &answer), TCB_OK);
	assert_int_equal(answer.size, SGX_REPORT_SIZE);
	memcpy(report, answer.data, sizeof report);
	assert_true(report_checks(&one, &pse, report));
	assert_false(report_checks(&one, &vtpm, report));
	assert_false(report_checks(&two, &pse, report));
	report[64] ^= 1; /* MRENCLAVE */
	assert_false(report_checks(&one, &pse, report));
}

static void an_image_runs_only_as_it_was_signed(void **state)
{
	uint8_t image[] = {'i', 'm', 'a', 'g', 'e'}, sigstruct[SIGSTRUCT_SIZE];
	struct enclave_identity identity = vtpm, got;
	struct diagnosis d = {0};

	(void)state;
	assert_int_equal(enclave_measure(SPAN_OF(image), identity.attributes, identity.mrenclave), TCB_OK);
	assert_int_equal(sigstruct_sign(signer, &identity, sigstruct), TCB_OK);
	assert_int_equal(sigstruct_check(SPAN_OF(sigstruct), SPAN_OF(image), &got, &d), TCB_OK);
	assert_int_equal(got.isv_prod_id, ROLE_VTPM);
	image[0] ^= 1;
	assert_int_equal(sigstruct_check(SPAN_OF(sigstruct), SPAN_OF(image), &got, &d), TCB_REFUSED);
	assert_string_equal(d.code, "sgx.sigstruct.measurement");
	image[0] ^= 1;
	sigstruct[1026] ^= 1; /* ISVSVN */
	assert_int_equal(sigstruct_check(SPAN_OF(sigstruct), SPAN_OF(image), &got, NULL), TCB_CRYPTO);
	assert_int_equal(sigstruct_check(span_of(sigstruct, 1807), SPAN_OF(image), &got, NULL), TCB_MALFORMED);
}

/* A signature by another kind of key would be made, and refused at each launch. */
static void only_a_key_that_sgx_takes_signs(void **state)
{
	uint8_t sigstruct[SIGSTRUCT_SIZE];
	EVP_PKEY *keys[] = { EVP_RSA_gen(3072) /* exponent 65537 */, EVP_RSA_gen(2048),
			     EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") };

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		assert_non_null(keys[i]);
		assert_int_equal(sigstruct_sign(keys[i], &vtpm, sigstruct), TCB_REFUSED);
		EVP_PKEY_free(keys[i]);
	}
}

static void what_was_measured_is_what_runs(void **state)
{
	static const uint8_t image[] = {'i', 'm', 'a', 'g', 'e'};
	struct enclave_identity identity = vtpm, loaded;
	uint8_t sigstruct[SIGSTRUCT_SIZE], found[sizeof image];
	char path[4096], sig[4096];
	int memfd;

	(void)state;
	assert_int_equal(enclave_measure(SPAN_OF(image), identity.attributes, identity.mrenclave), TCB_OK);
	assert_int_equal(sigstruct_sign(signer, &identity, sigstruct), TCB_OK);
	path_of(path, "image");
	path_of(sig, "image.sig");
	assert_int_equal(file_write(path, SPAN_OF(image), 0600, NULL), TCB_OK);
	assert_int_equal(file_write(sig, SPAN_OF(sigstruct), 0600, NULL), TCB_OK);
	assert_int_equal(enclave_load(path, &loaded, &memfd, NULL), TCB_OK);
	assert_int_equal(file_write(path, span_of_text("other"), 0600, NULL), TCB_OK); /* too late */
	assert_int_equal(pread(memfd, found, sizeof found, 0), sizeof found);
	assert_memory_equal(found, image, sizeof image);
	assert_int_equal(pwrite(memfd, "X", 1, 0), -1); /* sealed */
	assert_int_equal(enclave_load(path, &loaded, &memfd, NULL), TCB_REFUSED);
	(void)close(memfd);
}

/* The fuses were made with the ACM of security version 3. */
static void no_older_acm_runs(void **state)
{
	struct enclave_identity identity = acm;
	struct diagnosis d = {0};

	(void)state;
	memcpy(identity.mrsigner, one.fuses.acm_signer, sizeof identity.mrsigner);
	assert_int_equal(one.fuses.acm_svn, 3);
	assert_int_equal(processor_judge_acm(&one, &identity, &d), TCB_OK);
	identity.isv_svn = 4;
	assert_int_equal(processor_judge_acm(&one, &identity, &d), TCB_OK);
	identity.isv_svn = 2;
	assert_int_equal(processor_judge_acm(&one, &identity, &d), TCB_REFUSED);
	assert_string_equal(d.code, "acm.svn");
	identity.isv_svn = 4;
	identity.mrsigner[0] ^= 1;
	d = (struct diagnosis){0};
	assert_int_equal(processor_judge_acm(&one, &identity, &d), TCB_REFUSED);
	assert_string_equal(d.code, "acm.signer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_bank_is_written_by_the_acm_once_and_then_locked, reset, release),
		cmocka_unit_test_setup_teardown(a_reset_draws_a_new_epoch_and_clears_the_bank, reset, release),
		cmocka_unit_test_setup_teardown(seal_keys_differ_by_processor_signer_role_svn_and_debug, reset, release),
		cmocka_unit_test_setup_teardown(a_report_checks_for_its_target_on_its_processor_only, reset, release),
		cmocka_unit_test_setup_teardown(no_older_acm_runs, reset, release),
		cmocka_unit_test(an_image_runs_only_as_it_was_signed),
		cmocka_unit_test(only_a_key_that_sgx_takes_signs),
		cmocka_unit_test(what_was_measured_is_what_runs),
	};

	return cmocka_run_group_tests_name("sgxsim/processor", tests, setup, teardown);
}
