// SPDX-License-Identifier: MIT
/* The vTPM enclave (the publication's 112 and 114): one for each VM, libtpms inside. Trusts: processor, PSE and MigE of this
 * processor after local attestation. Fed by: the untrusted host, and through it the guest. */
#include <openssl/evp.h>

#include "crypto/crypto.h"
#include "edge/local.h"
#include "enclave/lib/dispatch.h"
#include "enclave/lib/ocall.h"
#include "enclave/lib/seal.h"
#include "enclave/tee/tee.h"
#include "enclave/vtpm/credentials.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/levers.h"
#include "enclave/vtpm/mailbox.h"
#include "enclave/vtpm/pack.h"
#include "enclave/vtpm/tpm_command.h"
#include "enclave/vtpm/vtpm.h"

#define VOLATILE_LABEL "tcbind vTPM volatile state v1"

enum { SHUTDOWN_CLEAR = 0, SHUTDOWN_STATE = 1 };

static struct vtpm vtpm; /* zeros: initialisers would put all of it into the image */

static enum tcb_error no_body(struct span body)
{
	return body.size == 0 ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error put_status(const struct vtpm *v, struct writer *ret)
{
	const struct vtpm_status status = { .state = v->record.state, .generation = v->record.generation, .digest = v->digest };

	vtpm_status_encode(ret, &status);
	return TCB_OK;
}

static enum tcb_error wrong_state(struct diagnosis *d, const char *found, const char *wanted)
{
	return diagnose(d, TCB_WRONG_STATE, "vtpm.state", found, wanted, "see `tcbind vtpm show`");
}

/* ---- volatile state, sealed: a file of the host's, or a blob that it was given alone ---- */

static enum tcb_error seal_volatile(const struct vtpm *v, struct span state, struct writer *out)
{
	static uint8_t plain_bytes[UUID_SIZE + LIMIT_TPM_VOLATILE];
	struct writer w = WRITER_OF(plain_bytes);
	enum tcb_error error;
	struct span plain;

	writer_bytes(&w, SPAN_OF(v->record.id.bytes));
	writer_bytes(&w, state);
	TRY(writer_end(&w, &plain));
	error = seal_bytes(VOLATILE_LABEL, plain, out);
	wipe(plain_bytes, plain.size);
	return error;
}

/* Into v->volatile_state; another vTPM's is refused. */
static enum tcb_error take_volatile(struct vtpm *v, struct span plain, struct diagnosis *d)
{
	struct reader r = reader_of(plain);
	struct span id;

	TRY(reader_bytes(&r, UUID_SIZE, &id));
	if (!span_equal(id, SPAN_OF(v->record.id.bytes)) || r.rest.size > sizeof v->volatile_state)
		return diagnose(d, TCB_REFUSED, "vtpm.volatile.other", "the volatile state of another vTPM",
				"the one that was written in this place", "put each vTPM's files back in its own place");
	memcpy(v->volatile_state, r.rest.data, r.rest.size);
	v->volatile_size = r.rest.size;
	return TCB_OK;
}

static enum tcb_error open_volatile(struct vtpm *v, struct span sealed, struct diagnosis *d)
{
	static uint8_t plain_bytes[LIMIT_STATE];
	enum tcb_error error;
	struct span plain;

	TRY(seal_open(VOLATILE_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	error = take_volatile(v, plain, d);
	wipe(plain_bytes, plain.size); /* a refused one is another vTPM's secret */
	return error;
}

/* ---- create and load ---- */

static enum tcb_error ask_mige(struct vtpm *v, enum local_request request, struct span *ret_reply, struct diagnosis *d)
{
	uint8_t body_bytes[64];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	writer_bytes(&w, SPAN_OF(v->record.id.bytes));
	writer_bytes(&w, SPAN_OF(v->record.lineage.bytes));
	writer_u64(&w, v->record.generation);
	TRY(writer_end(&w, &body));
	return session_call(&v->mige, request, body, ret_reply, d);
}

/* Whether this generation, or a later one, was handed over from here. */
static enum tcb_error ask_whether_moved(struct vtpm *v, bool *ret_moved, struct diagnosis *d)
{
	struct span reply;
	struct reader r;

	TRY(ask_mige(v, LOCAL_HAS_MOVED, &reply, d));
	r = reader_of(reply);
	TRY(reader_bool(&r, ret_moved));
	return reader_end(&r);
}

static enum tcb_error simple_command(enum tpm_cc code, uint16_t parameter)
{
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, code, false);
	writer_u16(&c.w, parameter);
	return tpm_run(&c, NULL, &r, NULL);
}

/* Keys, mailbox, certificates. */
static enum tcb_error furnish(struct vtpm *v, uint16_t keys, struct diagnosis *d)
{
	struct vtpm_identity identity;

