// SPDX-License-Identifier: MIT
#include "host/place.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "host/in_place.h"

static const uint8_t magic[16] = "tcbind vTPM v1\n", magic_with_key[16] = "tcbind vTPM k1\n";

enum { CHECK_SIZE = 32, HEAD_SIZE_MAX = sizeof magic + UUID_SIZE + CHECK_SIZE };

#define PENDING_SUFFIX ".incoming"
#define LATER_SUFFIX ".later"
#define LATER_MAX 256u
#define CERTIFICATES_MAX 65536u

/* The same file or device, by whatever name. */
static bool same_file(int a, int b)
{
	struct stat of_a, of_b;

	if (fstat(a, &of_a) != 0 || fstat(b, &of_b) != 0 || (of_a.st_mode & S_IFMT) != (of_b.st_mode & S_IFMT))
		return false;
	return S_ISBLK(of_a.st_mode) ? of_a.st_rdev == of_b.st_rdev : of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

bool place_same(const struct place *a, const struct place *b)
{
	struct stat of_a, of_b;

	if (a->in_place && b->in_place && same_file(a->file_fd, b->file_fd))
		return true;
	return a->external && b->external && strcmp(a->state, b->state) == 0 && stat(a->dir, &of_a) == 0 &&
	       stat(b->dir, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static bool has_file(const struct place *p, const char *name)
{
	char path[PATH_MAX + NAME_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
	return access(path, F_OK) == 0;
}

static void state_name(const struct place *p, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, "%s%s", p->state, p->pending ? PENDING_SUFFIX : "");
}

static bool has_key(const struct place *p)
{
	return p->key != NULL && p->key->size > 0;
}

static enum tcb_error key_check(const struct place *p, const struct uuid *id, uint8_t ret_check[CHECK_SIZE])
{
	unsigned size = CHECK_SIZE;

	return HMAC(EVP_sha256(), p->key->bytes, (int)p->key->size, id->bytes, sizeof id->bytes, ret_check, &size) != NULL ? TCB_OK
															    : TCB_INTERNAL;
}

static enum tcb_error put_head(const struct place *p, struct writer *w)
{
	uint8_t check[CHECK_SIZE];

	writer_bytes(w, has_key(p) ? SPAN_OF(magic_with_key) : SPAN_OF(magic));
	writer_bytes(w, SPAN_OF(p->id.bytes));
	if (!has_key(p))
		return TCB_OK;
	TRY(key_check(p, &p->id, check));
	writer_bytes(w, SPAN_OF(check));
	return TCB_OK;
}

/* The file's bytes: head and state; free(). */
static enum tcb_error with_head(const struct place *p, struct span sealed, struct span *ret_file)
{
	uint8_t *file = malloc(HEAD_SIZE_MAX + sealed.size);
	struct writer w = writer_of(file, HEAD_SIZE_MAX + sealed.size);
	enum tcb_error error;

	if (file == NULL)
		return TCB_INTERNAL;
	error = put_head(p, &w);
	writer_bytes(&w, sealed);
	if (error == TCB_OK)
		error = writer_end(&w, ret_file);
	if (error != TCB_OK)
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

static bool is_in_place(const struct place *p)
{
	return p->in_place && !p->pending;
}

static enum tcb_error read_file(const struct place *p, const char *name, struct span *ret_file, struct diagnosis *d)
{
	if (is_in_place(p))
		return in_place_read(p->file_fd, ret_file, d);
	return store_get(p->dir, name, LIMIT_STATE + HEAD_SIZE_MAX, ret_file, d);
}

void place_remember(struct place *p, struct span file)
{
	p->known.is = crypto_sha256(file, &p->known.digest) == TCB_OK;
}

/* What another program wrote there since is not written over. `*ret_there`: there is a file with a state. */
static enum tcb_error check_unchanged(const struct place *p, const char *name, bool *ret_there, struct diagnosis *d)
{
	struct digest256 digest;
	enum tcb_error error;
	struct span file;

	TRY(read_file(p, name, &file, d));
	*ret_there = file.size > 0 && (!p->in_place || in_place_is_linked(p->file_fd));
	error = crypto_sha256(file, &digest);
	free((void *)(uintptr_t)file.data);
	TRY(error);
	if (!p->known.is || !*ret_there || memcmp(&digest, &p->known.digest, sizeof digest) == 0)
		return TCB_OK;
	return diagnose(d, TCB_REFUSED, "place.changed", "a state file that another program has written meanwhile", "the state that was written here last",
			"nothing after a migration with shared storage; else look who else uses this file");
}

enum tcb_error place_write(struct place *p, struct span sealed, struct diagnosis *d)
{
	char name[NAME_MAX];
	enum tcb_error error;
	struct span file;
	bool there;

	state_name(p, name);
	if (!p->external)
		return store_put(p->dir, name, sealed, d);
	if (!p->pending)
		TRY(check_unchanged(p, name, &there, d));
	TRY(with_head(p, sealed, &file));
	error = is_in_place(p) ? in_place_write(p->file_fd, file, d) : store_put(p->dir, name, file, d);
	if (error == TCB_OK)
		place_remember(p, file);
	free((void *)(uintptr_t)file.data);
	TRY(error);
	if (!is_in_place(p))
		give(p, name);
	return TCB_OK;
}

static enum tcb_error is_removed(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "place.removed", "no state file any more where a vTPM ran", "the file that its TPM was started from",
			"nothing, if it is wanted no more; else start it once more: the platform still has its state");
}

/* Into the file as it is there: no name appears in its directory. */
static enum tcb_error overwrite(struct place *p, struct span sealed, bool *ret_there, struct diagnosis *d)
{
	enum tcb_error error;
	struct span file;

	TRY(with_head(p, sealed, &file));
	error = store_overwrite(p->dir, p->state, file, ret_there, d);
	if (error == TCB_OK)
		place_remember(p, file);
	free((void *)(uintptr_t)file.data);
	return error;
}

enum tcb_error place_write_last(struct place *p, struct span sealed, struct diagnosis *d)
{
	enum tcb_error error;
	bool there;

	if (!p->external || p->pending || p->may_make)
		return place_write(p, sealed, d);
	TRY(check_unchanged(p, p->state, &there, d));
	if (!there)
		return is_removed(d);
	if (p->in_place)
		return place_write(p, sealed, d);
	error = overwrite(p, sealed, &there, d);
	if (error != TCB_OK && there) /* another user's, or no plain file */
		return place_write(p, sealed, d);
	return error == TCB_OK ? TCB_OK : is_removed(d);
}

static void certificates_name(const struct place *p, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, "%s%s", p->external ? p->state : "", p->external ? ".certificates" : "certificates");
}

enum tcb_error place_get_certificates(const struct place *p, struct span *ret_bytes, struct diagnosis *d)
{
	char name[NAME_MAX];

	certificates_name(p, name);
	return store_get(p->dir, name, CERTIFICATES_MAX, ret_bytes, d);
}

bool place_has_certificates(const struct place *p)
{
	char name[NAME_MAX];

	certificates_name(p, name);
	return has_file(p, name);
}

void place_remove_certificates(const struct place *p)
{
	char name[NAME_MAX];

	certificates_name(p, name);
	store_remove(p->dir, name);
}

enum tcb_error place_put(struct place *p, enum store_slot slot, struct span bytes, struct diagnosis *d)
{
	char name[NAME_MAX];

	if (slot != STORE_VTPM_VOLATILE && slot != STORE_VTPM_CERTIFICATES)
		return p->log != NULL ? log_put_state(p->log, p, bytes) : place_write(p, bytes, d);
	(void)snprintf(name, sizeof name, "%s", p->volatile_state);
	if (slot == STORE_VTPM_CERTIFICATES)
		certificates_name(p, name);
	/* The certificates need not outlast a power cut: the vTPM has them. */
	TRY(slot == STORE_VTPM_CERTIFICATES ? store_put_soft(p->dir, name, bytes) : store_put(p->dir, name, bytes, d));
	if (p->external)
		give(p, name);
	return TCB_OK;
}

uint64_t place_tag(const struct place *p)
{
	struct digest256 digest = {0};
	uint64_t tag;
	struct stat st;

	if (!p->external)
		return 0;
	if (stat(p->dir, &st) != 0)
		st.st_ino = 0; /* it is gone: no place that is there has this tag */
	if (crypto_sha256_all((const struct span[]){ span_of((const uint8_t *)&st.st_ino, sizeof st.st_ino), span_of_text(p->state) }, 2, &digest) != TCB_OK)
		return 1;
	memcpy(&tag, digest.bytes, sizeof tag);
	return tag | 1; /* never the platform's own */
}

/* What the user's key says to `r`, which stands behind the id of a head with a check. */
static enum tcb_error judge_key(const struct place *p, const struct uuid *id, struct reader *r, struct diagnosis *d)
{
	uint8_t expected[CHECK_SIZE];
	struct span check;

	TRY(reader_bytes(r, CHECK_SIZE, &check));
	if (has_key(p)) {
		TRY(key_check(p, id, expected));
		if (CRYPTO_memcmp(check.data, expected, sizeof expected) == 0)
			return TCB_OK;
	}
	return diagnose(d, TCB_REFUSED, "swtpm.key", has_key(p) ? "another key than this state was written with" : "no key",
			"the key that this state was written with", "give --key as before");
}

/* Ours: `r` stands behind the id then. */
static bool read_head(struct reader *r, struct uuid *ret_id, bool *ret_checked)
{
	struct span head;

	if (reader_bytes(r, sizeof magic, &head) != TCB_OK)
		return false;
	*ret_checked = span_equal(head, SPAN_OF(magic_with_key));
	return (*ret_checked || span_equal(head, SPAN_OF(magic))) && reader_copy(r, ret_id->bytes, sizeof ret_id->bytes) == TCB_OK;
}

enum tcb_error place_look(const struct place *p, struct span *ret_file, enum place_content *ret_content,
			  struct uuid *ret_id, struct span *ret_sealed, struct diagnosis *d)
{
	enum tcb_error error = TCB_OK;
	bool checked = false;
	char name[NAME_MAX];
	struct span file;
	struct reader r;

	state_name(p, name);
	TRY(read_file(p, name, &file, d));
	r = reader_of(file);
	*ret_content = file.size == 0 ? PLACE_EMPTY : PLACE_FOREIGN;
	if (read_head(&r, ret_id, &checked)) {
		*ret_content = PLACE_OURS;
		if (checked)
			error = judge_key(p, ret_id, &r, d);
	}
	if (error != TCB_OK) {
		free((void *)(uintptr_t)file.data);
		return error;
	}
	*ret_file = file;
	*ret_sealed = *ret_content == PLACE_OURS ? r.rest : file;
	return TCB_OK;
}

/* Durable in the state's file before the pending one goes. */
static enum tcb_error settle_in_place(struct place *p, const char *name, struct diagnosis *d)
{
	enum tcb_error error;
	struct span file;

	TRY(store_get(p->dir, name, LIMIT_STATE + HEAD_SIZE_MAX, &file, d));
	error = in_place_write(p->file_fd, file, d);
	free((void *)(uintptr_t)file.data);
	if (error == TCB_OK)
		store_remove(p->dir, name);
	return error;
}

static bool settle_by_name(const struct place *p, const char *name)
{
	int dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir_fd >= 0 && renameat(dir_fd, name, dir_fd, p->state) == 0 && fsync(dir_fd) == 0;

	if (dir_fd >= 0)
		(void)close(dir_fd);
	return ok;
}

enum tcb_error place_settle(struct place *p, struct diagnosis *d)
{
	char name[NAME_MAX];

	state_name(p, name);
	if (p->in_place)
		TRY(settle_in_place(p, name, d));
	else if (!settle_by_name(p, name))
		return diagnose(d, TCB_PLATFORM, "store.put", "a state that cannot be put in its place",
				"a disk that keeps what it is given", "check space and owner of the state's directory");
	p->pending = false;
	return TCB_OK;
}

void place_remove_volatile(const struct place *p)
{
	store_remove(p->dir, p->volatile_state);
}

static void later_name(const struct place *p, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, "%s%s", p->state, LATER_SUFFIX);
}

enum tcb_error place_put_later(const struct place *p, struct span text, struct diagnosis *d)
{
	char name[NAME_MAX];

	later_name(p, name);
	if (text.size > 0)
		return store_put(p->dir, name, text, d);
	store_remove(p->dir, name); /* where it comes back after a power cut, it is found done */
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
	char name[NAME_MAX];

	later_name(p, name);
	return has_file(p, name);
}

bool place_has_state(const struct place *p)
{
	char path[PATH_MAX + NAME_MAX];
	struct span file;
	struct stat st;
	bool has;

	(void)snprintf(path, sizeof path, "%s/%s", p->dir, p->state);
	if (!p->in_place)
		return stat(path, &st) == 0 && st.st_size > 0;
	has = in_place_is_linked(p->file_fd) && in_place_read(p->file_fd, &file, NULL) == TCB_OK && file.size > 0;
	if (has)
		free((void *)(uintptr_t)file.data);
	return has;
}
