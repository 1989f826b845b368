// SPDX-License-Identifier: MIT
/* The authenticated code module: runs first at platform reset, alone, its signature checked by the processor. Its stream
 * is the bus to the physical TPM. It asks the TPM for its attestation key (made on first boot), writes it to
 * the AK bank and locks the bank. TPM 2.0 Part 3; raw commands, since the least code wins here. */
#include <stdlib.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "edge/ptpm.h"
#include "enclave/tee/tee.h"

enum {
	TAG_NO_SESSIONS = 0x8001,
	TAG_SESSIONS = 0x8002,
	CC_STARTUP = 0x144,
	CC_READ_PUBLIC = 0x173,
	CC_CREATE_PRIMARY = 0x131,
	CC_EVICT_CONTROL = 0x120,
	CC_FLUSH_CONTEXT = 0x165,
	RC_INITIALIZE = 0x100, /* TPM2_Startup was done already */
};
#define RH_OWNER 0x40000001u
#define RH_ENDORSEMENT 0x4000000bu
#define RS_PW 0x40000009u
/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign. There is no password to be tried, and a TPM in lockout still quotes. */
#define AK_ATTRIBUTES 0x00050472u
#define NO_DA 0x400u

static uint8_t response_bytes[LIMIT_TPM_COMMAND];

/* Sends tag, size, code and `body`; returns the response code and what follows it. */
static uint32_t transact(uint16_t tag, uint32_t code, struct span body, struct reader *ret_body)
{
	uint8_t head[10];
	struct writer w = WRITER_OF(head);
	struct reader r = reader_of(SPAN_OF(head));
	uint32_t size, response_code;
	uint16_t response_tag;

	writer_u16(&w, tag);
	writer_u32(&w, (uint32_t)(sizeof head + body.size));
	writer_u32(&w, code);
	tee_stream_write(SPAN_OF(head));
	tee_stream_write(body);
	tee_stream_read(head, sizeof head);
	if (reader_u16(&r, &response_tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK ||
	    reader_u32(&r, &response_code) != TCB_OK || size < sizeof head || size > sizeof response_bytes)
		tee_abort("the TPM's response has no header");
	tee_stream_read(response_bytes, size - sizeof head);
	*ret_body = reader_of(span_of(response_bytes, size - sizeof head));
	return response_code;
}

static void put_password_session(struct writer *w)
{
	writer_u32(w, 9);
	writer_u32(w, RS_PW);
	writer_u16(w, 0); /* nonce */
	writer_u8(w, 0);
	writer_u16(w, 0); /* empty auth */
}

static void startup(void)
{
	static const uint8_t clear[2] = {0, 0};
	struct reader r;
	uint32_t code = transact(TAG_NO_SESSIONS, CC_STARTUP, SPAN_OF(clear), &r);

	if (code != 0 && code != RC_INITIALIZE)
		tee_abort("the TPM does not start");
}

/* The persistent AK's public area (TPMT_PUBLIC), if there is one. */
static bool read_public(struct span *ret_public)
{
	uint8_t handle[4];
	struct writer w = WRITER_OF(handle);
	struct reader r;

	writer_u32(&w, PTPM_AK_HANDLE);
	return transact(TAG_NO_SESSIONS, CC_READ_PUBLIC, SPAN_OF(handle), &r) == 0 &&
	       reader_tpm2b(&r, ret_public) == TCB_OK;
}

/* TPMT_PUBLIC of the AK: ECC P-256, ECDSA with SHA-256. The label in `unique` sets it apart from other primaries. */
static void put_template(struct writer *w)
{
	static const char label[32] = "tcbind platform attestation key";

	writer_u16(w, 0x0023); /* TPM_ALG_ECC */
	writer_u16(w, 0x000b); /* nameAlg SHA-256 */
	writer_u32(w, AK_ATTRIBUTES);
	writer_u16(w, 0);      /* no policy */
	writer_u16(w, 0x0010); /* symmetric: null */
	writer_u16(w, 0x0018); /* ECDSA */
	writer_u16(w, 0x000b); /* SHA-256 */
	writer_u16(w, 0x0003); /* NIST P-256 */
	writer_u16(w, 0x0010); /* KDF: null */
	writer_tpm2b(w, SPAN_OF(label));
	writer_u16(w, 0); /* unique.y */
}

static uint32_t create_primary(void)
{
	uint8_t template_bytes[128], body[256];
	struct writer t = WRITER_OF(template_bytes), w = WRITER_OF(body);
	struct span bytes = {0}, template = {0};
	uint32_t handle = 0;
	struct reader r;

	put_template(&t);
	if (writer_end(&t, &template) != TCB_OK)
		tee_abort("the AK's template does not fit");
	writer_u32(&w, RH_ENDORSEMENT);
	put_password_session(&w);
	writer_u16(&w, 4); /* TPM2B_SENSITIVE_CREATE: empty auth, no data */
	writer_u32(&w, 0);
	writer_tpm2b(&w, template);
	writer_u16(&w, 0); /* outside info */
	writer_u32(&w, 0); /* no PCRs */
	if (writer_end(&w, &bytes) != TCB_OK || transact(TAG_SESSIONS, CC_CREATE_PRIMARY, bytes, &r) != 0 ||
	    reader_u32(&r, &handle) != TCB_OK)
		tee_abort("the TPM makes no AK");
	return handle;
}

static void make_persistent(uint32_t handle)
{
	uint8_t body[32];
	struct writer w = WRITER_OF(body);
	struct span bytes = {0};
	struct reader r;

	writer_u32(&w, RH_OWNER);
	writer_u32(&w, handle);
	put_password_session(&w);
	writer_u32(&w, PTPM_AK_HANDLE);
	if (writer_end(&w, &bytes) != TCB_OK || transact(TAG_SESSIONS, CC_EVICT_CONTROL, bytes, &r) != 0)
		tee_abort("the TPM does not keep the AK");
	w = WRITER_OF(body);
	writer_u32(&w, handle);
	if (writer_end(&w, &bytes) != TCB_OK || transact(TAG_NO_SESSIONS, CC_FLUSH_CONTEXT, bytes, &r) != 0)
		tee_abort("the TPM does not free the AK's slot");
}

/* Only a restricted signing key of this very TPM may stand in the bank. */
static bool is_attestation_key(struct span public)
{
	struct reader r = reader_of(public);
	uint16_t type, name_algorithm;
	uint32_t attributes;

	return reader_u16(&r, &type) == TCB_OK && reader_u16(&r, &name_algorithm) == TCB_OK &&
	       reader_u32(&r, &attributes) == TCB_OK && type == 0x0023 && name_algorithm == 0x000b &&
	       (attributes | NO_DA) == AK_ATTRIBUTES; /* one that was made before has no noDA */
}

int main(void)
{
	struct span public;

	tee_enter(NULL);
	startup();
	if (!read_public(&public)) {
		make_persistent(create_primary());
		if (!read_public(&public))
			tee_abort("the AK that was made is not there");
	}
	if (!is_attestation_key(public))
		tee_abort("what stands at the AK's handle is not an attestation key");
	if (tee_write_ak_bank(public) != TCB_OK || tee_lock_ak_bank() != TCB_OK)
		tee_abort("the bank cannot be written and locked");
	_exit(0);
}
