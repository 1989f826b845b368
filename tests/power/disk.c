// SPDX-License-Identifier: MIT
/* The model of a file system that loses power (disk.h). */
#include "tests/power/disk.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, NAME_SIZE = 128 };

/* A write or, where `truncates`, a new size `offset` of a file. */
struct change {
	bool truncates;
	uint64_t offset;
	uint32_t size;
	const uint8_t *data; /* NULL: zeros */
};

/* A name in a directory; as a change: `gone` is no name of it any more, and `name` is one of
 * `node`. */
struct entry {
	char name[NAME_SIZE], gone[NAME_SIZE]; /* empty: none */
	struct node *node;
};

struct entries {
	struct entry *list;
	size_t count, capacity;
};

struct node {
	bool is_dir;
	uint64_t number;
	/* of a file: durable bytes, and what is not */
	uint8_t *bytes;
	size_t size, capacity;
	struct change *changes;
	size_t change_count, change_capacity;
	/* of a directory */
	struct entries names, unsynced;
	struct node *next; /* all nodes */
};

struct disk {
	char name[PATH_MAX];
	struct node *root, *all;
	uint64_t nodes;
};

static void *must(void *memory)
{
	if (memory == NULL)
		errx(2, "no memory");
	return memory;
}

bool operation_read(const uint8_t *trace, size_t size, size_t *at, struct operation *ret)
{
	struct trace_head h;
	const uint8_t *p = trace + *at;

	if (size - *at < sizeof h)
		return false;
	memcpy(&h, p, sizeof h);
	p += sizeof h;
	*ret = (struct operation){
	    .head = h, .path = (const char *)p, .path_2 = (const char *)p + h.path_size};
	p += h.path_size + h.path_2_size;
	if (h.size > 0 && !(h.flags & TRACE_ZEROS)) {
		ret->data = p;
		p += h.size;
	}
	if (p > trace + size)
		return false;
	*at = (size_t)(p - trace);
	return true;
}

/* ---- nodes and names ---- */

static struct node *new_node(struct disk *disk, bool is_dir)
{
	struct node *n = must(calloc(1, sizeof *n));

	n->is_dir = is_dir;
	n->number = ++disk->nodes;
	n->next = disk->all;
	disk->all = n;
	return n;
}

static struct entry *add_entry(struct entries *e)
{
	if (e->count == e->capacity) {
		e->capacity = e->capacity * 2 + 16;
		e->list = must(realloc(e->list, e->capacity * sizeof *e->list));
	}
	e->list[e->count] = (struct entry){0};
	return &e->list[e->count++];
}

static void remove_name(struct entries *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++) {
		if (strcmp(e->list[i].name, name) == 0) {
			e->list[i] = e->list[--e->count];
			return;
		}
	}
}

static void apply_entry(struct entries *names, const struct entry *change)
{
	if (change->gone[0] != '\0')
		remove_name(names, change->gone);
	if (change->name[0] == '\0')
		return;
	remove_name(names, change->name);
	*add_entry(names) = *change;
	names->list[names->count - 1].gone[0] = '\0';
}

/* The first `count` changes are made to a copy of the names. */
static struct entries names_after(const struct node *dir, size_t count)
{
	struct entries names = {0};

	for (size_t i = 0; i < dir->names.count; i++)
		*add_entry(&names) = dir->names.list[i];
	for (size_t i = 0; i < count; i++)
		apply_entry(&names, &dir->unsynced.list[i]);
	return names;
}

/* As the running program sees it. */
static struct node *find_name(const struct node *dir, const char *name)
{
	for (size_t i = dir->unsynced.count; i > 0; i--) {
		const struct entry *e = &dir->unsynced.list[i - 1];

		if (strcmp(e->name, name) == 0)
			return e->node;
		if (strcmp(e->gone, name) == 0)
			return NULL;
	}
	for (size_t i = 0; i < dir->names.count; i++)
		if (strcmp(dir->names.list[i].name, name) == 0)
			return dir->names.list[i].node;
	return NULL;
}

/* The node of a recorded path; NULL: none. `ret_dir` and `ret_name`, unless NULL: its directory and
 * last name. */
