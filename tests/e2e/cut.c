// SPDX-License-Identifier: MIT
/* Loaded into tcbindd by LD_PRELOAD: cuts a chosen one of its calls that change what is stored. By TCBIND_CUT_BY: `kill` kills the daemon before it, `full`
 * has the call fail for want of space; anything else is a command that is run before it.
 * TCBIND_CUT names a file with one number, 4 bytes of this machine's order: how many of these calls are still to come until then; 0: never. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int *left;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TCBIND_CUT");
	int fd = path != NULL && strcmp(program_invocation_short_name, "tcbindd") == 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	left = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (left == MAP_FAILED)
		abort();
	(void)close(fd);
}

static void run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		abort(); /* what follows would show nothing */
}

/* Whether the call is to fail. */
static bool is_cut(void)
{
	const char *by = getenv("TCBIND_CUT_BY");

	if (by == NULL || left == NULL || atomic_load(left) <= 0 || atomic_fetch_sub(left, 1) != 1)
		return false;
	if (strcmp(by, "full") == 0) {
		errno = ENOSPC;
		return true;
	}
	if (strcmp(by, "kill") != 0) {
		run(by);
		return false;
	}
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

/* The same call of the C library. */
#define STEP(type, name, parameters, arguments)                                    \
	type name parameters                                                       \
	{                                                                          \
		static type (*next) parameters;                                    \
                                                                                   \
		if (next == NULL)                                                  \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                 \
		return is_cut() ? -1 : next arguments;                             \
	}

STEP(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t offset), (fd, bytes, size, offset))
STEP(int, fsync, (int fd), (fd))
STEP(int, fdatasync, (int fd), (fd))
STEP(int, ftruncate, (int fd, off_t size), (fd, size))
STEP(int, renameat, (int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to))
STEP(int, unlink, (const char *path), (path))
STEP(int, mkdir, (const char *path, mode_t mode), (path, mode))
STEP(int, rmdir, (const char *path), (path))
