// SPDX-License-Identifier: MIT
/* Loaded by LD_PRELOAD: records what a program does to files below a directory (trace.h).
 *   POWER_TRACE    the trace, appended to
 *   POWER_ROOT     the directory, a real path
 *   POWER_PROGRAM  only programs of this name are recorded
 * An operation and its record are one step: no other thread's operation comes between them. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/power/trace.h"

static int trace_fd = -1;
static const char *root;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("POWER_TRACE"), *program = getenv("POWER_PROGRAM");

	root = getenv("POWER_ROOT");
	if (path == NULL || program == NULL || root == NULL ||
	    strcmp(program_invocation_short_name, program) != 0)
		return;
	trace_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (trace_fd < 0)
		abort(); /* a test would show nothing */
}

static bool is_below(const char *path)
{
	size_t size = strlen(root);

	return strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* The path of a descriptor that is to be recorded. */
static bool path_of(int fd, char ret_path[PATH_MAX])
{
	static const char gone[] = " (deleted)";
	char link[64];
	ssize_t size;

	if (trace_fd < 0)
		return false;
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	size = readlink(link, ret_path, PATH_MAX - 1);
	if (size <= 0)
		return false;
	ret_path[size] = '\0';
	if ((size_t)size > strlen(gone) && strcmp(ret_path + size - strlen(gone), gone) == 0)
		return false;
	return is_below(ret_path);
}

/* The path of a name in a directory: symbolic links in the directory's path are followed, the
 * name's are not. */
static bool path_at(int dir_fd, const char *name, char ret_path[PATH_MAX])
{
	char dir[2 * PATH_MAX], real[PATH_MAX], copy[PATH_MAX];
	const char *slash = strrchr(name, '/');
	const int before = errno;
	bool found;

	if (trace_fd < 0)
		return false;
	(void)snprintf(copy, sizeof copy, "%.*s", slash == NULL ? 0 : (int)(slash - name), name);
	if (name[0] == '/')
		(void)snprintf(dir, sizeof dir, "%s/", copy);
	else if (dir_fd == AT_FDCWD)
		(void)snprintf(dir, sizeof dir, "./%s", copy);
	else
		(void)snprintf(dir, sizeof dir, "/proc/self/fd/%d/%s", dir_fd, copy);
	found = realpath(dir, real) != NULL &&
		(size_t)snprintf(ret_path, PATH_MAX, "%s/%s", real,
				 slash == NULL ? name : slash + 1) < PATH_MAX &&
		is_below(ret_path);
	errno = before;
	return found;
}

static bool all_zeros(const uint8_t *bytes, size_t size)
{
	return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void record(struct trace_head head, const char *path, const char *path_2, const void *data)
{
	const int before = errno;
	struct iovec parts[4];
	ssize_t size = sizeof head;

	head.path_size = (uint16_t)strlen(path);
	head.path_2_size = (uint16_t)(path_2 != NULL ? strlen(path_2) : 0);
	if (data != NULL && all_zeros(data, head.size))
		head.flags |= TRACE_ZEROS;
	parts[0] = (struct iovec){&head, sizeof head};
	parts[1] = (struct iovec){(void *)(uintptr_t)path, head.path_size};
	parts[2] = (struct iovec){(void *)(uintptr_t)path_2, head.path_2_size};
	parts[3] = (struct iovec){(void *)(uintptr_t)data,
				  data != NULL && !(head.flags & TRACE_ZEROS) ? head.size : 0};
	for (int i = 1; i < 4; i++)
		size += (ssize_t)parts[i].iov_len;
	if (syscall(SYS_writev, trace_fd, parts, 4) != size)
		abort();
	errno = before;
}

/* The C library's own function of this name. */
#define NEXT(name) ((__typeof__(&(name)))(uintptr_t)next_of(#name))

static void *next_of(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

/* ---- opening ---- */

static int open_recorded(int dir_fd, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	struct stat st;
	bool recorded, existed;
	int fd;

	if (trace_fd < 0 || !(flags & (O_CREAT | O_TRUNC)))
		return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
	(void)pthread_mutex_lock(&lock);
	existed = fstatat(dir_fd, name, &st, 0) == 0;
	fd = (int)syscall(SYS_openat, dir_fd, name, flags, mode);
	recorded = fd >= 0 && path_of(fd, path);
	if (recorded && !existed)
		record((struct trace_head){.kind = TRACE_MAKE}, path, NULL, NULL);
	else if (recorded && (flags & O_TRUNC) && st.st_size > 0)
		record((struct trace_head){.kind = TRACE_TRUNCATE}, path, NULL, NULL);
	(void)pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(function)                                                                             \
	int function(const char *name, int flags, ...)                                             \
	{                                                                                          \
		va_list arguments;                                                                 \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(arguments, flags);                                                        \
		mode = mode_of(flags, arguments);                                                  \
		va_end(arguments);                                                                 \
		return open_recorded(AT_FDCWD, name, flags, mode);                                 \
	}
#define OPENAT(function)                                                                           \
	int function(int dir_fd, const char *name, int flags, ...)                                 \
	{                                                                                          \
		va_list arguments;                                                                 \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(arguments, flags);                                                        \
		mode = mode_of(flags, arguments);                                                  \
		va_end(arguments);                                                                 \
		return open_recorded(dir_fd, name, flags, mode);                                   \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* ---- data ---- */

static ssize_t write_recorded(int fd, const void *bytes, size_t size, off_t offset, bool positioned)
{
	char path[PATH_MAX];
	const off_t at = positioned ? offset : lseek(fd, 0, SEEK_CUR);
	const int flags = fcntl(fd, F_GETFL);
	ssize_t done;

	done = positioned ? syscall(SYS_pwrite64, fd, bytes, size, offset)
			  : syscall(SYS_write, fd, bytes, size);
	if (done > 0 && path_of(fd, path))
		record((struct trace_head){.kind = TRACE_WRITE,
					   .flags = flags & O_DSYNC ? TRACE_DURABLE : 0,
					   .size = (uint32_t)done,
					   .offset = (uint64_t)(flags & O_APPEND
								    ? lseek(fd, 0, SEEK_CUR) - done
								    : at)},
		       path, NULL, bytes);
	return done;
}

static ssize_t write_locked(int fd, const void *bytes, size_t size, off_t offset, bool positioned)
{
	char path[PATH_MAX];
	ssize_t done;

	if (!path_of(fd, path))
		return positioned ? syscall(SYS_pwrite64, fd, bytes, size, offset)
				  : syscall(SYS_write, fd, bytes, size);
	(void)pthread_mutex_lock(&lock);
	done = write_recorded(fd, bytes, size, offset, positioned);
	(void)pthread_mutex_unlock(&lock);
	return done;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	return write_locked(fd, bytes, size, 0, false);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return write_locked(fd, bytes, size, offset, true);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
	return write_locked(fd, bytes, size, offset, true);
}

/* One of the operations that take a descriptor: `result` is its call. */
#define ON_DESCRIPTOR(fd, head, call)                                                              \
	do {                                                                                       \
		char path[PATH_MAX];                                                               \
		int result;                                                                        \
                                                                                                   \
		(void)pthread_mutex_lock(&lock);                                                   \
		result = (int)(call);                                                              \
		if (result == 0 && path_of(fd, path))                                              \
			record(head, path, NULL, NULL);                                            \
		(void)pthread_mutex_unlock(&lock);                                                 \
		return result;                                                                     \
	} while (0)

int fsync(int fd)
{
	ON_DESCRIPTOR(fd, ((struct trace_head){.kind = TRACE_SYNC}), syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	ON_DESCRIPTOR(fd, ((struct trace_head){.kind = TRACE_SYNC}), syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t size)
{
	ON_DESCRIPTOR(fd, ((struct trace_head){.kind = TRACE_TRUNCATE, .offset = (uint64_t)size}),
		      syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* ---- names ---- */

#define ON_NAME(dir_fd, name, kind_of, call)                                                       \
	do {                                                                                       \
		char path[PATH_MAX];                                                               \
		bool recorded;                                                                     \
		int result;                                                                        \
                                                                                                   \
		(void)pthread_mutex_lock(&lock);                                                   \
		recorded = path_at(dir_fd, name, path);                                            \
		result = (int)(call);                                                              \
		if (result == 0 && recorded)                                                       \
			record((struct trace_head){.kind = kind_of}, path, NULL, NULL);            \
		(void)pthread_mutex_unlock(&lock);                                                 \
		return result;                                                                     \
	} while (0)

int unlink(const char *name) { ON_NAME(AT_FDCWD, name, TRACE_UNLINK, NEXT(unlink)(name)); }

/* Of a file: no program that is recorded removes directories so. */
int remove(const char *name) { return unlink(name); }

int unlinkat(int dir_fd, const char *name, int flags)
{
	ON_NAME(dir_fd, name, flags & AT_REMOVEDIR ? TRACE_RMDIR : TRACE_UNLINK,
		NEXT(unlinkat)(dir_fd, name, flags));
}

int mkdir(const char *name, mode_t mode)
{
	ON_NAME(AT_FDCWD, name, TRACE_MKDIR, NEXT(mkdir)(name, mode));
}

int rmdir(const char *name) { ON_NAME(AT_FDCWD, name, TRACE_RMDIR, NEXT(rmdir)(name)); }

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char path[PATH_MAX], path_2[PATH_MAX];
	bool recorded;
	int result;

	(void)pthread_mutex_lock(&lock);
	recorded = path_at(from_dir, from, path) && path_at(to_dir, to, path_2);
	result = NEXT(renameat)(from_dir, from, to_dir, to);
	if (result == 0 && recorded)
		record((struct trace_head){.kind = TRACE_RENAME}, path, path_2, NULL);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
