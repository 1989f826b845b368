// SPDX-License-Identifier: MIT
/* enclave/vtpm/: identity and mailbox on the real libtpms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "edge/tpm_quote.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/identity.h"
#include "enclave/vtpm/mailbox.h"
#include "enclave/vtpm/tpm_command.h"

static const struct secret256 secret = {{7, 7, 7}};

static void startup(void)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_STARTUP, false);
	writer_u16(&c.w, 0);
	assert_int_equal(tpm_run(&c, NULL, &r, NULL), TCB_OK);
}

static int new_tpm(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK || engine_start(span_of(NULL, 0), span_of(NULL, 0), NULL) != TCB_OK)
		return -1;
	startup();
	return mailbox_ensure(&secret) == TCB_OK ? 0 : -1;
}

static int end_tpm(void **state)
{
	(void)state;
	engine_stop();
	return 0;
}

static uint32_t nv_read(uint32_t index, uint16_t size, uint16_t offset, uint8_t *ret_bytes)
{
	struct tpm_command c;
	struct span bytes;
	struct reader r;
	uint32_t code = 0;

	tpm_begin(&c, TPM_CC_NV_READ, true);
	writer_u32(&c.w, index);
	writer_u32(&c.w, index);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u16(&c.w, size);
	writer_u16(&c.w, offset);
	if (tpm_run(&c, NULL, &r, &code) == TCB_OK) {
		assert_int_equal(reader_tpm2b(&r, &bytes), TCB_OK);
		assert_int_equal(bytes.size, size);
		memcpy(ret_bytes, bytes.data, size);
	}
	return code;
}

static uint32_t nv_write(uint32_t index, struct span bytes)
{
	struct tpm_command c;
	struct reader r;
	uint32_t code = 0;

	tpm_begin(&c, TPM_CC_NV_WRITE, true);
	writer_u32(&c.w, index);
	writer_u32(&c.w, index);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_tpm2b(&c.w, bytes);
	writer_u16(&c.w, 0);
	(void)!tpm_run(&c, NULL, &r, &code);
	return code;
}

static void published_evidence_is_read_with_an_empty_password(void **state)
{
	static uint8_t evidence[MAILBOX_CAPACITY];
	uint8_t summary[36], page[1024];

	(void)state;
	memset(evidence, 0xa5, sizeof evidence);
	assert_int_equal(mailbox_publish(&secret, SPAN_OF(evidence), "ok"), TCB_OK);
	assert_int_equal(nv_read(0x01400103, 36, 0, summary), 0);
	assert_int_equal(summary[2] << 8 | summary[3], MAILBOX_CAPACITY);
	assert_int_equal(nv_read(0x0140011f, 1024, 1024, page), 0);
	assert_memory_equal(page, evidence, sizeof page);
	assert_int_equal(mailbox_publish(&secret, span_of(NULL, 0), "moved"), TCB_OK);
	assert_int_equal(nv_read(0x01400110, 1024, 0, page), 0);
	assert_int_equal(page[0], 0); /* nothing of the old evidence is left */
}

static void the_guest_cannot_write_evidence(void **state)
{
	(void)state;
	assert_int_not_equal(nv_write(0x01400110, span_of_text("forged")), 0);
	assert_int_not_equal(nv_write(0x01400103, span_of_text("forged")), 0);
}

static void a_nonce_is_recognised(void **state)
{
	struct tpm_command c;
	struct span nonce, command;

	(void)state;
	assert_int_equal(nv_write(0x01400102, span_of_text("nonce")), 0);
	tpm_begin(&c, TPM_CC_NV_WRITE, true);
	writer_u32(&c.w, TPM_RH_OWNER);
	writer_u32(&c.w, 0x01400102);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_tpm2b(&c.w, span_of_text("fresh"));
	writer_u16(&c.w, 0);
	assert_int_equal(writer_end(&c.w, &command), TCB_OK);
	assert_true(mailbox_is_request(command, &nonce));
	assert_true(span_is_text(nonce, "fresh"));
	assert_false(mailbox_is_request(span_of(command.data, 20), &nonce));
}

