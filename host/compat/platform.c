// SPDX-License-Identifier: MIT
#include "host/compat/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/wipe.h"
#include "host/compat/user.h"
#include "host/hex.h"
#include "host/paths.h"
#include "host/registration.h"

enum { START_PATIENCE_MS = 20000, STEP_MS = 5 };

static enum tcb_error no_platform(struct diagnosis *d, const char *found)
{
	return diagnose(d, TCB_PLATFORM, "compat.platform", found, "a platform that runs, or one that can be started",
			"run `tcbind platform run DIR` and set TCBIND_PLATFORM=DIR, or see the log beside the private platform");
}

/* ---- the private platform's directory ---- */

static bool make_path(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum tcb_error private_dir(char ret_dir[PATH_MAX], struct diagnosis *d)
{
	const char *given = getenv("TCBIND_PRIVATE_PLATFORM");
	char number[16];
	struct user user;

	(void)snprintf(number, sizeof number, "%u", geteuid());
	if (given != NULL)
		(void)snprintf(ret_dir, PATH_MAX, "%s", given);
	else if (geteuid() == 0)
		(void)snprintf(ret_dir, PATH_MAX, "/var/lib/tcbind/private");
	else if (!user_find(number, &user) ||
		 (size_t)snprintf(ret_dir, PATH_MAX, "%s/.local/state/tcbind/private", user.home) >= PATH_MAX)
		return no_platform(d, "a user without a home");
	return make_path(ret_dir) ? TCB_OK : no_platform(d, "no directory for a private platform");
}

/* ---- starting it ---- */

static bool run(char *const argv[])
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execv(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool ensure_made(const char *tcbind, const char *dir)
{
	char pki[PATH_MAX + 16], platform[PATH_MAX + 16];
	char *const make_pki[] = { (char *)(uintptr_t)tcbind, (char *)"pki", (char *)"init", pki, NULL };
	char *const make_platform[] = { (char *)(uintptr_t)tcbind, (char *)"platform", (char *)"init", platform, (char *)"--pki", pki,
					(char *)"--name", (char *)"private", NULL };

	(void)snprintf(pki, sizeof pki, "%s/pki", dir);
	(void)snprintf(platform, sizeof platform, "%s/platform", dir);
	return (access(pki, F_OK) == 0 || run(make_pki)) && (access(platform, F_OK) == 0 || run(make_platform));
}

/* In the background, on its own: it outlives this process and ends by itself. */
static bool spawn_platform(const char *tcbind, const char *dir)
{
	char log[PATH_MAX + 16], platform[PATH_MAX + 16];
	char *const argv[] = { (char *)(uintptr_t)tcbind, (char *)"platform", (char *)"run", platform, (char *)"--idle-exit",
			       (char *)"5", NULL };
	pid_t pid;

	(void)snprintf(log, sizeof log, "%s/log", dir);
	(void)snprintf(platform, sizeof platform, "%s/platform", dir);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		if (setsid() < 0 || null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(127);
		(void)chdir("/");
		(void)close_range(3, ~0u, 0);
		if (fork() != 0)
			_exit(0);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static int connect_to(const char *platform_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/run/registrar.sock", platform_dir) <
		    sizeof address.sun_path &&
	    fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static enum tcb_error start_private(const char *dir, const char *platform, int *ret_connection, struct diagnosis *d)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000 * 1000 };
	char tcbind[PATH_MAX];

	TRY(path_program("tcbind", tcbind, sizeof tcbind, d));
	if (!ensure_made(tcbind, dir))
		return no_platform(d, "a private platform that cannot be made");
	for (int waited = 0; waited < START_PATIENCE_MS; waited += STEP_MS) {
		if (waited % 2000 == 0 && !spawn_platform(tcbind, dir)) /* again, where one that ends was in its way */
			break;
		*ret_connection = connect_to(platform);
		if (*ret_connection >= 0)
			return TCB_OK;
		(void)nanosleep(&step, NULL);
	}
	return no_platform(d, "a private platform that does not start");
}

static enum tcb_error connect_private(int *ret_connection, int *ret_lock, struct diagnosis *d)
{
	char dir[PATH_MAX], platform[PATH_MAX + 16], lock[PATH_MAX + 32];

	TRY(private_dir(dir, d));
	(void)snprintf(platform, sizeof platform, "%s/platform", dir);
	(void)snprintf(lock, sizeof lock, "%s/lock", dir);
	*ret_lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*ret_lock < 0 || flock(*ret_lock, LOCK_EX) != 0)
		return no_platform(d, "a private platform that cannot be locked");
	*ret_connection = connect_to(platform);
	return *ret_connection >= 0 ? TCB_OK : start_private(dir, platform, ret_connection, d);
}

static bool send_registration(int connection, const char *text, const int *fds, size_t fd_count)
{
	union { char bytes[CMSG_SPACE(REGISTRATION_FDS * sizeof(int))]; struct cmsghdr align; } control = {0};
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
				  .msg_controllen = CMSG_SPACE(fd_count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	return sendmsg(connection, &message, MSG_NOSIGNAL) == (ssize_t)iov.iov_len;
}

enum tcb_error platform_connect(struct platform *ret_platform, struct diagnosis *d)
{
	const char *dir = getenv("TCBIND_PLATFORM");
	struct platform p = { -1, -1 };
	enum tcb_error error = TCB_OK;

	if (dir != NULL)
		p.connection = connect_to(dir);
	else
		error = connect_private(&p.connection, &p.lock, d);
	if (error == TCB_OK && p.connection < 0)
		error = no_platform(d, "a platform that does not answer");
	if (error != TCB_OK) {
		if (p.lock >= 0)
			(void)close(p.lock);
		return error;
	}
	*ret_platform = p;
	return TCB_OK;
}

void platform_add_key(json_t *message, const char *name, const struct key_option *key)
{
	char hex[2 * sizeof key->secret + 1];

	if (key->size == 0)
		return;
	hex_encode(span_of(key->secret, key->secret_size), hex);
	(void)json_object_set_new(message, name, json_pack("{s:i, s:s, s:s*}", "size", (int)key->size, "secret", hex, "kdf", key->kdf));
	wipe(hex, sizeof hex);
}

enum tcb_error platform_register(struct platform *p, const json_t *message, const int *fds, size_t fd_count, struct diagnosis *d)
{
	char *text = json_dumps(message, JSON_COMPACT);
	bool sent = text != NULL && send_registration(p->connection, text, fds, fd_count);

	if (p->lock >= 0)
		(void)close(p->lock);
	p->lock = -1;
	free(text);
	return sent ? TCB_OK : no_platform(d, "a platform that does not take a registration");
}

json_t *platform_receive(int connection)
{
	char text[REGISTRATION_MAX];
	ssize_t got = recv(connection, text, sizeof text, 0);

	return got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
}

json_t *platform_answer(int connection, void (*log)(void *context, const json_t *line), void *context)
{
	json_t *message, *line;

	while ((message = platform_receive(connection)) != NULL && (line = json_object_get(message, "log")) != NULL) {
		log(context, line);
		json_decref(message);
	}
	return message;
}
