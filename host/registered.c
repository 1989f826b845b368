// SPDX-License-Identifier: MIT
/* A registered vTPM, from its registration to its last answer. */
#include "host/registered.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/wipe.h"
#include "crypto/crypto.h"
#include "edge/descriptors.h"
#include "host/accept.h"
#include "host/directories.h"
#include "host/external.h"
#include "host/front.h"
#include "host/io.h"
#include "host/paths.h"
#include "host/registration.h"

/* One connection. */
struct connection {
	struct daemon *daemon;
	int fd;
	struct registration request;
	int place_fds[2]; /* state_dir, state_file: open as long as the vTPM is; -1: none */
	struct external external;
	int last_client; /* waits for the answer to CMD_SHUTDOWN; -1: none */
};

/* ---- messages ---- */

/* Only this message is waited for by recvmsg(). */
static enum tcb_error receive(struct connection *c, struct diagnosis *d)
{
	const struct timeval patience = {.tv_sec = 10};
	uint8_t text[REGISTRATION_MAX];
	struct descriptors came;
	enum tcb_error error;
	ssize_t got;

	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	got = receive_descriptors(c->fd, text, sizeof text, REGISTRATION_FDS, &came);
	if (came.no_room)
		return accept_no_descriptors(d);
	error = registration_read(span_of(text, got > 0 ? (size_t)got : 0), &came, &c->request, d);
	wipe(text, sizeof text); /* keys may have been in it */
	return error;
}

static void send_json(int fd, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	json_decref(json);
}

static void answer(const struct connection *r, json_t *json)
{
	send_json(r->fd, json);
}

void registered_refuse(int fd, const struct diagnosis *d)
{
	send_json(fd, json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", d->code, "found", d->found, "wanted", d->wanted,
				"action", d->action));
}

static void answer_error(const struct connection *r, const struct diagnosis *d)
{
	registered_refuse(r->fd, d);
}

/* ---- the vTPM ---- */

/* What stands beside a state file or device (keys to be made, certificates, volatile state, what is coming in) is in a
 * directory of the platform: the directory of a device keeps nothing, and that of a file need not be its user's. */
static bool set_companions(struct connection *r, struct place *place)
{
	char user_dir[PATH_MAX], files[PATH_MAX], name[2 * SHA256_SIZE + 1];
	ssize_t size = readlink(place->user_dir, user_dir, sizeof user_dir);
	struct digest256 digest;

	if (size <= 0 || (size_t)size == sizeof user_dir ||
	    crypto_sha256_all((const struct span[]){ span_of((const uint8_t *)user_dir, (size_t)size), span_of_text("/"), span_of_text(place->state) }, 3,
			      &digest) != TCB_OK)
		return false;
	hex_encode(SPAN_OF(digest.bytes), name);
	name[32] = '\0';
	return path_in(r->daemon->config.dir, "files", files, sizeof files, NULL) == TCB_OK && (store_make_dir(files) || errno == EEXIST) &&
	       path_in(files, name, place->dir, sizeof place->dir, NULL) == TCB_OK && (store_make_dir(place->dir) || errno == EEXIST);
}

static bool set_place(struct connection *c, struct place *place)
{
	const struct registration *r = &c->request;

	c->place_fds[0] = registration_take(&c->request, FD_STATE_DIR);
	c->place_fds[1] = place->file_fd = registration_take(&c->request, FD_STATE_FILE);
	place->external = true;
	place->in_place = place->file_fd >= 0;
	place->mode = r->mode;
	(void)snprintf(place->user_dir, sizeof place->user_dir, "/proc/self/fd/%d", c->place_fds[0]);
	(void)snprintf(place->dir, sizeof place->dir, "%s", place->user_dir);
	(void)snprintf(place->state, sizeof place->state, "%s", r->state);
	(void)snprintf(place->volatile_state, sizeof place->volatile_state, "%s", r->volatile_state);
	if (place->in_place && !set_companions(c, place))
		return false;
	place->tag = place_tag(place);
	return true;
}

static struct host_vtpm *new_vtpm(struct connection *r)
{
	struct host_vtpm *v = calloc(1, sizeof *v);
	struct place place = {0};

