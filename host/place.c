#include "host/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/writer.h"

static const uint8_t magic[16] = "tcbind vTPM v1\n";

enum { HEAD_SIZE = sizeof magic + UUID_SIZE };

#define PENDING_SUFFIX ".incoming"
#define LATER_SUFFIX ".later"
#define LATER_MAX 256u

bool place_same(const struct place *a, const struct place *b)
{
	struct stat of_a, of_b;

	return a->external && b->external && strcmp(a->state, b->state) == 0 && stat(a->dir, &of_a) == 0 &&
	       stat(b->dir, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static void state_name(const struct place *p, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, "%s%s", p->state, p->pending ? PENDING_SUFFIX : "");
}

static enum tcb_error put_with_head(const struct place *p, const char *name, struct span bytes, struct diagnosis *d)
{
	uint8_t *file = malloc(HEAD_SIZE + bytes.size);
	struct writer w = writer_of(file, HEAD_SIZE + bytes.size);
	enum tcb_error error;
	struct span whole;

	if (file == NULL)
		return TCB_INTERNAL;
	writer_bytes(&w, SPAN_OF(magic));
	writer_bytes(&w, SPAN_OF(p->id.bytes));
	writer_bytes(&w, bytes);
	error = writer_end(&w, &whole);
	if (error == TCB_OK)
		error = store_put(p->dir, name, whole, d);
	free(file);
	return error;
}

/* A file that this daemon wrote into a user's directory is the user's. */
static void give(const struct place *p, const char *name)
{
	int dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dir_fd >= 0 && p->mode != 0)
		(void)fchmodat(dir_fd, name, p->mode, 0);
	if (dir_fd >= 0 && geteuid() == 0 && fstat(dir_fd, &st) == 0 && (st.st_uid != 0 || st.st_gid != 0))
		(void)!fchownat(dir_fd, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	if (dir_fd >= 0)
		(void)close(dir_fd);
}

enum tcb_error place_write(const struct place *p, struct span sealed, struct diagnosis *d)
{
	char name[NAME_MAX];

	state_name(p, name);
	if (!p->external)
		return store_put(p->dir, name, sealed, d);
	TRY(put_with_head(p, name, sealed, d));
	give(p, name);
	return TCB_OK;
}

enum tcb_error place_put(struct place *p, enum store_slot slot, struct span bytes, struct diagnosis *d)
{
	if (slot != STORE_VTPM_VOLATILE)
		return p->log != NULL ? log_put_state(p->log, p, bytes, d) : place_write(p, bytes, d);
	TRY(store_put(p->dir, p->volatile_state, bytes, d));
	if (p->external)
		give(p, p->volatile_state);
	return TCB_OK;
}

static void aside_name(const struct uuid *id, char ret_name[NAME_MAX])
{
	size_t size = (size_t)snprintf(ret_name, NAME_MAX, "aside.");

	for (size_t i = 0; i < sizeof id->bytes; i++)
		size += (size_t)snprintf(ret_name + size, NAME_MAX - size, "%02x", id->bytes[i]);
}

enum tcb_error place_keep_aside(const char *store_dir, const struct uuid *id, struct span sealed, struct diagnosis *d)
{
	char name[NAME_MAX];

	aside_name(id, name);
	return store_put(store_dir, name, sealed, d);
}

enum tcb_error place_take_aside(const struct place *p, const char *store_dir, struct span *ret_file, struct span *ret_sealed,
				struct diagnosis *d)
{
	char name[NAME_MAX], path[PATH_MAX + NAME_MAX];
	struct span aside;
	enum tcb_error error;

	aside_name(&p->id, name);
	TRY(store_get(store_dir, name, LIMIT_STATE, &aside, d));
	if (aside.size == 0) {
		free((void *)(uintptr_t)aside.data);
		return TCB_OK;
	}
	error = place_write(p, aside, d);
	if (error != TCB_OK) {
		free((void *)(uintptr_t)aside.data);
		return error;
	}
	(void)snprintf(path, sizeof path, "%s/%s", store_dir, name);
	(void)unlink(path);
	free((void *)(uintptr_t)ret_file->data);
	*ret_file = *ret_sealed = aside;
	return TCB_OK;
}

enum tcb_error place_look(const struct place *p, struct span *ret_file, enum place_content *ret_content,
			  struct uuid *ret_id, struct span *ret_sealed, struct diagnosis *d)
{
	struct span head, file;
	struct reader r;

	TRY(store_get(p->dir, p->state, LIMIT_STATE + HEAD_SIZE, &file, d));
	r = reader_of(file);
	*ret_file = file;
	*ret_sealed = file;
	*ret_content = file.size == 0 ? PLACE_EMPTY : PLACE_FOREIGN;
	if (reader_bytes(&r, sizeof magic, &head) == TCB_OK && span_equal(head, SPAN_OF(magic)) &&
	    reader_copy(&r, ret_id->bytes, sizeof ret_id->bytes) == TCB_OK) {
		*ret_content = PLACE_OURS;
		*ret_sealed = r.rest;
	}
	return TCB_OK;
}

enum tcb_error place_settle(struct place *p, struct diagnosis *d)
{
	int dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX];
	bool ok;

	state_name(p, name);
	ok = dir_fd >= 0 && renameat(dir_fd, name, dir_fd, p->state) == 0 && fsync(dir_fd) == 0;
	if (dir_fd >= 0)
		(void)close(dir_fd);
	if (!ok)
		return diagnose(d, TCB_PLATFORM, "store.put", "a state that cannot be put in its place",
				"a disk that keeps what it is given", "check space and owner of the state's directory");
	p->pending = false;
	return TCB_OK;
}

void place_remove_volatile(const struct place *p)
{
	char path[PATH_MAX + NAME_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", p->dir, p->volatile_state);
	(void)unlink(path);
}

static void later_name(const struct place *p, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, "%s%s", p->state, LATER_SUFFIX);
}

enum tcb_error place_put_later(const struct place *p, struct span text, struct diagnosis *d)
{
	char name[NAME_MAX], path[PATH_MAX + NAME_MAX];

	later_name(p, name);
	if (text.size > 0)
		return store_put(p->dir, name, text, d);
	(void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
	(void)unlink(path); /* where it comes back after a power cut, it is found done */
	return TCB_OK;
}

enum tcb_error place_get_later(const struct place *p, struct span *ret_text, struct diagnosis *d)
{
	char name[NAME_MAX];

	later_name(p, name);
	return store_get(p->dir, name, LATER_MAX, ret_text, d);
}

bool place_has_later(const struct place *p)
{
	char name[NAME_MAX], path[PATH_MAX + NAME_MAX];

	later_name(p, name);
	(void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
	return access(path, F_OK) == 0;
}
