#include "enclave/vtpm/mailbox.h"

#include "core/ids.h"
#include "crypto/crypto.h"
#include "enclave/vtpm/tpm_command.h"

enum {
	NV_SECRET = 0x01400101, /* never written or read: the bearer of the enclave's secret */
	NV_NONCE = 0x01400102,
	NV_SUMMARY = 0x01400103,
	NV_REASON = 0x01400104,
	NV_PAGES = 0x01400110,
	SUMMARY_SIZE = 36,
	REASON_SIZE = 256,
	NV_CHUNK = 1024, /* libtpms' MAX_NV_BUFFER_SIZE */
	SESSION_POLICY = 1,
	SESSION_TRIAL = 3,
	RC_NV_DEFINED = 0x14c,
	RC_SESSION_MEMORY = 0x903,
};

/* TPMA_NV: OWNERWRITE 1, AUTHWRITE 2, POLICYWRITE 3, PPREAD 16, OWNERREAD 17, AUTHREAD 18, NO_DA 25, PLATFORMCREATE 30 */
#define NV_READABLE (1u << 16 | 1u << 17 | 1u << 18 | 1u << 25 | 1u << 30)
#define NV_GUEST_WRITES (NV_READABLE | 1u << 1 | 1u << 2)
#define NV_ENCLAVE_WRITES (NV_READABLE | 1u << 3)
#define NV_SECRET_ATTRIBUTES (1u << 2 | 1u << 18 | 1u << 25 | 1u << 30)

static enum tcb_error define(uint32_t index, uint32_t attributes, struct span auth, struct span policy, uint16_t size)
{
	uint8_t public_bytes[64];
	struct writer p = WRITER_OF(public_bytes);
	struct tpm_command c;
	enum tcb_error error;
	struct span public;
	struct reader r;
	uint32_t code = 0;

	writer_u32(&p, index);
	writer_u16(&p, TPM_ALG_SHA256);
	writer_u32(&p, attributes);
	writer_tpm2b(&p, policy);
	writer_u16(&p, size);
	TRY(writer_end(&p, &public));
	tpm_begin(&c, TPM_CC_NV_DEFINE, true);
	writer_u32(&c.w, TPM_RH_PLATFORM);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_tpm2b(&c.w, auth);
	writer_tpm2b(&c.w, public);
	error = tpm_run(&c, NULL, &r, &code);
	return code == RC_NV_DEFINED ? TCB_OK : error;
}

static enum tcb_error flush(uint32_t handle)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_FLUSH_CONTEXT, false);
	writer_u32(&c.w, handle);
	return tpm_run(&c, NULL, &r, NULL);
}

static enum tcb_error start_session(uint8_t type, uint32_t *ret_session, uint32_t *ret_code)
{
	uint8_t nonce[16];
	struct tpm_command c;
	struct reader r;

	TRY(crypto_random(nonce, sizeof nonce));
	tpm_begin(&c, TPM_CC_START_AUTH_SESSION, false);
	writer_u32(&c.w, TPM_RH_NULL);
	writer_u32(&c.w, TPM_RH_NULL);
	writer_tpm2b(&c.w, SPAN_OF(nonce));
	writer_u16(&c.w, 0);
	writer_u8(&c.w, type);
	writer_u16(&c.w, TPM_ALG_NULL);
	writer_u16(&c.w, TPM_ALG_SHA256);
	return tpm_run(&c, ret_session, &r, ret_code);
}

/* Satisfies the policy of the enclave's indices: PolicySecret of NV_SECRET. */
static enum tcb_error satisfy(uint32_t session, const struct secret256 *secret)
{
	struct tpm_command c;
	struct reader r;
	enum tcb_error error;

	tpm_begin(&c, TPM_CC_POLICY_SECRET, true);
	writer_u32(&c.w, NV_SECRET);
	writer_u32(&c.w, session);
	tpm_authorize(&c, TPM_RS_PW, SPAN_OF(secret->bytes));
	writer_u16(&c.w, 0); /* nonceTPM */
	writer_u16(&c.w, 0); /* cpHashA */
	writer_u16(&c.w, 0); /* policyRef */
	writer_u32(&c.w, 0); /* expiration */
	error = tpm_run(&c, NULL, &r, NULL);
	wipe(&c, sizeof c);
	return error;
}

static enum tcb_error policy_digest(const struct secret256 *secret, struct digest256 *ret_digest)
{
	struct tpm_command c;
	struct span digest;
	enum tcb_error error;
	uint32_t session;
	struct reader r;

	TRY(start_session(SESSION_TRIAL, &session, NULL));
	error = satisfy(session, secret);
	if (error == TCB_OK) {
		tpm_begin(&c, TPM_CC_POLICY_GET_DIGEST, false);
		writer_u32(&c.w, session);
		error = tpm_run(&c, NULL, &r, NULL);
	}
	if (error == TCB_OK)
		error = reader_tpm2b(&r, &digest);
	if (error == TCB_OK && digest.size == sizeof ret_digest->bytes)
		memcpy(ret_digest->bytes, digest.data, digest.size);
	TRY(flush(session));
	return error;
}

static bool is_defined(uint32_t index)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_NV_READ_PUBLIC, false);
	writer_u32(&c.w, index);
	return tpm_run(&c, NULL, &r, NULL) == TCB_OK;
}

enum tcb_error mailbox_ensure(const struct secret256 *secret)
{
	const struct span none = span_of(NULL, 0);
	struct digest256 policy;

