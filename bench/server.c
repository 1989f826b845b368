// SPDX-License-Identifier: MIT
/* What is measured on: servers of both sides with the same command line, and the platform that tcbind's need. */
#include "bench/bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/tpm.h"

char bench_work[PATH_MAX - 64], bench_build[PATH_MAX - 64];
enum { PLATFORMS_MAX = 2 };

static struct { char dir[PATH_MAX]; int supervisor; } platforms[PLATFORMS_MAX];
static unsigned platform; /* that is meant */
#define platform_dir platforms[platform].dir
#define supervisor platforms[platform].supervisor

double bench_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int spawn(const char *const argv[], const char *output)
{
	int pid = fork();

	if (pid == 0) {
		int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	bench_check(pid > 0, "a process");
	return pid;
}

static void run(const char *const argv[])
{
	int status = 1, pid = spawn(argv, "/dev/null");

	bench_check(waitpid(pid, &status, 0) == pid && status == 0, argv[1]);
}

void bench_pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000 * 1000 };

	(void)nanosleep(&t, NULL);
}

/* ---- the platform ---- */

void platform_select(unsigned number)
{
	platform = number;
	(void)setenv("TCBIND_PLATFORM", platform_dir, 1);
}

void platform_start(unsigned number, const char *name)
{
	char tool[PATH_MAX], pki[PATH_MAX], output[PATH_MAX], text[16] = "";

	(void)snprintf(tool, sizeof tool, "%s/cli/tcbind", bench_build);
	(void)snprintf(pki, sizeof pki, "%s/pki", bench_work);
	platform_select(number);
	(void)snprintf(platform_dir, sizeof platform_dir, "%s/%s", bench_work, name);
	(void)snprintf(output, sizeof output, "%s/%s.out", bench_work, name);
	if (access(pki, F_OK) != 0)
		run((const char *[]){ tool, "pki", "init", pki, NULL });
	run((const char *[]){ tool, "platform", "init", platform_dir, "--pki", pki, "--name", name, NULL });
	supervisor = spawn((const char *[]){ tool, "platform", "run", platform_dir, NULL }, output);
	for (int i = 0; i < 2000 && strstr(text, "ready") == NULL; i++) {
		int fd = open(output, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
			text[0] = '\0';
		if (fd >= 0)
			(void)close(fd);
		bench_pause_ms(10);
	}
	bench_check(strstr(text, "ready") != NULL, "a platform that runs");
	(void)setenv("TCBIND_PLATFORM", platform_dir, 1);
}

void platform_stop(void)
{
	(void)kill(supervisor, SIGTERM);
	(void)waitpid(supervisor, NULL, 0);
	supervisor = 0;
}

unsigned platform_quotes(void)
{
	char command[2 * PATH_MAX];
	json_t *status;
	FILE *output;
	unsigned count;

	(void)snprintf(command, sizeof command, "%s/cli/tcbind platform status %s --json", bench_build, platform_dir);
	output = popen(command, "re");
	status = output != NULL ? json_loadf(output, 0, NULL) : NULL;
	bench_check(json_is_integer(json_object_get(status, "ptpm_quotes")), "the platform's status");
	count = (unsigned)json_integer_value(json_object_get(status, "ptpm_quotes"));
	json_decref(status);
	(void)pclose(output);
	return count;
}

double process_uss_kib(int pid)
{
	char path[64], line[256];
	double total = 0;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "Private_", 8) == 0)
			total += strtod(strchr(line, ':') + 1, NULL);
	if (file != NULL)
		(void)fclose(file);
	return total;
}

static int parent_of(int pid)
{
	char path[64], text[512] = "";
	char *end;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file != NULL) {
		(void)!fread(text, 1, sizeof text - 1, file);
		(void)fclose(file);
	}
	end = strrchr(text, ')');
	return end != NULL ? atoi(end + 4) : 0;
}

/* Calls `visit` for the supervisor and all below it. */
static void each_process(void (*visit)(int pid, void *context), void *context)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int pid = atoi(entry->d_name), above = pid;

		for (int i = 0; i < 8 && above > 1 && above != supervisor; i++)
			above = parent_of(above);
		if (pid > 1 && above == supervisor)
			visit(pid, context);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

