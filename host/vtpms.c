#include "host/vtpms.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/front.h"
#include "host/paths.h"
#include "host/store.h"

static const char *const state_names[] = {
	[VTPM_NEW] = "new", [VTPM_INCOMING] = "incoming", [VTPM_RUNNING] = "running",
	[VTPM_STOPPED] = "stopped", [VTPM_ESCROWED] = "escrowed", [VTPM_MOVED] = "moved",
};

const char *vtpm_state_name(enum vtpm_state state)
{
	return state_names[state];
}

bool uuid_parse(const char *text, struct uuid *ret_id)
{
	static const int dashes[] = {8, 13, 18, 23};
	size_t byte = 0;

	if (strlen(text) != UUID_TEXT_SIZE - 1)
		return false;
	for (int i = 0, dash = 0; i < UUID_TEXT_SIZE - 1;) {
		unsigned value;
		char pair[3] = { text[i], text[i + 1], '\0' };

		if (dash < 4 && i == dashes[dash]) {
			if (text[i++] != '-')
				return false;
			dash++;
			continue;
		}
		if (strspn(pair, "0123456789abcdefABCDEF") != 2 || sscanf(pair, "%2x", &value) != 1)
			return false;
		ret_id->bytes[byte++] = (uint8_t)value;
		i += 2;
	}
	return byte == sizeof ret_id->bytes;
}

void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE])
{
	const uint8_t *b = id->bytes;

	(void)snprintf(ret_text, UUID_TEXT_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		       b[15]);
}

/* ---- meta.json ---- */

static void write_meta(const struct host_vtpm *v)
{
	json_t *object = json_pack("{s:s, s:I}", "state", vtpm_state_name(v->status.state), "generation",
				   (json_int_t)v->status.generation);
	char *text = json_dumps(object, JSON_INDENT(1));

	if (text != NULL)
		(void)!store_put(v->dir, "meta.json", span_of_text(text), NULL);
	free(text);
	json_decref(object);
}

static void read_meta(struct host_vtpm *v)
{
	char path[PATH_MAX + 16];
	json_t *object;
	const char *state;

	(void)snprintf(path, sizeof path, "%s/meta.json", v->dir);
	object = json_load_file(path, 0, NULL);
	state = json_string_value(json_object_get(object, "state"));
	v->status.generation = (uint64_t)json_integer_value(json_object_get(object, "generation"));
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
	if (memcmp(&status, &v->status, sizeof status) != 0) {
		v->status = status;
		write_meta(v);
	}
	return TCB_OK;
}

static enum tcb_error load(struct host_vtpm *v, struct diagnosis *d)
{
	static _Thread_local uint8_t body_bytes[LIMIT_FRAME];
	struct writer w = WRITER_OF(body_bytes);
	struct vtpm_load m = { .id = v->id };
	struct span body, answer;
	enum tcb_error error;

	TRY(store_get(v->dir, "state", LIMIT_STATE, &m.sealed, d));
	error = store_get(v->dir, "volatile", LIMIT_STATE, &m.volatile_sealed, d);
	if (error == TCB_OK)
		vtpm_load_encode(&w, &m);
	free((void *)(uintptr_t)m.sealed.data);
	free((void *)(uintptr_t)m.volatile_sealed.data);
	TRY(error);
	TRY(writer_end(&w, &body));
	TRY(enclave_link_call(&v->link, CALL_VTPM_LOAD, body, &answer, d));
	return note_status(v, answer);
}

static enum tcb_error launch(struct host_vtpm *v, struct diagnosis *d)
{
	v->context = (struct service_context){ .daemon = v->daemon, .link = &v->link };
	memcpy(v->context.dir, v->dir, sizeof v->context.dir);
	return enclave_link_open(v->daemon->config.dir, v->daemon->vtpm_image, services_serve, &v->context, &v->link, d);
}

static void close_enclave(struct host_vtpm *v)
{
	uint64_t session = v->link.session;

	enclave_link_close(&v->link);
	if (session != 0)
		services_forget(v->daemon, session);
	if (v->status.state == VTPM_RUNNING)
		v->status.state = VTPM_STOPPED;
}

/* With the lock held. */
static enum tcb_error ensure_enclave(struct host_vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	if (v->deleted)
		return TCB_WRONG_STATE;
	if (v->link.fd >= 0)
		return TCB_OK;
	TRY(launch(v, d));
	error = load(v, d);
	if (error != TCB_OK)
		close_enclave(v);
	return error;
}

/* With the lock held. */
static void refresh_status(struct host_vtpm *v)
{
	struct span answer;

	if (v->link.fd >= 0 && enclave_link_call(&v->link, CALL_VTPM_STATUS, span_of(NULL, 0), &answer, NULL) == TCB_OK)
		(void)!note_status(v, answer);
}

