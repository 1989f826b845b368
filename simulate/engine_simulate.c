// SPDX-License-Identifier: MIT
/* enclave/vtpm/engine.h without libtpms: a counter, a sealed object under a PIN, a key that signs,
 * one PCR. */
#include "enclave/vtpm/engine.h"

#include "core/reader.h"
#include "core/wipe.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "enclave/vtpm/tpm_command.h"
#include "simulate/tpm.h"

#define FIRST_TRANSIENT 0x80000000u

#define PERMANENT_MAGIC "SIMTPM01"
#define VOLATILE_MAGIC  "SIMVOL01"

enum {
	PADDING = 700, /* a real state has about as many bytes, packed */
	TAG_PLAIN = 0x8001,
	TAG_SESSIONS = 0x8002,
	CC_NV_INCREMENT = 0x134,
	CC_SIGN = 0x15d,
	CC_UNSEAL = 0x15e,
	CC_GET_RANDOM = 0x17b,
	CAP_COMMANDS = 2,
	PT_LOCKOUT_COUNTER = 0x20e,
	NO_DA = 1 << 10, /* TPMA_OBJECT */
	NV_NO_DA = 1 << 25,
	CC_PCR_EXTEND = 0x182,
	RC_INITIALIZE = 0x100,
	RC_COMMAND_CODE = 0x143,
	RC_COMMAND_SIZE = 0x142,
	RC_HANDLE = 0x18b,
	RC_LOCKOUT = 0x921,
	RC_AUTH_FAIL = 0x98e,
};

static struct {
	bool running, changed, started;
	uint8_t secret[sizeof SIMULATED_CANARY - 1 + LINEAGE_SIZE];
	uint64_t counter;
	uint32_t failed, resets;
	uint8_t pcr[SHA256_SIZE];
	size_t permanent_size;
	uint8_t permanent[1024]; /* as it was stored last */
	uint8_t response[512];
} tpm;

static const uint8_t *lineage(void) { return tpm.secret + sizeof SIMULATED_CANARY - 1; }

/* ---- state ---- */

static void store(void)
{
	struct writer w = WRITER_OF(tpm.permanent);

	writer_bytes(&w, span_of_text(PERMANENT_MAGIC));
	writer_bytes(&w, SPAN_OF(tpm.secret));
	writer_u64(&w, tpm.counter);
	writer_u32(&w, tpm.failed);
	writer_u32(&w, tpm.resets);
	writer_zeros(&w, PADDING);
	tpm.permanent_size = w.size;
	tpm.changed = true;
}

static enum tcb_error load(struct span permanent)
{
	struct reader r = reader_of(permanent);
	struct span magic, rest;

	TRY(reader_bytes(&r, strlen(PERMANENT_MAGIC), &magic));
	if (!span_is_text(magic, PERMANENT_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_copy(&r, tpm.secret, sizeof tpm.secret));
	TRY(reader_u64(&r, &tpm.counter));
	TRY(reader_u32(&r, &tpm.failed));
	TRY(reader_u32(&r, &tpm.resets));
	TRY(reader_bytes(&r, PADDING, &rest));
	return reader_end(&r);
}

static enum tcb_error manufacture(void)
{
	memcpy(tpm.secret, SIMULATED_CANARY, sizeof SIMULATED_CANARY - 1);
	TRY(crypto_random(tpm.secret + sizeof SIMULATED_CANARY - 1, LINEAGE_SIZE));
	tpm.counter = tpm.failed = tpm.resets = 0;
	store();
	oracle_tpm(TPM_MADE, lineage(), 0);
	return TCB_OK;
}

static enum tcb_error load_volatile(struct span state)
{
	struct reader r = reader_of(state);
	struct span magic;