	TRY(mailbox_ensure(&v->record.secret));
	TRY(identity_ensure(&identity, d));
	for (unsigned key = 0; key < KEY_COUNT; key++)
		if ((keys >> key & 1) != 0)
			TRY(identity_make(key, d));
	TRY(mailbox_publish(&v->record.secret, span_of(NULL, 0), "write a nonce to 0x01400102"));
	return credentials_write(v, d);
}

/* The banks of libtpms, active from the next TPM Reset on or not. */
static enum tcb_error allocate_banks(uint8_t active)
{
	static const uint16_t algorithms[] = { 0x0004, 0x000b, 0x000c, 0x000d }; /* in enum pcr_bank's order */
	struct tpm_command c;
	struct reader r;

	tpm_begin(&c, TPM_CC_PCR_ALLOCATE, true);
	writer_u32(&c.w, TPM_RH_PLATFORM);
	tpm_authorize(&c, TPM_RS_PW, span_of(NULL, 0));
	writer_u32(&c.w, sizeof algorithms / sizeof algorithms[0]);
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		writer_u16(&c.w, algorithms[i]);
		writer_u8(&c.w, 3);
		for (int byte = 0; byte < 3; byte++)
			writer_u8(&c.w, (active >> i & 1) != 0 ? 0xff : 0);
	}
	return tpm_run(&c, NULL, &r, NULL);
}

/* A new TPM, or one that another program kept, left as after an orderly shutdown or, where it came with volatile state, as it
 * was. What a guest took (an authorization, a handle, the NV memory) may keep such a TPM from being furnished: it runs without, and
 * what is missing is tried again at each TPM2_Startup, and when evidence is asked for. */
static enum tcb_error manufacture(struct vtpm *v, const struct vtpm_create *m, struct diagnosis *d)
{
	static uint8_t packed_bytes[LIMIT_STATE];
	struct writer packed = WRITER_OF(packed_bytes);
	bool imported = m->tpm_state.size > 0, resumed = m->tpm_volatile.size > 0;
	enum tcb_error error;

	if (m->tpm_state.size > 0)
		pack(&packed, m->tpm_state);
	TRY(writer_end(&packed, NULL));
	TRY(crypto_random(v->record.secret.bytes, sizeof v->record.secret.bytes));
	error = engine_start(span_of(packed_bytes, packed.size), m->tpm_volatile, d);
	wipe(packed_bytes, packed.size);
	TRY(error);
	if (!resumed)
		TRY(simple_command(TPM_CC_STARTUP, 0));
	error = furnish(v, m->keys, d);
	if (error == TCB_OK && m->pcr_banks != 0)
		error = allocate_banks(m->pcr_banks);
	if (error != TCB_OK && !(imported && error == TCB_REFUSED))
		return error;
	if (resumed)
		TRY(engine_volatile(v->volatile_state, sizeof v->volatile_state, &v->volatile_size));
	else
		TRY(simple_command(TPM_CC_SHUTDOWN, SHUTDOWN_CLEAR));
	engine_stop();
	return TCB_OK;
}

/* Another vTPM of this id went away from here: what is made now would never run. */
static enum tcb_error check_id(struct vtpm *v, struct diagnosis *d)
{
	bool moved;

