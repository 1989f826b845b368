// SPDX-License-Identifier: MIT
#include "host/platform_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/config.h"
#include "host/firmware.h"
#include "host/part.h"
#include "host/paths.h"

enum { RESTARTS_MAX = 20, SOUND_S = 60, DAEMON_END_MS = 60000, PART_END_MS = 10000 };

struct platform {
	struct supervisor supervisor;
	struct platform_config config;
	char tcti[512];
	const char *idle_exit; /* seconds, or NULL */
	struct part swtpm, sgxsim, daemon, shutdown;
	struct timespec daemon_started;
	int restarts; /* of a daemon that died within SOUND_S, one after the other */
};

static enum tcb_error start_swtpm(struct platform *p, struct diagnosis *d)
{
	char state[PATH_MAX + 16], log[PATH_MAX + 32], server[256], control[256], socket[108], socket_control[128];
	char program[PATH_MAX];
	char *const argv[] = { program, (char *)"socket", (char *)"--tpm2", (char *)"--tpmstate", state,
			       (char *)"--server", server, (char *)"--ctrl", control, (char *)"--flags",
			       (char *)"not-need-init", (char *)"--log", log, NULL };
	const char *const sockets[] = { socket, socket_control, NULL };

	TRY(path_real_swtpm(program, sizeof program, d));
	TRY(path_in(p->config.dir, "run/ptpm.sock", socket, sizeof socket - 5, d));
	TRY(path_in(p->config.dir, "run/ptpm.log", p->swtpm.log, sizeof p->swtpm.log, d));
	(void)snprintf(socket_control, sizeof socket_control, "%s.ctrl", socket);
	(void)snprintf(state, sizeof state, "dir=%s/ptpm", p->config.dir);
	(void)snprintf(log, sizeof log, "file=%s,truncate", p->swtpm.log);
	(void)snprintf(server, sizeof server, "type=unixio,path=%s", socket);
	(void)snprintf(control, sizeof control, "type=unixio,path=%s", socket_control);
	(void)unlink(socket);
	(void)unlink(socket_control);
	TRY(part_start(&p->swtpm, false, argv, d));
	return part_await(&p->supervisor, &p->swtpm, sockets, d);
}

static enum tcb_error start_sgxsim(struct platform *p, struct diagnosis *d)
{
	char program[PATH_MAX], acm[PATH_MAX];
	char *const argv[] = { program, p->config.dir, (char *)"--ptpm", p->tcti, (char *)"--acm", acm, NULL };

	TRY(path_program("sgxsim", program, sizeof program, d));
	TRY(path_program("acm.enclave", acm, sizeof acm, d));
	TRY(part_start(&p->sgxsim, true, argv, d));
	return part_await(&p->supervisor, &p->sgxsim, NULL, d);
}

static enum tcb_error run_firmware(const struct platform *p, struct diagnosis *d)
{
	char log[PATH_MAX], daemon[PATH_MAX];
	const char *programs[] = { daemon, "/usr/bin/qemu-system-x86_64" };
	unsigned count = access(programs[1], R_OK) == 0 ? 2 : 1;

	TRY(path_program("tcbindd", daemon, sizeof daemon, d));
	TRY(path_in(p->config.dir, "run/event-log.bin", log, sizeof log, d));
	return firmware_measure(p->tcti, programs, count, log, d);
}

static enum tcb_error start_daemon(struct platform *p, struct diagnosis *d)
{
	char program[PATH_MAX];
	char *const argv[] = { program, p->config.dir, (char *)(uintptr_t)(p->idle_exit != NULL ? "--idle-exit" : NULL),
			       (char *)(uintptr_t)p->idle_exit, NULL };

	TRY(path_program("tcbindd", program, sizeof program, d));
	(void)clock_gettime(CLOCK_MONOTONIC, &p->daemon_started);
	TRY(part_start(&p->daemon, true, argv, d));
	return part_await(&p->supervisor, &p->daemon, NULL, d);
}

static enum tcb_error boot(struct platform *p, struct diagnosis *d)
{
	bool stand_in = strcmp(p->config.ptpm, "swtpm") == 0;

	if (stand_in)
		TRY(start_swtpm(p, d));
	TRY(start_sgxsim(p, d));
	if (stand_in)
		TRY(run_firmware(p, d));
	return start_daemon(p, d);
}

static enum tcb_error restart_daemon(struct platform *p, struct diagnosis *d)
{
	struct timespec now;

	(void)fprintf(stderr, "tcbind: tcbindd died (status 0x%x), starting it again\n", (unsigned)p->daemon.status);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	p->restarts = now.tv_sec - p->daemon_started.tv_sec < SOUND_S ? p->restarts + 1 : 1;
	if (p->restarts > RESTARTS_MAX)
		return diagnose_found(d, TCB_PLATFORM, "platform.part", "a daemon that stays", "read what it printed above",
				      "tcbindd died %d times, each time within %d seconds", p->restarts, SOUND_S);
	return start_daemon(p, d);
}

