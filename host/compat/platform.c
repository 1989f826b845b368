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

#include "core/reader.h"
#include "core/wipe.h"
#include "core/writer.h"
#include "edge/descriptors.h"
#include "edge/frame.h"
#include "host/compat/user.h"
#include "core/hex.h"
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

static bool set_dir(char ret_dir[PATH_MAX], const char *base, const char *below)
{
	return (size_t)snprintf(ret_dir, PATH_MAX, "%s%s", base, below) < PATH_MAX;
}

/* HOME counts where it is this user's, or where the user database knows no home: sudo and libvirt leave another user's there. */
static bool is_own(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid == geteuid();
}

/* The home of who runs this: HOME, or the user database's. False: there is none. */
static bool find_home(char ret_home[PATH_MAX])
{
	const char *given = getenv("HOME");
	char number[16];
	struct user user;

	if (given != NULL && given[0] == '/' && is_own(given))
		return set_dir(ret_home, given, "");
	(void)snprintf(number, sizeof number, "%u", geteuid());
	if (user_find(number, &user) && user.home[0] == '/' && access(user.home, F_OK) == 0)
		return set_dir(ret_home, user.home, "");
	return given != NULL && given[0] == '/' && set_dir(ret_home, given, "");
}

static bool choose_private_dir(char ret_dir[PATH_MAX])
{
	const char *given = getenv("TCBIND_PRIVATE_PLATFORM"), *state = getenv("XDG_STATE_HOME");
	char home[PATH_MAX];

	if (given != NULL && given[0] != '\0')
		return set_dir(ret_dir, given, "");
	if (geteuid() == 0)
		return set_dir(ret_dir, "/var/lib/tcbind/private", "");
	if (state != NULL && state[0] == '/')
		return set_dir(ret_dir, state, "/tcbind/private");
	return find_home(home) && set_dir(ret_dir, home, "/.local/state/tcbind/private");
}

static enum tcb_error private_dir(char ret_dir[PATH_MAX], struct diagnosis *d)
{
	static const char action[] = "set TCBIND_PRIVATE_PLATFORM to a directory that stays and that this user may write, or TCBIND_PLATFORM to a "
				     "platform that runs";

	if (!choose_private_dir(ret_dir))
		return diagnose_found(d, TCB_PLATFORM, "compat.home", "a directory for this user's private platform", action,
				      "that user %u has no home, and neither HOME nor XDG_STATE_HOME names one", geteuid());
	if (!make_path(ret_dir))
		return diagnose_found(d, TCB_PLATFORM, "compat.home", "a directory for this user's private platform", action, "%s: %s", ret_dir,
				      strerror(errno));
	return TCB_OK;
}

/* ---- starting it ---- */

/* What the command prints goes to the platform's log: this program's own output is read by others. */
static bool run(char *const argv[], int log)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
			_exit(127);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int open_log(const char *dir)
{
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof path, "%s/log", dir);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool ensure_made(const char *tcbind, const char *dir)
{
	char pki[PATH_MAX + 16], platform[PATH_MAX + 16];
	char *const make_pki[] = { (char *)(uintptr_t)tcbind, (char *)"pki", (char *)"init", pki, NULL };
	char *const make_platform[] = { (char *)(uintptr_t)tcbind, (char *)"platform", (char *)"init", platform, (char *)"--pki", pki,
					(char *)"--name", (char *)"private", (char *)"--private", NULL };

	int log = open_log(dir);
	bool made;

	(void)snprintf(pki, sizeof pki, "%s/pki", dir);
	(void)snprintf(platform, sizeof platform, "%s/platform", dir);
	made = log >= 0 && (access(pki, F_OK) == 0 || run(make_pki, log)) && (access(platform, F_OK) == 0 || run(make_platform, log));
	if (log >= 0)
		(void)close(log);
	return made;
}

/* In the background, on its own: it outlives this process and ends by itself. */
static bool spawn_platform(const char *tcbind, const char *dir)
{
	char platform[PATH_MAX + 16];
	char *const argv[] = { (char *)(uintptr_t)tcbind, (char *)"platform", (char *)"run", platform, (char *)"--idle-exit",
			       (char *)"5", NULL };
	pid_t pid;

	(void)snprintf(platform, sizeof platform, "%s/platform", dir);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR), out = open_log(dir);

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

/* Where a private platform is, and the lock beside it. */
struct private_place {
	char dir[PATH_MAX], platform[PATH_MAX + 16], lock[PATH_MAX + 16];
};

static enum tcb_error find_place(struct private_place *ret, struct diagnosis *d)
{
	TRY(private_dir(ret->dir, d));
	(void)snprintf(ret->platform, sizeof ret->platform, "%s/platform", ret->dir);
	(void)snprintf(ret->lock, sizeof ret->lock, "%s/lock", ret->dir);
	return TCB_OK;
}

static enum tcb_error take_lock(const struct private_place *place, int operation, int *ret_lock, struct diagnosis *d)
{
	*ret_lock = open(place->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*ret_lock >= 0 && flock(*ret_lock, operation) == 0)
		return TCB_OK;
	return diagnose_found(d, TCB_PLATFORM, "compat.platform", "a private platform that can be locked", "see who owns that file", "%s: %s",
			      place->lock, strerror(errno));
}