	TRY(ask_whether_moved(v, &moved, d));
	if (!moved)
		return TCB_OK;
	return diagnose(d, TCB_REFUSED, "vtpm.moved", "the id of a vTPM that was handed over", "one that is new here, or was forgotten",
			"choose another id; or delete that vTPM, and wait a moment");
}

static enum tcb_error handle_create(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct vtpm_create m;

	TRY(vtpm_create_decode(body, &m));
	if (v->loaded)
		return wrong_state(d, "an enclave that holds a vTPM", "a new enclave");
	v->record.id = m.id;
	v->record.state = m.incoming ? VTPM_INCOMING : VTPM_NEW;
	v->record.origin = m.tpm_state.size > 0 ? ORIGIN_IMPORTED : ORIGIN_MANUFACTURED;
	if (!m.incoming) {
		v->record.policy_size = m.policy.size;
		memcpy(v->record.policy, m.policy.data, m.policy.size);
		v->record.recovery_size = m.recovery_key.size;
		memcpy(v->record.recovery, m.recovery_key.data, m.recovery_key.size);
		v->record.generation = 1;
		TRY(crypto_random(v->record.lineage.bytes, sizeof v->record.lineage.bytes));
		TRY(check_id(v, d));
		TRY(manufacture(v, &m, d));
	}
	TRY(residence_begin(v));
	TRY(state_create(v, d));
	(void)engine_take_changed();
	v->loaded = true;
	return put_status(v, ret);
}

/* One more endorsement key, with its certificate. */
static enum tcb_error handle_add_key(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct reader r = reader_of(body);
	enum tcb_error error;
	uint8_t key;

	TRY(reader_u8(&r, &key));
	TRY(reader_end(&r));
	if (key >= KEY_COUNT)
		return TCB_MALFORMED;
	if (!v->loaded || engine_running() || v->volatile_size > 0 || (v->record.state != VTPM_NEW && v->record.state != VTPM_STOPPED))
		return wrong_state(d, "a vTPM that runs, or is not here", "one that is off");
	TRY(engine_start(engine_permanent(), span_of(NULL, 0), d));
	error = simple_command(TPM_CC_STARTUP, 0);
	if (error == TCB_OK)
		error = identity_make((enum vtpm_key)key, d);
	if (error == TCB_OK)
		error = credentials_write(v, d);
	if (error == TCB_OK)
		error = simple_command(TPM_CC_SHUTDOWN, SHUTDOWN_CLEAR);
	engine_stop();
	TRY(error);
	(void)engine_take_changed();
	TRY(state_save(v, d));
	return put_status(v, ret);
}

/* While nobody waits: keys; and sessions, which open with the first request, here the cheapest that each has. */
static enum tcb_error get_ready(struct vtpm *v, struct diagnosis *d)
{
	struct span reply;
	bool moved;

	TRY(seal_prepare());
	TRY(residence_reserve());
	if (!v->mige.open)
		TRY(ask_whether_moved(v, &moved, d));
	return v->pse.open ? TCB_OK : session_call(&v->pse, LOCAL_GET_CERTIFIED_AK, span_of(NULL, 0), &reply, d);
}

static enum tcb_error handle_standby(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;

	(void)ret;
	TRY(no_body(body));
	if (v->loaded)
		return wrong_state(d, "an enclave that holds a vTPM", "a new enclave");
	TRY(engine_rehearse(d));
	return get_ready(v, d);
}

static enum tcb_error handle_load(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct vtpm_load m;

	TRY(vtpm_load_decode(body, &m));
	if (v->loaded)
		return wrong_state(d, "an enclave that holds a vTPM", "a new enclave");
	TRY(state_load(v, &m, d));
	TRY(engine_keep(state_loaded_tpm(v)));
	if (!seal_is_current(m.sealed) && (v->record.state == VTPM_NEW || v->record.state == VTPM_STOPPED))
		TRY(state_save(v, d)); /* an older enclave or processor wrote it */
	if (m.volatile_sealed.size > 0)
		TRY(open_volatile(v, m.volatile_sealed, d));
	TRY(residence_begin(v));
	if (v->record.state == VTPM_INCOMING) /* about to be filled, with a machine stopped meanwhile */
		TRY(get_ready(v, d));
	v->loaded = true;
	return put_status(v, ret);
}

/* ---- run ---- */

/* If a change cannot be stored, the TPM stops until the next CMD_INIT, like a TPM whose NV memory
 * fails. A wrong password that leaves no trace could be tried for ever. */
static enum tcb_error save_or_stop(struct vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	attempt_note_counter(v);
	error = state_save(v, d);
	if (error != TCB_OK)
		engine_stop();
	return error;
}

/* Nothing is answered while an attempt is owed. */
static enum tcb_error settle_attempts(struct vtpm *v, struct diagnosis *d)
{
	enum tcb_error error = attempt_settle(v, d);