	if (v == NULL || !set_place(r, &place)) {
		free(v);
		return NULL;
	}
	r->external.file_key = r->request.file_key;
	r->external.migration_key = r->request.migration_key;
	r->external.incoming = r->request.incoming;
	v->daemon = r->daemon;
	v->users = 1;
	v->link.fd = v->listen_fd = -1;
	v->place = place;
	v->place.key = &r->external.file_key;
	v->external = &r->external;
	r->external.owner_fd = r->fd;
	(void)pthread_mutex_init(&v->lock, NULL);
	uuid_format(&v->id, v->id_text);
	return v;
}

/* One that has moved away runs from this state never again: the platform need not remember it. Where another is, whoever asks may see. */
static void note_end(struct host_vtpm *v)
{
	struct diagnosis d = {0};

	if (v->status.generation == 0)
		return; /* there was none */
	if (v->status.state != VTPM_MOVED)
		directories_note(v->daemon, &v->place, &v->status.digest);
	else if (vtpms_drop(v->daemon, &v->id, &v->status.digest, NULL, &d) != TCB_OK)
		log_diagnosis(v->id_text, &d);
}

static void end_vtpm(struct connection *r, struct host_vtpm *v)
{
	(void)pthread_mutex_lock(&v->lock);
	v->deleted = true; /* who found it in the table before gets no answer from it any more */
	vtpm_close_enclave(v);
	note_end(v);
	v->external = NULL;
	(void)pthread_mutex_unlock(&v->lock);
	vtpms_leave(r->daemon, v);
	for (size_t i = 0; i < 2; i++)
		io_close(&r->place_fds[i]);
	vtpms_release(v);
}

static void answer_ready(const struct connection *r, const struct host_vtpm *v)
{
	answer(r, json_pack("{s:b, s:s}", "ready", 1, "id", v->id_text));
}

struct served {
	const struct connection *r;
	const struct host_vtpm *v;
};

/* The answer to the registration, once the TPM is there: what its owner does next is not in its way. */
static void answer_started(void *context, enum tcb_error error, const struct diagnosis *d)
{
	const struct served *served = context;

	if (error == TCB_OK)
		answer_ready(served->r, served->v);
	else
		answer_error(served->r, d);
}

static void serve(struct connection *r, struct host_vtpm *v)
{
	struct served served = { .r = r, .v = v };
	struct registration *q = &r->request;
	const struct front_options options = {
		.control_listener = registration_take(q, FD_CONTROL_LISTENER),
		.control_client = registration_take(q, FD_CONTROL_CLIENT),
		.data_listener = registration_take(q, FD_DATA_LISTENER),
		.data_client = registration_take(q, FD_DATA_CLIENT),
		.owner = r->fd,
		.one_command = q->one_command,
		.data_fixed = q->data_fixed,
		.ends_with_data = q->ends_with_data,
		.ends_with_control = q->ends_with_control,
		.reject_locality_4 = q->reject_locality_4,
		.allow_set_locality = q->allow_set_locality,
		.initialise = q->initialise,
		.ends_hard = q->ends_hard,
		.config_flags = q->config_flags,
		.startup = q->startup,
		.started = answer_started,
		.started_context = &served,
	};

	r->last_client = front_run(v, &options);
	if (options.control_listener >= 0)
		(void)close(options.control_listener);
	if (options.data_listener >= 0)
		(void)close(options.data_listener);
}

static enum tcb_error create(struct host_vtpm *v, const struct registration *wanted, struct diagnosis *d)
{
	enum tcb_error error;

	(void)pthread_mutex_lock(&v->lock);
	external_tell_missing(v);
	error = external_create(v, wanted->keys, wanted->pcr_banks, d);
	if (error == TCB_OK)
		place_remove_volatile(&v->place); /* of what was here before */
	if (error == TCB_OK)
		error = external_postpone(v, wanted->later, d);
	(void)pthread_mutex_unlock(&v->lock);
	return error;
}

