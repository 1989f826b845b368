#include "host/directories.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

void directories_note(const struct daemon *daemon, const struct place *place)
{
	char dir[PATH_MAX], name[PATH_MAX], id[UUID_TEXT_SIZE];
	struct span before = {0};
	struct stat st;
	json_t *note;
	char *text;

	if (!notes_dir(daemon, dir) || (mkdir(dir, 0700) != 0 && errno != EEXIST) || !real_name(place->dir, name) || stat(place->dir, &st) != 0)
		return;
	uuid_format(&place->id, id);
	note = json_pack("{s:s, s:s, s:I}", "directory", name, "state", place->state, "device", (json_int_t)st.st_dev);
	text = json_dumps(note, JSON_COMPACT);
	json_decref(note);
	if (text != NULL && store_get(dir, id, NOTE_MAX, &before, NULL) == TCB_OK && !span_is_text(before, text))
		(void)!store_put_soft(dir, id, span_of_text(text));
	free((void *)(uintptr_t)before.data);
	free(text);
}

void directories_forget(const struct daemon *daemon, const struct uuid *id)
{
	char dir[PATH_MAX], path[PATH_MAX + UUID_TEXT_SIZE], text[UUID_TEXT_SIZE];

	if (!notes_dir(daemon, dir))
		return;
	uuid_format(id, text);
	(void)snprintf(path, sizeof path, "%s/%s", dir, text);
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

static bool is_gone(const struct uuid *id, const char *directory, const char *state, dev_t device)
{
	struct place place = { .external = true };
	enum place_content content;
	struct span file, sealed;
	char path[PATH_MAX];
	struct uuid found;

	if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path ||
	    (size_t)snprintf(place.state, sizeof place.state, "%s", state) >= sizeof place.state || !is_reached(path, device))
		return false;
	(void)snprintf(place.dir, sizeof place.dir, "%s", directory);
	if (access(directory, F_OK) != 0)
		return errno == ENOENT;
	if (place_look(&place, &file, &content, &found, &sealed, NULL) != TCB_OK)
		return false;
	free((void *)(uintptr_t)file.data);
	return content == PLACE_EMPTY || (content == PLACE_OURS && memcmp(&found, id, sizeof *id) != 0);
}

/* What the note of this name says, if it is of a vTPM that is gone. */
static json_t *look(struct daemon *daemon, const char *dir, const char *name)
{
	const char *directory, *state;
	struct host_vtpm *open;
	struct span bytes = {0};
	json_t *note, *gone = NULL;
	json_int_t device;
	struct uuid id;

	if (!uuid_parse(name, &id) || store_get(dir, name, NOTE_MAX, &bytes, NULL) != TCB_OK)
		return NULL;
	note = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
	free((void *)(uintptr_t)bytes.data);
	open = vtpms_find(daemon, &id);
	if (open == NULL && json_unpack(note, "{s:s, s:s, s:I}", "directory", &directory, "state", &state, "device", &device) == 0 &&
	    is_gone(&id, directory, state, (dev_t)device))
		gone = json_pack("{s:s, s:s}", "id", name, "directory", directory);
	if (open != NULL)
		vtpms_release(open);
	json_decref(note);
	return gone;
}

json_t *directories_gone(struct daemon *daemon)
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

enum tcb_error directories_drop_gone(struct daemon *daemon, json_t **ret_dropped, struct diagnosis *d)
{
	json_t *list = directories_gone(daemon), *gone;
	enum tcb_error error = TCB_OK;
	struct uuid id;
	size_t i;

	json_array_foreach(list, i, gone) {
		if (uuid_parse(json_string_value(json_object_get(gone, "id")), &id))
			error = vtpms_drop(daemon, &id, d);
		if (error != TCB_OK)
			break;
	}
	if (error == TCB_OK)
		*ret_dropped = list;
	else
		json_decref(list);
	return error;
}
