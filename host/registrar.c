// SPDX-License-Identifier: MIT
#include "host/registrar.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
#include "host/scratch.h"

/* One a daemon. `users` counts before accept(), so that a registration is seen either there or in the socket's queue. */
static struct listener {
	struct daemon *daemon;
	int fd;
	atomic_uint users;
} listener = { .fd = -1 };

/* One connection. */
struct registration {
	struct daemon *daemon;
	int fd;
	struct descriptors came; /* -1: taken by somebody */
	int place_fds[2]; /* state_dir, state_file: open as long as the vTPM is; -1: none */
	json_t *message;
	struct external external;
	int last_client; /* waits for the answer to CMD_SHUTDOWN; -1: none */
};

/* ---- the message ---- */

static bool receive(struct registration *r)
{
	uint8_t text[REGISTRATION_MAX];
	ssize_t got = receive_descriptors(r->fd, text, sizeof text, REGISTRATION_FDS, &r->came);

	if (got <= 0)
		return false;
	r->message = json_loadb((const char *)text, (size_t)got, JSON_REJECT_DUPLICATES, NULL);
	wipe(text, (size_t)got); /* keys may have been in it */
	return json_is_object(r->message) && json_array_size(json_object_get(r->message, "fds")) == r->came.count;
}

/* The descriptor of that name, which is the caller's from now on; -1: it did not come. */
static int take_fd(struct registration *r, const char *name)
{
	const json_t *names = json_object_get(r->message, "fds");

	for (size_t i = 0; i < r->came.count; i++) {
		const char *found = json_string_value(json_array_get(names, i));
		int fd = r->came.fds[i];

		if (fd >= 0 && found != NULL && strcmp(found, name) == 0) {
			r->came.fds[i] = -1;
			return fd;
		}
	}
	return -1;
}

static void send_json(int fd, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	json_decref(json);
}

static void answer(const struct registration *r, json_t *json)
{
	send_json(r->fd, json);
}

static void refuse(int fd, const struct diagnosis *d)
{
	send_json(fd, json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", d->code, "found", d->found, "wanted", d->wanted,
				"action", d->action));
}

static void answer_error(const struct registration *r, const struct diagnosis *d)
{
	refuse(r->fd, d);
}

static bool option(const struct registration *r, const char *name)
{
	return json_is_true(json_object_get(json_object_get(r->message, "options"), name));
}

static int number(const struct registration *r, const char *name, int otherwise)
{
	const json_t *value = json_object_get(json_object_get(r->message, "options"), name);

	return json_is_integer(value) ? (int)json_integer_value(value) : otherwise;
}

/* The key itself, or what swtpm makes of a passphrase. */
static bool make_key(struct span secret, const char *kdf, size_t size, struct swtpm_key *ret_key)
{
	if (kdf != NULL)
		return (strcmp(kdf, "pbkdf2") == 0 || strcmp(kdf, "sha512") == 0) &&
		       swtpm_key_derive(secret, strcmp(kdf, "pbkdf2") == 0, size, ret_key) == TCB_OK;
	if ((size != 16 && size != 32) || secret.size != size)
		return false;
	memcpy(ret_key->bytes, secret.data, size);
	ret_key->size = size;
	return true;
}

static bool read_key(const struct registration *r, const char *name, struct swtpm_key *ret_key)
{
	json_t *given = json_object_get(r->message, name);
	const char *kdf = NULL, *hex;
	uint8_t secret[REGISTRATION_SECRET_MAX];
	size_t got;
	bool ok;
	int size;

	if (given == NULL)
		return true;
	ok = json_unpack(given, "{s:i, s:s, s?s}", "size", &size, "secret", &hex, "kdf", &kdf) == 0 && size > 0 &&
	     hex_decode(hex, secret, sizeof secret, &got) && make_key(span_of(secret, got), kdf, (size_t)size, ret_key);
	wipe(secret, sizeof secret);
	return ok;
}

/* ---- the vTPM ---- */

static bool set_name(char *ret_name, size_t capacity, const char *name)
{
	return name != NULL && name[0] != '\0' && strchr(name, '/') == NULL &&
	       (size_t)snprintf(ret_name, capacity, "%s", name) < capacity;
}

/* What stands beside a state file or device (keys to be made, certificates, volatile state, what is coming in) is in a
 * directory of the platform: the directory of a device keeps nothing, and that of a file need not be its user's. */
static bool set_companions(struct registration *r, struct place *place)
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
	return path_in(r->daemon->config.dir, "files", files, sizeof files, NULL) == TCB_OK && (mkdir(files, 0700) == 0 || errno == EEXIST) &&
	       path_in(files, name, place->dir, sizeof place->dir, NULL) == TCB_OK && (mkdir(place->dir, 0700) == 0 || errno == EEXIST);
}

