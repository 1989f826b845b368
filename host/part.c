// SPDX-License-Identifier: MIT
/* Starts, awaits and ends the programs of a platform. Nothing here waits for a program that has ended, or without an end. */
#include "host/part.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOTICE_MS = 20000, START_MAX_MS = 300000, SOCKET_STEP_MS = 10 };

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the supervisor ---- */

enum tcb_error supervisor_open(struct supervisor *s, struct diagnosis *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t signals;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		(void)sigaddset(&signals, numbers[i]);
	s->signals = sigprocmask(SIG_BLOCK, &signals, NULL) == 0 ? signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
	return s->signals >= 0 ? TCB_OK
			       : diagnose_found(d, TCB_PLATFORM, "platform.signals", "a signalfd", "see the limits of this user",
						"%s", strerror(errno));
}

static void note_end(struct supervisor *s, pid_t pid, int status)
{
	for (size_t i = 0; i < PARTS_MAX; i++) {
		struct part *part = s->parts[i];

		if (part == NULL || part->pid != pid)
			continue;
		part->pid = 0;
		part->ended = true;
		part->status = status;
	}
}

void supervisor_wait(struct supervisor *s, int fd, int patience_ms)
{
	struct pollfd ready[2] = { { .fd = s->signals, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	struct signalfd_siginfo received;
	int status;
	pid_t pid;

	(void)poll(ready, 2, patience_ms);
	while (read(s->signals, &received, sizeof received) == (ssize_t)sizeof received)
		s->stop |= received.ssi_signo != SIGCHLD;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(s, pid, status);
}

/* ---- starting ---- */

/* In the child: nothing of the supervisor's signals, a group of its own, and an end with the supervisor. */
static _Noreturn void become(char *const argv[], int output, pid_t parent)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && setpgid(0, 0) == 0 && dup2(output, STDOUT_FILENO) >= 0)
		(void)execvp(argv[0], argv);
	_exit(127);
}

enum tcb_error part_start(struct part *part, bool says_ready, char *const argv[], struct diagnosis *d)
{
	int pipe_fds[2] = { -1, -1 };
	pid_t parent = getpid(), pid = -1;

	if (!says_ready || pipe2(pipe_fds, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			become(argv, says_ready ? pipe_fds[1] : STDERR_FILENO, parent);
	}
	if (pipe_fds[1] >= 0)
		(void)close(pipe_fds[1]);
	part->output = pipe_fds[0];
	if (pid < 0)
		return diagnose_found(d, TCB_PLATFORM, "platform.part", "one more process", "see the limits of this user", "%s: %s",
				      part->name, strerror(errno));
	part->pid = pid;
	part->ended = false;
	return TCB_OK;
}

/* The last line of a log, for a message; empty: there is none. */
static void last_line(const char *path, char *ret_line, size_t capacity)
{
	FILE *f = path[0] != '\0' ? fopen(path, "re") : NULL;
	char line[256];

	ret_line[0] = '\0';
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (line[0] != '\n')
			(void)snprintf(ret_line, capacity, ": %.*s", (int)strcspn(line, "\n"), line);
	if (f != NULL)
		(void)fclose(f);
}

static const char *where_to_read(const struct part *part, char *ret_text, size_t capacity)
{
	if (part->log[0] == '\0')
		return "read what it printed above";
	(void)snprintf(ret_text, capacity, "read %.240s", part->log);
	return ret_text;
}

static enum tcb_error has_ended(const struct part *part, struct diagnosis *d)
{
	char line[160], action[DIAGNOSIS_TEXT_MAX];
	bool killed = WIFSIGNALED(part->status);

	last_line(part->log, line, sizeof line);
	return diagnose_found(d, TCB_PLATFORM, "platform.part", "a part that starts and stays",
			      where_to_read(part, action, sizeof action), "%s ended with %s %d before it was ready%s", part->name,
			      killed ? "signal" : "status", killed ? WTERMSIG(part->status) : WEXITSTATUS(part->status), line);
}

static enum tcb_error is_slow(const struct part *part, struct diagnosis *d)
{
	char action[DIAGNOSIS_TEXT_MAX];

	return diagnose_found(d, TCB_PLATFORM, "platform.slow", "a part that is ready sooner", where_to_read(part, action, sizeof action),
			      "%s runs, and is not ready after %d seconds", part->name, START_MAX_MS / 1000);
}

static bool are_there(const char *const sockets[])
{
	for (; *sockets != NULL; sockets++)
		if (access(*sockets, F_OK) != 0)
			return false;
	return true;
}

/* Whether the line `ready` has come. Closes the pipe once it is of no more use. */
static bool has_said_ready(struct part *part)
{
	struct pollfd ready = { .fd = part->output, .events = POLLIN };
	char text[16];
	ssize_t got;

	if (part->output < 0 || poll(&ready, 1, 0) != 1)
		return false;
	got = read(part->output, text, sizeof text);
	(void)close(part->output);
	part->output = -1;
	return got >= 6 && memcmp(text, "ready\n", 6) == 0;
}

enum tcb_error part_await(struct supervisor *s, struct part *part, const char *const sockets[], struct diagnosis *d)
{
	const int64_t start = now_ms();
	int64_t notice = NOTICE_MS, waited;

	while (sockets != NULL ? !are_there(sockets) : !has_said_ready(part)) {
		waited = now_ms() - start;
		if (part->ended)
			return has_ended(part, d);
		if (s->stop)
			return TCB_WRONG_STATE;
		if (waited >= START_MAX_MS)
			return is_slow(part, d);
		if (waited >= notice) {
			(void)fprintf(stderr, "tcbind: %s is not ready after %lld seconds, waiting on\n", part->name,
				      (long long)waited / 1000);
			notice += NOTICE_MS;
		}
		supervisor_wait(s, part->output, sockets != NULL ? SOCKET_STEP_MS : NOTICE_MS);
	}
	return TCB_OK;
}

/* ---- ending ---- */

void part_end(struct supervisor *s, struct part *part, int signal_number, int patience_ms)
{
	const int64_t end = now_ms() + patience_ms;

	if (part->pid > 0)
		(void)kill(part->pid, signal_number);
	while (part->pid > 0 && now_ms() < end)
		supervisor_wait(s, -1, (int)(end - now_ms()));
	if (part->pid > 0) {
		(void)fprintf(stderr, "tcbind: %s has not ended within %d seconds, killing it\n", part->name, patience_ms / 1000);
		(void)kill(part->pid, SIGKILL);
		while (part->pid > 0)
			supervisor_wait(s, -1, -1);
	}
	if (part->output >= 0)
		(void)close(part->output);
	part->output = -1;
}
