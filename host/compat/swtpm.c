// SPDX-License-Identifier: MIT
/* swtpm, as QEMU, libvirt and swtpm_setup start it. This process opens the sockets and the state's directory, so that a peer can connect at once; brings
 * them to the platform's daemon, which may first have to be started; keeps log and pid file; and ends with its vTPM. Rights after start: what a seccomp list allows; secrets: an import key at most. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/wipe.h"
#include "host/compat/channel.h"
#include "host/compat/platform.h"
#include "host/compat/report.h"
#include "host/compat/sandbox.h"
#include "host/compat/state_file.h"
#include "host/compat/user.h"
#include "host/io.h"
#include "host/registration.h"

enum { STOP_PATIENCE_MS = 5000 };

struct process {
	struct settings s;
	FILE *log;
	struct platform platform;
	int control_fd, data_fd, state_fd, file_fd, ready_pipe, signals;
	bool control_connected, data_connected;
};

static void log_line(struct process *p, const char *text)
{
	if (p->log != NULL)
		(void)fprintf(p->log, "%s%s\n", p->s.log_prefix, text);
}

static void log_diagnosis_json(void *context, const json_t *d)
{
	char line[1024];

	(void)snprintf(line, sizeof line, "%s: found %s; wanted %s; %s", json_string_value(json_object_get(d, "code")),
		       json_string_value(json_object_get(d, "found")), json_string_value(json_object_get(d, "wanted")),
		       json_string_value(json_object_get(d, "action")));
	log_line(context, line);
}

/* ---- start ---- */

static bool open_log(struct process *p)
{
	int fd = p->s.log_fd;

	p->log = stderr;
	if (p->s.log_silent)
		p->log = NULL;
	else if (p->s.log_file[0] != '\0')
		fd = open(p->s.log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (p->s.log_truncate ? O_TRUNC : 0), 0600);
	if (fd < 0 && (p->s.log_file[0] == '\0' || p->s.log_silent))
		return true;
	p->log = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (p->log == NULL) {
		(void)fprintf(stderr, "swtpm: Could not open logfile %s: %s\n", p->s.log_file, strerror(errno));
		return false;
	}
	(void)setvbuf(p->log, NULL, _IOLBF, 0);
	return true;
}

static bool open_state(struct process *p)
{
	char path[PATH_MAX + 128];

	if (state_file_open(&p->s, &p->state_fd, &p->file_fd, path))
		return true;
	(void)fprintf(stderr, "swtpm: Could not open the TPM state %s %s: %s\n", p->s.state_is_file ? "file" : "directory", path, strerror(errno));
	return false;
}

/* To who started this, and to the log. */
static bool fail_with(struct process *p, const struct diagnosis *d)
{
	char line[1024];

	(void)snprintf(line, sizeof line, "%s: found %s; wanted %s; %s", d->code, d->found, d->wanted, d->action);
	(void)fprintf(stderr, "swtpm: %s\n", line);
	if (p->log != stderr)
		log_line(p, line);
	return false;
}

/* Before --runas: the platform is the one of the user who started this. */
static bool begin_platform(struct process *p)
{
	struct diagnosis d = {0};

	return platform_begin(&p->platform, &d) == TCB_OK || fail_with(p, &d);
}

static bool change_root(const char *dir)
{
	if (chroot(dir) == 0 && chdir("/") == 0)
		return true;
	(void)fprintf(stderr, "swtpm: Could not chroot to %s: %s\n", dir, strerror(errno));
	return false;
}

static bool open_all(struct process *p)
{
	struct runas who;

	return begin_platform(p) && (p->s.user == NULL || user_find_runas("swtpm", p->s.user, &who)) &&
	       (p->s.chroot_dir == NULL || change_root(p->s.chroot_dir)) && open_log(p) &&
	       (p->s.user == NULL || user_become("swtpm", &who)) && open_state(p) &&
	       channel_open(&p->s.control, &p->control_fd, &p->control_connected) &&
	       channel_open(&p->s.data, &p->data_fd, &p->data_connected);
}

/* ---- registration ---- */

