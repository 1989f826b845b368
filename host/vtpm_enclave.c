// SPDX-License-Identifier: MIT
#include "host/vtpm_enclave.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/wipe.h"
#include "host/aside.h"
#include "host/external.h"
#include "host/scratch.h"
#include "host/settle.h"
#include "host/spare.h"

static const char *const state_names[] = {
	[VTPM_NEW] = "new", [VTPM_INCOMING] = "incoming", [VTPM_RUNNING] = "running",
	[VTPM_STOPPED] = "stopped", [VTPM_ESCROWED] = "escrowed", [VTPM_MOVED] = "moved",
};

const char *vtpm_state_name(enum vtpm_state state)
{
	return state_names[state];
}

/* ---- meta.json ---- */

void vtpm_write_meta(struct host_vtpm *v)
{
	json_t *object;
	char *text;

	v->meta_is_old = false;
	if (v->deleted)
		return; /* another vTPM may have the place by now */
	if (v->place.external)
		return; /* a user's directory: its state file says it all */
	object = json_pack("{s:s, s:I}", "state", vtpm_state_name(v->status.state), "generation",
				   (json_int_t)v->status.generation);
	if (v->refusal[0] != '\0')
		(void)json_object_set_new(object, "refusal", json_string(v->refusal));
	text = json_dumps(object, JSON_INDENT(1));

	if (text != NULL)
		(void)!store_put_soft(v->place.dir, "meta.json", span_of_text(text));
	free(text);
	json_decref(object);
}

void vtpm_read_meta(struct host_vtpm *v)
{
	char path[PATH_MAX + 16];
	json_t *object;
	const char *state, *refusal;

	(void)snprintf(path, sizeof path, "%s/meta.json", v->place.dir);
	object = json_load_file(path, 0, NULL);
	state = json_string_value(json_object_get(object, "state"));
	v->status.generation = (uint64_t)json_integer_value(json_object_get(object, "generation"));
	refusal = json_string_value(json_object_get(object, "refusal"));
	(void)snprintf(v->refusal, sizeof v->refusal, "%s", refusal != NULL ? refusal : "");
	for (unsigned i = 0; state != NULL && i <= VTPM_MOVED; i++)
		if (strcmp(state_names[i], state) == 0)
			v->status.state = (enum vtpm_state)i;
	if (v->status.state == VTPM_RUNNING) /* the daemon ended under it */
		v->status.state = VTPM_STOPPED;
	json_decref(object);
}

/* ---- the enclave ---- */

static enum tcb_error note_status(struct host_vtpm *v, struct span body)
{
	struct vtpm_status status;

	TRY(vtpm_status_decode(body, &status));
	if (status.state != v->status.state || status.generation != v->status.generation)
		v->meta_is_old = true;
	if (status.generation != v->status.generation && status.generation > 1)
		settle_soon(); /* it has arrived: its source is to be told */
	v->status = status;
	return TCB_OK;
}

static enum tcb_error call_with_status(struct host_vtpm *v, enum call call, struct writer *w, struct diagnosis *d)
{
	struct span body, answer;

	TRY(writer_end(w, &body));
	TRY(enclave_link_call(&v->link, call, body, &answer, d));
	return note_status(v, answer);
}

/* The state is in its file: from now on what changes it goes to the log. */
static void note_loaded(struct host_vtpm *v)
{
	v->loaded = true;
	v->place.log = v->place.pending ? NULL : v->daemon->log;
}

enum tcb_error vtpm_load_state(struct host_vtpm *v, struct span sealed, struct diagnosis *d)
{
	uint8_t *SCRATCH(body_bytes, LIMIT_FRAME);
	struct writer w = writer_of(body_bytes, LIMIT_FRAME);
	struct vtpm_load m = { .id = v->id, .sealed = sealed };
	enum tcb_error error;

	if (!v->place.pending) /* else it is of what was here before */
		TRY(store_get(v->place.dir, v->place.volatile_state, LIMIT_STATE, &m.volatile_sealed, d));
	vtpm_load_encode(&w, &m);
	free((void *)(uintptr_t)m.volatile_sealed.data);
	log_hold(); /* nothing is answered yet: what the vTPM stores first makes its lease durable, too */
	error = call_with_status(v, CALL_VTPM_LOAD, &w, d);
	log_hold_end();
	if (error == TCB_OK)
		note_loaded(v);
	return error;
}

enum tcb_error vtpm_create_state(struct host_vtpm *v, const struct vtpm_create *create, struct diagnosis *d)
{
	uint8_t *SCRATCH(body_bytes, LIMIT_FRAME);
	struct writer w = writer_of(body_bytes, LIMIT_FRAME);
	enum tcb_error error;

