// SPDX-License-Identifier: MIT
/* Calls of vTPM enclaves, as the host's threads make them. */
#include <stdlib.h>

#include "simulate/moves.h"
#include "simulate/oracle.h"
#include "simulate/tpm.h"
#include "simulate/trace.h"

enum {
	CC_STARTUP = 0x144,
	CC_INCREMENT = 0x134,
	CC_READ = 0x14e,
	CC_UNSEAL = 0x15e,
	CC_QUOTE = 0x158,
	CC_EXTEND = 0x182,
	RS_PW = 0x40000009,
	TRIED = 6 /* stored states */,
	TAG_PLAIN = 0x8001,
	TAG_SESSIONS = 0x8002
};

/* ---- enclaves of a place ---- */

struct enclave *place_enclave(const struct place *place, unsigned which)
{
	return place->enclaves[which % PLACE_ENCLAVES] != NULL
		   ? place->enclaves[which % PLACE_ENCLAVES]
		   : place->enclaves[0];
}

static void take_out(struct place *place, const struct enclave *e)
{
	for (unsigned i = 0; i < PLACE_ENCLAVES; i++) {
		if (place->enclaves[i] != e)
			continue;
		memmove(&place->enclaves[i], &place->enclaves[i + 1],
			(PLACE_ENCLAVES - 1 - i) * sizeof place->enclaves[0]);
		place->enclaves[PLACE_ENCLAVES - 1] = NULL;
		return;
	}
}

/* As the daemon does when an enclave has ended. */
static void forget_sessions(struct platform *p, uint64_t number)
{
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);

	writer_u64(&w, number);
	if (p->pse != NULL && !p->starting)
		(void)!host_ecall(p->pse, CALL_PSE_FORGET, SPAN_OF(body_bytes), NULL, NULL);
	if (p->mige != NULL && !p->starting)
		(void)!host_ecall(p->mige, CALL_MIGE_FORGET, SPAN_OF(body_bytes), NULL, NULL);
}

void vtpm_kill(struct enclave *e)
{
	struct place *place = e->place;

	for (unsigned i = 0; i < PLACE_ENCLAVES; i++) {
		if (place->enclaves[i] != e)
			continue;
		take_out(place, e);
		trace_event("kill at=%s enclave=%llu", place->platform->name,
			    (unsigned long long)e->number);
		enclave_kill(e);
		forget_sessions(place->platform, e->number);
		enclave_release(e);
		return;
	}
}

/* The oldest that nobody uses makes room. */
static void make_room(void)
{
	struct enclave *oldest = NULL;

	for (struct enclave *e = enclave_first(); e != NULL; e = e->next)
		if (e->place != NULL && !e->locked && e->users == 1)
			oldest = e;
	if (oldest != NULL)
		vtpm_kill(oldest);
}

/* Held for the caller, too. NULL: too many run. */
struct enclave *vtpm_start(struct place *place)
{
	struct enclave *e;

	if (place->enclaves[PLACE_ENCLAVES - 1] != NULL)
		vtpm_kill(place->enclaves[PLACE_ENCLAVES - 1]);
	if (!module_has(ROLE_VTPM))
		make_room();
	if (!module_has(ROLE_VTPM))
		return NULL;
	e = enclave_start(place->platform, &place->platform->processor, ROLE_VTPM,
			  place->platform->isv_svn, 0);
	e->place = place;
	memmove(&place->enclaves[1], &place->enclaves[0],
		(PLACE_ENCLAVES - 1) * sizeof place->enclaves[0]);
	place->enclaves[0] = e;
	enclave_hold(e);
	trace_event("start at=%s enclave=%llu svn=%u", place->platform->name,
		    (unsigned long long)e->number, e->self.isv_svn);
	return e;
}

/* ---- calls ---- */

static enum tcb_error call_for_status(struct enclave *e, enum call call, struct span body,
				      struct vtpm_status *ret_status, struct diagnosis *d)
{
	struct vtpm_status status;
	struct bytes answer = {0};
	enum tcb_error error = host_ecall(e, call, body, &answer, d);

	if (error == TCB_OK && vtpm_status_decode(bytes_span(&answer), &status) == TCB_OK) {
		e->on = status.state == VTPM_RUNNING;
		trace_event(
		    "status at=%s enclave=%llu call=0x%04x id=%02x%02x state=%d generation=%llu",
		    e->platform->name, (unsigned long long)e->number, (unsigned)call,
		    e->place->machine->id.bytes[0], e->place->machine->id.bytes[1],
		    (int)status.state, (unsigned long long)status.generation);
		if (ret_status != NULL)
			*ret_status = status;
	}
	bytes_free(&answer);
	return error;
}

enum tcb_error vtpm_call(struct enclave *e, enum call call, struct vtpm_status *ret_status,
			 struct diagnosis *d)
{
	return call_for_status(e, call, span_of(NULL, 0), ret_status, d);
}

enum tcb_error vtpm_init(struct enclave *e, uint32_t flags, struct diagnosis *d)
{
	uint8_t body_bytes[4];
	struct writer w = WRITER_OF(body_bytes);

