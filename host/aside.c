// SPDX-License-Identifier: MIT
#include "host/aside.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/hex.h"

static void make_prefix(const struct uuid *id, char ret_name[NAME_MAX])
{
	char hex[2 * UUID_SIZE + 1];

	hex_encode(SPAN_OF(id->bytes), hex);
	(void)snprintf(ret_name, NAME_MAX, "aside.%s.", hex);
}

static void make_name(const struct log_owner *owner, char ret_name[NAME_MAX])
{
	size_t size;

	make_prefix(&owner->id, ret_name);
	size = strlen(ret_name);
	(void)snprintf(ret_name + size, NAME_MAX - size, "%016llx", (unsigned long long)owner->place);
}

/* Durably: a power cut that brought it back would put it over a newer state. */
static void forget(const char *store_dir, const char *name)
{
	char path[PATH_MAX + NAME_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", store_dir, name);
	if (access(path, F_OK) != 0)
		return;
	store_remove(store_dir, name);
	(void)store_sync_dir(store_dir);
}

enum tcb_error aside_keep(const char *store_dir, const struct log_owner *owner, struct span sealed, struct diagnosis *d)
{
	char name[NAME_MAX];

	make_name(owner, name);
	return store_put(store_dir, name, sealed, d);
}

void aside_drop_of(const struct log_owner *owner, const char *store_dir)
{
	char name[NAME_MAX];

	make_name(owner, name);
	forget(store_dir, name);
}

void aside_drop(const struct place *p, const char *store_dir)
{
	const struct log_owner owner = place_owner(p);

	aside_drop_of(&owner, store_dir);
}

/* The next of the vTPM's that are aside, whatever its place: a file's name; NULL: no more. */
static const char *next_aside(DIR *store, const struct uuid *id)
{
	char prefix[NAME_MAX];
	struct dirent *entry;

	make_prefix(id, prefix);
	while (store != NULL && (entry = readdir(store)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			return entry->d_name;
	return NULL;
}

bool aside_has(const char *store_dir, const struct uuid *id)
{
	DIR *store = opendir(store_dir);
	bool has = next_aside(store, id) != NULL;

	if (store != NULL)
		(void)closedir(store);
	return has;
}

void aside_drop_all(const char *store_dir, const struct uuid *id)
{
	DIR *store = opendir(store_dir);
	const char *name;

	while ((name = next_aside(store, id)) != NULL)
		forget(store_dir, name);
	if (store != NULL)
		(void)closedir(store);
}

enum tcb_error aside_take(struct place *p, const char *store_dir, struct span *ret_file, struct span *ret_sealed, struct diagnosis *d)
{
	const struct log_owner owner = place_owner(p);
	char name[NAME_MAX];
	struct span aside;
	enum tcb_error error;

	make_name(&owner, name);
	TRY(store_get(store_dir, name, LIMIT_STATE, &aside, d));
	error = aside.size > 0 ? place_write(p, aside, d) : TCB_OK;
	if (aside.size == 0 || error != TCB_OK) {
		free((void *)(uintptr_t)aside.data);
		return error;
	}
	forget(store_dir, name);
	free((void *)(uintptr_t)ret_file->data);
	*ret_file = *ret_sealed = aside;
	return TCB_OK;
}

enum tcb_error aside_take_of_another(struct place *p, const char *store_dir, bool (*opens)(void *context, struct span sealed), void *context,
				     struct diagnosis *d)
{
	DIR *store = opendir(store_dir);
	enum tcb_error error = TCB_REFUSED;
	const char *name;
	struct span aside;

	while (error == TCB_REFUSED && (name = next_aside(store, &p->id)) != NULL) {
		if (store_get(store_dir, name, LIMIT_STATE, &aside, d) != TCB_OK)
			continue;
		if (opens(context, aside)) {
			error = place_write(p, aside, d);
			if (error == TCB_OK)
				forget(store_dir, name);
		}
		free((void *)(uintptr_t)aside.data);
	}
	if (store != NULL)
		(void)closedir(store);
	return error;
}