	if (error != TCB_OK)
		engine_stop();
	return error;
}

/* What a guest that is switched off hard did not do: without it the TPM counts towards a lockout. */
static void shut_down_orderly(struct vtpm *v)
{
	if (engine_running() && !v->ends_hard && v->last_command != 0 && v->last_command != TPM_CC_SHUTDOWN &&
	    simple_command(TPM_CC_SHUTDOWN, SHUTDOWN_STATE) != TCB_OK)
		(void)!simple_command(TPM_CC_SHUTDOWN, SHUTDOWN_CLEAR);
	v->last_command = 0;
}

/* A source is told nothing of its hand-over: it asks the ledger. */
static enum tcb_error note_grant(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_lease lease;

	if (v->record.state != VTPM_ESCROWED)
		return TCB_OK;
	TRY(state_lease(v, &lease, d));
	if (lease.phase == LEDGER_MOVED)
		v->record.state = VTPM_MOVED;
	return TCB_OK;
}

/* Resumes from the volatile state where there is one; the flag is about what becomes of it then. */
static enum tcb_error run(struct vtpm *v, uint32_t flags, struct diagnosis *d)
{
	struct span volatile_state = span_of(v->volatile_state, v->volatile_size);

	if (v->record.state == VTPM_ESCROWED || v->record.state == VTPM_MOVED)
		TRY(lease_ensure(v, d));
	TRY(engine_start(engine_permanent(), volatile_state, d));
	attempt_forget_sessions();
	v->started = volatile_state.size > 0;
	if ((flags & INIT_DELETE_VOLATILE) != 0 || v->in.resumes)
		v->volatile_size = 0; /* else it is what every INIT resumes from, as swtpm's is */
	v->in.resumes = v->out.active = false;
	v->record.state = VTPM_RUNNING; /* stored with what it does first */
	return v->started ? settle_attempts(v, d) : TCB_OK;
}

static enum tcb_error handle_init(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct reader r = reader_of(body);
	enum tcb_error error;
	uint32_t flags;

	TRY(reader_u32(&r, &flags));
	TRY(reader_end(&r));
	if (!v->loaded)
		return wrong_state(d, "an empty enclave", "a vTPM that is created or loaded");
	shut_down_orderly(v);
	v->ends_hard = (flags & INIT_NO_SHUTDOWN) != 0;
	if (v->in.permanent_size > 0) {
		error = handover_import(v, d);
		v->in.permanent_size = v->in.volatile_size = 0; /* an INIT uses them up */
		TRY(error);
		attempt_forget_sessions();
	} else if (v->record.state == VTPM_INCOMING) {
		return wrong_state(d, "an empty place for a vTPM that migrates in", "the state that QEMU brings");
	} else {
		TRY(run(v, flags, d));
	}
	return put_status(v, ret);
}

static enum tcb_error switch_off(struct vtpm *v, struct diagnosis *d)
{
	bool attempts_end = v->record.attempts != 0 && v->attempts_owed == 0;

	if (v->record.state != VTPM_RUNNING) {
		engine_stop(); /* it may have been handed over: then its state is not touched any more */
		return TCB_OK;
	}
	shut_down_orderly(v);
	engine_stop();
	if (attempts_end) /* every command was answered, and what it changed is stored */
		v->record.attempts = 0;
	return engine_take_changed() || attempts_end ? state_save(v, d) : TCB_OK;
}

static enum tcb_error handle_stop(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	TRY(no_body(body));
	TRY(switch_off(state, d));
	return put_status(state, ret);
}

/* Evidence for a guest's nonce, put into its mailbox; why there is none, otherwise. */
static enum tcb_error answer_guest(struct vtpm *v, struct span nonce)
{
	struct diagnosis d = {0};
	struct span evidence;
	char reason[256];
	size_t size = 0;