static uint32_t take_session(void)
{
	struct tpm_command c;
	uint32_t session = 0;
	struct reader r;

	tpm_begin(&c, TPM_CC_START_AUTH_SESSION, false);
	writer_u32(&c.w, TPM_RH_NULL);
	writer_u32(&c.w, TPM_RH_NULL);
	writer_tpm2b(&c.w, span_of_text("0123456789abcdef"));
	writer_u16(&c.w, 0);
	writer_u8(&c.w, 1);
	writer_u16(&c.w, TPM_ALG_NULL);
	writer_u16(&c.w, TPM_ALG_SHA256);
	assert_int_equal(tpm_run(&c, &session, &r, NULL), TCB_OK);
	return session;
}

static void a_guest_that_holds_all_sessions_keeps_them(void **state)
{
	uint32_t sessions[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		sessions[i] = take_session();
	assert_int_equal(mailbox_publish(&secret, span_of_text("evidence"), "ok"), TCB_OK);
	for (int i = 0; i < 3; i++) {
		struct tpm_command c;
		struct reader r;

		tpm_begin(&c, TPM_CC_POLICY_GET_DIGEST, false);
		writer_u32(&c.w, sessions[i]);
		assert_int_equal(tpm_run(&c, NULL, &r, NULL), TCB_OK);
		tpm_begin(&c, TPM_CC_FLUSH_CONTEXT, false);
		writer_u32(&c.w, sessions[i]);
		assert_int_equal(tpm_run(&c, NULL, &r, NULL), TCB_OK);
	}
}

static void keys_come_back_the_same_when_the_guest_evicts_them(void **state)
{
	struct vtpm_identity first, again;
	struct tpm_command c;
	struct reader r;

	(void)state;
	assert_int_equal(identity_ensure(&first, NULL), TCB_OK);
	tpm_begin(&c, TPM_CC_EVICT_CONTROL, true);
	writer_u32(&c.w, TPM_RH_OWNER);
	writer_u32(&c.w, key_template_of(KEY_AK)->handle);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u32(&c.w, key_template_of(KEY_AK)->handle);
	assert_int_equal(tpm_run(&c, NULL, &r, NULL), TCB_OK);
	assert_int_equal(identity_ensure(&again, NULL), TCB_OK);
	assert_memory_equal(&first.ak_name, &again.ak_name, sizeof first.ak_name);
	assert_memory_equal(&first.ek_name, &again.ek_name, sizeof first.ek_name);
}

static void a_quote_carries_its_qualifying_data(void **state)
{
	const struct digest256 qualifying = {{0xde, 0xad, 0xbe, 0xef}};
	struct vtpm_identity identity;
	uint8_t bytes[2048];
	struct writer w = WRITER_OF(bytes);
	struct span document;
	struct tpm_quote q;

	(void)state;
	assert_int_equal(identity_ensure(&identity, NULL), TCB_OK);
	assert_int_equal(identity_quote(&qualifying, &w, NULL), TCB_OK);
	assert_int_equal(writer_end(&w, &document), TCB_OK);
	assert_int_equal(tpm_quote_decode(document, &q), TCB_OK);
	assert_non_null(memmem(q.attest.data, q.attest.size, qualifying.bytes, sizeof qualifying.bytes));
}

static void the_state_survives_a_restart(void **state)
{
	uint8_t nonce[5];

	(void)state;
	assert_int_equal(nv_write(0x01400102, span_of_text("keep!")), 0);
	assert_true(engine_take_changed());
	assert_int_equal(engine_start(engine_permanent(), span_of(NULL, 0), NULL), TCB_OK);
	startup();
	assert_int_equal(nv_read(0x01400102, 5, 0, nonce), 0);
	assert_memory_equal(nonce, "keep!", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_evidence_is_read_with_an_empty_password),
		cmocka_unit_test(the_guest_cannot_write_evidence),
		cmocka_unit_test(a_nonce_is_recognised),
		cmocka_unit_test(a_guest_that_holds_all_sessions_keeps_them),
		cmocka_unit_test(keys_come_back_the_same_when_the_guest_evicts_them),
		cmocka_unit_test(a_quote_carries_its_qualifying_data),
		cmocka_unit_test(the_state_survives_a_restart),
	};

	return cmocka_run_group_tests_name("vtpm/mailbox", tests, new_tpm, end_tpm);
}
