// SPDX-License-Identifier: MIT
#include "host/directories.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hex.h"
#include "host/paths.h"
#include "host/store.h"
#include "host/vtpms.h"

enum { NOTE_MAX = 3 * PATH_MAX };

static bool notes_dir(const struct daemon *daemon, char ret_path[PATH_MAX])
{
	return path_in(daemon->config.dir, "places", ret_path, PATH_MAX, NULL) == TCB_OK;
}

/* The directory's name, as this process sees it. */
static bool real_name(const char *dir, char ret_name[PATH_MAX])
{
	ssize_t size = readlink(dir, ret_name, PATH_MAX - 1);

	if (size <= 0)
		return false;
	ret_name[size] = '\0';
	return ret_name[0] == '/';
}

static bool is_device(const struct place *place)
{
	struct stat st;

	return place->in_place && fstat(place->file_fd, &st) == 0 && S_ISBLK(st.st_mode);
}

/* Both say the same, but for the newest state. The digest has the same length in all notes. */
static bool differs_in_newest(struct span before, struct span after)
{
	json_t *a = json_loadb((const char *)before.data, before.size, 0, NULL);
	json_t *b = json_loadb((const char *)after.data, after.size, 0, NULL);
	bool same = a != NULL && before.size == after.size &&
		    json_object_set(a, "newest", json_object_get(b, "newest")) == 0 && json_equal(a, b);

	json_decref(a);
	json_decref(b);
	return same;
}

/* A note of a place is durable. Without it an empty directory would get a new TPM after a power cut,
 * though the log has the state of the old one. The digest changes with each start. It may be lost:
 * then the vTPM is only not forgotten by itself. */
static void put_note(const char *dir, const char *id, struct span note)
{
	struct span before = {0};

	if (store_get(dir, id, NOTE_MAX, &before, NULL) != TCB_OK)
		return;
	if (differs_in_newest(before, note))
		(void)!store_patch_soft(dir, id, note);
	else if (!span_equal(before, note))
		(void)!store_put(dir, id, note, NULL);
	free((void *)(uintptr_t)before.data);
}

void directories_note(const struct daemon *daemon, const struct place *place, const struct digest256 *newest)
{
	char dir[PATH_MAX], name[PATH_MAX], id[UUID_TEXT_SIZE], digest[2 * SHA256_SIZE + 1];
	struct stat st;
	json_t *note;
	char *text;

	if (!notes_dir(daemon, dir) || (!store_make_dir(dir) && errno != EEXIST) ||
	    !real_name(place->user_dir, name) || stat(place->user_dir, &st) != 0)
		return;
	uuid_format(&place->id, id);
	hex_encode(SPAN_OF(newest->bytes), digest);
	note = json_pack("{s:s, s:s, s:I, s:s}", "directory", name, "file", place->state, "device", (json_int_t)st.st_dev, "newest", digest);
	if (place->in_place)
		(void)json_object_set_new(note, "in_place", json_string(is_device(place) ? "device" : "file"));
	text = json_dumps(note, JSON_COMPACT);
	json_decref(note);
	if (text != NULL)
		put_note(dir, id, span_of_text(text));
	free(text);
}

/* NULL: none that can be read. */
static json_t *read_note(const char *dir, const char *name)
{
	struct span bytes = {0};
	json_t *note;

	if (store_get(dir, name, NOTE_MAX, &bytes, NULL) != TCB_OK)
		return NULL;
	note = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
	free((void *)(uintptr_t)bytes.data);
	return note;
}

/* The note under this name is of this directory and file; `*ret_device` is where that was. */
static bool is_of(const char *dir, const char *name, const char *directory, const char *file, dev_t *ret_device)
{
	json_t *note = read_note(dir, name);
	const char *noted_directory, *noted_file;
	json_int_t device = 0;
	bool same = json_unpack(note, "{s:s, s:s, s:I}", "directory", &noted_directory, "file", &noted_file, "device", &device) == 0 &&
		    strcmp(noted_directory, directory) == 0 && strcmp(noted_file, file) == 0;

	*ret_device = (dev_t)device;
	json_decref(note);
	return same;
}

/* The vTPM runs in another place of a user: its directory was renamed. */
static bool is_elsewhere(struct daemon *daemon, const struct uuid *id, const struct place *place)
{
	struct host_vtpm *open = vtpms_find(daemon, id);
	bool elsewhere = open != NULL && &open->place != place && open->claims_place;

	if (open != NULL)
		vtpms_release(open);
	return elsewhere;
}

size_t directories_find(struct daemon *daemon, const struct place *place, struct uuid ret_ids[DIRECTORIES_FOUND_MAX], bool *ret_lost)
{
	char dir[PATH_MAX], directory[PATH_MAX];
	struct dirent *entry;
	struct uuid id;
	struct stat st;
	size_t found = 0;
	dev_t device;
	DIR *notes;

	*ret_lost = place_has_certificates(place);
	if (!notes_dir(daemon, dir) || !real_name(place->user_dir, directory) || stat(place->user_dir, &st) != 0 || (notes = opendir(dir)) == NULL)
		return 0;
	while (found < DIRECTORIES_FOUND_MAX && (entry = readdir(notes)) != NULL) {
		if (!uuid_parse(entry->d_name, &id) || !is_of(dir, entry->d_name, directory, place->state, &device) ||
		    is_elsewhere(daemon, &id, place))
			continue;
		*ret_lost |= device != st.st_dev;
		ret_ids[found++] = id;
	}
	(void)closedir(notes);
	return found;
}