/* With the lock held. Its user, who has had the answer, took the new state away: it does not come back with its last keys. */
static void drop_if_removed(struct host_vtpm *v)
{
	struct diagnosis d = {0};

	if (!v->loaded || v->place.log == NULL || place_has_state(&v->place))
		return;
	log_drop(v->place.log, &v->place);
	v->place.log = NULL;
	vtpm_close_enclave(v);
	place_remove_certificates(&v->place);
	if (vtpms_drop(v->daemon, &v->id, &v->status.digest, NULL, &d) != TCB_OK)
		log_diagnosis(v->id_text, &d);
	v->status = (struct vtpm_status){0}; /* there is none any more */
}

/* The client has its answer. Who starts the vTPM meanwhile waits for this, or makes the keys itself. */
static void finish(struct host_vtpm *v)
{
	struct diagnosis d = {0};
	enum tcb_error error = TCB_OK;
	bool was_loaded;

	(void)pthread_mutex_lock(&v->lock);
	v->external->was_made = true;
	was_loaded = v->loaded;
	(void)pthread_mutex_unlock(&v->lock);
	if (!was_loaded && place_has_later(&v->place))
		error = vtpm_ask_status(v, CALL_VTPM_STATUS, span_of(NULL, 0), &d); /* opens it, which makes the keys */
	(void)pthread_mutex_lock(&v->lock);
	if (was_loaded)
		error = external_finish(v, &d);
	drop_if_removed(v);
	(void)pthread_mutex_unlock(&v->lock);
	if (error != TCB_OK && strcmp(d.code, "vtpm.busy") != 0 && strcmp(d.code, "vtpm.removed") != 0)
		log_diagnosis(v->id_text, &d);
	vtpm_rest(v);
}

/* When the process that owns sockets and pid file has ended: who hears the answer may start another in their place. */
static void say_farewell(const struct connection *r)
{
	enum { END_PATIENCE_MS = 2000 };
	struct pollfd owner = { .fd = r->fd, .events = POLLIN };

	(void)poll(&owner, 1, END_PATIENCE_MS);
	front_farewell(r->last_client);
}

static void answer_end(const struct connection *r)
{
	answer(r, json_pack("{s:b}", "end", 1));
	if (r->last_client >= 0)
		say_farewell(r);
}

static void serve_create(struct connection *r, struct host_vtpm *v)
{
	struct diagnosis d = {0};
	enum tcb_error error = create(v, &r->request, &d);

	if (error != TCB_OK) {
		(void)diagnose(&d, error, "registrar.create", tcb_error_name(error), "a vTPM that can be made", "see the daemon's log");
		answer_error(r, &d);
		return;
	}
	if (registration_has_channel(&r->request)) {
		serve(r, v);
		answer_end(r);
	} else {
		if (!place_has_later(&v->place))
			vtpm_rest(v); /* nothing is written after the answer */
		answer_ready(r, v);
	}
	finish(v);
}

static void serve_connection(struct connection *r)
{
	struct diagnosis d = {0};
	struct host_vtpm *v;
	bool makes;

	if (receive(r, &d) != TCB_OK) {
		answer_error(r, &d);
		return;
	}
	v = new_vtpm(r);
	if (v == NULL) {
		(void)diagnose(&d, TCB_PLATFORM, "registrar.place", "a state file that nothing can be kept beside",
			       "a writable directory of the platform and free memory",
			       "check DIR/files of the platform, and its free space");
		answer_error(r, &d);
		return;
	}
	makes = r->request.creates;
	if (vtpms_enter(r->daemon, v, &d) != TCB_OK)
		answer_error(r, &d);
	else if (makes)
		serve_create(r, v);
	else
		serve(r, v);
	end_vtpm(r, v);
	if (!makes) /* who makes one has had its last answer before the last keys */
		answer_end(r);
}

void registered_serve(struct daemon *daemon, int fd)
{
	struct connection r = {.daemon = daemon, .fd = fd, .place_fds = {-1, -1}, .last_client = -1};

	registration_init(&r.request);
	serve_connection(&r);
	registration_end(&r.request);
	for (size_t i = 0; i < 2; i++)
		io_close(&r.place_fds[i]); /* of a registration that was refused */
	external_wipe(&r.external);
	(void)close(fd);
}