struct memory {
	double uss_kib;
	unsigned processes;
};

static void add_memory(int pid, void *context)
{
	struct memory *sum = context;

	sum->uss_kib += process_uss_kib(pid);
	sum->processes++;
}

double platform_uss_kib(unsigned *ret_processes)
{
	struct memory sum = {0};

	each_process(add_memory, &sum);
	*ret_processes = sum.processes;
	return sum.uss_kib;
}

static void move_threads(int pid, void *context)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (atoi(entry->d_name) > 0)
			(void)sched_setaffinity(atoi(entry->d_name), sizeof(cpu_set_t), context); /* it may have ended */
	if (dir != NULL)
		(void)closedir(dir);
}

void bench_pin(bool one_core)
{
	static cpu_set_t all;
	static bool known;
	cpu_set_t one, *wanted = one_core ? &one : &all;

	if (!known)
		bench_check(sched_getaffinity(0, sizeof all, &all) == 0, "the cores that there are");
	known = true;
	CPU_ZERO(&one);
	for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&one) == 0;)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	bench_check(sched_setaffinity(0, sizeof *wanted, wanted) == 0, "a process that can be pinned");
	if (supervisor > 0)
		each_process(move_threads, wanted);
}

/* ---- servers ---- */

static int try_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_check(strlen(path) < sizeof address.sun_path, "a short path");
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void program_of(enum side side, const char *name, char ret_path[PATH_MAX])
{
	if (side == SWTPM)
		(void)snprintf(ret_path, PATH_MAX, "/usr/bin/%s", name);
	else
		(void)snprintf(ret_path, PATH_MAX, "%s/host/compat/%s", bench_build, name);
}

static void make_dir(enum side side, const char *name, char ret_dir[PATH_MAX])
{
	(void)snprintf(ret_dir, PATH_MAX, "%s/%s.%s", bench_work, name, side == SWTPM ? "s" : "t");
	(void)mkdir(ret_dir, 0700);
}

double server_setup_timed(enum side side, const char *name)
{
	char program[PATH_MAX], dir[PATH_MAX];
	double from;

	program_of(side, "swtpm_setup", program);
	make_dir(side, name, dir);
	from = bench_now_us();
	run((const char *[]){ program, "--tpm2", "--tpm-state", dir, "--vmid", "bench:00000000-0000-4000-8000-000000000000", "--createek", "--create-ek-cert",
			      "--create-platform-cert", "--lock-nvram", "--not-overwrite", NULL });
	return bench_now_us() - from;
}

static void launch(enum side side, const char *name, const char *flags, struct server *ret)
{
	char program[PATH_MAX], state[PATH_MAX + 16], data[PATH_MAX + 32], control[PATH_MAX + 32], log[PATH_MAX + 32], output[PATH_MAX + 16];

	make_dir(side, name, ret->dir);
	program_of(side, "swtpm", program);
	(void)snprintf(state, sizeof state, "dir=%s", ret->dir);
	(void)snprintf(data, sizeof data, "type=unixio,path=%s/data", ret->dir);
	(void)snprintf(control, sizeof control, "type=unixio,path=%s/ctrl", ret->dir);
	(void)snprintf(log, sizeof log, "file=%s/log", ret->dir);
	(void)snprintf(output, sizeof output, "%s/out", ret->dir);
	ret->pid = spawn((const char *[]){ program, "socket", "--tpm2", "--tpmstate", state, "--server", data, "--ctrl", control, "--log", log,
					   flags[0] != '\0' ? "--flags" : NULL, flags, NULL },
			 output);
	ret->control = ret->data = -1;
}

/* The moment that a client has, polling as swtpm's users do, but without pauses. */
static void connect_data(struct server *s)
{
	char path[PATH_MAX + 8];

	(void)snprintf(path, sizeof path, "%s/data", s->dir);
	for (double end = bench_now_us() + 20e6; s->data < 0 && bench_now_us() < end;) {
		s->data = try_connect(path);
		if (s->data < 0)
			(void)sched_yield();
	}
	bench_check(s->data >= 0, "a server that listens");
}