static bool set_place(struct registration *r, struct place *place)
{
	r->place_fds[0] = take_fd(r, "state_dir");
	r->place_fds[1] = place->file_fd = take_fd(r, "state_file");
	place->external = true;
	place->in_place = place->file_fd >= 0;
	place->mode = (unsigned)json_integer_value(json_object_get(r->message, "mode")) & 0777;
	(void)snprintf(place->user_dir, sizeof place->user_dir, "/proc/self/fd/%d", r->place_fds[0]);
	(void)snprintf(place->dir, sizeof place->dir, "%s", place->user_dir);
	if (r->place_fds[0] < 0 || !set_name(place->state, sizeof place->state, json_string_value(json_object_get(r->message, "state"))) ||
	    !set_name(place->volatile_state, sizeof place->volatile_state, json_string_value(json_object_get(r->message, "volatile"))) ||
	    (place->in_place && !set_companions(r, place)))
		return false;
	place->tag = place_tag(place);
	return true;
}

static struct host_vtpm *new_vtpm(struct registration *r)
{
	struct host_vtpm *v = calloc(1, sizeof *v);
	struct place place = {0};

	if (v == NULL || !set_place(r, &place) || !read_key(r, "file_key", &r->external.file_key) ||
	    !read_key(r, "migration_key", &r->external.migration_key)) {
		free(v);
		return NULL;
	}
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

static void end_vtpm(struct registration *r, struct host_vtpm *v)
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

static void answer_ready(const struct registration *r, const struct host_vtpm *v)
{
	answer(r, json_pack("{s:b, s:s}", "ready", 1, "id", v->id_text));
}

struct served {
	const struct registration *r;
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

static void serve(struct registration *r, struct host_vtpm *v)
{
	struct served served = { .r = r, .v = v };
	const struct front_options options = {
		.control_listener = take_fd(r, "control_listener"),
		.control_client = take_fd(r, "control_client"),
		.data_listener = take_fd(r, "data_listener"),
		.data_client = take_fd(r, "data_client"),
		.owner = r->fd,
		.one_command = option(r, "one_command"),
		.data_fixed = option(r, "data_fixed"),
		.ends_with_data = option(r, "ends_with_data"),
		.ends_with_control = option(r, "ends_with_control"),
		.reject_locality_4 = option(r, "reject_locality_4"),
		.allow_set_locality = option(r, "allow_set_locality"),
		.initialise = option(r, "initialise"),
		.ends_hard = option(r, "ends_hard"),
		.config_flags = (uint32_t)number(r, "config_flags", 0),
		.startup = number(r, "startup", -1),
		.started = answer_started,
		.started_context = &served,
	};

	r->last_client = front_run(v, &options);
	if (options.control_listener >= 0)
		(void)close(options.control_listener);
	if (options.data_listener >= 0)
		(void)close(options.data_listener);
}

static enum tcb_error read_keys(const json_t *names, uint16_t *ret_keys, struct diagnosis *d)
{
	const json_t *name;
	enum vtpm_key key;
	size_t i;

	*ret_keys = 0;
	json_array_foreach(names, i, name) {
		if (!json_is_string(name) || external_key_of(span_of_text(json_string_value(name)), &key) != TCB_OK)
			return diagnose(d, TCB_MALFORMED, "registrar.key", "a key with a name that this daemon does not know",
					"one of host/external.h", "use programs of one release");
		*ret_keys = (uint16_t)(*ret_keys | 1u << key);
	}
	return TCB_OK;
}

/* Names, one a line; empty: none, or too many. */
static void join(const json_t *names, char *ret_text, size_t capacity)
{
	const json_t *name;
	size_t i, size = 0;

	ret_text[0] = '\0';
	json_array_foreach(names, i, name) {
		const char *text = json_is_string(name) ? json_string_value(name) : "";

		size += (size_t)snprintf(ret_text + size, capacity - size, "%s%s", i > 0 ? "\n" : "", text);
		if (size >= capacity) {
			ret_text[0] = '\0';
			return;
		}
	}
}

static enum tcb_error create(struct host_vtpm *v, const json_t *wanted, struct diagnosis *d)
{
	uint8_t banks = (uint8_t)(json_integer_value(json_object_get(wanted, "pcr_banks")) & BANKS_ALL);
	char later[128];
	enum tcb_error error;
	uint16_t keys;