static bool has_ended_idle(const struct platform *p)
{
	return p->idle_exit != NULL && WIFEXITED(p->daemon.status) && WEXITSTATUS(p->daemon.status) == 0;
}

/* Until a signal asks to stop, or a part that cannot be started again has died. */
static enum tcb_error supervise(struct platform *p, struct diagnosis *d)
{
	while (!p->supervisor.stop) {
		if (p->swtpm.ended || p->sgxsim.ended)
			return diagnose_found(d, TCB_PLATFORM, "platform.reset", "a processor and a physical TPM that run",
					      "run the platform again", "hardware that died, a platform reset: %s ended with status 0x%x",
					      p->swtpm.ended ? "swtpm" : "sgxsim",
					      (unsigned)(p->swtpm.ended ? p->swtpm.status : p->sgxsim.status));
		if (!p->daemon.ended)
			supervisor_wait(&p->supervisor, -1, -1);
		else if (has_ended_idle(p))
			return TCB_OK;
		else
			TRY(restart_daemon(p, d));
	}
	return TCB_OK;
}

/* One supervisor a platform; the lock goes with the process. */
static enum tcb_error lock_platform(const struct platform_config *config, struct diagnosis *d)
{
	char path[PATH_MAX];
	int fd;

	TRY(path_in(config->dir, "run/lock", path, sizeof path, d));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return diagnose_found(d, TCB_PLATFORM, "platform.permission", "a directory that this user may write to",
				      "run the command as the platform's owner, and see the space on the disk", "%s: %s", path,
				      strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return TCB_OK; /* the descriptor stays open for the life of the process */
	(void)close(fd);
	return diagnose_found(d, TCB_WRONG_STATE, "platform.running", "a platform that does not run yet",
			      "stop the other `tcbind platform run`", "%s: %s", path, strerror(errno));
}

static void make_directories(const struct platform_config *config)
{
	static const char *const names[] = { "run", "ptpm", "store", "vtpm" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (path_in(config->dir, names[i], path, sizeof path, NULL) == TCB_OK)
			(void)mkdir(path, 0700);
}

/* TPM2_Shutdown, by a process of its own: a TPM that hangs does not keep the platform from ending. */
static void shut_down_tpm(struct platform *p)
{
	pid_t pid = p->swtpm.pid > 0 ? fork() : 0;

	if (p->swtpm.pid == 0)
		return;
	if (pid == 0) {
		(void)setenv("TSS2_LOG", "all+none", 0); /* a TPM that was never started refuses it: nothing to tell */
		firmware_shut_down(p->tcti);
		_exit(0);
	}
	p->shutdown.pid = pid > 0 ? pid : 0;
	part_end(&p->supervisor, &p->shutdown, 0, PART_END_MS);
}

/* The daemon first: it tells each vTPM. Then the enclaves, which hold nothing that is not stored, and the TPM. */
static void power_off(struct platform *p)
{
	part_end(&p->supervisor, &p->daemon, SIGTERM, DAEMON_END_MS);
	part_end(&p->supervisor, &p->sgxsim, SIGKILL, PART_END_MS);
	shut_down_tpm(p);
	part_end(&p->supervisor, &p->swtpm, SIGTERM, PART_END_MS);
}

enum tcb_error platform_run(const char *dir, const char *idle_exit, struct diagnosis *d)
{
	struct platform p = {
		.idle_exit = idle_exit,
		.swtpm = { .name = "swtpm, the stand-in for a physical TPM,", .output = -1 },
		.sgxsim = { .name = "sgxsim", .output = -1 },
		.daemon = { .name = "tcbindd", .output = -1 },
		.shutdown = { .name = "TPM2_Shutdown", .output = -1 },
	};
	enum tcb_error error;

	p.supervisor.parts[0] = &p.swtpm;
	p.supervisor.parts[1] = &p.sgxsim;
	p.supervisor.parts[2] = &p.daemon;
	p.supervisor.parts[3] = &p.shutdown;
	TRY(config_read(dir, &p.config, d));
	TRY(path_check_sockets(p.config.dir, false, d));
	make_directories(&p.config);
	TRY(lock_platform(&p.config, d));
	TRY(config_tcti(&p.config, p.tcti, sizeof p.tcti, d));
	TRY(supervisor_open(&p.supervisor, d));
	error = boot(&p, d);
	if (error == TCB_OK) {
		(void)puts("ready");
		(void)fflush(stdout);
		error = supervise(&p, d);
	}
	power_off(&p);
	return p.supervisor.stop ? TCB_OK : error;
}
