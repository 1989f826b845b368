// SPDX-License-Identifier: MIT
/* Attempts at authorizations that dictionary-attack protection counts (TPM 2.0 Part 1, 19.8). The host
 * sees that a wrong password makes the TPM store something and could keep it from being stored. So the
 * attempt is made durable before the TPM evaluates it; one that is open when the state is next opened
 * counts as failed. It stays open until the TPM is switched off in order. */
#include "core/reader.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/tpm_command.h"
#include "enclave/vtpm/vtpm.h"

enum {
	TPM_RH_LOCKOUT = 0x4000000a,
	TPM_CC_DA_LOCK_RESET = 0x139,
	TPM_CC_UNSEAL = 0x15e,
	TPM_CC_POLICY_AUTH_VALUE = 0x16b,
	TPM_CC_POLICY_PASSWORD = 0x18c,
	TPM_CAP_COMMANDS = 2,
	TPM_CAP_TPM_PROPERTIES = 6,
	TPM_PT_LOCKOUT_COUNTER = 0x20e,
	TPM_RC_OBJECT_MEMORY = 0x902,
	TPM_RC_AUTH_FAIL_1 = 0x98e, /* of the first session */
	TPM_RC_LOCKOUT = 0x921,
	TPM_CC_LAST = 0x200,
	TAG_SESSIONS = 0x8002,
	HANDLE_PCR = 0x00, HANDLE_NV = 0x01, HANDLE_HMAC = 0x02, HANDLE_POLICY = 0x03, HANDLE_PERMANENT = 0x40,
	HANDLE_TRANSIENT = 0x80, HANDLE_PERSISTENT = 0x81,
	FIRST_TRANSIENT = (int)0x80000000,
	OBJECT_NO_DA = 1 << 10, NV_NO_DA = 1 << 25, /* TPMA_OBJECT, TPMA_NV */
	SESSIONS = 64, /* libtpms' MAX_ACTIVE_SESSIONS: the low bits of their handles */
	HANDLES_MAX = 3,
};

/* By the low bits of a session's handle. */
static struct {
	uint8_t bound_to;  /* enum attempt: what a failed HMAC of this session counts against, too */
	bool uses_auth;    /* policy: PolicyAuthValue or PolicyPassword was used */
} sessions[SESSIONS];

static uint8_t type_of(uint32_t handle)
{
	return (uint8_t)(handle >> 24);
}

/* ---- what the TPM says of its entities ---- */

/* u16 size | TPMT_PUBLIC: type, nameAlg, objectAttributes; TPMS_NV_PUBLIC: index, nameAlg, attributes. */
static bool read_attributes(uint32_t handle, uint32_t *ret_attributes)
{
	bool is_nv = type_of(handle) == HANDLE_NV;
	struct tpm_command c;
	uint32_t index;
	uint16_t word;
	struct reader r;

	tpm_begin(&c, is_nv ? TPM_CC_NV_READ_PUBLIC : TPM_CC_READ_PUBLIC, false);
	writer_u32(&c.w, handle);
	if (tpm_run(&c, NULL, &r, NULL) != TCB_OK || reader_u16(&r, &word) != TCB_OK)
		return false;
	if (is_nv ? reader_u32(&r, &index) != TCB_OK : reader_u16(&r, &word) != TCB_OK)
		return false;
	return reader_u16(&r, &word) == TCB_OK && reader_u32(&r, ret_attributes) == TCB_OK;
}

/* What a failed authorization of this entity counts against. An entity that is not there fails before. */
static uint8_t kind_of_entity(uint32_t handle)
{
	uint32_t attributes;

	switch (type_of(handle)) {
	case HANDLE_PERMANENT: return handle == (uint32_t)TPM_RH_LOCKOUT ? ATTEMPT_LOCKOUT : 0;
	case HANDLE_NV:
		return read_attributes(handle, &attributes) && (attributes & NV_NO_DA) == 0 ? ATTEMPT_OBJECT : 0;
	case HANDLE_TRANSIENT:
	case HANDLE_PERSISTENT:
		return read_attributes(handle, &attributes) && (attributes & OBJECT_NO_DA) == 0 ? ATTEMPT_OBJECT : 0;
	default: return 0;
	}
}