	TRY(reader_bytes(&r, strlen(VOLATILE_MAGIC), &magic));
	if (!span_is_text(magic, VOLATILE_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_bool(&r, &tpm.started));
	TRY(reader_copy(&r, tpm.pcr, sizeof tpm.pcr));
	return reader_end(&r);
}

enum tcb_error engine_keep(struct span permanent)
{
	if (permanent.size > sizeof tpm.permanent)
		return TCB_LIMIT;
	if (permanent.size > 0)
		memmove(tpm.permanent, permanent.data, permanent.size);
	tpm.permanent_size = permanent.size;
	return TCB_OK;
}

static enum tcb_error set_state(struct span permanent, struct span volatile_state)
{
	tpm.started = false;
	memset(tpm.pcr, 0, sizeof tpm.pcr);
	TRY(engine_keep(permanent));
	TRY(permanent.size == 0 ? manufacture() : load(span_of(tpm.permanent, tpm.permanent_size)));
	return volatile_state.size == 0 ? TCB_OK : load_volatile(volatile_state);
}

enum tcb_error engine_start(struct span permanent, struct span volatile_state, struct diagnosis *d)
{
	engine_stop();
	if (set_state(permanent, volatile_state) != TCB_OK)
		return diagnose(d, TCB_MALFORMED, "vtpm.engine",
				"a TPM state that the TPM does not start from",
				"a state of the stand-in TPM", "restore the newest state");
	tpm.running = true;
	oracle_tpm(TPM_RUNS, lineage(), tpm.counter);
	return TCB_OK;
}

enum tcb_error engine_rehearse(struct diagnosis *d)
{
	(void)d;
	return TCB_OK;
}

uint32_t engine_version(void) { return 1; }

void engine_stop(void) { tpm.running = false; }

bool engine_running(void) { return tpm.running; }

void engine_tidy(void) {}

struct span engine_permanent(void) { return span_of(tpm.permanent, tpm.permanent_size); }

bool engine_take_changed(void)
{
	bool changed = tpm.changed;

	tpm.changed = false;
	return changed;
}

enum tcb_error engine_volatile(uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	struct writer w = writer_of(ret_bytes, capacity);

	writer_bytes(&w, span_of_text(VOLATILE_MAGIC));
	writer_bool(&w, tpm.started);
	writer_bytes(&w, SPAN_OF(tpm.pcr));
	*ret_size = w.size;
	return writer_end(&w, NULL);
}

/* ---- commands ---- */

struct command {
	uint16_t tag;
	uint32_t code, handle;
	struct span auth; /* the password of the first session */
	struct reader parameters;
};

static bool has_two_handles(uint32_t code)
{
	return code == CC_NV_INCREMENT || code == TPM_CC_NV_READ;
}

static enum tcb_error read_session(struct reader *r, struct command *c)
{
	uint32_t size, session;
	struct span area, nonce;
	uint8_t attributes;
	struct reader s;

	TRY(reader_u32(r, &size));
	TRY(reader_bytes(r, size, &area));
	s = reader_of(area);
	TRY(reader_u32(&s, &session));
	TRY(reader_tpm2b(&s, &nonce));
	TRY(reader_u8(&s, &attributes));
	return reader_tpm2b(&s, &c->auth);
}

static enum tcb_error command_decode(struct span bytes, struct command *ret_command)
{
	struct reader r = reader_of(bytes);
	struct command c = {0};
	uint32_t size, second;