enum tcb_error vtpm_ask(struct host_vtpm *v, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct span answer;
	enum tcb_error error;
	uint64_t session;

	(void)pthread_mutex_lock(&v->lock);
	error = ensure_enclave(v, d);
	session = v->link.session;
	if (error == TCB_OK)
		error = enclave_link_call(&v->link, call, body, &answer, d);
	if (error == TCB_OK && ret != NULL)
		writer_bytes(ret, answer);
	/* Calls that do not say what they made of the state: exporting, and refusals (a vTPM learns that it has moved). */
	if (call == CALL_VTPM_GET_BLOB || error == TCB_REFUSED || v->status.state == VTPM_ESCROWED)
		refresh_status(v);
	if (v->link.fd < 0 && session != 0) { /* it died under the call */
		v->link.session = session;
		close_enclave(v);
	}
	(void)pthread_mutex_unlock(&v->lock);
	return error;
}

enum tcb_error vtpm_ask_status(struct host_vtpm *v, enum call call, struct span body, struct diagnosis *d)
{
	uint8_t answer_bytes[16];
	struct writer w = WRITER_OF(answer_bytes);
	struct span answer;
	enum tcb_error error = vtpm_ask(v, call, body, &w, d);

	TRY(error);
	TRY(writer_end(&w, &answer));
	(void)pthread_mutex_lock(&v->lock);
	error = note_status(v, answer);
	(void)pthread_mutex_unlock(&v->lock);
	return error;
}

void vtpm_log(struct host_vtpm *v, const struct diagnosis *d)
{
	log_diagnosis(v->id_text, d);
}

void vtpm_rest(struct host_vtpm *v)
{
	struct diagnosis d = {0};

	(void)pthread_mutex_lock(&v->lock);
	if (v->link.fd >= 0 && enclave_link_call(&v->link, CALL_VTPM_SHUTDOWN, span_of(NULL, 0), NULL, &d) != TCB_OK)
		vtpm_log(v, &d);
	if (v->status.state == VTPM_ESCROWED)
		refresh_status(v);
	close_enclave(v);
	write_meta(v);
	(void)pthread_mutex_unlock(&v->lock);
}

struct vtpm_status vtpm_look(struct host_vtpm *v)
{
	struct vtpm_status status;

	(void)pthread_mutex_lock(&v->lock);
	if (v->status.state == VTPM_ESCROWED) /* its hand-over may have been granted meanwhile */
		refresh_status(v);
	status = v->status;
	(void)pthread_mutex_unlock(&v->lock);
	return status;
}

/* ---- control sockets ---- */

static void *serve_control(void *context)
{
	struct host_vtpm *v = context;
	const struct front_options options = {
		.control_listener = v->listen_fd, .data_listener = -1, .control_client = -1, .data_client = -1, .owner = -1,
		.rests_alone = true, .startup = -1,
	};

	front_run(v, &options);
	return NULL;
}

static enum tcb_error open_control(struct host_vtpm *v, struct diagnosis *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_attr_t attributes;
	pthread_t thread;
	bool ok;

	memcpy(address.sun_path, v->control_socket, sizeof address.sun_path);
	(void)unlink(address.sun_path);
	v->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	ok = v->listen_fd >= 0 && bind(v->listen_fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	     chmod(address.sun_path, 0660) == 0 && listen(v->listen_fd, 4) == 0 &&
	     pthread_create(&thread, &attributes, serve_control, v) == 0;
	(void)pthread_attr_destroy(&attributes);
	return ok ? TCB_OK
		  : diagnose_found(d, TCB_PLATFORM, "vtpm.socket", "a control socket that can be made",
				   "check the platform's directory", "%s: %s", v->control_socket, strerror(errno));
}

/* ---- the table ---- */

static enum tcb_error new_entry(struct daemon *daemon, const struct uuid *id, struct host_vtpm **ret_vtpm,
				struct diagnosis *d)
{
	struct host_vtpm *v = calloc(1, sizeof *v);
	enum tcb_error error;

	if (v == NULL)
		return TCB_INTERNAL;
	v->daemon = daemon;
	v->id = *id;
	v->link.fd = -1;
	uuid_format(id, v->id_text);
	(void)pthread_mutex_init(&v->lock, NULL);
	error = path_in(daemon->vtpm_dir, v->id_text, v->dir, sizeof v->dir, d);
	if (error == TCB_OK)
		error = path_in(v->dir, "ctrl.sock", v->control_socket, sizeof v->control_socket, d);
	if (error != TCB_OK) {
		free(v);
		return error;
	}
	*ret_vtpm = v;
	return TCB_OK;
}

static enum tcb_error add_entry(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	struct vtpm_table *table = daemon->vtpms;
	enum tcb_error error;

	(void)pthread_mutex_lock(&table->lock);
	error = table->count < VTPMS_MAX ? open_control(v, d)
					 : diagnose(d, TCB_LIMIT, "vtpm.limit", "a full platform", "fewer vTPMs",
						    "delete vTPMs that are not needed");
	if (error == TCB_OK)
		table->entries[table->count++] = v;
	(void)pthread_mutex_unlock(&table->lock);
	return error;
}

struct host_vtpm *vtpms_find(struct daemon *daemon, const struct uuid *id)
{
	struct vtpm_table *table = daemon->vtpms;
	struct host_vtpm *found = NULL;

	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count; i++)
		if (!table->entries[i]->deleted && memcmp(&table->entries[i]->id, id, sizeof *id) == 0)
			found = table->entries[i];
	(void)pthread_mutex_unlock(&table->lock);
	return found;
}

