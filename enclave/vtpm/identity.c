// SPDX-License-Identifier: MIT
#include "enclave/vtpm/identity.h"

#include "crypto/tpm_name.h"
#include "edge/tpm_quote.h"
#include "enclave/vtpm/tpm_command.h"

#define TEMPLATE_MAX 512

static enum tcb_error create_primary(const struct key_template *template, uint32_t *ret_handle)
{
	uint8_t template_bytes[TEMPLATE_MAX];
	struct writer t = WRITER_OF(template_bytes);
	struct tpm_command c;
	struct span public;
	struct reader r;

	template->put(&t);
	TRY(writer_end(&t, &public));
	tpm_begin(&c, TPM_CC_CREATE_PRIMARY, true);
	writer_u32(&c.w, TPM_RH_ENDORSEMENT);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u16(&c.w, 4); /* TPM2B_SENSITIVE_CREATE: empty auth, no data */
	writer_u32(&c.w, 0);
	writer_tpm2b(&c.w, public);
	writer_u16(&c.w, 0); /* outside info */
	writer_u32(&c.w, 0); /* no PCRs */
	return tpm_run(&c, ret_handle, &r, NULL);
}

static enum tcb_error flush(uint32_t handle)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_FLUSH_CONTEXT, false);
	writer_u32(&c.w, handle);
	return tpm_run(&c, NULL, &r, NULL);
}

static enum tcb_error make_key(const struct key_template *template)
{
	struct tpm_command c;
	enum tcb_error error;
	uint32_t handle;
	struct reader r;

	TRY(create_primary(template, &handle));
	tpm_begin(&c, TPM_CC_EVICT_CONTROL, true);
	writer_u32(&c.w, TPM_RH_OWNER);
	writer_u32(&c.w, handle);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u32(&c.w, template->handle);
	error = tpm_run(&c, NULL, &r, NULL);
	TRY(flush(handle));
	return error;
}

static enum tcb_error read_key(uint32_t handle, uint8_t ret_public[LIMIT_TPM_PUBLIC], size_t *ret_size)
{
	struct tpm_command c;
	struct span public;
	struct reader r;

	tpm_begin(&c, TPM_CC_READ_PUBLIC, false);
	writer_u32(&c.w, handle);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_tpm2b(&r, &public));
	if (public.size > LIMIT_TPM_PUBLIC)
		return TCB_LIMIT;
	memcpy(ret_public, public.data, public.size);
	*ret_size = public.size;
	return TCB_OK;
}

/* What stands at the handle must be what the template makes: the guest can put another key there. */
static bool is_of_template(const struct key_template *template, struct span public)
{
	uint8_t template_bytes[TEMPLATE_MAX];
	struct writer t = WRITER_OF(template_bytes);
	size_t fixed;

	template->put(&t);
	fixed = t.size - template->unique_size;
	return public.size >= fixed && memcmp(public.data, template_bytes, fixed) == 0;
}

static enum tcb_error ensure_key(enum vtpm_key key, uint8_t ret_public[LIMIT_TPM_PUBLIC], size_t *ret_size,
				 struct diagnosis *d)
{
	const struct key_template *template = key_template_of(key);
	enum tcb_error error = read_key(template->handle, ret_public, ret_size);

	if (error == TCB_REFUSED && make_key(template) == TCB_OK)
		error = read_key(template->handle, ret_public, ret_size);
	if (error == TCB_OK && !is_of_template(template, span_of(ret_public, *ret_size)))
		error = TCB_REFUSED;
	if (error == TCB_OK)
		return TCB_OK;
	return diagnose_found(d, error, "vtpm.keys", "the vTPM's EK and AK, or an endorsement and owner hierarchy that let them be made",
			      "in the guest: free the handle, or clear the hierarchies' authorizations",
			      "no key of ours at 0x%08x, and none can be made", template->handle);
}

enum tcb_error identity_ensure(struct vtpm_identity *ret_identity, struct diagnosis *d)
{
	struct vtpm_identity identity = {0}; /* compared whole */