	TRY(reader_u16(&r, &c.tag));
	TRY(reader_u32(&r, &size));
	TRY(reader_u32(&r, &c.code));
	if (size != bytes.size)
		return TCB_MALFORMED;
	if (c.tag == TAG_SESSIONS) {
		TRY(reader_u32(&r, &c.handle));
		if (has_two_handles(c.code))
			TRY(reader_u32(&r, &second));
		TRY(read_session(&r, &c));
	}
	c.parameters = r;
	*ret_command = c;
	return TCB_OK;
}

/* An object that the enclave made to fail at: with another authorization than it gives. */
static uint32_t unseal_transient(void)
{
	if (tpm.failed >= SIMULATED_TRIES)
		return RC_LOCKOUT;
	tpm.failed++;
	store();
	return RC_AUTH_FAIL;
}

static uint32_t unseal(const struct command *c, struct writer *out)
{
	if (c->handle == FIRST_TRANSIENT)
		return unseal_transient();
	if (tpm.failed >= SIMULATED_TRIES) {
		oracle_tpm(TPM_LOCKED_OUT, lineage(), tpm.failed);
		return RC_LOCKOUT;
	}
	if (!span_is_text(c->auth, SIMULATED_PIN)) {
		tpm.failed++;
		store();
		oracle_tpm(TPM_WRONG_PIN, lineage(), tpm.failed);
		return RC_AUTH_FAIL;
	}
	writer_tpm2b(out, SPAN_OF(tpm.pcr));
	oracle_tpm(TPM_UNSEALED, lineage(), 0);
	return 0;
}

static uint32_t start_up(void)
{
	if (tpm.started)
		return RC_INITIALIZE;
	tpm.started = true;
	tpm.resets++;
	store();
	return 0;
}

static uint32_t handles_of(uint32_t code)
{
	switch (code) {
	case CC_NV_INCREMENT:
	case TPM_CC_NV_READ:
		return 2;
	case CC_UNSEAL:
	case CC_SIGN:
	case TPM_CC_QUOTE:
	case CC_PCR_EXTEND:
		return 1;
	default:
		return 0;
	}
}

/* TPM2_GetCapability (TPM 2.0 Part 3, 30.2) of one command, or one property. */
static uint32_t get_capability(const struct command *c, struct writer *out)
{
	struct reader r = c->parameters;
	uint32_t capability, what;

	if (reader_u32(&r, &capability) != TCB_OK || reader_u32(&r, &what) != TCB_OK)
		return RC_COMMAND_SIZE;
	writer_u8(out, 0);
	writer_u32(out, capability);
	writer_u32(out, 1);
	if (capability == CAP_COMMANDS) {
		writer_u32(out, what | handles_of(what) << 25); /* TPMA_CC */
	} else {
		writer_u32(out, what);
		writer_u32(out, what == PT_LOCKOUT_COUNTER ? tpm.failed : 0);
	}
	return 0;
}

/* The start of a public area: as far as its attributes. Only the object under the PIN is protected
 * against dictionary attacks. */
static uint32_t read_public(const struct command *c, bool is_nv, struct writer *out)
{
	struct reader r = c->parameters;
	uint32_t handle;

	if (reader_u32(&r, &handle) != TCB_OK)
		return RC_COMMAND_SIZE;
	writer_u16(out, is_nv ? 10 : 8);
	if (is_nv)
		writer_u32(out, handle);
	else
		writer_u16(out, TPM_ALG_ECC);
	writer_u16(out, TPM_ALG_SHA256);
	writer_u32(out, is_nv                        ? (uint32_t)NV_NO_DA
			: handle == SIMULATED_SEALED ? 0
						     : (uint32_t)NO_DA);
	return 0;
}

static uint32_t execute(const struct command *c, struct writer *out)
{
	if (c->code == TPM_CC_STARTUP)
		return start_up();
	if (!tpm.started)
		return RC_INITIALIZE;
	switch (c->code) {
	case TPM_CC_SHUTDOWN:
		store();
		return 0;
	case CC_NV_INCREMENT:
		tpm.counter++;
		store();
		oracle_tpm(TPM_INCREMENTED, lineage(), tpm.counter);
		return 0;
	case TPM_CC_NV_READ:
		writer_u16(out, 8);
		writer_u64(out, tpm.counter);
		oracle_tpm(TPM_READ, lineage(), tpm.counter);
		return 0;
	case CC_UNSEAL:
		return unseal(c, out);
	case CC_SIGN:
	case TPM_CC_QUOTE:
		oracle_tpm(TPM_SIGNED, lineage(), 0);
		return 0;
	case CC_PCR_EXTEND:
		tpm.pcr[0]++;
		return 0;
	case TPM_CC_GET_CAPABILITY:
		return get_capability(c, out);
	case TPM_CC_READ_PUBLIC:
		return read_public(c, false, out);
	case TPM_CC_NV_READ_PUBLIC:
		return read_public(c, true, out);
	case TPM_CC_PCR_READ:
	case TPM_CC_FLUSH_CONTEXT:
	case TPM_CC_CREATE_PRIMARY: /* its handle is put into the response by the caller */
	case CC_GET_RANDOM:
		return 0;
	default:
		return RC_COMMAND_CODE;
	}
}

enum tcb_error engine_process(uint8_t locality, struct span command, struct span *ret_response)
{
	struct writer w = WRITER_OF(tpm.response), parameters;
	uint8_t parameter_bytes[128];
	uint32_t code = RC_COMMAND_SIZE;
	struct command c = {0};
	bool sessions, has_handle;

	(void)locality;
	if (!tpm.running)
		return TCB_WRONG_STATE;
	parameters = WRITER_OF(parameter_bytes);
	if (command_decode(command, &c) == TCB_OK)
		code = execute(&c, &parameters);
	sessions = code == 0 && c.tag == TAG_SESSIONS;
	has_handle = code == 0 && c.code == TPM_CC_CREATE_PRIMARY;
	writer_u16(&w, sessions ? TAG_SESSIONS : TAG_PLAIN);
	writer_u32(&w, (uint32_t)((sessions ? 10u + 4 + 5 : 10u) + (has_handle ? 4u : 0u) +
				  (code == 0 ? parameters.size : 0)));
	writer_u32(&w, code);
	if (has_handle)
		writer_u32(&w, FIRST_TRANSIENT);
	if (sessions)
		writer_u32(&w, (uint32_t)parameters.size);
	if (code == 0)
		writer_bytes(&w, span_of(parameter_bytes, parameters.size));
	if (sessions)
		writer_zeros(&w, 5);
	return writer_end(&w, ret_response);
}

/* ---- what the simulation does not use ---- */

enum tcb_error engine_established(bool *ret_bit)
{
	*ret_bit = false;
	return TCB_OK;
}

enum tcb_error engine_reset_established(uint8_t locality)
{
	(void)locality;
	return TCB_OK;
}

enum tcb_error engine_hash_start(void) { return TCB_OK; }

enum tcb_error engine_hash_data(struct span bytes)
{
	(void)bytes;
	return TCB_OK;
}

enum tcb_error engine_hash_end(void) { return TCB_OK; }

uint32_t engine_buffer_size(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max)
{
	(void)wanted;
	*ret_min = *ret_max = LIMIT_TPM_COMMAND;
	return LIMIT_TPM_COMMAND;
}

enum tcb_error engine_info(uint64_t flags, struct span *ret_json)
{
	(void)flags;
	*ret_json = span_of_text("{}");
	return TCB_OK;
}
