// SPDX-License-Identifier: MIT
#include "host/vtpms.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/aside.h"
#include "host/ask_pse.h"
#include "host/directories.h"
#include "host/front.h"
#include "host/paths.h"
#include "host/settle.h"

/* ---- control sockets ---- */

static void *serve_control(void *context)
{
	struct host_vtpm *v = context;
	const struct front_options options = {
		.control_listener = v->listen_fd, .data_listener = -1, .control_client = -1, .data_client = -1, .owner = -1,
		.rests_alone = true, .startup = -1,
	};

	(void)front_run(v, &options);
	(void)close(v->listen_fd);
	vtpms_release(v);
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
	v->users = 1;
	v->place = (struct place){ .state = "state", .volatile_state = "volatile", .id = *id };
	(void)pthread_mutex_init(&v->lock, NULL);
	error = path_in(daemon->vtpm_dir, v->id_text, v->place.dir, sizeof v->place.dir, d);
	if (error == TCB_OK)
		error = path_in(v->place.dir, "ctrl.sock", v->control_socket, sizeof v->control_socket, d);
	if (error != TCB_OK) {
		free(v);
		return error;
	}
	*ret_vtpm = v;
	return TCB_OK;
}

enum tcb_error vtpms_enter(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	struct vtpm_table *table = daemon->vtpms;
	enum tcb_error error = TCB_OK;

	(void)pthread_mutex_lock(&table->lock);
	if (table->count == VTPMS_MAX)
		error = diagnose(d, TCB_LIMIT, "vtpm.limit", "a full platform", "fewer vTPMs", "delete vTPMs that are not needed");
	else
		table->entries[table->count++] = v;
	(void)pthread_mutex_unlock(&table->lock);
	return error;
}

static bool claim(struct host_vtpm *v)
{
	struct vtpm_table *table = v->daemon->vtpms;
	bool is_free = true;

	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i] != v && table->entries[i]->claims_place && place_same(&table->entries[i]->place, &v->place))
			is_free = false;
	v->claims_place |= is_free;
	(void)pthread_mutex_unlock(&table->lock);
	return is_free;
}

enum tcb_error vtpms_claim_place(struct host_vtpm *v, struct diagnosis *d)
{
	enum { PATIENCE_MS = 10000, PATIENCE_WITH_KEYS_MS = 120000, STEP_MS = 2 };
	const int patience = place_has_later(&v->place) ? PATIENCE_WITH_KEYS_MS : PATIENCE_MS; /* RSA takes its time */
	const struct timespec step = { .tv_nsec = STEP_MS * 1000 * 1000 };

	for (int waited = 0; waited < patience; waited += STEP_MS) {
		if (claim(v))
			return TCB_OK;
		(void)nanosleep(&step, NULL);
	}
	return diagnose(d, TCB_WRONG_STATE, "vtpm.busy", "a state that another process has open", "a state that is not in use",
			"stop the other process");
}

void vtpms_leave(struct daemon *daemon, struct host_vtpm *v)
{
	struct vtpm_table *table = daemon->vtpms;

	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count; i++) {
		if (table->entries[i] == v) {
			table->entries[i] = table->entries[--table->count];
			break;
		}
	}
	(void)pthread_mutex_unlock(&table->lock);
}

struct host_vtpm *vtpms_find(struct daemon *daemon, const struct uuid *id)
{
	struct vtpm_table *table = daemon->vtpms;
	struct host_vtpm *found = NULL;

	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count && found == NULL; i++)
		if (memcmp(&table->entries[i]->id, id, sizeof *id) == 0)
			found = table->entries[i];
	if (found != NULL)
		atomic_fetch_add(&found->users, 1);
	(void)pthread_mutex_unlock(&table->lock);
	return found;
}

size_t vtpms_list(struct daemon *daemon, struct host_vtpm *ret_vtpms[VTPMS_MAX])
{
	struct vtpm_table *table = daemon->vtpms;
	size_t count;

	(void)pthread_mutex_lock(&table->lock);
	count = table->count;
	for (size_t i = 0; i < count; i++) {
		ret_vtpms[i] = table->entries[i];
		atomic_fetch_add(&ret_vtpms[i]->users, 1);
	}
	(void)pthread_mutex_unlock(&table->lock);
	return count;
}

void vtpms_release(struct host_vtpm *v)
{
	if (atomic_fetch_sub(&v->users, 1) > 1)
		return;
	(void)pthread_mutex_destroy(&v->lock);
	free(v);
}

/* Into the table, with a control socket and its thread, which is the entry's first user. */
static enum tcb_error serve(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	TRY(vtpms_enter(daemon, v, d));
	error = open_control(v, d);
	if (error != TCB_OK)
		vtpms_leave(daemon, v);
	return error;
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
		vtpm_read_meta(v);
		TRY(serve(daemon, v, d));
	}
	(void)closedir(dir);
	return TCB_OK;
}

static enum tcb_error vtpm_exists(const struct host_vtpm *v, struct diagnosis *d)
{
	return diagnose_found(d, TCB_WRONG_STATE, "vtpm.exists", "an id that is free on this platform",
			      "choose another --id, or delete that vTPM", "%s, which is there", v->place.dir);
}