static struct node *find_path(const struct disk *disk, const char *path, size_t size,
			      struct node **ret_dir, char ret_name[NAME_SIZE])
{
	char copy[PATH_MAX], *rest, *name;
	struct node *node = disk->root, *dir = NULL;

	if (size >= sizeof copy)
		return NULL;
	memcpy(copy, path, size);
	copy[size] = '\0';
	for (name = strtok_r(copy + strlen(disk->name), "/", &rest); name != NULL;
	     name = strtok_r(NULL, "/", &rest)) {
		dir = node;
		if (dir == NULL || !dir->is_dir || strlen(name) >= NAME_SIZE)
			return NULL;
		node = find_name(dir, name);
		if (ret_name != NULL)
			(void)strcpy(ret_name, name);
	}
	if (ret_dir != NULL)
		*ret_dir = dir;
	return node;
}

/* ---- data ---- */

static void resize(struct node *file, size_t size)
{
	if (size > file->capacity) {
		file->capacity = size * 2;
		file->bytes = must(realloc(file->bytes, file->capacity));
	}
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

static void make_durable(struct node *file, const struct change *c)
{
	if (c->truncates) {
		resize(file, c->offset);
		return;
	}
	if (c->offset + c->size > file->size)
		resize(file, c->offset + c->size);
	if (c->data != NULL)
		memcpy(file->bytes + c->offset, c->data, c->size);
	else
		memset(file->bytes + c->offset, 0, c->size);
}

static void add_change(struct node *file, struct change c)
{
	if (file->change_count == file->change_capacity) {
		file->change_capacity = file->change_capacity * 2 + 8;
		file->changes =
		    must(realloc(file->changes, file->change_capacity * sizeof *file->changes));
	}
	file->changes[file->change_count++] = c;
}

static void sync_node(struct node *n)
{
	for (size_t i = 0; i < n->change_count; i++)
		make_durable(n, &n->changes[i]);
	n->change_count = 0;
	for (size_t i = 0; i < n->unsynced.count; i++)
		apply_entry(&n->names, &n->unsynced.list[i]);
	n->unsynced.count = 0;
}

/* ---- the tree as it is before the trace ---- */

static void read_file(struct node *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		err(2, "%s", path);
	resize(file, (size_t)st.st_size);
	if (st.st_size > 0 && pread(fd, file->bytes, file->size, 0) != st.st_size)
		err(2, "%s", path);
	(void)close(fd);
}

static void read_tree(struct disk *disk, struct node *dir, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		err(2, "%s", path);
	while ((e = readdir(d)) != NULL) {
		char below[PATH_MAX];
		struct entry *entry;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strlen(e->d_name) >= NAME_SIZE ||
		    (size_t)snprintf(below, sizeof below, "%s/%s", path, e->d_name) >=
			sizeof below ||
		    lstat(below, &st) != 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
			continue;
		entry = add_entry(&dir->names);
		(void)strcpy(entry->name, e->d_name);
		entry->node = new_node(disk, S_ISDIR(st.st_mode));
		if (S_ISDIR(st.st_mode))
			read_tree(disk, entry->node, below);
		else
			read_file(entry->node, below);
	}
	(void)closedir(d);
}

struct disk *disk_new(const char *root, const char *name)
{
	struct disk *disk = must(calloc(1, sizeof *disk));

	(void)snprintf(disk->name, sizeof disk->name, "%s", name);
	disk->root = new_node(disk, true);
	read_tree(disk, disk->root, root);
	return disk;
}

/* ---- operations ---- */

static void make_name(struct disk *disk, const struct operation *o, bool is_dir)
{
	struct node *dir = NULL;
	char name[NAME_SIZE];
	struct entry *change;

	(void)find_path(disk, o->path, o->head.path_size, &dir, name);
	if (dir == NULL)
		errx(2, "trace: a name in no directory: %.*s", o->head.path_size, o->path);
	change = add_entry(&dir->unsynced);
	(void)strcpy(change->name, name);
	change->node = new_node(disk, is_dir);
}

static void unmake_name(const struct disk *disk, const struct operation *o)
{
	struct node *dir = NULL;
	char name[NAME_SIZE];

	if (find_path(disk, o->path, o->head.path_size, &dir, name) != NULL) /* else a socket */
		(void)strcpy(add_entry(&dir->unsynced)->gone, name);
}

static void rename_node(const struct disk *disk, const struct operation *o)
{
	struct node *from_dir = NULL, *to_dir = NULL, *node;
	char from[NAME_SIZE], to[NAME_SIZE];
	struct entry *change;

	node = find_path(disk, o->path, o->head.path_size, &from_dir, from);
	(void)find_path(disk, o->path_2, o->head.path_2_size, &to_dir, to);
	if (node == NULL || from_dir != to_dir)
		errx(2, "trace: a rename that the model does not have: %.*s", o->head.path_size,
		     o->path);
	change = add_entry(&from_dir->unsynced);
	(void)strcpy(change->gone, from);
	(void)strcpy(change->name, to);
	change->node = node;
}

void disk_begin(struct disk *disk, const struct operation *o)
{
	struct node *node;

	switch ((enum trace_kind)o->head.kind) {
	case TRACE_MAKE:
		make_name(disk, o, false);
		break;
	case TRACE_MKDIR:
		make_name(disk, o, true);
		break;
	case TRACE_UNLINK:
	case TRACE_RMDIR:
		unmake_name(disk, o);
		break;
	case TRACE_RENAME:
		rename_node(disk, o);
		break;
	case TRACE_WRITE:
	case TRACE_TRUNCATE:
		node = find_path(disk, o->path, o->head.path_size, NULL, NULL);
		if (node == NULL || node->is_dir)
			errx(2, "trace: a write to no file: %.*s", o->head.path_size, o->path);
		add_change(node, (struct change){.truncates = o->head.kind == TRACE_TRUNCATE,
						 .offset = o->head.offset,
						 .size = o->head.size,
						 .data = o->data});
		break;
	case TRACE_SYNC:
	case TRACE_MARK:
		break;
	}
}

void disk_finish(struct disk *disk, const struct operation *o)
{
	struct node *node;

	if (o->head.kind == TRACE_MARK)
		return;
	node = find_path(disk, o->path, o->head.path_size, NULL, NULL);
	if (node == NULL)
		return;
	if (o->head.kind == TRACE_SYNC)
		sync_node(node);
	else if (o->head.kind == TRACE_WRITE && (o->head.flags & TRACE_DURABLE))
		make_durable(node, &node->changes[--node->change_count]);
}

bool disk_is_uncertain(const struct disk *disk)
{
	for (const struct node *n = disk->all; n != NULL; n = n->next)
		if (n->change_count > 0 || n->unsynced.count > 0)
			return true;
	return false;
}

/* ---- images ---- */

struct choice {
	enum fate names, data;
	uint64_t seed;
};

/* A number that looks random, of all these (splitmix64). */
static uint64_t scramble(uint64_t seed, uint64_t a, uint64_t b)
{
	uint64_t z = seed + a * 0x9e3779b97f4a7c15u + b * 0xd1b54a32d192ed03u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* How many of `count` unsynced changes are kept. */
static size_t kept(enum fate fate, uint64_t random, size_t count)
{
	switch (fate) {
	case FATE_LOST:
		return 0;
	case FATE_KEPT:
		return count;
	case FATE_MIXED:
		return (size_t)(random % (count + 1));
	case FATE_LAST_TORN:
		break;
	}
	return count > 0 ? count - (size_t)(random % 2) : 0;
}

static size_t without_zeros(const struct node *file)
{
	size_t size = file->size;

	while (size > 0 && file->bytes[size - 1] == 0)
		size = size >= SECTOR && file->bytes[size - SECTOR] == 0 &&
			       memcmp(file->bytes + size - SECTOR, file->bytes + size - SECTOR + 1,
				      SECTOR - 1) == 0
			   ? size - SECTOR
			   : size - 1;
	return size;
}

static void put(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
	if (size > 0 && pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size)
		err(2, "an image");
}

/* The sectors of change `index` that are kept. */
static void put_change(int fd, const struct node *file, size_t index, const struct choice *choice)
{
	static const uint8_t zeros[SECTOR];
	const struct change *c = &file->changes[index];
	uint64_t end = c->offset + c->size;

	if (choice->data == FATE_KEPT && c->data != NULL) {
		put(fd, c->data, c->size, c->offset);
		return;
	}
	for (uint64_t at = c->offset, next; at < end && choice->data != FATE_LOST; at = next) {
		next = (at / SECTOR + 1) * SECTOR < end ? (at / SECTOR + 1) * SECTOR : end;
		if (index < kept(choice->data, scramble(choice->seed, file->number, at / SECTOR),
				 file->change_count))
			put(fd, c->data != NULL ? c->data + (at - c->offset) : zeros, next - at,
			    at);
	}
}

static void put_file(const struct node *file, const struct choice *choice, const char *path)
{
	const size_t sized = kept(choice->data, scramble(choice->seed, file->number, UINT64_MAX),
				  file->change_count);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t size = file->size;

	if (fd < 0)
		err(2, "%s", path);
	put(fd, file->bytes, without_zeros(file), 0);
	for (size_t i = 0; i < file->change_count; i++) {
		const struct change *c = &file->changes[i];

		if (!c->truncates)
			put_change(fd, file, i, choice);
		else if (i < sized && ftruncate(fd, (off_t)c->offset) != 0)
			err(2, "%s", path);
		if (i < sized)
			size = c->truncates                 ? c->offset
			       : c->offset + c->size > size ? c->offset + c->size
							    : size;
	}
	if (ftruncate(fd, (off_t)size) != 0)
		err(2, "%s", path);
	(void)close(fd);
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char below[PATH_MAX];

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    (size_t)snprintf(below, sizeof below, "%s/%s", path, e->d_name) < sizeof below)
			remove_tree(below);
	}
	if (d != NULL)
		(void)closedir(d);
	if (remove(path) != 0)
		err(2, "%s", path);
}

