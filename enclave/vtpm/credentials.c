// SPDX-License-Identifier: MIT
#include "enclave/vtpm/credentials.h"

#include "crypto/key_id.h"
#include "edge/calls.h"
#include "edge/certified_ak.h"
#include "edge/local.h"
#include "enclave/lib/ocall.h"
#include "enclave/vtpm/nv.h"
#include "enclave/vtpm/tpm_command.h"

enum { NV_CHAIN = 0x01c00100, CHAIN_PAGES = 4, NV_PLATFORM = 0x01c08000 };

/* What this host is told of them: {u32 index, sized DER}... */
static uint8_t list_bytes[CHAIN_PAGES * NV_INDEX_MAX + (KEY_COUNT + 1) * NV_INDEX_MAX];
static struct writer list;

static void note(uint32_t index, struct span certificate)
{
	writer_u32(&list, index);
	writer_sized(&list, certificate);
}

/* ---- what stands in an index ---- */

static bool contains(struct span bytes, struct span part)
{
	return bytes.size >= part.size && memmem(bytes.data, bytes.size, part.data, part.size) != NULL;
}

/* The content of an index of ours, in `ret_bytes`; empty where there is none. */
static struct span read_ours(uint32_t index, struct span policy, uint8_t ret_bytes[NV_INDEX_MAX])
{
	size_t size;

	if (nv_look(index, policy, &size) != NV_OURS || size > NV_INDEX_MAX || nv_read(index, ret_bytes, size) != TCB_OK)
		return span_of(NULL, 0);
	return span_of(ret_bytes, size);
}

/* The end of a TPMT_PUBLIC is that of the key's modulus, or of its point's y: certificates of ours have the same bytes in their key. */
static bool certifies(struct span certificate, struct span tpmt_public)
{
	enum { ENOUGH = 24 };

	return tpmt_public.size >= ENOUGH && contains(certificate, span_from(tpmt_public, tpmt_public.size - ENOUGH));
}

/* What an index of ours says of a key that is there. */
enum standing { STANDING_NONE /* no such key, or no index of ours */, STANDING_MISSING, STANDING_OTHER_KEY, STANDING_OTHER_ISSUER, STANDING_GOOD };

/* `issuer` empty: any. */
static enum standing standing_of(enum vtpm_key key, struct span policy, struct span issuer)
{
	uint32_t index = key_template_of(key)->certificate_index;
	uint8_t public[LIMIT_TPM_PUBLIC], bytes[NV_INDEX_MAX];
	struct span certificate;
	size_t public_size, size;

	if (identity_public(key, public, &public_size) != TCB_OK)
		return STANDING_NONE;
	switch (nv_look(index, policy, &size)) {
	case NV_FREE: return STANDING_MISSING;
	case NV_ANOTHER: return STANDING_NONE;
	case NV_OURS: break;
	}
	certificate = read_ours(index, policy, bytes);
	if (certificate.size == 0)
		return STANDING_MISSING;
	if (!certifies(certificate, span_of(public, public_size)))
		return STANDING_OTHER_KEY;
	return contains(certificate, issuer) ? STANDING_GOOD : STANDING_OTHER_ISSUER;
}

/* The key identifier of this PSE's certificates. */
static enum tcb_error find_issuer(struct vtpm *v, uint8_t ret_id[KEY_ID_SIZE])
{
	struct span document = span_of(v->residence.certified_ak, v->residence.certified_ak_size);
	struct certified_ak ak;

	if (document.size == 0)
		TRY(state_ask_pse(v, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &document, NULL));
	TRY(certified_ak_decode(document, &ak));
	return key_id_of(&ak.pse_key, ret_id);
}

static bool chain_is_current(struct span policy, struct span issuer)
{
	uint8_t page[NV_INDEX_MAX];

	return contains(read_ours(NV_CHAIN, policy, page), issuer) && nv_is_defined(NV_CHAIN + CHAIN_PAGES - 1);
}

bool credentials_current(struct vtpm *v)
{
	uint8_t issuer[KEY_ID_SIZE];
	struct vtpm_identity identity;
	struct digest256 policy;

	if (nv_policy(&v->record.secret, &policy) != TCB_OK || find_issuer(v, issuer) != TCB_OK)
		return true;
	if (identity_ensure(&identity, NULL) != TCB_OK) /* the guest keeps us from its endorsement hierarchy */
		return true;
	for (unsigned key = 0; key < KEY_COUNT; key++) {
		enum standing standing = standing_of(key, SPAN_OF(policy.bytes), SPAN_OF(issuer));

		if (standing != STANDING_GOOD && standing != STANDING_NONE)
			return false;
	}
	return chain_is_current(SPAN_OF(policy.bytes), SPAN_OF(issuer));
}