/* TPMA_CC (Part 2, 8.9): bits 25 to 27 are the number of handles. */
static bool ask_handles_of(uint32_t code, uint8_t *ret_count)
{
	struct tpm_command c;
	uint32_t capability, count, attributes;
	struct reader r;
	uint8_t more;

	tpm_begin(&c, TPM_CC_GET_CAPABILITY, false);
	writer_u32(&c.w, TPM_CAP_COMMANDS);
	writer_u32(&c.w, code);
	writer_u32(&c.w, 1);
	if (tpm_run(&c, NULL, &r, NULL) != TCB_OK || reader_u8(&r, &more) != TCB_OK ||
	    reader_u32(&r, &capability) != TCB_OK || reader_u32(&r, &count) != TCB_OK || count != 1 ||
	    reader_u32(&r, &attributes) != TCB_OK || (attributes & 0xffff) != code)
		return false;
	*ret_count = (uint8_t)(attributes >> 25 & 7);
	return true;
}

/* What the TPM said once holds: it is the same program. False: the TPM does not take the command now. */
static bool handles_of(uint32_t code, uint8_t *ret_count)
{
	static struct { bool known; uint8_t count; } commands[TPM_CC_LAST];

	if (code >= TPM_CC_LAST)
		return false; /* no command that this TPM has */
	if (!commands[code].known && !ask_handles_of(code, &commands[code].count))
		return false;
	commands[code].known = true;
	*ret_count = commands[code].count;
	return true;
}

static bool read_counter(uint32_t *ret_counter)
{
	struct tpm_command c;
	uint32_t capability, count, property;
	struct reader r;
	uint8_t more;

	tpm_begin(&c, TPM_CC_GET_CAPABILITY, false);
	writer_u32(&c.w, TPM_CAP_TPM_PROPERTIES);
	writer_u32(&c.w, TPM_PT_LOCKOUT_COUNTER);
	writer_u32(&c.w, 1);
	return tpm_run(&c, NULL, &r, NULL) == TCB_OK && reader_u8(&r, &more) == TCB_OK &&
	       reader_u32(&r, &capability) == TCB_OK && reader_u32(&r, &count) == TCB_OK && count == 1 &&
	       reader_u32(&r, &property) == TCB_OK && property == (uint32_t)TPM_PT_LOCKOUT_COUNTER &&
	       reader_u32(&r, ret_counter) == TCB_OK;
}

/* ---- what a command tries ---- */

struct command_parts {
	uint32_t code;
	uint8_t handle_count;
	uint32_t handles[HANDLES_MAX];
	struct reader authorizations; /* TPMS_AUTH_COMMAND, one after the other */
};

static bool parse(struct span command, struct command_parts *ret_parts)
{
	struct reader r = reader_of(command);
	uint32_t size, area_size;
	struct span area;
	uint16_t tag;

	if (reader_u16(&r, &tag) != TCB_OK || tag != TAG_SESSIONS || reader_u32(&r, &size) != TCB_OK ||
	    reader_u32(&r, &ret_parts->code) != TCB_OK)
		return false;
	if (!handles_of(ret_parts->code, &ret_parts->handle_count) || ret_parts->handle_count > HANDLES_MAX)
		return false;
	for (unsigned i = 0; i < ret_parts->handle_count; i++)
		if (reader_u32(&r, &ret_parts->handles[i]) != TCB_OK)
			return false;
	if (reader_u32(&r, &area_size) != TCB_OK || reader_bytes(&r, area_size, &area) != TCB_OK)
		return false;
	ret_parts->authorizations = reader_of(area);
	return true;
}

static bool next_session(struct reader *authorizations, uint32_t *ret_session)
{
	struct span skip;
	uint8_t attributes;

	return reader_u32(authorizations, ret_session) == TCB_OK && reader_tpm2b(authorizations, &skip) == TCB_OK &&
	       reader_u8(authorizations, &attributes) == TCB_OK && reader_tpm2b(authorizations, &skip) == TCB_OK;
}

/* A policy that asks for no authorization value evaluates none. */
static bool evaluates_auth(uint32_t session)
{
	uint32_t index = session & 0xffffff;

	return type_of(session) != HANDLE_POLICY || index >= SESSIONS || sessions[index].uses_auth;
}

static uint8_t bound_to(uint32_t session)
{
	uint32_t index = session & 0xffffff;

	if (type_of(session) != HANDLE_HMAC && type_of(session) != HANDLE_POLICY)
		return 0;
	return index < SESSIONS ? sessions[index].bound_to : ATTEMPT_OBJECT;
}