	vtpm_create_encode(&w, create);
	error = call_with_status(v, CALL_VTPM_CREATE, &w, d);
	wipe(body_bytes, w.size); /* another program's TPM state may have been in it */
	TRY(error);
	note_loaded(v);
	return TCB_OK;
}

enum tcb_error vtpm_read_state(struct host_vtpm *v, struct span *ret_sealed, struct diagnosis *d)
{
	struct span file;
	enum tcb_error error;

	TRY(store_get(v->place.dir, v->place.state, LIMIT_STATE, &file, d));
	*ret_sealed = file;
	error = aside_take(&v->place, v->daemon->store_dir, &file, ret_sealed, d);
	if (error != TCB_OK)
		free((void *)(uintptr_t)file.data);
	return error;
}

static enum tcb_error load(struct host_vtpm *v, struct diagnosis *d)
{
	struct span sealed;
	enum tcb_error error;

	if (v->place.external)
		return external_open(v, d);
	TRY(vtpm_read_state(v, &sealed, d));
	error = vtpm_load_state(v, sealed, d);
	free((void *)(uintptr_t)sealed.data);
	return error;
}

enum tcb_error vtpm_launch(struct host_vtpm *v, struct diagnosis *d)
{
	if (v->link.fd >= 0)
		return TCB_OK;
	if (v->link.session != 0) /* it has ended, under a call or while it served */
		vtpm_close_enclave(v);
	v->context = (struct service_context){ .daemon = v->daemon, .link = &v->link, .place = &v->place };
	if (spare_take(&v->link))
		v->link.context = &v->context;
	else
		TRY(enclave_link_open(v->daemon->config.dir, v->daemon->vtpm_image, services_serve, &v->context, &v->link, d));
	v->link.by_frames = getenv("TCBIND_DATA_BY_FRAMES") != NULL; /* as with an enclave that takes no data channel */
	return TCB_OK;
}

void vtpm_close_enclave(struct host_vtpm *v)
{
	uint64_t session = v->link.session;

	enclave_link_close(&v->link);
	v->serving.open = false;
	if (v->place.log != NULL)
		log_settle(v->place.log, &v->place);
	v->place.log = NULL;
	v->loaded = false;
	v->claims_place = false;
	if (session != 0)
		services_forget(v->daemon, session);
	if (v->status.state == VTPM_RUNNING)
		v->status.state = VTPM_STOPPED;
}

/* What became of an attempt to open the state. A host that fails for now is no refusal; a vTPM that has moved is no fault. */
static void note_opened(struct host_vtpm *v, enum tcb_error error, const struct diagnosis *d)
{
	bool refused = error == TCB_MALFORMED || error == TCB_REFUSED || error == TCB_LIMIT || error == TCB_CRYPTO;
	char code[DIAGNOSIS_CODE_MAX] = "";

	if (error != TCB_OK && (!refused || strcmp(d->code, "vtpm.moved") == 0))
		return;
	if (refused)
		(void)snprintf(code, sizeof code, "%s", d->code[0] != '\0' ? d->code : tcb_error_name(error));
	v->meta_is_old |= strcmp(code, v->refusal) != 0;
	memcpy(v->refusal, code, sizeof code);
}

/* With the lock held: an enclave, and the vTPM in it if the call is about one. */
static enum tcb_error ensure_enclave(struct host_vtpm *v, enum call call, struct diagnosis *d)
{
	struct diagnosis why = {0};
	enum tcb_error error;

	if (v->deleted)
		return TCB_WRONG_STATE;
	TRY(vtpm_launch(v, d));
	if (v->loaded || call == CALL_VTPM_BUFFER_SIZE || call == CALL_VTPM_INFO)
		return TCB_OK;
	error = load(v, &why);
	note_opened(v, error, &why);
	if (error == TCB_OK)
		return TCB_OK;
	vtpm_close_enclave(v);
	return diagnose_again(d, error, &why);
}

/* With the lock held. */
static void refresh_status(struct host_vtpm *v)
{
	struct span answer;

	if (v->loaded && enclave_link_call(&v->link, CALL_VTPM_STATUS, span_of(NULL, 0), &answer, NULL) == TCB_OK)
		(void)!note_status(v, answer);
}

/* A machine stands still while these are answered: one write of the log for all that they store. */
static bool is_handover(enum call call)
{
	return call == CALL_VTPM_GET_BLOB || call == CALL_VTPM_INIT;
}

static enum tcb_error call_held(struct host_vtpm *v, enum call call, struct span body, struct span *ret_answer, struct diagnosis *d)
{
	enum tcb_error error;