/* ---- writing ---- */

/* One writing of all certificates. */
struct writing {
	struct vtpm *v;
	struct nv_session nv;
	struct digest256 policy;
	uint32_t level, revision; /* of the specification that the TPM implements */
};

/* An index of ours of this size, made if the TPM lets us. TCB_REFUSED: there is none. */
static enum tcb_error ensure_index(const struct writing *w, uint32_t index, size_t size)
{
	const struct span policy = SPAN_OF(w->policy.bytes);
	size_t found;

	switch (nv_look(index, policy, &found)) {
	case NV_ANOTHER: return TCB_REFUSED;
	case NV_FREE: break;
	case NV_OURS:
		if (found == size)
			return TCB_OK;
		TRY(nv_undefine(index)); /* of a former release */
		break;
	}
	TRY(nv_define(index, NV_ENCLAVE_WRITES, span_of(NULL, 0), policy, (uint16_t)size));
	return nv_look(index, policy, &found) == NV_OURS && found == size ? TCB_OK : TCB_REFUSED;
}

static enum tcb_error certify(struct writing *w, enum certify_kind kind, struct span public, struct span *ret_certificate, struct diagnosis *d)
{
	const struct local_certify asked = { .kind = kind, .id = w->v->record.id, .generation = w->v->record.generation, .level = w->level,
					     .revision = w->revision, .tpmt_public = public };
	uint8_t body_bytes[LIMIT_TPM_PUBLIC + 64];
	struct writer body = WRITER_OF(body_bytes);

	local_certify_encode(&body, &asked);
	TRY(writer_end(&body, NULL));
	TRY(state_ask_pse(w->v, LOCAL_CERTIFY, span_of(body_bytes, body.size), ret_certificate, d));
	return ret_certificate->size <= NV_INDEX_MAX ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error write_certificate(struct writing *w, enum vtpm_key key, enum certify_kind kind, uint32_t index, struct diagnosis *d)
{
	uint8_t public[LIMIT_TPM_PUBLIC];
	struct span certificate;
	size_t size, found;

	if (identity_public(key, public, &size) != TCB_OK)
		return TCB_OK; /* no such key, no certificate */
	if (nv_look(index, SPAN_OF(w->policy.bytes), &found) == NV_ANOTHER)
		return TCB_OK; /* its owner's certificate stands there */
	TRY(certify(w, kind, span_of(public, size), &certificate, d));
	note(index, certificate);
	if (ensure_index(w, index, certificate.size) != TCB_OK)
		return TCB_OK;
	return nv_session_write(&w->nv, index, certificate, certificate.size);
}

static enum tcb_error write_chain(struct writing *w, struct diagnosis *d)
{
	struct span issuer;

	TRY(state_ask_pse(w->v, LOCAL_ISSUER, span_of(NULL, 0), &issuer, d));
	if (issuer.size > CHAIN_PAGES * NV_INDEX_MAX)
		return TCB_LIMIT;
	note(NV_CHAIN, issuer);
	for (uint32_t page = 0; page < CHAIN_PAGES; page++) {
		struct span part = span_from(issuer, page * NV_INDEX_MAX);

		part.size = part.size < NV_INDEX_MAX ? part.size : NV_INDEX_MAX;
		if (ensure_index(w, NV_CHAIN + page, NV_INDEX_MAX) == TCB_OK)
			TRY(nv_session_write(&w->nv, NV_CHAIN + page, part, NV_INDEX_MAX));
	}
	return TCB_OK;
}

/* ---- after TPM2_ChangeEPS ---- */

/* Whether a certificate's key usage is that of keys of this template. */
static bool is_for_template(struct span certificate, const struct key_template *template)
{
	static const uint8_t head[] = { 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02 }; /* keyUsage, critical, 2 bytes of bits */
	enum { DIGITAL_SIGNATURE = 0x80, KEY_ENCIPHERMENT = 0x20, KEY_AGREEMENT = 0x08, ATTRIBUTE_DECRYPT = 1 << 17, ATTRIBUTE_SIGN = 1 << 18 };
	const uint8_t *at = memmem(certificate.data, certificate.size, head, sizeof head);
	uint8_t bytes[512];
	struct writer w = WRITER_OF(bytes);
	struct reader r;
	uint32_t types, attributes;
	uint8_t usage;

	template->put(&w);
	r = reader_of(span_of(bytes, w.size));
	if (at == NULL || (size_t)(certificate.data + certificate.size - at) < sizeof head + 2 || reader_u32(&r, &types) != TCB_OK ||
	    reader_u32(&r, &attributes) != TCB_OK)
		return false;
	usage = at[sizeof head + 1]; /* behind the number of unused bits */
	return ((usage & DIGITAL_SIGNATURE) != 0) == ((attributes & ATTRIBUTE_SIGN) != 0) &&
	       ((usage & (KEY_ENCIPHERMENT | KEY_AGREEMENT)) != 0) == ((attributes & ATTRIBUTE_DECRYPT) != 0);
}

/* A key of the former seed had this certificate, and is gone with it: the new seed's is made. Where it cannot be, nothing stays in the index. */
static enum tcb_error replace(struct writing *w, enum vtpm_key key)
{
	const uint32_t index = key_template_of(key)->certificate_index;
	uint8_t public[LIMIT_TPM_PUBLIC], bytes[NV_INDEX_MAX];
	struct span certificate = read_ours(index, SPAN_OF(w->policy.bytes), bytes);
	size_t size;

