/* Loaded into tcbindd by LD_PRELOAD: kills it before a chosen one of its calls that change what is stored, or runs TCBIND_CUT_COMMAND, where that is set.
 * TCBIND_CUT names a file with one number, 4 bytes of this machine's order: how many of these calls are still to come until then; 0: never. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
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

static void cut(void)
{
	const char *command = getenv("TCBIND_CUT_COMMAND");
	int status;
	pid_t pid;

	if (command == NULL || command[0] == '\0') {
		(void)kill(getpid(), SIGKILL);
		for (;;)
			(void)pause();
	}
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		abort(); /* what follows would show nothing */
}

static void step(void)
{
	if (left != NULL && atomic_load(left) > 0 && atomic_fetch_sub(left, 1) == 1)
		cut();
}

/* The same call of the C library, after a step. */
#define STEP(type, name, parameters, arguments)                                    \
	type name parameters                                                       \
	{                                                                          \
		static type (*next) parameters;                                    \
                                                                                   \
		if (next == NULL)                                                  \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                 \
		step();                                                            \
		return next arguments;                                             \
	}

STEP(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t offset), (fd, bytes, size, offset))
STEP(int, fsync, (int fd), (fd))
STEP(int, fdatasync, (int fd), (fd))
STEP(int, ftruncate, (int fd, off_t size), (fd, size))
STEP(int, renameat, (int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to))
STEP(int, unlink, (const char *path), (path))
STEP(int, mkdir, (const char *path, mode_t mode), (path, mode))
STEP(int, rmdir, (const char *path), (path))