	writer_u32(&w, flags);
	return call_for_status(e, CALL_VTPM_INIT, SPAN_OF(body_bytes), NULL, d);
}

enum tcb_error vtpm_load(struct enclave *e, struct span state, struct span volatile_state,
			 struct diagnosis *d)
{
	const struct vtpm_load m = {
	    .id = e->place->machine->id, .sealed = state, .volatile_sealed = volatile_state};
	uint8_t *body = frame_take();
	struct writer w = writer_of(body, LIMIT_FRAME);
	enum tcb_error error;

	vtpm_load_encode(&w, &m);
	error = call_for_status(e, CALL_VTPM_LOAD, span_of(body, w.size), NULL, d);
	frame_give(body);
	return error;
}

enum tcb_error vtpm_make(struct enclave *e, bool incoming, struct diagnosis *d)
{
	struct machine *machine = e->place->machine;
	const struct vtpm_create m = {
	    .id = machine->id,
	    .incoming = incoming,
	    .policy = span_of_text(machine->policy != NULL && !incoming ? machine->policy : "")};
	uint8_t body_bytes[4096];
	struct writer w = WRITER_OF(body_bytes);

	vtpm_create_encode(&w, &m);
	return call_for_status(e, CALL_VTPM_CREATE, span_of(body_bytes, w.size), NULL, d);
}

static enum tcb_error get_blob(struct enclave *e, enum vtpm_blob type, struct bytes *ret_blob,
			       struct diagnosis *d)
{
	uint8_t body_bytes[4];
	struct writer w = WRITER_OF(body_bytes);
	struct bytes answer = {0};
	struct reader r;
	struct span blob;
	enum tcb_error error;

	writer_u32(&w, type);
	TRY(host_ecall(e, CALL_VTPM_GET_BLOB, SPAN_OF(body_bytes), &answer, d));
	r = reader_of(bytes_span(&answer));
	error = reader_sized(&r, LIMIT_STATE, &blob);
	if (error == TCB_OK)
		*ret_blob = bytes_of(blob);
	bytes_free(&answer);
	return error;
}

enum tcb_error vtpm_export(struct enclave *e, struct blobs *ret_blobs, struct diagnosis *d)
{
	struct blobs blobs = {0};
	enum tcb_error error = get_blob(e, BLOB_PERMANENT, &blobs.permanent, d);

	if (error == TCB_OK)
		error = get_blob(e, BLOB_VOLATILE, &blobs.volatile_state, d);
	if (error != TCB_OK) {
		bytes_free(&blobs.permanent);
		return error;
	}
	e->on = false;
	*ret_blobs = blobs;
	return TCB_OK;
}

static enum tcb_error set_blob(struct enclave *e, enum vtpm_blob type, const struct bytes *blob,
			       struct diagnosis *d)
{
	struct bytes body = {.data = malloc(blob->size + 16)};
	struct writer w = writer_of(body.data, blob->size + 16);
	enum tcb_error error;

	writer_u32(&w, type);
	writer_sized(&w, bytes_span(blob));
	error = host_ecall(e, CALL_VTPM_SET_BLOB, span_of(body.data, w.size), NULL, d);
	bytes_free(&body);
	return error;
}

enum tcb_error vtpm_import(struct enclave *e, const struct blobs *blobs, struct diagnosis *d)
{
	enum tcb_error error;

	TRY(set_blob(e, BLOB_PERMANENT, &blobs->permanent, d));
	if (blobs->volatile_state.size > 0)
		TRY(set_blob(e, BLOB_VOLATILE, &blobs->volatile_state, d));
	e->importing = true;
	e->residence++; /* whatever the INIT answers: it may run from now on */
	error = vtpm_init(e, 0, d);
	e->importing = false;
	if (error == TCB_OK)
		oracle.handovers++;
	return error;
}

/* An enclave with this state; NULL: it does not open. */
static struct enclave *open_state(struct place *place, const struct bytes *state,
				  const struct bytes *volatile_state, struct diagnosis *d)
{
	struct bytes s = bytes_of(bytes_span(state)),
		     v = bytes_of(
			 bytes_span(volatile_state)); /* others may forget them meanwhile */
	struct enclave *e = vtpm_start(place);

	if (e != NULL && vtpm_load(e, bytes_span(&s), bytes_span(&v), d) != TCB_OK) {
		vtpm_kill(e);
		enclave_release(e);
		e = NULL;
	}
	bytes_free(&s);
	bytes_free(&v);
	return e;
}

struct enclave *vtpm_open(struct place *place, unsigned back, const struct bytes *volatile_state,
			  struct diagnosis *d)
{
	static const struct bytes none;

	if (back >= place->states.count)
		return NULL;
	return open_state(place, &place->states.list[place->states.count - 1 - back],
			  volatile_state != NULL ? volatile_state : &none, d);
}

/* A copy that was superseded may have stored after the newest; the host cannot tell, so it tries.
 */
struct enclave *vtpm_open_newest(struct place *place, struct diagnosis *d)
{
	struct diagnosis first = {0}, other = {0};
	struct enclave *e = NULL;