/* ---- the child process that starts it ---- */

/* With one of `error` | diagnosis; connection and lock go with it. */
static void send_started(int socket_fd, enum tcb_error error, const struct platform *p, const struct diagnosis *d)
{
	const int fds[2] = { p->connection, p->lock };
	uint8_t bytes[1 + 4 * DIAGNOSIS_TEXT_MAX];
	struct writer w = WRITER_OF(bytes);

	writer_u8(&w, (uint8_t)error);
	if (error != TCB_OK)
		diagnosis_encode(&w, d);
	(void)send_descriptors(socket_fd, span_of(bytes, w.size), fds, error == TCB_OK ? 2 : 0);
}

static _Noreturn void start_for(const struct private_place *place, int socket_fd)
{
	struct platform p = PLATFORM_NONE;
	struct diagnosis d = {0};
	enum tcb_error error = take_lock(place, LOCK_EX, &p.lock, &d);

	if (error == TCB_OK) {
		p.connection = connect_to(place->platform);
		if (p.connection < 0)
			error = start_private(place->dir, place->platform, &p.connection, &d);
	}
	send_started(socket_fd, error, &p, &d);
	_exit(0);
}

static enum tcb_error fork_starter(const struct private_place *place, struct platform *p, struct diagnosis *d)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (p->starter_pid = fork()) < 0)
		return no_platform(d, "no process to start a private platform");
	if (p->starter_pid == 0) {
		(void)close(pair[0]);
		start_for(place, pair[1]);
	}
	(void)close(pair[1]);
	p->starter = pair[0];
	return TCB_OK;
}

/* One that runs is connected to at once. Where somebody starts it right now, the lock is held. */
static enum tcb_error begin_private(struct platform *p, struct diagnosis *d)
{
	struct private_place place;

	TRY(find_place(&place, d));
	if (take_lock(&place, LOCK_EX | LOCK_NB, &p->lock, NULL) == TCB_OK)
		p->connection = connect_to(place.platform);
	if (p->connection >= 0)
		return TCB_OK;
	if (p->lock >= 0)
		(void)close(p->lock);
	p->lock = -1;
	return fork_starter(&place, p, d);
}

static enum tcb_error read_started(struct span bytes, const struct descriptors *came, struct diagnosis *d)
{
	struct reader r = reader_of(bytes);
	struct diagnosis from_starter;
	uint8_t error;

	TRY(reader_u8(&r, &error));
	if (error == TCB_OK)
		return came->count == 2 ? reader_end(&r) : TCB_MALFORMED;
	TRY(diagnosis_decode(&r, &from_starter));
	return diagnose_again(d, error <= TCB_INTERNAL ? (enum tcb_error)error : TCB_INTERNAL, &from_starter);
}

static enum tcb_error receive_started(struct platform *p, struct diagnosis *d)
{
	uint8_t bytes[1 + 4 * DIAGNOSIS_TEXT_MAX];
	struct descriptors came;
	ssize_t got = receive_descriptors(p->starter, bytes, sizeof bytes, 2, &came);
	enum tcb_error error = read_started(span_of(bytes, got > 0 ? (size_t)got : 0), &came, d);

	(void)close(p->starter);
	p->starter = -1;
	(void)waitpid(p->starter_pid, NULL, 0); /* the child of another process, where this one has become a daemon since */
	if (error != TCB_OK) {
		close_descriptors(&came);
		return no_platform(d, "a private platform that does not start");
	}
	p->connection = came.fds[0];
	p->lock = came.fds[1];
	return TCB_OK;
}

/* False: `stop` became readable first. */
static bool wait_for(int fd, int stop)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = stop, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return fds[1].revents == 0;
}

enum tcb_error platform_begin(struct platform *ret_platform, struct diagnosis *d)
{
	const char *dir = getenv("TCBIND_PLATFORM");
	struct platform p = PLATFORM_NONE;

	if (dir == NULL) {
		TRY(begin_private(&p, d));
	} else {
		p.connection = connect_to(dir);
		if (p.connection < 0)
			return no_platform(d, "a platform that does not answer");
	}
	*ret_platform = p;
	return TCB_OK;
}

enum tcb_error platform_await(struct platform *p, int stop, struct diagnosis *d)
{
	if (p->connection >= 0)
		return TCB_OK;
	return wait_for(p->starter, stop) ? receive_started(p, d) : TCB_WRONG_STATE;
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
	bool sent = text != NULL && send_descriptors(p->connection, span_of_text(text), fds, fd_count);

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

json_t *platform_answer(int connection, int stop, void (*log)(void *context, const json_t *line), void *context)
{
	while (wait_for(connection, stop)) {
		json_t *message = platform_receive(connection);
		const json_t *line = json_object_get(message, "log");

		if (line == NULL)
			return message;
		log(context, line);
		json_decref(message);
	}
	return NULL;
}
