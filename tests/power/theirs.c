// SPDX-License-Identifier: MIT
/* What Debian's swtpm makes of the files that a power cut left: it is started on them, and asked.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/power/look.h"

enum { PATIENCE_MS = 20000 };

/* swtpm on `dir`; its commands go to the other end of `*ret_fd`. */
static pid_t start(const char *dir, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		err(2, "socketpair");
	pid = fork();
	if (pid == 0) {
		char state[PATH_MAX + 8], fd[16];
		int null = open("/dev/null", O_RDWR);

		(void)close(ends[0]);
		(void)snprintf(state, sizeof state, "dir=%s", dir);
		(void)snprintf(fd, sizeof fd, "%d", ends[1]);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--fd", fd,
			     "--flags", "not-need-init,startup-clear", (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		err(2, "fork");
	(void)close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static size_t exchange(int fd, const uint8_t *command, size_t size, uint8_t *ret_answer,
		       size_t capacity)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t got;

	if (send(fd, command, size, MSG_NOSIGNAL) != (ssize_t)size ||
	    poll(&wait, 1, PATIENCE_MS) != 1)
		return 0;
	got = recv(fd, ret_answer, capacity, 0);
	return got > 0 ? (size_t)got : 0;
}

/* TPM2_NV_Read of the index, 16 bytes, by its own empty password. A TPM without the index has the
 * number 0. False: no TPM answers that works. */
static bool read_number(int fd, unsigned *ret_number)
{
	static const uint8_t nv_read[] = {
	    0x80, 0x02, 0,    0,    0, 35,   0, 0, 0x01,       0x4e, 0x01, 0x50,
	    0,    0x02, 0x01, 0x50, 0, 0x02, 0, 0, 0,          9,    0x40, 0,
	    0,    9,    0,    0,    0, 0,    0, 0, VALUE_SIZE, 0,    0,
	};
	static const uint8_t success[4], failure[4] = {0, 0, 0x01, 0x01} /* TPM_RC_FAILURE */;
	const size_t code = 6, data = 10 + 4 + 2;
	uint8_t answer[256];
	size_t size = exchange(fd, nv_read, sizeof nv_read, answer, sizeof answer);
	char name;

	*ret_number = 0;
	if (size < code + 4 || memcmp(answer + code, failure, sizeof failure) == 0)
		return false;
	return memcmp(answer + code, success, sizeof success) != 0 ||
	       (size >= data + VALUE_SIZE && value_read(answer + data, &name, ret_number));
}

static void look_at(const char *dir, struct finding *f)
{
	char path[PATH_MAX + 32];
	unsigned number;
	struct stat st;
	int fd;
	pid_t pid;

	(void)snprintf(path, sizeof path, "%s/tpm2-00.permall", dir);
	if (stat(path, &st) != 0) {
		(void)snprintf(f->why, sizeof f->why, "no state file");
		return;
	}
	pid = start(dir, &fd);
	if (read_number(fd, &number)) {
		f->least = f->opens == 0 || number < f->least ? number : f->least;
		f->most = number > f->most ? number : f->most;
		f->opens++;
		f->acts++;
	} else {
		f->torn = true;
		(void)snprintf(f->why, sizeof f->why,
			       "a state file of %lld bytes, and no TPM that works",
			       (long long)st.st_size);
	}
	(void)close(fd);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static bool begin(const char *image, char ret_why[160])
{
	(void)image;
	(void)ret_why;
	return true;
}

static void look(const char *image, const struct expected *e, struct finding *ret)
{
	char dir[PATH_MAX];

	*ret = (struct finding){0};
	(void)snprintf(dir, sizeof dir, "%s/%s", image, e->dir);
	look_at(dir, ret);
	if (e->stage != IN_MOVE)
		return;
	(void)snprintf(dir, sizeof dir, "%s/%s", image, e->other);
	look_at(dir, ret);
}

static void end(void) {}

const struct looker *look_theirs(void)
{
	static const char *const parts[] = {"users", NULL};
	static const struct looker looker = {
	    .parts = parts, .begin = begin, .look = look, .end = end};

	return &looker;
}