	TRY(read_keys(json_object_get(wanted, "keys"), &keys, d));
	join(json_object_get(wanted, "later"), later, sizeof later);
	(void)pthread_mutex_lock(&v->lock);
	external_tell_missing(v);
	error = external_create(v, keys, banks, d);
	if (error == TCB_OK)
		place_remove_volatile(&v->place); /* of what was here before */
	if (error == TCB_OK)
		error = external_postpone(v, later, d);
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

static bool has_channel(const struct registration *r)
{
	const json_t *names = json_object_get(r->message, "fds"), *name;
	size_t i;

	json_array_foreach(names, i, name)
		if (json_is_string(name) && strncmp(json_string_value(name), "state_", strlen("state_")) != 0)
			return true;
	return false;
}

/* When the process that owns sockets and pid file has ended: who hears the answer may start another in their place. */
static void say_farewell(const struct registration *r)
{
	enum { END_PATIENCE_MS = 2000 };
	struct pollfd owner = { .fd = r->fd, .events = POLLIN };

	(void)poll(&owner, 1, END_PATIENCE_MS);
	front_farewell(r->last_client);
}

static void answer_end(const struct registration *r)
{
	answer(r, json_pack("{s:b}", "end", 1));
	if (r->last_client >= 0)
		say_farewell(r);
}

static void serve_create(struct registration *r, struct host_vtpm *v)
{
	struct diagnosis d = {0};
	enum tcb_error error = create(v, json_object_get(r->message, "create"), &d);

	if (error != TCB_OK) {
		(void)diagnose(&d, error, "registrar.create", tcb_error_name(error), "a vTPM that can be made", "see the daemon's log");
		answer_error(r, &d);
		return;
	}
	if (has_channel(r)) {
		serve(r, v);
		answer_end(r);
	} else {
		if (!place_has_later(&v->place))
			vtpm_rest(v); /* nothing is written after the answer */
		answer_ready(r, v);
	}
	finish(v);
}

/* ---- threads ---- */

static void work(struct registration *r)
{
	const struct timeval patience = { .tv_sec = 10 };
	struct diagnosis d = {0};
	struct host_vtpm *v;
	bool makes;

	(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience); /* only this message is waited for by recvmsg() */
	if (!receive(r) || (v = new_vtpm(r)) == NULL) {
		if (r->came.no_room)
			(void)accept_no_descriptors(&d);
		(void)diagnose(&d, TCB_MALFORMED, "registrar.message", "a registration that this daemon does not understand",
			       "a message of host/registration.h", "use programs of one release");
		answer_error(r, &d);
		return;
	}
	makes = json_object_get(r->message, "create") != NULL;
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

static void *serve_registration(void *context)
{
	struct registration *r = context;

	work(r);
	for (size_t i = 0; i < r->came.count; i++)
		io_close(&r->came.fds[i]);
	for (size_t i = 0; i < 2; i++)
		io_close(&r->place_fds[i]); /* of a registration that was refused */
	json_decref(r->message);
	external_wipe(&r->external);
	(void)close(r->fd);
	free(r);
	atomic_fetch_sub(&listener.users, 1);
	return NULL;
}

static bool start_registration(struct daemon *daemon, int fd, const pthread_attr_t *attributes)
{
	struct registration *r = calloc(1, sizeof *r);
	pthread_t thread;

	if (r != NULL)
		*r = (struct registration){ .daemon = daemon, .fd = fd, .place_fds = { -1, -1 }, .last_client = -1 };
	if (r != NULL && pthread_create(&thread, attributes, serve_registration, r) == 0)
		return true;
	(void)close(fd);
	free(r);
	return false;
}

static void *accept_registrations(void *context)
{
	struct listener *l = context;
	struct pollfd ready = { .fd = l->fd, .events = POLLIN };
	pthread_attr_t attributes;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	while (poll(&ready, 1, -1) > 0 || errno == EINTR) {
		int fd;

		atomic_fetch_add(&l->users, 1);
		fd = accept_connection(l->fd, refuse);
		if (fd < 0 || !start_registration(l->daemon, fd, &attributes))
			atomic_fetch_sub(&l->users, 1);
	}
	return NULL;
}

enum tcb_error registrar_start(struct daemon *daemon, struct diagnosis *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_t thread;

	listener.daemon = daemon;
	listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	TRY(path_in(daemon->config.dir, "run/registrar.sock", address.sun_path, sizeof address.sun_path, d));
	(void)unlink(address.sun_path);
	if (listener.fd < 0 || bind(listener.fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(listener.fd, 64) != 0 ||
	    pthread_create(&thread, NULL, accept_registrations, &listener) != 0)
		return diagnose_found(d, TCB_PLATFORM, "registrar.socket", "a socket that can be made", "check DIR/run",
				      "%s: %s", address.sun_path, strerror(errno));
	return TCB_OK;
}

static bool is_idle(void)
{
	struct pollfd queue = { .fd = listener.fd, .events = POLLIN };

	return atomic_load(&listener.users) == 0 && poll(&queue, 1, 0) == 0;
}

static void *watch_idle(void *context)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	unsigned seconds = (unsigned)(uintptr_t)context, steps = 0;
	char path[PATH_MAX + 16];
	int lock;

	(void)snprintf(path, sizeof path, "%s/../lock", listener.daemon->config.dir);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (;;) {
		(void)nanosleep(&step, NULL);
		steps = is_idle() ? steps + 1 : 0;
		if (steps < seconds * 10 || flock(lock, LOCK_EX | LOCK_NB) != 0)
			continue;
		if (is_idle())
			break;
		(void)flock(lock, LOCK_UN);
	}
	(void)kill(getpid(), SIGTERM); /* the lock goes with the process */
	return NULL;
}

void registrar_end_when_idle(unsigned seconds)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watch_idle, (void *)(uintptr_t)seconds) != 0)
		(void)kill(getpid(), SIGTERM);
}
