// SPDX-License-Identifier: MIT
#include "host/platform_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/config.h"
#include "host/firmware.h"
#include "host/paths.h"

enum { START_PATIENCE_MS = 20000, RESTARTS_MAX = 20, SOUND_S = 60 };

struct parts {
	struct platform_config config;
	char tcti[512];
	const char *idle_exit; /* seconds, or NULL */
	pid_t swtpm, sgxsim, daemon; /* 0: not running */
	struct timespec daemon_started;
	int restarts; /* of a daemon that died within SOUND_S, one after the other */
};

static enum tcb_error no_part(const char *name, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "platform.part", "a part that starts and says `ready`",
			      "read what it printed above", "%s did not start", name);
}

/* Forks and executes; its standard output is `ret_output` (a pipe's end to read), where that is wanted. */
static pid_t spawn(char *const argv[], int *ret_output)
{
	int pipe_fds[2] = {-1, -1};
	pid_t parent = getpid(), pid;

	if (ret_output != NULL && pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || (ret_output != NULL && dup2(pipe_fds[1], STDOUT_FILENO) < 0))
			_exit(127);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (ret_output != NULL) {
		(void)close(pipe_fds[1]);
		*ret_output = pipe_fds[0];
	}
	return pid;
}

/* Waits for the line `ready`. */
static bool wait_ready(int output)
{
	struct pollfd ready = { .fd = output, .events = POLLIN };
	char text[16];
	bool ok = poll(&ready, 1, START_PATIENCE_MS) == 1 && read(output, text, sizeof text) >= 6 &&
		  memcmp(text, "ready\n", 6) == 0;

	(void)close(output);
	return ok;
}