static void add_fd(json_t *names, int *fds, const char *name, int fd)
{
	if (fd < 0)
		return;
	fds[json_array_size(names)] = fd;
	(void)json_array_append_new(names, json_string(name));
}

static json_t *options_json(const struct process *p)
{
	const struct settings *s = &p->s;
	int flags = (s->file_key.size > 0 ? 1 : 0) | (s->migration_key.size > 0 ? 2 : 0);

	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:i, s:i}", "one_command", s->data.one_command, "data_fixed",
			 s->data.kind != CHANNEL_NONE, "ends_with_data", s->terminate, "ends_with_control",
			 s->control.ends_with_client, "reject_locality_4", s->reject_locality_4, "allow_set_locality",
			 s->allow_set_locality, "initialise", s->initialise, "ends_hard", s->ends_hard, "incoming", s->incoming, "config_flags", flags, "startup", s->startup);
}

static enum tcb_error register_vtpm(struct process *p, struct diagnosis *d)
{
	json_t *names = json_array(), *message;
	int fds[REGISTRATION_FDS];
	enum tcb_error error;

	add_fd(names, fds, "state_dir", p->state_fd);
	add_fd(names, fds, "state_file", p->file_fd);
	add_fd(names, fds, p->control_connected ? "control_client" : "control_listener", p->control_fd);
	add_fd(names, fds, p->data_connected ? "data_client" : "data_listener", p->data_fd);
	message = json_pack("{s:o, s:s, s:s, s:i, s:o}", "fds", names, "state", p->s.state_name, "volatile", p->s.volatile_name, "mode",
			    (int)p->s.state_mode, "options", options_json(p));
	platform_add_key(message, "file_key", &p->s.file_key);
	platform_add_key(message, "migration_key", &p->s.migration_key);
	error = platform_register(&p->platform, message, fds, json_array_size(names), d);
	json_decref(message);
	return error;
}

static bool wait_ready(struct process *p)
{
	json_t *answer = platform_answer(p->platform.connection, p->signals, log_diagnosis_json, p);
	const json_t *refusal = json_object_get(answer, "error");
	bool ready = json_is_true(json_object_get(answer, "ready"));
	char line[PATH_MAX + 64];

	if (ready && p->s.log_level > 0) {
		(void)snprintf(line, sizeof line, "serving the TPM in %s", p->s.state_dir);
		log_line(p, line);
	}
	if (refusal != NULL)
		log_diagnosis_json(p, refusal);
	else if (!ready)
		log_line(p, "compat.platform: no start: the platform's daemon has ended, or this process was told to end");
	json_decref(answer);
	return ready;
}

/* ---- pid file, daemon ---- */