/* enum attempt, or-ed: what may fail when the TPM runs this command. */
static uint8_t kinds_of(struct span command)
{
	struct command_parts parts;
	uint32_t session;
	uint8_t kinds = 0;

	if (!parse(command, &parts))
		return 0; /* the TPM refuses it before it looks at an authorization */
	for (unsigned i = 0; next_session(&parts.authorizations, &session); i++) {
		kinds |= bound_to(session);
		if (i < parts.handle_count && evaluates_auth(session))
			kinds |= kind_of_entity(parts.handles[i]);
	}
	return kinds;
}

void attempt_note_counter(struct vtpm *v)
{
	if (v->record.attempts != 0 && engine_running() && !read_counter(&v->record.attempts_at))
		v->record.attempts_at = UINT32_MAX; /* never larger: it will be counted */
}

enum tcb_error attempt_charge(struct vtpm *v, struct span command, struct diagnosis *d)
{
	uint8_t all = ATTEMPT_OBJECT | ATTEMPT_LOCKOUT, before = v->record.attempts;
	enum tcb_error error;

#ifdef TCBIND_PLANT_F4
	return TCB_OK; /* planted: a wrong password is counted only afterwards */
#endif
	if (before == all || !lease_needed(command)) /* what needs no lease uses no authorization value */
		return TCB_OK;
	v->record.attempts |= kinds_of(command);
	if (v->record.attempts == before)
		return TCB_OK;
	attempt_note_counter(v);
	error = state_save(v, d);
	if (error != TCB_OK)
		v->record.attempts = before;
	return error;
}

/* ---- sessions ---- */

void attempt_forget_sessions(void)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		sessions[i].bound_to = ATTEMPT_OBJECT;
		sessions[i].uses_auth = true;
	}
}

/* Command: header | tpmKey | bind | ...; response: header | sessionHandle | ... */
static void note_new_session(struct span command, struct span response)
{
	struct reader c = reader_of(command), r = reader_of(response);
	uint32_t key, bind, handle;
	struct span header;

	if (reader_bytes(&c, 10, &header) != TCB_OK || reader_u32(&c, &key) != TCB_OK || reader_u32(&c, &bind) != TCB_OK ||
	    reader_bytes(&r, 10, &header) != TCB_OK || reader_u32(&r, &handle) != TCB_OK)
		return;
	if ((handle & 0xffffff) >= SESSIONS)
		return;
	sessions[handle & 0xffffff].bound_to = bind == TPM_RH_NULL ? 0 : kind_of_entity(bind);
	sessions[handle & 0xffffff].uses_auth = false;
}

static void note_policy_uses_auth(struct span command)
{
	struct reader c = reader_of(command);
	struct span header;
	uint32_t handle;

	if (reader_bytes(&c, 10, &header) == TCB_OK && reader_u32(&c, &handle) == TCB_OK && (handle & 0xffffff) < SESSIONS)
		sessions[handle & 0xffffff].uses_auth = true;
}

void attempt_note(struct span command, struct span response)
{
	switch (tpm_command_code(command)) {
	case TPM_CC_START_AUTH_SESSION: note_new_session(command, response); break;
	case TPM_CC_POLICY_AUTH_VALUE:
	case TPM_CC_POLICY_PASSWORD: note_policy_uses_auth(command); break;
	default: break;
	}
}

/* ---- attempts that were open when the state was opened ---- */

/* A sealed object of the NULL hierarchy, with an authorization and under dictionary-attack protection. */
static enum tcb_error make_target(uint32_t *ret_handle, uint32_t *ret_code)
{
	static const uint8_t auth[] = { 1 }, data[] = { 0 };
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_CREATE_PRIMARY, true);
	writer_u32(&c.w, TPM_RH_NULL);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u16(&c.w, 2 + sizeof auth + 2 + sizeof data); /* TPM2B_SENSITIVE_CREATE */
	writer_tpm2b(&c.w, SPAN_OF(auth));
	writer_tpm2b(&c.w, SPAN_OF(data));
	writer_u16(&c.w, 14);     /* TPM2B_PUBLIC */
	writer_u16(&c.w, 0x0008); /* TPM_ALG_KEYEDHASH */
	writer_u16(&c.w, TPM_ALG_SHA256);
	writer_u32(&c.w, 1u << 1 | 1u << 4 | 1u << 6); /* fixedTPM, fixedParent, userWithAuth */
	writer_u16(&c.w, 0);
	writer_u16(&c.w, TPM_ALG_NULL);
	writer_u16(&c.w, 0);
	writer_u16(&c.w, 0); /* outsideInfo */
	writer_u32(&c.w, 0); /* creationPCR */
	return tpm_run(&c, ret_handle, &r, ret_code);
}