	if (is_defined(NV_PAGES + MAILBOX_PAGES - 1) && is_defined(NV_NONCE) && is_defined(NV_SUMMARY) &&
	    is_defined(NV_REASON) && is_defined(NV_SECRET))
		return TCB_OK;
	TRY(define(NV_SECRET, NV_SECRET_ATTRIBUTES, SPAN_OF(secret->bytes), none, 8));
	TRY(policy_digest(secret, &policy));
	TRY(define(NV_NONCE, NV_GUEST_WRITES, none, none, 64));
	TRY(define(NV_SUMMARY, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), SUMMARY_SIZE));
	TRY(define(NV_REASON, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), REASON_SIZE));
	for (uint32_t page = 0; page < MAILBOX_PAGES; page++)
		TRY(define(NV_PAGES + page, NV_ENCLAVE_WRITES, none, SPAN_OF(policy.bytes), MAILBOX_PAGE_SIZE));
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

/* ---- writing ---- */

static enum tcb_error write_chunk(uint32_t session, const struct secret256 *secret, uint32_t index, struct span bytes,
				  uint16_t offset)
{
	struct tpm_command c;
	struct reader r;

	TRY(satisfy(session, secret));
	tpm_begin(&c, TPM_CC_NV_WRITE, true);
	writer_u32(&c.w, index);
	writer_u32(&c.w, index);
	tpm_authorize(&c, session, span_of(NULL, 0));
	writer_tpm2b(&c.w, bytes);
	writer_u16(&c.w, offset);
	return tpm_run(&c, NULL, &r, NULL);
}

/* All of an index: `bytes`, then zeros. */
static enum tcb_error write_index(uint32_t session, const struct secret256 *secret, uint32_t index, struct span bytes,
				  size_t size)
{
	uint8_t page[MAILBOX_PAGE_SIZE] = {0};

	if (bytes.size > 0)
		memcpy(page, bytes.data, bytes.size);
	for (size_t at = 0; at < size; at += NV_CHUNK) {
		size_t chunk = size - at < NV_CHUNK ? size - at : NV_CHUNK;

		TRY(write_chunk(session, secret, index, span_of(page + at, chunk), (uint16_t)at));
	}
	return TCB_OK;
}

static enum tcb_error write_all(uint32_t session, const struct secret256 *secret, struct span evidence,
				const char *reason)
{
	uint8_t summary[SUMMARY_SIZE] = {0};
	struct writer w = WRITER_OF(summary);
	struct digest256 digest;

	if (evidence.size > 0) {
		TRY(crypto_sha256(evidence, &digest));
		writer_u32(&w, (uint32_t)evidence.size);
		writer_bytes(&w, SPAN_OF(digest.bytes));
	}
	for (uint32_t page = 0; page < MAILBOX_PAGES; page++) {
		size_t at = page * MAILBOX_PAGE_SIZE;
		size_t left = evidence.size > at ? evidence.size - at : 0;
		size_t part = left < MAILBOX_PAGE_SIZE ? left : MAILBOX_PAGE_SIZE;

		TRY(write_index(session, secret, NV_PAGES + page, span_of(part > 0 ? evidence.data + at : NULL, part),
				MAILBOX_PAGE_SIZE));
	}
	TRY(write_index(session, secret, NV_SUMMARY, SPAN_OF(summary), SUMMARY_SIZE));
	return write_index(session, secret, NV_REASON, span_of_text(reason), REASON_SIZE);
}

/* ---- a session slot, where the guest holds them all ---- */

struct saved_session {
	size_t size;
	uint8_t context[2048];
};

static enum tcb_error save_one(struct saved_session *ret_saved)
{
	struct tpm_command c;
	uint32_t capability, count, handle;
	struct reader r;
	uint8_t more;

	tpm_begin(&c, TPM_CC_GET_CAPABILITY, false);
	writer_u32(&c.w, 1);           /* TPM_CAP_HANDLES */
	writer_u32(&c.w, 0x02000000u); /* loaded sessions */
	writer_u32(&c.w, 1);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_u8(&r, &more));
	TRY(reader_u32(&r, &capability));
	TRY(reader_u32(&r, &count));
	TRY(reader_u32(&r, &handle));
	tpm_begin(&c, TPM_CC_CONTEXT_SAVE, false);
	writer_u32(&c.w, handle);
	TRY(tpm_run(&c, NULL, &r, NULL));
	if (r.rest.size > sizeof ret_saved->context)
		return TCB_LIMIT;
	memcpy(ret_saved->context, r.rest.data, r.rest.size);
	ret_saved->size = r.rest.size;
	return TCB_OK;
}

static enum tcb_error load_back(const struct saved_session *saved)
{
	struct tpm_command c;
	uint32_t handle;
	struct reader r;

	tpm_begin(&c, TPM_CC_CONTEXT_LOAD, false);
	writer_bytes(&c.w, span_of(saved->context, saved->size));
	return tpm_run(&c, &handle, &r, NULL);
}

enum tcb_error mailbox_publish(const struct secret256 *secret, struct span evidence, const char *reason)
{
	struct saved_session saved = {0};
	uint32_t session, code = 0;
	enum tcb_error error, flushed;

	if (evidence.size > MAILBOX_CAPACITY || strlen(reason) > REASON_SIZE)
		return TCB_LIMIT;
	error = start_session(SESSION_POLICY, &session, &code);
	if (error != TCB_OK && code == RC_SESSION_MEMORY) {
		TRY(save_one(&saved));
		error = start_session(SESSION_POLICY, &session, NULL);
	}
	if (error == TCB_OK) {
		error = write_all(session, secret, evidence, reason);
		flushed = flush(session);
		error = error != TCB_OK ? error : flushed;
	}
	if (saved.size > 0)
		TRY(load_back(&saved));
	return error;
}
