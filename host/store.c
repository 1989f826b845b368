// SPDX-License-Identifier: MIT
#include "host/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/io.h"

static enum tcb_error failed(struct diagnosis *d, const char *code, const char *dir, const char *name)
{
	return diagnose_found(d, TCB_PLATFORM, code, "a disk that keeps what it is given",
			      "check space and owner of the platform's directory", "%s/%s: %s", dir, name,
			      strerror(errno));
}

static void temporary_name(const char *name, char ret_name[NAME_MAX])
{
	(void)snprintf(ret_name, NAME_MAX, ".%s.new", name);
}

void store_remove(const char *dir, const char *name)
{
	char temporary[NAME_MAX], path[PATH_MAX + NAME_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	(void)unlink(path);
	temporary_name(name, temporary);
	(void)snprintf(path, sizeof path, "%s/%s", dir, temporary);
	(void)unlink(path);
}

bool store_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	const int error = errno;

	io_close(&fd);
	errno = error;
	return ok;
}

static bool sync_parent(const char *path)
{
	char copy[PATH_MAX];

	(void)snprintf(copy, sizeof copy, "%s", path);
	return store_sync_dir(dirname(copy));
}

bool store_make_dir(const char *path)
{
	const bool made = mkdir(path, 0700) == 0;

	if (!made && errno != EEXIST)
		return false;
	if (!sync_parent(path)) {
		const int error = errno;

		if (made)
			(void)rmdir(path);
		errno = error;
		return false;
	}
	errno = made ? 0 : EEXIST;
	return made;
}

static bool put(const char *dir, const char *name, struct span bytes, bool durable)
{
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char temporary[NAME_MAX];
	bool ok;

	temporary_name(name, temporary);
	if (dir_fd >= 0)
		fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && io_write(fd, bytes) && (!durable || fsync(fd) == 0);
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	ok = ok && renameat(dir_fd, temporary, dir_fd, name) == 0 && (!durable || fsync(dir_fd) == 0);
	if (dir_fd >= 0)
		(void)close(dir_fd);
	return ok;
}

enum tcb_error store_put(const char *dir, const char *name, struct span bytes, struct diagnosis *d)
{
	return put(dir, name, bytes, true) ? TCB_OK : failed(d, "store.put", dir, name);
}

enum tcb_error store_put_soft(const char *dir, const char *name, struct span bytes)
{
	return put(dir, name, bytes, false) ? TCB_OK : TCB_PLATFORM;
}

/* A user's directory may have anything in it: what is not the user's own is not written to through it. */
static bool is_plain(int dir_fd, int fd)
{
	struct stat of_dir, st;

	return fstat(dir_fd, &of_dir) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == of_dir.st_uid;
}

enum tcb_error store_overwrite(const char *dir, const char *name, struct span bytes, bool *ret_there, struct diagnosis *d)
{
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	bool ok;

	if (dir_fd >= 0)
		fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	*ret_there = dir_fd >= 0 && (fd >= 0 || errno != ENOENT);
	ok = fd >= 0 && is_plain(dir_fd, fd) && io_write(fd, bytes) && ftruncate(fd, (off_t)bytes.size) == 0 && fsync(fd) == 0;
	io_close(&fd);
	io_close(&dir_fd);
	return ok ? TCB_OK : failed(d, "store.put", dir, name);
}

enum tcb_error store_patch_soft(const char *dir, const char *name, struct span bytes)
{
	char path[PATH_MAX + NAME_MAX];
	int fd;
	bool ok;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && io_write(fd, bytes);
	io_close(&fd);
	return ok ? TCB_OK : TCB_PLATFORM;
}

enum tcb_error store_get(const char *dir, const char *name, size_t max, struct span *ret_bytes, struct diagnosis *d)
{
	char path[PATH_MAX];
	struct stat st;
	uint8_t *bytes;
	size_t got = 0;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret_bytes = span_of(NULL, 0);
		return TCB_OK;
	}
	bytes = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size <= max ? malloc((size_t)st.st_size + 1) : NULL;
	while (bytes != NULL && got < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + got, (size_t)st.st_size - got);

		if (n <= 0) {
			free(bytes);
			bytes = NULL;
		} else {
			got += (size_t)n;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	if (bytes == NULL)
		return failed(d, "store.get", dir, name);
	*ret_bytes = span_of(bytes, got);
	return TCB_OK;
}