	if (evidence_make(v, nonce, &evidence, &d) == TCB_OK) {
		if (evidence.size <= MAILBOX_CAPACITY)
			return mailbox_publish(&v->record.secret, evidence, "ok");
		(void)diagnose(&d, TCB_LIMIT, "vtpm.mailbox", "evidence too large for the NV indices",
			       "evidence of at most 32 KiB", "ask the host: tcbind attest");
	}
	for (const char *p = d.code; *p != '\0' && size < 64; p++)
		reason[size++] = *p;
	reason[size++] = ' ';
	for (const char *p = d.found; *p != '\0' && size < sizeof reason - 1; p++)
		reason[size++] = *p;
	reason[size] = '\0';
	return mailbox_publish(&v->record.secret, span_of(NULL, 0), reason);
}

/* Firmware may have dropped an index: it owns the platform. What the TPM refuses now is tried again at the next TPM2_Startup. */
static enum tcb_error ensure_indices(struct vtpm *v, struct diagnosis *d)
{
	if (mailbox_ensure(&v->record.secret) != TCB_OK || credentials_current(v))
		return TCB_OK;
	return credentials_write(v, d);
}

static bool succeeded(struct span response)
{
	static const uint8_t ok[4];

	return response.size >= 10 && memcmp(response.data + 6, ok, sizeof ok) == 0;
}

enum tcb_error vtpm_settle_in(struct vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	if (!v->record.arrived || !v->started || v->record.state != VTPM_RUNNING || !engine_running())
		return TCB_OK;
	error = mailbox_publish(&v->record.secret, span_of(NULL, 0), "moved: ask again");
	if (error == TCB_OK)
		error = credentials_write(v, d);
	if (error != TCB_OK && error != TCB_REFUSED) /* what its guest took keeps a TPM from it, perhaps: see manufacture() */
		return error;
	v->record.arrived = false;
	(void)engine_take_changed();
	return save_or_stop(v, d);
}

/* What follows a command that the TPM has executed, before it is answered. */
static enum tcb_error follow_up(struct vtpm *v, struct span command, struct span response, struct diagnosis *d)
{
	struct span nonce;

	if (!succeeded(response))
		return TCB_OK;
	attempt_note(command, response);
	if (v->last_command == TPM_CC_STARTUP) {
		TRY(settle_attempts(v, d));
		v->started = true;
		TRY(vtpm_settle_in(v, d));
		TRY(ensure_indices(v, d));
	}
	if (v->last_command == TPM_CC_CHANGE_EPS)
		TRY(ensure_indices(v, d)); /* the EKs are others now */
	if (mailbox_is_request(command, &nonce))
		TRY(answer_guest(v, nonce));
	return TCB_OK;
}

/* What the guest is told, no crash takes back, and no copy of this vTPM says too. */
static enum tcb_error stand_by(struct vtpm *v, struct span command, struct diagnosis *d)
{
	enum tcb_error error;

	if (engine_take_changed())
		return save_or_stop(v, d); /* only the lease's holder can */
	if (!lease_needed(command))
		return TCB_OK;
#ifdef TCBIND_PLANT_F3
	return TCB_OK; /* planted: a copy that was superseded answers what stores nothing */
#endif
	error = lease_ensure(v, d);
	if (error == TCB_REFUSED)
		engine_stop();
	return error;
}

/* One command of the guest; the response is borrowed until the next. */
enum tcb_error vtpm_command(struct vtpm *v, uint8_t locality, struct span command, struct span *ret_response, struct diagnosis *d)
{
	static uint8_t response_bytes[LIMIT_TPM_COMMAND];
	struct span response;

	if ((v->record.state == VTPM_ESCROWED || v->record.state == VTPM_MOVED) && engine_running())
		TRY(lease_ensure(v, d)); /* the migration was cancelled, or given back, and the guest goes on */
	if (v->record.state != VTPM_RUNNING || !engine_running())
		return wrong_state(d, "a vTPM that is not running", "one that is initialised");
	TRY(vtpm_settle_in(v, d));
	TRY(attempt_charge(v, command, d));
	TRY(engine_process(locality, command, &response));
	if (response.size > sizeof response_bytes)
		return TCB_INTERNAL;
	memcpy(response_bytes, response.data, response.size);
	response = span_of(response_bytes, response.size);
	v->last_command = tpm_command_code(command);
	TRY(follow_up(v, command, response, d));
	TRY(stand_by(v, command, d));
	*ret_response = response;
	return TCB_OK;
}

static enum tcb_error handle_command(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span command, response;
	uint8_t locality;

	TRY(reader_u8(&r, &locality));
	TRY(reader_sized(&r, LIMIT_TPM_COMMAND + 16, &command));
	TRY(reader_end(&r));
	engine_tidy(); /* whether its guest is quiet is not seen here */
	TRY(vtpm_command(state, locality, command, &response, d));
	writer_sized(ret, response);
	return TCB_OK;
}

static enum tcb_error handle_serve(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm_served served;
	struct vtpm_serve m;

	TRY(vtpm_serve_decode(body, &m));
	TRY(data_serve(state, &m, &served, d));
	vtpm_served_encode(ret, &served);
	return TCB_OK;
}

/* ---- hand-over ---- */

/* Without the permanent state before it: no hand-over, but a moment of this vTPM, to be loaded back into it. */
static enum tcb_error put_volatile(const struct vtpm *v, struct writer *ret)
{
	static uint8_t state[LIMIT_TPM_VOLATILE], sealed_bytes[UUID_SIZE + LIMIT_TPM_VOLATILE + SEAL_OVERHEAD];
	struct writer w = WRITER_OF(sealed_bytes);
	enum tcb_error error;
	struct span sealed;
	size_t size;

