// SPDX-License-Identifier: MIT
#include "enclave/vtpm/nv.h"

#include "crypto/crypto.h"
#include "enclave/vtpm/tpm_command.h"

enum {
	NV_SECRET = 0x01400101, /* never written or read: the bearer of the enclave's secret */
	NV_CHUNK = 1024,        /* libtpms' MAX_NV_BUFFER_SIZE */
	SESSION_POLICY = 1,
	SESSION_TRIAL = 3,
	RC_NV_DEFINED = 0x14c,
	RC_SESSION_MEMORY = 0x903,
};

#define NV_SECRET_ATTRIBUTES (1u << 2 | 1u << 18 | 1u << 25 | 1u << 30)

enum tcb_error nv_define(uint32_t index, uint32_t attributes, struct span auth, struct span policy, uint16_t size)
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

/* TPMS_NV_PUBLIC: index, nameAlg, attributes, authPolicy, dataSize. */
static enum tcb_error read_public(uint32_t index, uint32_t *ret_attributes, struct span *ret_policy, uint16_t *ret_size)
{
	struct tpm_command c;
	struct span public;
	uint32_t same_index;
	uint16_t algorithm;
	struct reader r;

	tpm_begin(&c, TPM_CC_NV_READ_PUBLIC, false);
	writer_u32(&c.w, index);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_tpm2b(&r, &public));
	r = reader_of(public);
	TRY(reader_u32(&r, &same_index));
	TRY(reader_u16(&r, &algorithm));
	TRY(reader_u32(&r, ret_attributes));
	TRY(reader_tpm2b(&r, ret_policy));
	TRY(reader_u16(&r, ret_size));
	return reader_end(&r);
}

enum nv_owner nv_look(uint32_t index, struct span policy, size_t *ret_size)
{
	uint32_t attributes;
	struct span found;
	uint16_t size;

	if (read_public(index, &attributes, &found, &size) != TCB_OK)
		return NV_FREE;
	*ret_size = size;
	return (attributes & ~NV_WRITTEN) == NV_ENCLAVE_WRITES && span_equal(found, policy) ? NV_OURS : NV_ANOTHER;
}

bool nv_is_defined(uint32_t index)
{
	size_t size;

	return nv_look(index, span_of(NULL, 0), &size) != NV_FREE;
}

enum tcb_error nv_undefine(uint32_t index)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_NV_UNDEFINE, true);
	writer_u32(&c.w, TPM_RH_PLATFORM);
	writer_u32(&c.w, index);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	return tpm_run(&c, NULL, &r, NULL);
}

static enum tcb_error read_chunk(uint32_t index, uint8_t *ret_bytes, uint16_t size, uint16_t offset)
{
	struct tpm_command c;
	struct span bytes;
	struct reader r;

	tpm_begin(&c, TPM_CC_NV_READ, true);
	writer_u32(&c.w, index);
	writer_u32(&c.w, index);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u16(&c.w, size);
	writer_u16(&c.w, offset);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_tpm2b(&r, &bytes));
	if (bytes.size != size)
		return TCB_INTERNAL;
	memcpy(ret_bytes, bytes.data, size);
	return TCB_OK;
}

enum tcb_error nv_read(uint32_t index, uint8_t *ret_bytes, size_t size)
{
	for (size_t at = 0; at < size; at += NV_CHUNK)
		TRY(read_chunk(index, ret_bytes + at, (uint16_t)(size - at < NV_CHUNK ? size - at : NV_CHUNK), (uint16_t)at));
	return TCB_OK;
}

enum tcb_error nv_ensure_secret(const struct secret256 *secret)
{
	return nv_define(NV_SECRET, NV_SECRET_ATTRIBUTES, SPAN_OF(secret->bytes), span_of(NULL, 0), 8);
}

/* ---- the policy ---- */

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

enum tcb_error nv_policy(const struct secret256 *secret, struct digest256 *ret_policy)
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
	if (error == TCB_OK && digest.size == sizeof ret_policy->bytes)
		memcpy(ret_policy->bytes, digest.data, digest.size);
	TRY(flush(session));
	return error;
}

/* ---- writing ---- */

static enum tcb_error write_chunk(struct nv_session *s, uint32_t index, struct span bytes, uint16_t offset)
{
	struct tpm_command c;
	struct reader r;

	TRY(satisfy(s->handle, s->secret));
	tpm_begin(&c, TPM_CC_NV_WRITE, true);
	writer_u32(&c.w, index);
	writer_u32(&c.w, index);
	tpm_authorize(&c, s->handle, span_of(NULL, 0));
	writer_tpm2b(&c.w, bytes);
	writer_u16(&c.w, offset);
	return tpm_run(&c, NULL, &r, NULL);
}

enum tcb_error nv_session_write(struct nv_session *s, uint32_t index, struct span bytes, size_t size)
{
	uint8_t page[NV_INDEX_MAX] = {0};

	if (size > sizeof page || bytes.size > size)
		return TCB_LIMIT;
	if (bytes.size > 0)
		memcpy(page, bytes.data, bytes.size);
	for (size_t at = 0; at < size; at += NV_CHUNK) {
		size_t chunk = size - at < NV_CHUNK ? size - at : NV_CHUNK;

		TRY(write_chunk(s, index, span_of(page + at, chunk), (uint16_t)at));
	}
	return TCB_OK;
}

/* ---- a session slot, where the guest holds them all ---- */

static enum tcb_error save_one(struct nv_session *s)
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
	if (r.rest.size > sizeof s->saved)
		return TCB_LIMIT;
	memcpy(s->saved, r.rest.data, r.rest.size);
	s->saved_size = r.rest.size;
	return TCB_OK;
}

static enum tcb_error load_back(const struct nv_session *s)
{
	struct tpm_command c;
	uint32_t handle;
	struct reader r;

	tpm_begin(&c, TPM_CC_CONTEXT_LOAD, false);
	writer_bytes(&c.w, span_of(s->saved, s->saved_size));
	return tpm_run(&c, &handle, &r, NULL);
}

enum tcb_error nv_session_open(const struct secret256 *secret, struct nv_session *ret_session)
{
	struct nv_session s = { .secret = secret };
	uint32_t code = 0;
	enum tcb_error error = start_session(SESSION_POLICY, &s.handle, &code);

	if (error != TCB_OK && code == RC_SESSION_MEMORY) {
		TRY(save_one(&s));
		error = start_session(SESSION_POLICY, &s.handle, NULL);
		if (error != TCB_OK)
			TRY(load_back(&s));
	}
	if (error == TCB_OK)
		*ret_session = s;
	return error;
}

enum tcb_error nv_session_close(struct nv_session *s)
{
	enum tcb_error error = flush(s->handle);

	if (s->saved_size > 0)
		TRY(load_back(s));
	return error;
}