static enum tcb_error flush(uint32_t handle)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_FLUSH_CONTEXT, false);
	writer_u32(&c.w, handle);
	return tpm_run(&c, NULL, &r, NULL);
}

/* A wrong password. The TPM must have refused it for that reason: then it has counted it. */
static enum tcb_error fail_once(uint32_t command_code, uint32_t handle)
{
	static const uint8_t wrong[] = { 2 };
	struct tpm_command c;
	uint32_t code = 0;
	struct reader r;

	tpm_begin(&c, (enum tpm_cc)command_code, true);
	writer_u32(&c.w, handle);
	tpm_authorize(&c, TPM_RS_PW, SPAN_OF(wrong));
	if (tpm_run(&c, NULL, &r, &code) != TCB_REFUSED)
		return TCB_INTERNAL;
	return code == TPM_RC_AUTH_FAIL_1 || code == TPM_RC_LOCKOUT ? TCB_OK : TCB_INTERNAL;
}

/* The guest has all places for objects: one is saved, and loaded back into the only place that is free. */
static enum tcb_error make_room(uint8_t *ret_context, size_t capacity, size_t *ret_size)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_CONTEXT_SAVE, false);
	writer_u32(&c.w, (uint32_t)FIRST_TRANSIENT);
	TRY(tpm_run(&c, NULL, &r, NULL));
	if (r.rest.size > capacity)
		return TCB_LIMIT;
	memcpy(ret_context, r.rest.data, r.rest.size);
	*ret_size = r.rest.size;
	return flush((uint32_t)FIRST_TRANSIENT);
}

static enum tcb_error load_back(struct span context)
{
	struct tpm_command c;
	uint32_t handle;
	struct reader r;

	tpm_begin(&c, TPM_CC_CONTEXT_LOAD, false);
	writer_bytes(&c.w, context);
	TRY(tpm_run(&c, &handle, &r, NULL));
	return handle == (uint32_t)FIRST_TRANSIENT ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error count_object_failure(void)
{
	static uint8_t context[LIMIT_TPM_COMMAND];
	uint32_t target, code = 0;
	size_t saved = 0;
	enum tcb_error error = make_target(&target, &code);

	if (error == TCB_REFUSED && code == (uint32_t)TPM_RC_OBJECT_MEMORY) {
		TRY(make_room(context, sizeof context, &saved));
		error = make_target(&target, NULL);
	}
	if (error == TCB_OK)
		error = fail_once(TPM_CC_UNSEAL, target);
	if (error == TCB_OK)
		error = flush(target);
	if (saved > 0 && load_back(span_of(context, saved)) != TCB_OK)
		return TCB_INTERNAL;
	return error;
}

/* At TPM2_Startup the TPM itself may have counted it (Part 1, 19.8.6): then its counter is larger. */
static bool is_counted(const struct vtpm *v)
{
	uint32_t counter;

	return read_counter(&counter) && counter > v->record.attempts_at;
}

enum tcb_error attempt_settle(struct vtpm *v, struct diagnosis *d)
{
	enum tcb_error error = TCB_OK;

	if (v->attempts_owed == 0)
		return TCB_OK;
	if ((v->attempts_owed & ATTEMPT_OBJECT) != 0 && !is_counted(v))
		error = count_object_failure();
	if (error == TCB_OK && (v->attempts_owed & ATTEMPT_LOCKOUT) != 0)
		error = fail_once(TPM_CC_DA_LOCK_RESET, (uint32_t)TPM_RH_LOCKOUT);
	if (error != TCB_OK)
		return diagnose(d, TCB_PLATFORM, "vtpm.attempt", "a TPM that cannot count an authorization attempt",
				"one with room for an object", "start the VM again");
	v->record.attempts = 0;
	TRY(state_save(v, d));
	(void)engine_take_changed();
	v->attempts_owed = 0;
	return TCB_OK;
}