enum tcb_error vtpms_start(struct daemon *daemon, struct diagnosis *d)
{
	DIR *dir = opendir(daemon->vtpm_dir);
	struct dirent *entry;
	struct host_vtpm *v;
	struct uuid id;

	daemon->vtpms = calloc(1, sizeof *daemon->vtpms);
	if (dir == NULL || daemon->vtpms == NULL)
		return TCB_PLATFORM;
	(void)pthread_mutex_init(&daemon->vtpms->lock, NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (!uuid_parse(entry->d_name, &id))
			continue;
		TRY(new_entry(daemon, &id, &v, d));
		read_meta(v);
		TRY(add_entry(daemon, v, d));
	}
	(void)closedir(dir);
	return TCB_OK;
}

static enum tcb_error vtpm_exists(const struct host_vtpm *v, struct diagnosis *d)
{
	return diagnose_found(d, TCB_WRONG_STATE, "vtpm.exists", "an id that is free on this platform",
			      "choose another --id, or delete that vTPM", "%s: %s", v->dir, strerror(errno));
}

/* A vTPM that has moved away comes back into a new place. */
static enum tcb_error make_room(struct daemon *daemon, const struct vtpm_create *create, struct diagnosis *d)
{
	struct host_vtpm *before = vtpms_find(daemon, &create->id);

	if (before == NULL || !create->incoming || vtpm_look(before).state != VTPM_MOVED)
		return TCB_OK;
	return vtpms_delete(daemon, &create->id, d);
}

enum tcb_error vtpms_create(struct daemon *daemon, const struct vtpm_create *create, struct host_vtpm **ret_vtpm,
			    struct diagnosis *d)
{
	static _Thread_local uint8_t body_bytes[LIMIT_FRAME];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, answer;
	struct host_vtpm *v;
	enum tcb_error error;

	vtpm_create_encode(&w, create);
	TRY(writer_end(&w, &body));
	TRY(make_room(daemon, create, d));
	TRY(new_entry(daemon, &create->id, &v, d));
	if (vtpms_find(daemon, &create->id) != NULL || mkdir(v->dir, 0700) != 0) {
		error = vtpm_exists(v, d);
		free(v);
		return error;
	}
	error = launch(v, d);
	if (error == TCB_OK)
		error = enclave_link_call(&v->link, CALL_VTPM_CREATE, body, &answer, d);
	if (error == TCB_OK)
		error = note_status(v, answer);
	if (error == TCB_OK)
		error = add_entry(daemon, v, d);
	if (error != TCB_OK) {
		close_enclave(v);
		(void)rmdir(v->dir);
		free(v);
		return error;
	}
	write_meta(v);
	*ret_vtpm = v;
	return TCB_OK;
}

static void remove_files(const struct host_vtpm *v)
{
	static const char *const names[] = { "state", "volatile", "meta.json", "ctrl.sock" };
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", v->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(v->dir);
}

enum tcb_error vtpms_delete(struct daemon *daemon, const struct uuid *id, struct diagnosis *d)
{
	struct host_vtpm *v = vtpms_find(daemon, id);

	if (v == NULL)
		return diagnose(d, TCB_REFUSED, "vtpm.unknown", "an id that this platform does not have",
				"one that `tcbind vtpm list` shows", "check --platform and --id");
	(void)pthread_mutex_lock(&v->lock);
	if (v->status.state == VTPM_RUNNING) {
		(void)pthread_mutex_unlock(&v->lock);
		return diagnose(d, TCB_WRONG_STATE, "vtpm.busy", "a vTPM that runs", "a stopped one", "stop the VM first");
	}
	v->deleted = true; /* the entry stays: its thread may hold it */
	close_enclave(v);
	(void)shutdown(v->listen_fd, SHUT_RDWR);
	remove_files(v);
	(void)pthread_mutex_unlock(&v->lock);
	return TCB_OK;
}