	for (unsigned back = 0; e == NULL && back < TRIED && back < place->states.count; back++)
		e = vtpm_open(place, back, NULL, back == 0 ? &first : &other);
	if (e == NULL)
		(void)diagnose_again(d, TCB_REFUSED, &first);
	return e;
}

struct enclave *vtpm_run_newest(struct place *place)
{
	for (unsigned back = 0; back < TRIED && back < place->states.count; back++) {
		struct enclave *e = vtpm_open(place, back, NULL, NULL);

		if (e == NULL)
			continue;
		if (vtpm_init(e, 0, NULL) == TCB_OK)
			return e;
		enclave_release(e);
	}
	return NULL;
}

struct enclave *vtpm_ready_for_import(struct place *place, struct diagnosis *d)
{
	struct enclave *e = vtpm_open_newest(place, d);

	if (e != NULL || place->states.count > 0 || (e = vtpm_start(place)) == NULL)
		return e;
	if (vtpm_make(e, true, d) == TCB_OK)
		return e;
	vtpm_kill(e);
	enclave_release(e);
	return NULL;
}

/* ---- the guest's commands ---- */

static void put_authorized(struct writer *w, uint32_t handle, bool twice, const char *password)
{
	writer_u32(w, handle);
	if (twice)
		writer_u32(w, handle);
	writer_u32(w, (uint32_t)(9 + strlen(password)));
	writer_u32(w, RS_PW);
	writer_u16(w, 0);
	writer_u8(w, 0);
	writer_tpm2b(w, span_of_text(password));
}

static void put_command(struct writer *w, uint32_t code, bool sessions, struct span rest)
{
	writer_u16(w, sessions ? TAG_SESSIONS : TAG_PLAIN);
	writer_u32(w, (uint32_t)(10 + rest.size));
	writer_u32(w, code);
	writer_bytes(w, rest);
}

static struct span encode_use(enum use use, uint8_t ret_bytes[128])
{
	uint8_t rest_bytes[96];
	struct writer rest = WRITER_OF(rest_bytes), w = writer_of(ret_bytes, 128);

	switch (use) {
	case USE_INCREMENT:
		put_authorized(&rest, SIMULATED_COUNTER, true, "");
		break;
	case USE_READ:
		put_authorized(&rest, SIMULATED_COUNTER, true, "");
		writer_u16(&rest, 8);
		writer_u16(&rest, 0);
		break;
	case USE_GUESS:
		put_authorized(&rest, SIMULATED_SEALED, false, "0000");
		break;
	case USE_UNSEAL:
		put_authorized(&rest, SIMULATED_SEALED, false, SIMULATED_PIN);
		break;
	case USE_SIGN:
		put_authorized(&rest, SIMULATED_AK, false, "");
		writer_u16(&rest, 0);
		writer_u16(&rest, 0x10);
		writer_u32(&rest, 0);
		break;
	case USE_EXTEND:
		put_authorized(&rest, 0, false, "");
		writer_u32(&rest, 0);
		break;
	default:
		writer_u16(&rest, 0);
		break; /* TPM2_Startup(CLEAR) */
	}
	{
		static const uint32_t codes[] = {CC_INCREMENT, CC_READ,   CC_UNSEAL, CC_UNSEAL,
						 CC_QUOTE,     CC_EXTEND, CC_STARTUP};

		put_command(&w, codes[use], use < USE_ATTEST, span_of(rest_bytes, rest.size));
	}
	return span_of(ret_bytes, w.size);
}

static enum tcb_error send_command(struct enclave *e, enum use use, uint32_t *ret_code,
				   struct diagnosis *d)
{
	uint8_t command_bytes[128], body_bytes[160];
	struct span command = encode_use(use, command_bytes);
	struct writer w = WRITER_OF(body_bytes);
	struct bytes answer = {0};

	writer_u8(&w, 0);
	writer_sized(&w, command);
	e->on = false; /* what does not answer is not on */
	TRY(host_ecall(e, CALL_VTPM_COMMAND, span_of(body_bytes, w.size), &answer, d));
	e->on = true;
	*ret_code = answer.size >= 14
			? (uint32_t)answer.data[10] << 24 | (uint32_t)answer.data[11] << 16 |
			      (uint32_t)answer.data[12] << 8 | answer.data[13]
			: 1;
	bytes_free(&answer);
	return TCB_OK;
}

enum tcb_error vtpm_use(struct enclave *e, enum use use, struct diagnosis *d)
{
	uint8_t nonce_bytes[4 + 8] = {0, 0, 0, 8, 1, 2, 3};
	uint32_t code = 0;

	if (use == USE_ATTEST)
		return host_ecall(e, CALL_VTPM_ATTEST, SPAN_OF(nonce_bytes), NULL, d);
	TRY(send_command(e, use, &code, d));
	if (code == 0x100) { /* not started */
		TRY(send_command(e, USE_ATTEST, &code, d));
		TRY(send_command(e, use, &code, d));
	}
	return code == 0 ? TCB_OK
			 : diagnose_found(d, TCB_REFUSED, "tpm.code", "0", "", "TPM code 0x%x",
					  (unsigned)code);
}