static bool note_path(const struct daemon *daemon, const struct uuid *id, char ret_path[PATH_MAX])
{
	char dir[PATH_MAX], text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	return notes_dir(daemon, dir) && path_in(dir, text, ret_path, PATH_MAX, NULL) == TCB_OK;
}

bool directories_know(const struct daemon *daemon, const struct uuid *id)
{
	char path[PATH_MAX];

	return note_path(daemon, id, path) && access(path, F_OK) == 0;
}

void directories_forget(const struct daemon *daemon, const struct uuid *id)
{
	char path[PATH_MAX];

	if (note_path(daemon, id, path))
		(void)unlink(path);
}

/* The nearest of `path`'s directories that is there is on this device. */
static bool is_reached(char *path, dev_t device)
{
	struct stat st;

	while (stat(path, &st) != 0) {
		char *slash = strrchr(path, '/');

		if (errno != ENOENT || slash == NULL)
			return false;
		slash[slash == path ? 1 : 0] = '\0';
	}
	return st.st_dev == device;
}

static int open_file(const char *directory, const char *name)
{
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* `in_place`: NULL, "file" or "device". A device may be absent for many reasons: it is never said to be gone. */
static bool is_gone(const struct uuid *id, const char *directory, const char *state, const char *in_place, dev_t device)
{
	struct place place = { .external = true, .in_place = in_place != NULL };
	enum place_content content;
	enum tcb_error error;
	struct span file, sealed;
	char path[PATH_MAX];
	struct uuid found;

	if ((in_place != NULL && strcmp(in_place, "file") != 0) ||
	    (size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path ||
	    (size_t)snprintf(place.state, sizeof place.state, "%s", state) >= sizeof place.state || !is_reached(path, device))
		return false;
	(void)snprintf(place.dir, sizeof place.dir, "%s", directory);
	if (access(directory, F_OK) != 0)
		return errno == ENOENT;
	if (place.in_place && (place.file_fd = open_file(directory, state)) < 0)
		return errno == ENOENT;
	error = place_look(&place, &file, &content, &found, &sealed, NULL);
	if (place.in_place)
		(void)close(place.file_fd);
	if (error != TCB_OK)
		return false;
	free((void *)(uintptr_t)file.data);
	return content == PLACE_EMPTY || (content == PLACE_OURS && memcmp(&found, id, sizeof *id) != 0);
}

/* What is noted under this name, if it is of a vTPM that is gone: the members of directories_note(), and "id". */
static json_t *look(struct daemon *daemon, const char *dir, const char *name)
{
	const char *directory, *file, *in_place = NULL;
	struct host_vtpm *open;
	json_int_t device;
	struct uuid id;
	json_t *note;
	bool gone;

	if (!uuid_parse(name, &id))
		return NULL;
	note = read_note(dir, name);
	open = vtpms_find(daemon, &id);
	gone = open == NULL && json_unpack(note, "{s:s, s:s, s:I, s?s}", "directory", &directory, "file", &file, "device", &device, "in_place",
					   &in_place) == 0 &&
	       is_gone(&id, directory, file, in_place, (dev_t)device) && json_object_set_new(note, "id", json_string(name)) == 0;
	if (open != NULL)
		vtpms_release(open);
	if (gone)
		return note;
	json_decref(note);
	return NULL;
}

static json_t *all_gone(struct daemon *daemon)
{
	json_t *list = json_array(), *gone;
	char dir[PATH_MAX];
	DIR *notes = notes_dir(daemon, dir) ? opendir(dir) : NULL;
	struct dirent *entry;

	while (notes != NULL && (entry = readdir(notes)) != NULL)
		if ((gone = look(daemon, dir, entry->d_name)) != NULL)
			(void)json_array_append_new(list, gone);
	if (notes != NULL)
		(void)closedir(notes);
	return list;
}

static void tell(json_t *list, const json_t *note)
{
	(void)json_array_append_new(list, json_pack("{s:O, s:O}", "id", json_object_get(note, "id"), "directory", json_object_get(note, "directory")));
}

json_t *directories_gone(struct daemon *daemon)
{
	json_t *notes = all_gone(daemon), *list = json_array(), *note;
	size_t i;

	json_array_foreach(notes, i, note) {
		tell(list, note);
	}
	json_decref(notes);
	return list;
}

static enum tcb_error drop(struct daemon *daemon, const json_t *note, bool *ret_dropped, struct diagnosis *d)
{
	const char *newest = json_string_value(json_object_get(note, "newest"));
	struct digest256 digest;
	struct uuid id;
	size_t size;

	*ret_dropped = false;
	if (newest == NULL || !hex_decode(newest, digest.bytes, sizeof digest.bytes, &size) || size != sizeof digest.bytes ||
	    !uuid_parse(json_string_value(json_object_get(note, "id")), &id))
		return TCB_OK;
	return vtpms_drop(daemon, &id, &digest, ret_dropped, d);
}

enum tcb_error directories_drop_gone(struct daemon *daemon, json_t **ret_dropped, struct diagnosis *d)
{
	json_t *notes = all_gone(daemon), *note;
	enum tcb_error error = TCB_OK;
	bool dropped;
	size_t i;

	*ret_dropped = json_array();
	json_array_foreach(notes, i, note) {
		error = drop(daemon, note, &dropped, d);
		if (error != TCB_OK)
			break;
		if (dropped)
			tell(*ret_dropped, note);
	}
	json_decref(notes);
	if (error != TCB_OK)
		json_decref(*ret_dropped);
	return error;
}
