// SPDX-License-Identifier: MIT
#include "enclave/vtpm/mailbox.h"

#include "core/ids.h"
#include "crypto/crypto.h"
#include "enclave/vtpm/nv.h"
#include "enclave/vtpm/tpm_command.h"

enum {
	NV_NONCE = 0x01400102,
	NV_SUMMARY = 0x01400103,
	NV_REASON = 0x01400104,
	NV_PAGES = 0x01400110,
	SUMMARY_SIZE = 36,
	REASON_SIZE = 256,
};

enum tcb_error mailbox_ensure(const struct secret256 *secret)
{
	const struct span none = span_of(NULL, 0);
	struct digest256 policy;

	TRY(nv_ensure_secret(secret));
	if (nv_is_defined(NV_PAGES + MAILBOX_PAGES - 1) && nv_is_defined(NV_NONCE) && nv_is_defined(NV_SUMMARY) &&
	    nv_is_defined(NV_REASON))
		return TCB_OK;
	TRY(nv_policy(secret, &policy));
	TRY(nv_define(NV_NONCE, NV_GUEST_WRITES, none, none, 64));
	TRY(nv_define(NV_SUMMARY, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), SUMMARY_SIZE));
	TRY(nv_define(NV_REASON, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), REASON_SIZE));
	for (uint32_t page = 0; page < MAILBOX_PAGES; page++)
		TRY(nv_define(NV_PAGES + page, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), MAILBOX_PAGE_SIZE));
	return TCB_OK;
}

bool mailbox_is_request(struct span command, struct span *ret_nonce)
{
	struct reader r = reader_of(command);
	struct span skip, nonce;
	uint32_t size, code, authority, index, auth_size;
	uint16_t tag;

	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || reader_u32(&r, &code) != TCB_OK ||
	    code != TPM_CC_NV_WRITE || reader_u32(&r, &authority) != TCB_OK || reader_u32(&r, &index) != TCB_OK ||
	    index != NV_NONCE || reader_u32(&r, &auth_size) != TCB_OK ||
	    reader_bytes(&r, auth_size, &skip) != TCB_OK || reader_tpm2b(&r, &nonce) != TCB_OK || nonce.size == 0)
		return false;
	*ret_nonce = nonce;
	return true;
}

static enum tcb_error write_pages(struct nv_session *s, struct span evidence)
{
	for (uint32_t page = 0; page < MAILBOX_PAGES; page++) {
		size_t at = page * MAILBOX_PAGE_SIZE;
		size_t left = evidence.size > at ? evidence.size - at : 0;
		size_t part = left < MAILBOX_PAGE_SIZE ? left : MAILBOX_PAGE_SIZE;

		TRY(nv_session_write(s, NV_PAGES + page, span_of(part > 0 ? evidence.data + at : NULL, part),
				     MAILBOX_PAGE_SIZE));
	}
	return TCB_OK;
}

static enum tcb_error write_all(struct nv_session *s, struct span evidence, const char *reason)
{
	uint8_t summary[SUMMARY_SIZE] = {0};
	struct writer w = WRITER_OF(summary);
	struct digest256 digest;

	if (evidence.size > 0) {
		TRY(crypto_sha256(evidence, &digest));
		writer_u32(&w, (uint32_t)evidence.size);
		writer_bytes(&w, SPAN_OF(digest.bytes));
	}
	TRY(write_pages(s, evidence));
	TRY(nv_session_write(s, NV_SUMMARY, SPAN_OF(summary), SUMMARY_SIZE));
	return nv_session_write(s, NV_REASON, span_of_text(reason), REASON_SIZE);
}

enum tcb_error mailbox_publish(const struct secret256 *secret, struct span evidence, const char *reason)
{
	struct nv_session s;
	enum tcb_error error;

	if (evidence.size > MAILBOX_CAPACITY || strlen(reason) > REASON_SIZE)
		return TCB_LIMIT;
	TRY(nv_session_open(secret, &s));
	error = write_all(&s, evidence, reason);
	TRY(nv_session_close(&s));
	return error;
}