	if (is_handover(call))
		log_hold();
	error = enclave_link_call(&v->link, call, body, ret_answer, d);
	if (is_handover(call))
		log_release(v->daemon->log);
	return error;
}

/* With the lock held. */
static enum tcb_error ask(struct host_vtpm *v, enum call call, struct span body, struct span *ret_answer, struct diagnosis *d)
{
	bool taken = false;

	if (v->external != NULL && call == CALL_VTPM_SET_BLOB)
		TRY(external_expect(v, body, &taken, d));
	*ret_answer = span_of(NULL, 0);
	if (taken)
		return TCB_OK;
	TRY(ensure_enclave(v, call, d));
	TRY(call_held(v, call, body, ret_answer, d));
	if (call == CALL_VTPM_INIT && body.size == 4 && (body.data[3] & INIT_DELETE_VOLATILE) != 0)
		place_remove_volatile(&v->place);
	return v->external != NULL && call == CALL_VTPM_INIT ? external_initialised(v, d) : TCB_OK;
}

/* With the lock held. In a hand-over it waits until there is time: the front's thread sees to it. */
static void keep_meta(struct host_vtpm *v, enum call call)
{
	if (v->meta_is_old && !is_handover(call))
		vtpm_write_meta(v);
}

enum tcb_error vtpm_ask(struct host_vtpm *v, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct span answer;
	enum tcb_error error;
	bool serving;

	(void)pthread_mutex_lock(&v->lock);
	serving = vtpm_pause_serving(v);
	error = ask(v, call, body, &answer, d);
	if (error == TCB_OK && ret != NULL)
		writer_bytes(ret, answer);
	/* Calls that do not say what they made of the state: exporting, and refusals (a vTPM learns that it has moved). */
	if (call == CALL_VTPM_GET_BLOB || error == TCB_REFUSED || v->status.state == VTPM_ESCROWED)
		refresh_status(v);
	keep_meta(v, call);
	if (v->link.fd < 0 && v->link.session != 0) /* it died under the call */
		vtpm_close_enclave(v);
	if (serving)
		vtpm_resume_serving(v);
	(void)pthread_mutex_unlock(&v->lock);
	return error;
}

enum tcb_error vtpm_ask_status(struct host_vtpm *v, enum call call, struct span body, struct diagnosis *d)
{
	uint8_t answer_bytes[VTPM_STATUS_SIZE];
	struct writer w = WRITER_OF(answer_bytes);
	struct span answer;
	enum tcb_error error = vtpm_ask(v, call, body, &w, d);

	TRY(error);
	TRY(writer_end(&w, &answer));
	(void)pthread_mutex_lock(&v->lock);
	error = note_status(v, answer);
	keep_meta(v, call);
	(void)pthread_mutex_unlock(&v->lock);
	return error;
}

void vtpm_log(struct host_vtpm *v, const struct diagnosis *d)
{
	if (v->external != NULL)
		external_log(v, d);
	else
		log_diagnosis(v->id_text, d);
}

void vtpm_rest(struct host_vtpm *v)
{
	struct diagnosis d = {0};

	(void)pthread_mutex_lock(&v->lock);
	(void)vtpm_pause_serving(v);
	if (v->loaded && call_with_status(v, CALL_VTPM_SHUTDOWN, &(struct writer){0}, &d) != TCB_OK)
		vtpm_log(v, &d);
	vtpm_close_enclave(v);
	vtpm_write_meta(v);
	(void)pthread_mutex_unlock(&v->lock);
}

struct vtpm_status vtpm_look(struct host_vtpm *v)
{
	struct vtpm_status status;

	(void)pthread_mutex_lock(&v->lock);
	if (v->status.state == VTPM_ESCROWED) { /* its hand-over may have been granted meanwhile */
		bool serving = vtpm_pause_serving(v);

		refresh_status(v);
		if (serving)
			vtpm_resume_serving(v);
	}
	status = v->status;
	if (v->meta_is_old)
		vtpm_write_meta(v);
	(void)pthread_mutex_unlock(&v->lock);
	return status;
}

void vtpm_look_refusal(struct host_vtpm *v, char ret_code[DIAGNOSIS_CODE_MAX])
{
	(void)pthread_mutex_lock(&v->lock);
	memcpy(ret_code, v->refusal, DIAGNOSIS_CODE_MAX);
	(void)pthread_mutex_unlock(&v->lock);
}

bool vtpm_meta_is_old(struct host_vtpm *v)
{
	bool old;

	(void)pthread_mutex_lock(&v->lock);
	old = v->meta_is_old;
	(void)pthread_mutex_unlock(&v->lock);
	return old;
}