	TRY(engine_volatile(state, sizeof state, &size));
	error = seal_volatile(v, span_of(state, size), &w);
	wipe(state, size);
	TRY(error);
	TRY(writer_end(&w, &sealed));
	writer_sized(ret, sealed);
	return TCB_OK;
}

static enum tcb_error handle_get_blob(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct reader r = reader_of(body);
	uint32_t type;

	TRY(reader_u32(&r, &type));
	TRY(reader_end(&r));
	if (type < BLOB_PERMANENT || type > BLOB_SAVESTATE)
		return TCB_MALFORMED;
	if (type == BLOB_PERMANENT)
		TRY(handover_export(v, d));
	if (type == BLOB_PERMANENT)
		writer_sized(ret, span_of(v->out.permanent, v->out.permanent_size));
	else if (type == BLOB_VOLATILE && v->out.active)
		writer_sized(ret, span_of(v->out.volatile_state, v->out.volatile_size));
	else if (type == BLOB_VOLATILE && v->record.state == VTPM_RUNNING && engine_running())
		return put_volatile(v, ret);
	else
		writer_sized(ret, span_of(NULL, 0));
	return TCB_OK;
}

static enum tcb_error handle_set_blob(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct reader r = reader_of(body);
	struct span blob;
	uint32_t type;

	(void)ret;
	TRY(reader_u32(&r, &type));
	TRY(reader_sized(&r, LIMIT_STATE, &blob));
	TRY(reader_end(&r));
	if (!v->loaded || engine_running())
		return wrong_state(d, "a vTPM that runs", "a stopped one, or an empty place");
	if (type == BLOB_PERMANENT) {
		v->in.resumes = false;
		memcpy(v->in.permanent, blob.data, blob.size);
		v->in.permanent_size = blob.size;
	} else if (type == BLOB_VOLATILE && seal_is_sealed(blob)) {
		TRY(open_volatile(v, blob, d));
		v->in.resumes = true;
	} else if (type == BLOB_VOLATILE) {
		memcpy(v->in.volatile_state, blob.data, blob.size);
		v->in.volatile_size = blob.size;
	} else if (type != BLOB_SAVESTATE || blob.size > 0) {
		return TCB_MALFORMED;
	}
	return TCB_OK;
}

static enum tcb_error handle_resume(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;

	TRY(no_body(body));
	if (v->record.state == VTPM_ESCROWED || v->record.state == VTPM_MOVED)
		TRY(lease_ensure(v, d));
	return put_status(v, ret);
}

static enum tcb_error handle_status(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	TRY(no_body(body));
	TRY(note_grant(state, d));
	return put_status(state, ret);
}

static enum tcb_error handle_attest(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;
	struct reader r = reader_of(body);
	struct span nonce, evidence;

	TRY(reader_sized(&r, LIMIT_NONCE, &nonce));
	TRY(reader_end(&r));
	TRY(evidence_make(v, nonce, &evidence, d));
	if (engine_take_changed()) /* a key that had to be made again */
		TRY(save_or_stop(v, d));
	writer_sized(ret, evidence);
	return TCB_OK;
}

/* ---- the rest of the TPM's interface ---- */

static enum tcb_error must_run(struct vtpm *v, struct diagnosis *d)
{
	return v->record.state == VTPM_RUNNING && engine_running()
		       ? TCB_OK
		       : wrong_state(d, "a vTPM that is not running", "one that is initialised");
}

static enum tcb_error handle_established(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	bool bit;

	TRY(no_body(body));
	TRY(must_run(state, d));
	TRY(engine_established(&bit));
	writer_bool(ret, bit);
	return TCB_OK;
}

static enum tcb_error handle_reset_established(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	(void)ret;
	if (body.size != 1)
		return TCB_MALFORMED;
	TRY(must_run(state, d));
	return engine_reset_established(body.data[0]);
}

static enum tcb_error handle_hash_start(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	(void)ret;
	TRY(no_body(body));
	TRY(must_run(state, d));
	return engine_hash_start();
}

static enum tcb_error handle_hash_data(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span bytes;

	(void)ret;
	TRY(reader_sized(&r, LIMIT_FRAME, &bytes));
	TRY(reader_end(&r));
	TRY(must_run(state, d));
	return engine_hash_data(bytes);
}

static enum tcb_error handle_hash_end(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	(void)ret;
	TRY(no_body(body));
	TRY(must_run(state, d));
	return engine_hash_end();
}

static enum tcb_error handle_store_volatile(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	static uint8_t sealed_bytes[UUID_SIZE + LIMIT_TPM_VOLATILE + SEAL_OVERHEAD];
	struct vtpm *v = state;
	struct writer w = WRITER_OF(sealed_bytes);
	struct span sealed;
	size_t size;

	(void)ret;
	TRY(no_body(body));
	TRY(must_run(v, d));
	TRY(engine_volatile(v->volatile_state, sizeof v->volatile_state, &size));
	v->volatile_size = size;
	TRY(seal_volatile(v, span_of(v->volatile_state, size), &w));
	TRY(writer_end(&w, &sealed));
	return host_store(STORE_VTPM_VOLATILE, sealed, d);
}

static enum tcb_error handle_buffer_size(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	uint32_t wanted, size, min = 0, max = 0;

	(void)state;
	(void)d;
	TRY(reader_u32(&r, &wanted));
	TRY(reader_end(&r));
	size = engine_buffer_size(wanted, &min, &max);
	writer_u32(ret, size);
	writer_u32(ret, min);
	writer_u32(ret, max);
	return TCB_OK;
}

static enum tcb_error handle_info(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span json;
	uint64_t flags;

	(void)state;
	(void)d;
	TRY(reader_u64(&r, &flags));
	TRY(reader_end(&r));
	TRY(engine_info(flags, &json));
	writer_sized(ret, json);
	return TCB_OK;
}

static enum tcb_error handle_shutdown(void *state, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct vtpm *v = state;

	TRY(no_body(body));
	TRY(switch_off(v, d));
	TRY(note_grant(v, d));
	if (v->record.state == VTPM_RUNNING) {
		v->record.state = VTPM_STOPPED;
		TRY(state_save(v, d));
	}
	return put_status(v, ret);
}

static const struct enclave_call calls[] = {
	{ CALL_VTPM_STANDBY, handle_standby },
	{ CALL_VTPM_CREATE, handle_create },
	{ CALL_VTPM_LOAD, handle_load },
	{ CALL_VTPM_INIT, handle_init },
	{ CALL_VTPM_STOP, handle_stop },
	{ CALL_VTPM_COMMAND, handle_command },
	{ CALL_VTPM_GET_BLOB, handle_get_blob },
	{ CALL_VTPM_SET_BLOB, handle_set_blob },
	{ CALL_VTPM_RESUME, handle_resume },
	{ CALL_VTPM_ATTEST, handle_attest },
	{ CALL_VTPM_GET_ESTABLISHED, handle_established },
	{ CALL_VTPM_RESET_ESTABLISHED, handle_reset_established },
	{ CALL_VTPM_HASH_START, handle_hash_start },
	{ CALL_VTPM_HASH_DATA, handle_hash_data },
	{ CALL_VTPM_HASH_END, handle_hash_end },
	{ CALL_VTPM_STORE_VOLATILE, handle_store_volatile },
	{ CALL_VTPM_BUFFER_SIZE, handle_buffer_size },
	{ CALL_VTPM_INFO, handle_info },
	{ CALL_VTPM_SHUTDOWN, handle_shutdown },
	{ CALL_VTPM_STATUS, handle_status },
	{ CALL_VTPM_ADD_KEY, handle_add_key },
	{ CALL_VTPM_SERVE, handle_serve },
};

/* Fetches the algorithms and makes the curves' tables. */
static void prepare(void)
{
	crypto_prepare();
	levers_prepare();
}

int main(void)
{
	tee_enter(prepare);
	vtpm.pse.peer_role = ROLE_PSE;
	vtpm.mige.peer_role = ROLE_MIGE;
	levers_on_cancel(enclave_cancelled);
	enclave_serve(calls, sizeof calls / sizeof calls[0], &vtpm);
}
