// SPDX-License-Identifier: MIT
#include "sgxsim/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tcb_error failed(struct diagnosis *d, const char *code, const char *path, const char *wanted)
{
	return diagnose_found(d, TCB_PLATFORM, code, wanted, "check the path, its owner and its mode", "%s: %s", path,
			      strerror(errno));
}

static bool read_all(int fd, struct file_bytes *f)
{
	size_t got = 0;

	while (got < f->size) {
		ssize_t n = read(fd, f->data + got, f->size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

enum tcb_error file_read(const char *path, struct file_bytes *ret_file, struct diagnosis *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct file_bytes f = {0};
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX_BYTES;

	if (ok) {
		f.size = (size_t)st.st_size;
		f.data = malloc(f.size + 1); /* one more, so that text is easily ended */
		ok = f.data != NULL && read_all(fd, &f);
	}
	if (fd >= 0)
		(void)close(fd);
	if (!ok) {
		enum tcb_error error = failed(d, "file.read", path, "a readable file");

		free(f.data);
		return error;
	}
	f.data[f.size] = 0;
	*ret_file = f;
	return TCB_OK;
}

static bool write_all(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t n = write(fd, bytes.data, bytes.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = span_from(bytes, (size_t)n);
	}
	return true;
}

enum tcb_error file_write(const char *path, struct span bytes, mode_t mode, struct diagnosis *d)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool ok = fd >= 0 && fchmod(fd, mode) == 0 && write_all(fd, bytes);

	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok ? TCB_OK : failed(d, "file.write", path, "a file that can be written");
}

void file_free(struct file_bytes *f)
{
	free(f->data);
	*f = (struct file_bytes){0};
}

enum tcb_error path_join(char *ret_path, size_t capacity, const char *dir, const char *name, struct diagnosis *d)
{
	int n = snprintf(ret_path, capacity, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= capacity)
		return diagnose_found(d, TCB_LIMIT, "path.long", "a shorter path", "use a shorter directory", "%s/%s",
				      dir, name);
	return TCB_OK;
}