static bool wait_socket(const char *path)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < START_PATIENCE_MS / 10; i++) {
		if (access(path, F_OK) == 0)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static enum tcb_error start_swtpm(struct parts *p, struct diagnosis *d)
{
	char state[PATH_MAX + 16], log[PATH_MAX + 32], server[256], control[256], socket[108], socket_control[128];
	char program[PATH_MAX];
	char *const argv[] = { program, (char *)"socket", (char *)"--tpm2", (char *)"--tpmstate", state,
			       (char *)"--server", server, (char *)"--ctrl", control, (char *)"--flags",
			       (char *)"not-need-init", (char *)"--log", log, NULL };

	TRY(path_real_swtpm(program, sizeof program, d));
	TRY(path_in(p->config.dir, "run/ptpm.sock", socket, sizeof socket - 5, d));
	(void)snprintf(socket_control, sizeof socket_control, "%s.ctrl", socket);
	(void)snprintf(state, sizeof state, "dir=%s/ptpm", p->config.dir);
	(void)snprintf(log, sizeof log, "file=%s/run/ptpm.log,truncate", p->config.dir);
	(void)snprintf(server, sizeof server, "type=unixio,path=%s", socket);
	(void)snprintf(control, sizeof control, "type=unixio,path=%s", socket_control);
	(void)unlink(socket);
	(void)unlink(socket_control);
	p->swtpm = spawn(argv, NULL);
	return p->swtpm > 0 && wait_socket(socket) && wait_socket(socket_control) ? TCB_OK : no_part("swtpm", d);
}

static enum tcb_error start_sgxsim(struct parts *p, struct diagnosis *d)
{
	char program[PATH_MAX], acm[PATH_MAX];
	char *const argv[] = { program, p->config.dir, (char *)"--ptpm", p->tcti, (char *)"--acm", acm, NULL };
	int output = -1;

	TRY(path_program("sgxsim", program, sizeof program, d));
	TRY(path_program("acm.enclave", acm, sizeof acm, d));
	p->sgxsim = spawn(argv, &output);
	return p->sgxsim > 0 && wait_ready(output) ? TCB_OK : no_part("sgxsim", d);
}

static enum tcb_error run_firmware(const struct parts *p, struct diagnosis *d)
{
	char log[PATH_MAX], daemon[PATH_MAX];
	const char *programs[] = { daemon, "/usr/bin/qemu-system-x86_64" };
	unsigned count = access(programs[1], R_OK) == 0 ? 2 : 1;

	TRY(path_program("tcbindd", daemon, sizeof daemon, d));
	TRY(path_in(p->config.dir, "run/event-log.bin", log, sizeof log, d));
	return firmware_measure(p->tcti, programs, count, log, d);
}

static enum tcb_error start_daemon(struct parts *p, struct diagnosis *d)
{
	char program[PATH_MAX];
	char *const argv[] = { program, p->config.dir, (char *)(uintptr_t)(p->idle_exit != NULL ? "--idle-exit" : NULL),
			       (char *)(uintptr_t)p->idle_exit, NULL };
	int output = -1;

	TRY(path_program("tcbindd", program, sizeof program, d));
	(void)clock_gettime(CLOCK_MONOTONIC, &p->daemon_started);
	p->daemon = spawn(argv, &output);
	return p->daemon > 0 && wait_ready(output) ? TCB_OK : no_part("tcbindd", d);
}

static enum tcb_error boot(struct parts *p, struct diagnosis *d)
{
	bool stand_in = strcmp(p->config.ptpm, "swtpm") == 0;

	if (stand_in)
		TRY(start_swtpm(p, d));
	TRY(start_sgxsim(p, d));
	if (stand_in)
		TRY(run_firmware(p, d));
	return start_daemon(p, d);
}

static void end(pid_t *pid, int signal_number)
{
	if (*pid > 0) {
		(void)kill(*pid, signal_number);
		(void)waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static enum tcb_error restart_daemon(struct parts *p, int status, struct diagnosis *d)
{
	struct timespec now;

	(void)fprintf(stderr, "tcbind: tcbindd died (status 0x%x), starting it again\n", (unsigned)status);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	p->restarts = now.tv_sec - p->daemon_started.tv_sec < SOUND_S ? p->restarts + 1 : 1;
	return p->restarts > RESTARTS_MAX ? no_part("tcbindd", d) : start_daemon(p, d);
}

/* Until a signal asks to stop, or a part that cannot be started again has died. */
static enum tcb_error supervise(struct parts *p, const sigset_t *signals, struct diagnosis *d)
{
	for (;;) {
		int received = sigwaitinfo(signals, NULL), status;
		pid_t pid;

		if (received == SIGTERM || received == SIGINT)
			return TCB_OK;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == p->sgxsim || pid == p->swtpm) {
				*(pid == p->sgxsim ? &p->sgxsim : &p->swtpm) = 0;
				return diagnose(d, TCB_PLATFORM, "platform.reset", "hardware that died: a platform reset",
						"a processor and a physical TPM that run", "run the platform again");
			}
			if (pid != p->daemon)
				continue;
			p->daemon = 0;
			if (p->idle_exit != NULL && WIFEXITED(status) && WEXITSTATUS(status) == 0)
				return TCB_OK;
			TRY(restart_daemon(p, status, d));
		}
	}
}

/* One supervisor a platform; the lock goes with the process. */
static enum tcb_error lock_platform(const struct platform_config *config, struct diagnosis *d)
{
	char path[PATH_MAX];
	int fd;

	TRY(path_in(config->dir, "run/lock", path, sizeof path, d));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return diagnose_found(d, TCB_WRONG_STATE, "platform.running", "a platform that does not run yet",
				      "stop the other `tcbind platform run`", "%s: %s", path, strerror(errno));
	return TCB_OK; /* the descriptor stays open for the life of the process */
}

static void make_directories(const struct platform_config *config)
{
	static const char *const names[] = { "run", "ptpm", "store", "vtpm" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (path_in(config->dir, names[i], path, sizeof path, NULL) == TCB_OK)
			(void)mkdir(path, 0700);
}

enum tcb_error platform_run(const char *dir, const char *idle_exit, struct diagnosis *d)
{
	struct parts p = { .idle_exit = idle_exit };
	enum tcb_error error;
	sigset_t signals;

	TRY(config_read(dir, &p.config, d));
	make_directories(&p.config);
	TRY(lock_platform(&p.config, d));
	TRY(config_tcti(&p.config, p.tcti, sizeof p.tcti, d));
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	error = boot(&p, d);
	if (error == TCB_OK) {
		(void)puts("ready");
		(void)fflush(stdout);
		error = supervise(&p, &signals, d);
	}
	end(&p.daemon, SIGTERM);
	end(&p.sgxsim, SIGKILL);
	if (p.swtpm > 0)
		firmware_shut_down(p.tcti);
	end(&p.swtpm, SIGTERM);
	return error;
}