	TRY(ensure_key(KEY_EK_P256, identity.ek_public, &identity.ek_size, d));
	TRY(ensure_key(KEY_AK, identity.ak_public, &identity.ak_size, d));
	TRY(tpm_name_of(span_of(identity.ek_public, identity.ek_size), &identity.ek_name));
	TRY(tpm_name_of(span_of(identity.ak_public, identity.ak_size), &identity.ak_name));
	*ret_identity = identity;
	return TCB_OK;
}

enum tcb_error identity_make(enum vtpm_key key, struct diagnosis *d)
{
	uint8_t public[LIMIT_TPM_PUBLIC];
	size_t size;

	return ensure_key(key, public, &size, d);
}

enum tcb_error identity_public(enum vtpm_key key, uint8_t ret_public[LIMIT_TPM_PUBLIC], size_t *ret_size)
{
	const struct key_template *template = key_template_of(key);

	TRY(read_key(template->handle, ret_public, ret_size));
	return is_of_template(template, span_of(ret_public, *ret_size)) ? TCB_OK : TCB_REFUSED;
}

/* ---- quotes ---- */

static void put_selection(struct writer *w, uint32_t pcrs)
{
	writer_u32(w, 1);
	writer_u16(w, TPM_ALG_SHA256);
	writer_u8(w, 3);
	writer_u8(w, (uint8_t)pcrs);
	writer_u8(w, (uint8_t)(pcrs >> 8));
	writer_u8(w, (uint8_t)(pcrs >> 16));
}

/* Eight PCRs, the most that one TPM2_PCR_Read returns. */
static enum tcb_error read_eight(unsigned first, uint8_t *ret_pcrs)
{
	struct tpm_command c;
	struct span skip, digest;
	uint32_t counter, selections, digests;
	struct reader r;

	tpm_begin(&c, TPM_CC_PCR_READ, false);
	put_selection(&c.w, 0xffu << first);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_u32(&r, &counter));
	TRY(reader_u32(&r, &selections));
	TRY(reader_bytes(&r, 6, &skip));
	TRY(reader_u32(&r, &digests));
	if (selections != 1 || digests != 8)
		return TCB_INTERNAL;
	for (unsigned i = 0; i < 8; i++) {
		TRY(reader_tpm2b(&r, &digest));
		if (digest.size != SHA256_SIZE)
			return TCB_INTERNAL;
		memcpy(ret_pcrs + (first + i) * SHA256_SIZE, digest.data, SHA256_SIZE);
	}
	return TCB_OK;
}

static enum tcb_error quote(const struct digest256 *qualifying, struct tpm_quote *ret_quote)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_QUOTE, true);
	writer_u32(&c.w, key_template_of(KEY_AK)->handle);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_tpm2b(&c.w, SPAN_OF(qualifying->bytes));
	writer_u16(&c.w, TPM_ALG_NULL); /* the key's own scheme */
	put_selection(&c.w, 0xffffff);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_tpm2b(&r, &ret_quote->attest));
	ret_quote->signature = r.rest;
	return TCB_OK;
}

enum tcb_error identity_quote(const struct digest256 *qualifying, struct writer *out, struct diagnosis *d)
{
	uint8_t pcrs[TPM_QUOTE_PCRS_SIZE];
	struct tpm_quote q = { .pcrs = SPAN_OF(pcrs) };
	enum tcb_error error = TCB_OK;

	for (unsigned first = 0; error == TCB_OK && first < LIMIT_PCRS; first += 8)
		error = read_eight(first, pcrs);
	if (error == TCB_OK)
		error = quote(qualifying, &q);
	if (error != TCB_OK)
		return diagnose(d, error, "vtpm.quote", "a vTPM that does not quote its PCRs",
				"a started TPM with its SHA-256 bank and the AK's empty authorization",
				"let the guest start its TPM first");
	tpm_quote_encode(out, &q);
	return writer_end(out, NULL);
}
