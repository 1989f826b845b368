// SPDX-License-Identifier: MIT
#include "enclave/vtpm/credentials.h"

#include "edge/calls.h"
#include "edge/local.h"
#include "enclave/lib/ocall.h"
#include "enclave/vtpm/nv.h"

enum { NV_CHAIN = 0x01c00100, CHAIN_PAGES = 4, NV_PLATFORM = 0x01c08000 };

/* What this host is told of them: {u32 index, sized DER}... */
static uint8_t list_bytes[CHAIN_PAGES * NV_INDEX_MAX + (KEY_COUNT + 1) * NV_INDEX_MAX];
static struct writer list;

static void note(uint32_t index, struct span certificate)
{
	writer_u32(&list, index);
	writer_sized(&list, certificate);
}

/* An index of this size, made if the TPM lets us; TCB_REFUSED if there is none. */
static enum tcb_error ensure_index(uint32_t index, struct span policy, size_t size)
{
	size_t found;

	if (nv_size(index, &found) != TCB_OK)
		TRY(nv_define(index, NV_ENCLAVE_WRITES, span_of(NULL, 0), policy, (uint16_t)size));
	TRY(nv_size(index, &found));
	return found == size ? TCB_OK : TCB_REFUSED;
}

static enum tcb_error write_certificate(struct vtpm *v, enum vtpm_key key, enum certify_kind kind, uint32_t index,
					struct nv_session *s, struct span policy, struct diagnosis *d)
{
	uint8_t public[LIMIT_TPM_PUBLIC], body_bytes[LIMIT_TPM_PUBLIC + 16];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;
	size_t size;

	if (identity_public(key, public, &size) != TCB_OK)
		return TCB_OK; /* no such key, no certificate */
	writer_u8(&w, (uint8_t)kind);
	writer_tpm2b(&w, span_of(public, size));
	TRY(writer_end(&w, &body));
	TRY(state_ask_pse(v, LOCAL_CERTIFY, body, &reply, d));
	if (reply.size > NV_INDEX_MAX)
		return TCB_LIMIT;
	note(index, reply);
	if (ensure_index(index, policy, reply.size) != TCB_OK)
		return TCB_OK;
	return nv_session_write(s, index, reply, reply.size);
}

static enum tcb_error write_chain(struct vtpm *v, struct nv_session *s, struct span policy, struct diagnosis *d)
{
	struct span issuer;

	TRY(state_ask_pse(v, LOCAL_ISSUER, span_of(NULL, 0), &issuer, d));
	if (issuer.size > CHAIN_PAGES * NV_INDEX_MAX)
		return TCB_LIMIT;
	note(NV_CHAIN, issuer);
	for (uint32_t page = 0; page < CHAIN_PAGES; page++) {
		struct span part = span_from(issuer, page * NV_INDEX_MAX);

		part.size = part.size < NV_INDEX_MAX ? part.size : NV_INDEX_MAX;
		if (ensure_index(NV_CHAIN + page, policy, NV_INDEX_MAX) == TCB_OK)
			TRY(nv_session_write(s, NV_CHAIN + page, part, NV_INDEX_MAX));
	}
	return TCB_OK;
}

bool credentials_present(void)
{
	uint8_t public[LIMIT_TPM_PUBLIC];
	size_t size;

	for (unsigned key = 0; key < KEY_COUNT; key++)
		if (!nv_is_defined(key_template_of(key)->certificate_index) && identity_public(key, public, &size) == TCB_OK)
			return false;
	return nv_is_defined(NV_CHAIN + CHAIN_PAGES - 1);
}

static enum tcb_error write_all(struct vtpm *v, struct nv_session *s, struct diagnosis *d)
{
	struct digest256 policy;

	TRY(nv_policy(&v->record.secret, &policy));
	for (unsigned key = 0; key < KEY_COUNT; key++) {
		const struct key_template *t = key_template_of(key);

		TRY(write_certificate(v, key, t->kind, t->certificate_index, s, SPAN_OF(policy.bytes), d));
		if (key_is_p384(key))
			TRY(write_certificate(v, key, CERTIFY_PLATFORM, NV_PLATFORM, s, SPAN_OF(policy.bytes), d));
	}
	return write_chain(v, s, SPAN_OF(policy.bytes), d);
}

enum tcb_error credentials_write(struct vtpm *v, struct diagnosis *d)
{
	struct nv_session s;
	enum tcb_error error;

	list = WRITER_OF(list_bytes);
	TRY(nv_session_open(&v->record.secret, &s));
	error = write_all(v, &s, d);
	TRY(nv_session_close(&s));
	TRY(error);
	return host_store(STORE_VTPM_CERTIFICATES, span_of(list_bytes, list.size), d);
}