static const struct entry *find_entry(const struct entries *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i].name, name) == 0)
			return &names->list[i];
	return NULL;
}

/* What is in the directory and is none of `names`. */
static void remove_others(const struct entries *names, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		err(2, "%s", path);
	while ((e = readdir(d)) != NULL) {
		const struct entry *entry = find_entry(names, e->d_name);
		char below[PATH_MAX];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    (entry != NULL && entry->node->is_dir == (e->d_type == DT_DIR)) ||
		    (size_t)snprintf(below, sizeof below, "%s/%s", path, e->d_name) >= sizeof below)
			continue;
		remove_tree(below);
	}
	(void)closedir(d);
}

static void put_dir(const struct node *dir, const struct choice *choice, const char *path)
{
	struct entries names = names_after(
	    dir, kept(choice->names, scramble(choice->seed, dir->number, 0), dir->unsynced.count));

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		err(2, "%s", path);
	remove_others(&names, path);
	for (size_t i = 0; i < names.count; i++) {
		const struct node *node = names.list[i].node;
		char below[PATH_MAX];

		if ((size_t)snprintf(below, sizeof below, "%s/%s", path, names.list[i].name) >=
		    sizeof below)
			errx(2, "%s: too long", path);
		if (node->is_dir)
			put_dir(node, choice, below);
		else
			put_file(node, choice, below);
	}
	free(names.list);
}

void disk_image(const struct disk *disk, enum fate names, enum fate data, uint64_t seed,
		const char *const *parts, const char *into)
{
	const struct choice choice = {.names = names, .data = data, .seed = seed};

	for (; *parts != NULL; parts++) {
		char recorded[PATH_MAX], path[PATH_MAX];
		const struct node *node;

		if ((size_t)snprintf(recorded, sizeof recorded, "%s/%s", disk->name, *parts) >=
			sizeof recorded ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", into, *parts) >= sizeof path)
			errx(2, "%s: too long", into);
		node = find_path(disk, recorded, strlen(recorded), NULL, NULL);
		if (node != NULL)
			put_dir(node, &choice, path);
		else if (access(path, F_OK) == 0)
			remove_tree(path);
	}
}