static bool write_pid(const struct process *p)
{
	int fd = p->s.pid_fd;
	char text[16];
	int size = snprintf(text, sizeof text, "%d", (int)getpid());
	bool ok;

	if (p->s.pid_file[0] != '\0')
		fd = open(p->s.pid_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	else if (fd < 0)
		return true;
	ok = fd >= 0 && write(fd, text, (size_t)size) == size;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* Parent: waits until the child is ready, then ends. False: there is no child. */
static bool become_daemon(struct process *p)
{
	int pipe_fds[2];
	char ready = 0;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return false;
	if (pid > 0) {
		(void)close(pipe_fds[1]);
		exit(read(pipe_fds[0], &ready, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	(void)close(pipe_fds[0]);
	p->ready_pipe = pipe_fds[1];
	(void)setsid();
	return true;
}

/* Lets go of the caller's descriptors, then says that all is there: a pipe that the caller reads is at its end when the parent ends. */
static bool tell_parent(struct process *p, int null)
{
	if (p->ready_pipe < 0)
		return true;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return false;
	(void)!write(p->ready_pipe, "r", 1);
	io_close(&p->ready_pipe);
	return true;
}

/* ---- life ---- */

/* One message of the daemon; false: the last. */
static bool serve_message(struct process *p, int *status)
{
	json_t *message = platform_receive(p->platform.connection);
	const json_t *line = json_object_get(message, "log");
	bool ended = json_is_true(json_object_get(message, "end"));

	if (line != NULL)
		log_diagnosis_json(p, line);
	if (message == NULL) {
		log_line(p, "compat.platform: the platform's daemon has ended, and this vTPM with it; its state is as it was acknowledged");
		*status = EXIT_FAILURE;
	}
	json_decref(message);
	return line != NULL && !ended;
}

static int live(struct process *p)
{
	struct pollfd fds[2] = { { .fd = p->platform.connection, .events = POLLIN }, { .fd = p->signals, .events = POLLIN } };
	int status = EXIT_SUCCESS, patience = -1;

	for (;;) {
		int got = poll(fds, 2, patience);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return EXIT_FAILURE; /* the daemon did not end it in time */
		if (fds[0].revents != 0 && !serve_message(p, &status))
			return status;
		if (fds[1].revents != 0 && patience < 0) {
			(void)shutdown(p->platform.connection, SHUT_WR); /* the daemon brings the TPM to rest and says so */
			fds[1].fd = -1;
			patience = STOP_PATIENCE_MS;
		}
	}
}

static int block_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool attach(struct process *p)
{
	struct diagnosis d = {0};

	if (platform_await(&p->platform, p->signals, &d) != TCB_OK || register_vtpm(p, &d) != TCB_OK)
		return d.code[0] != '\0' && fail_with(p, &d);
	wipe(&p->s.file_key, sizeof p->s.file_key);
	wipe(&p->s.migration_key, sizeof p->s.migration_key);
	io_close(&p->file_fd);
	(void)close(p->state_fd); /* the daemon has them now; listeners stay open here too, so that `ss -lp` names this process */
	if (p->control_connected)
		io_close(&p->control_fd);
	if (p->data_connected)
		io_close(&p->data_fd);
	return true;
}

/* The parent of a daemon hears of it only when nothing can fail any more. */
static int run_with_pid(struct process *p)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return write_pid(p) && sandbox_enter(p->s.seccomp) && tell_parent(p, null) ? live(p) : EXIT_FAILURE;
}

static int run(struct process *p)
{
	int status;

	p->signals = block_signals();
	if (!attach(p) || !wait_ready(p))
		return EXIT_FAILURE;
	status = run_with_pid(p);
	if (p->s.pid_file[0] != '\0')
		(void)unlink(p->s.pid_file);
	return status;
}

/* Before this process' connection to the daemon, whose end tells that the place is free. */
static void close_channel(const struct channel *c, int *fd)
{
	io_close(fd);
	channel_remove(c);
}

static int serve_socket(int argc, char **argv, const char *program)
{
	static struct process p = { .control_fd = -1, .data_fd = -1, .state_fd = -1, .file_fd = -1, .platform = PLATFORM_NONE, .ready_pipe = -1, .signals = -1 };
	int status;

	if (!settings_parse(argc, argv, &p.s))
		return EXIT_FAILURE;
	if (p.s.help) {
		settings_usage(stdout, program);
		return EXIT_SUCCESS;
	}
	if (p.s.print_capabilities)
		return report_capabilities();
	if (p.s.print_profiles)
		return report_profiles();
	if (p.s.print_states)
		return report_states(&p.s);
	if (!open_all(&p) || (p.s.daemonize && !become_daemon(&p)))
		return EXIT_FAILURE;
	status = run(&p);
	close_channel(&p.s.control, &p.control_fd);
	close_channel(&p.s.data, &p.data_fd);
	return status;
}

int main(int argc, char **argv)
{
	io_fill_standard();
	if (argc >= 2 && strcmp(argv[1], "socket") == 0)
		return serve_socket(argc - 1, argv + 1, argv[0]);
	if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
		(void)puts("TPM emulator version " SWTPM_VERSION " (tcbind)");
		return EXIT_SUCCESS;
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		settings_usage(stdout, argv[0]);
		return EXIT_SUCCESS;
	}
	if (argc < 2) /* swtpm's words, which scripts look for that ask whether an interface is there */
		(void)fprintf(stderr, "Missing TPM interface type.\n");
	else
		(void)fprintf(stderr, "Unsupported TPM interface type '%s'.\n", argv[1]);
	(void)fprintf(stderr, "swtpm: only the socket interface is there (no chardev, no cuse): %s socket --help\n", argv[0]);
	return EXIT_FAILURE;
}