void server_start_waiting(enum side side, const char *name, struct server *ret)
{
	char path[PATH_MAX + 8];

	launch(side, name, "", ret);
	(void)snprintf(path, sizeof path, "%s/ctrl", ret->dir);
	connect_data(ret);
	ret->control = try_connect(path);
	bench_check(ret->control >= 0, "a control socket");
}

void server_start(enum side side, const char *name, struct server *ret)
{
	launch(side, name, "not-need-init,startup-clear", ret);
	connect_data(ret);
}

double server_start_timed(enum side side, const char *name, struct server *ret)
{
	struct tpm_request startup;
	double from = bench_now_us();
	struct span rest;
	uint32_t code;

	tpm_make_startup(&startup);
	launch(side, name, "not-need-init", ret);
	connect_data(ret);
	code = tpm_try(ret->data, &startup, &rest);
	from = bench_now_us() - from;
	if (code != 0)
		bench_fail("TPM2_Startup", code);
	return from;
}

double nothing_timed(void)
{
	char path[PATH_MAX];
	double from;

	(void)snprintf(path, sizeof path, "%s/bench/nothing", bench_build);
	from = bench_now_us();
	run((const char *[]){ path, NULL });
	return bench_now_us() - from;
}

void echo_start(struct server *ret)
{
	static const uint8_t nothing[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0, 0 };
	uint8_t command[4096];
	int ends[2];

	bench_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets");
	*ret = (struct server){ .pid = fork(), .data = ends[0], .control = -1 };
	bench_check(ret->pid >= 0, "a process");
	if (ret->pid == 0) {
		(void)close(ends[0]);
		while (recv(ends[1], command, sizeof command, 0) > 0 && send(ends[1], nothing, sizeof nothing, MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	(void)close(ends[1]);
}

void server_stop(struct server *s)
{
	(void)close(s->data);
	(void)kill(s->pid, SIGTERM);
	(void)waitpid(s->pid, NULL, 0);
	s->data = -1;
}

/* ---- the platform's own vTPMs ---- */

void native_create(char ret_id[37], const char *options)
{
	char command[2 * PATH_MAX];
	FILE *output;

	(void)snprintf(command, sizeof command, "%s/cli/tcbind vtpm create --platform %s %s", bench_build, platform_dir, options);
	output = popen(command, "re");
	bench_check(output != NULL && fscanf(output, "%36s", ret_id) == 1 && fscanf(output, "%*[^\n]") == 0 && pclose(output) == 0, "a new vTPM");
}

static void control(const struct server *s, const uint8_t *request, size_t size, int fd)
{
	union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } ancillary = {0};
	struct iovec iov = { .iov_base = (void *)(uintptr_t)request, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint8_t result[4] = { 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		message.msg_control = ancillary.bytes;
		message.msg_controllen = sizeof ancillary.bytes;
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	bench_check(sendmsg(s->control, &message, MSG_NOSIGNAL) == (ssize_t)size && recv(s->control, result, 4, MSG_WAITALL) == 4 &&
			    memcmp(result, (const uint8_t[4]){0}, 4) == 0,
		    "a control command");
}

void native_connect(const char *id, struct server *ret)
{
	static const uint8_t set_datafd[] = { 0, 0, 0, 0x10 }; /* answered as QEMU waits for it: before a machine that comes in is stopped */
	char path[PATH_MAX + 64];
	int pair[2];

	(void)snprintf(path, sizeof path, "%s/vtpm/%s/ctrl.sock", platform_dir, id);
	ret->control = try_connect(path);
	bench_check(ret->control >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "a vTPM's control socket");
	control(ret, set_datafd, sizeof set_datafd, pair[1]);
	(void)close(pair[1]);
	ret->data = pair[0];
	ret->pid = 0;
}

void native_start(const char *id, struct server *ret)
{
	static const uint8_t init[] = { 0, 0, 0, 2, 0, 0, 0, 0 };
	struct tpm_request startup;

	native_connect(id, ret);
	control(ret, init, sizeof init, -1);
	tpm_make_startup(&startup);
	(void)tpm_send(ret->data, &startup);
}

void native_stop(struct server *s)
{
	(void)close(s->data);
	(void)close(s->control);
}