static enum tcb_error make_directory(const struct host_vtpm *v, struct diagnosis *d)
{
	if (store_make_dir(v->place.dir))
		return TCB_OK;
	if (errno == EEXIST)
		return vtpm_exists(v, d);
	return diagnose_found(d, TCB_PLATFORM, "store.put", "a disk that keeps what it is given", "check space and owner of the platform's directory", "%s: %s",
			      v->place.dir, strerror(errno));
}

/* Whether another place has a vTPM of this id: a user's directory, say, into which it moved from here. */
static bool is_elsewhere(struct daemon *daemon, const struct host_vtpm *v)
{
	struct vtpm_table *table = daemon->vtpms;
	bool found = directories_know(daemon, &v->id);

	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count && !found; i++)
		found = table->entries[i] != v && memcmp(&table->entries[i]->id, &v->id, sizeof v->id) == 0;
	(void)pthread_mutex_unlock(&table->lock);
	return found;
}

/* A vTPM that has moved away comes back into a new place. */
static enum tcb_error make_room(struct daemon *daemon, const struct vtpm_create *create, struct diagnosis *d)
{
	struct host_vtpm *before = vtpms_find(daemon, &create->id);
	enum tcb_error error;

	if (before == NULL)
		return TCB_OK;
	error = create->incoming && vtpm_look(before).state == VTPM_MOVED ? vtpms_delete(daemon, before, d)
									   : vtpm_exists(before, d);
	vtpms_release(before);
	return error;
}

static enum tcb_error fill(struct daemon *daemon, struct host_vtpm *v, const struct vtpm_create *create, struct diagnosis *d)
{
	TRY(vtpm_launch(v, d));
	TRY(vtpm_create_state(v, create, d));
	vtpm_write_meta(v);
	vtpm_close_enclave(v); /* until somebody needs it */
	return serve(daemon, v, d);
}

static bool remove_files(const struct host_vtpm *v)
{
	static const char *const names[] = { "state", "volatile", "certificates", "meta.json", "ctrl.sock" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		store_remove(v->place.dir, names[i]);
	return rmdir(v->place.dir) == 0;
}

enum tcb_error vtpms_create(struct daemon *daemon, const struct vtpm_create *create, struct host_vtpm **ret_vtpm,
			    struct diagnosis *d)
{
	struct host_vtpm *v;
	enum tcb_error error;

	TRY(make_room(daemon, create, d));
	TRY(new_entry(daemon, &create->id, &v, d));
	error = make_directory(v, d);
	if (error != TCB_OK) {
		free(v);
		return error;
	}
	atomic_fetch_add(&v->users, 1); /* the caller's */
	error = fill(daemon, v, create, d);
	if (error != TCB_OK) {
		vtpm_close_enclave(v);
		(void)remove_files(v);
		free(v);
		return error;
	}
	*ret_vtpm = v;
	return TCB_OK;
}

enum tcb_error vtpms_drop(struct daemon *daemon, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped, struct diagnosis *d)
{
	bool dropped;

	TRY(pse_drop(daemon, id, newest, &dropped, d));
	if (ret_dropped != NULL)
		*ret_dropped = dropped;
	if (!dropped)
		return TCB_OK;
	aside_drop_all(daemon->store_dir, id);
	directories_forget(daemon, id);
	settle_soon(); /* the MigE's journal may forget it too */
	return TCB_OK;
}

static enum tcb_error drop_what_is_here(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	struct digest256 newest;
	struct span sealed;
	enum tcb_error error;

	if (!is_elsewhere(daemon, v))
		return vtpms_drop(daemon, &v->id, NULL, NULL, d);
	TRY(vtpm_read_state(v, &sealed, d));
	error = crypto_sha256(sealed, &newest);
	free((void *)(uintptr_t)sealed.data);
	return error == TCB_OK ? vtpms_drop(daemon, &v->id, &newest, NULL, d) : error;
}

/* From the ledger first: what a power cut leaves then is files that do not open, which can be deleted once more. */
static enum tcb_error delete_stopped(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	if (v->deleted || v->status.state == VTPM_RUNNING || v->external != NULL)
		return diagnose(d, TCB_WRONG_STATE, "vtpm.busy", "a vTPM that runs", "a stopped one", "stop the VM first");
	vtpm_close_enclave(v);
	TRY(drop_what_is_here(daemon, v, d));
	if (!remove_files(v))
		return diagnose_found(d, TCB_PLATFORM, "store.remove", "a directory with nothing in it but a vTPM's files",
				      "take out what else is in it, and delete the vTPM once more", "%s: %s", v->place.dir, strerror(errno));
	v->deleted = true;
	return TCB_OK;
}

enum tcb_error vtpms_delete(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;

	(void)pthread_mutex_lock(&v->lock);
	error = delete_stopped(daemon, v, d);
	(void)pthread_mutex_unlock(&v->lock);
	TRY(error);
	vtpms_leave(daemon, v);
	(void)shutdown(v->listen_fd, SHUT_RDWR); /* its thread ends */
	return TCB_OK;
}
