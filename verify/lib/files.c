// SPDX-License-Identifier: MIT
/* Files for the verifier: policies, reference values, collateral and what was seen of it. Trusts the file system to be its caller's own. */
#include "verify/lib/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tcb_error failed(struct diagnosis *d, const char *code, const char *path, const char *wanted)
{
	return diagnose_found(d, TCB_PLATFORM, code, wanted, "check the path, its owner and its mode", "%s: %s", path, strerror(errno));
}

/* To the end of the file, one byte over the bound at most. */
static bool read_all(int fd, uint8_t *bytes, size_t capacity, size_t *ret_size)
{
	size_t got = 0;

	while (got < capacity) {
		ssize_t n = read(fd, bytes + got, capacity - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_size = got;
	return true;
}

enum tcb_error files_read(const char *path, size_t max, bool may_miss, uint8_t **ret_bytes, size_t *ret_size, struct diagnosis *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes;
	size_t size = 0;
	bool ok;

	if (fd < 0 && errno == ENOENT && may_miss) {
		*ret_bytes = NULL;
		*ret_size = 0;
		return TCB_OK;
	}
	if (fd < 0)
		return failed(d, "file.read", path, "a readable file");
	bytes = malloc(max + 1);
	ok = bytes != NULL && read_all(fd, bytes, max + 1, &size);
	(void)close(fd);
	if (ok && size <= max) {
		*ret_bytes = bytes;
		*ret_size = size;
		return TCB_OK;
	}
	free(bytes);
	return ok ? diagnose_found(d, TCB_LIMIT, "file.large", "a smaller file", "check that it is the right one", "%s", path)
		  : failed(d, "file.read", path, "a readable file");
}

static bool write_synced(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t n = write(fd, bytes.data, bytes.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = span_from(bytes, (size_t)n);
	}
	return fsync(fd) == 0;
}

static bool sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;
	bool ok;

	(void)snprintf(dir, sizeof dir, "%.*s", slash != NULL ? (int)(slash - path + 1) : 1, slash != NULL ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

enum tcb_error files_replace(const char *path, struct span bytes, struct diagnosis *d)
{
	char temporary[PATH_MAX];
	int fd = -1;
	bool ok = (size_t)snprintf(temporary, sizeof temporary, "%s.new", path) < sizeof temporary;

	if (ok)
		fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && write_synced(fd, bytes);
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	ok = ok && rename(temporary, path) == 0 && sync_directory_of(path);
	return ok ? TCB_OK : failed(d, "file.write", path, "a file that can be replaced");
}