	if (certificate.size == 0 || !is_for_template(certificate, key_template_of(key)) || identity_public(key, public, &size) == TCB_OK ||
	    identity_make(key, NULL) == TCB_OK)
		return TCB_OK;
	TRY(nv_session_write(&w->nv, index, span_of(NULL, 0), certificate.size));
	(void)!nv_undefine(index); /* where the TPM does not let us, zeros tell as much */
	return TCB_OK;
}

static bool seed_has_changed(const struct writing *w)
{
	return standing_of(KEY_EK_P256, SPAN_OF(w->policy.bytes), span_of(NULL, 0)) == STANDING_OTHER_KEY ||
	       standing_of(KEY_AK, SPAN_OF(w->policy.bytes), span_of(NULL, 0)) == STANDING_OTHER_KEY;
}

/* ---- all ---- */

/* TPM_PT_LEVEL and TPM_PT_REVISION (TPM 2.0 part 2, 6.13). */
static enum tcb_error read_specification(uint32_t *ret_level, uint32_t *ret_revision)
{
	enum { CAP_TPM_PROPERTIES = 6, PT_LEVEL = 0x101, PT_REVISION = 0x102 };
	uint32_t capability, count, first, second;
	struct tpm_command c;
	struct reader r;
	uint8_t more;

	tpm_begin(&c, TPM_CC_GET_CAPABILITY, false);
	writer_u32(&c.w, CAP_TPM_PROPERTIES);
	writer_u32(&c.w, PT_LEVEL);
	writer_u32(&c.w, 2);
	TRY(tpm_run(&c, NULL, &r, NULL));
	TRY(reader_u8(&r, &more));
	TRY(reader_u32(&r, &capability));
	TRY(reader_u32(&r, &count));
	TRY(reader_u32(&r, &first));
	TRY(reader_u32(&r, ret_level));
	TRY(reader_u32(&r, &second));
	TRY(reader_u32(&r, ret_revision));
	return count == 2 && first == PT_LEVEL && second == PT_REVISION ? reader_end(&r) : TCB_INTERNAL;
}

static enum tcb_error write_all(struct writing *w, struct diagnosis *d)
{
	TRY(nv_policy(&w->v->record.secret, &w->policy));
	TRY(read_specification(&w->level, &w->revision));
	if (seed_has_changed(w))
		for (unsigned key = 0; key < KEY_COUNT; key++)
			TRY(replace(w, key));
	for (unsigned key = 0; key < KEY_COUNT; key++) {
		const struct key_template *t = key_template_of(key);

		TRY(write_certificate(w, key, t->kind, t->certificate_index, d));
		if (key_is_p384(key))
			TRY(write_certificate(w, key, CERTIFY_PLATFORM, NV_PLATFORM, d));
	}
	return write_chain(w, d);
}

enum tcb_error credentials_write(struct vtpm *v, struct diagnosis *d)
{
	struct writing w = { .v = v };
	enum tcb_error error;

	list = WRITER_OF(list_bytes);
	TRY(nv_session_open(&v->record.secret, &w.nv));
	error = write_all(&w, d);
	TRY(nv_session_close(&w.nv));
	TRY(error);
	return host_store(STORE_VTPM_CERTIFICATES, span_of(list_bytes, list.size), d);
}
