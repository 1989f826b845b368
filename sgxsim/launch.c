// SPDX-License-Identifier: MIT
#include "sgxsim/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/instruction.h"
#include "sgxsim/file.h"
#include "sgxsim/sigstruct.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static enum tcb_error failed(struct diagnosis *d, const char *what)
{
	return diagnose_found(d, TCB_PLATFORM, "sgx.launch", "an enclave process", "look at the machine's limits",
			      "%s: %s", what, strerror(errno));
}

static bool fill(int memfd, struct span image)
{
	while (image.size > 0) {
		ssize_t n = write(memfd, image.data, image.size);

		if (n <= 0)
			return false;
		image = span_from(image, (size_t)n);
	}
	return fcntl(memfd, F_ADD_SEALS, ALL_SEALS) == 0;
}

/* Seals first and measures the sealed bytes: what was measured can no longer change. */
static enum tcb_error judge(int memfd, size_t size, struct span sigstruct, struct enclave_identity *ret_identity,
			    struct diagnosis *d)
{
	void *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, memfd, 0);
	enum tcb_error error;

	if (mapped == MAP_FAILED)
		return failed(d, "mmap of an enclave's image");
	error = sigstruct_check(sigstruct, span_of(mapped, size), ret_identity, d);
	(void)munmap(mapped, size);
	return error;
}

enum tcb_error enclave_load(const char *path, struct enclave_identity *ret_identity, int *ret_memfd, struct diagnosis *d)
{
	struct file_bytes image = {0}, sigstruct = {0};
	char sig_path[4200];
	enum tcb_error error;
	int memfd = memfd_create("enclave", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	(void)snprintf(sig_path, sizeof sig_path, "%s.sig", path);
	error = memfd >= 0 ? file_read(path, &image, d) : failed(d, "memfd_create");
	if (error == TCB_OK)
		error = file_read(sig_path, &sigstruct, d);
	if (error == TCB_OK && !fill(memfd, file_span(&image)))
		error = failed(d, "sealing an enclave's image");
	if (error == TCB_OK)
		error = judge(memfd, image.size, file_span(&sigstruct), ret_identity, d);
	file_free(&image);
	file_free(&sigstruct);
	if (error != TCB_OK) {
		if (memfd >= 0)
			(void)close(memfd);
		return error;
	}
	*ret_memfd = memfd;
	return TCB_OK;
}

/* In the child: the given descriptors in their places, no other; the image; never returns. The image's own is the one after them. */
static _Noreturn void become(int memfd, const int *fds, const int *places, int count, pid_t parent)
{
	const struct rlimit none = {0}, few = {10, 10};
	char *const argv[] = { (char *)"enclave", NULL }, *const envp[] = { NULL };
	int moved[2], image = places[count - 1] + 1;
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_UNBLOCK, &all, NULL);
	/* All out of the way of their places first. */
	for (int i = 0; i < count; i++)
		if ((moved[i] = fcntl(fds[i], F_DUPFD, 16)) < 0)
			_exit(71);
	memfd = fcntl(memfd, F_DUPFD, 16);
	if (memfd < 0 || syscall(SYS_close_range, 0u, 15u, 0) != 0 || dup3(memfd, image, O_CLOEXEC) < 0)
		_exit(71);
	for (int i = 0; i < count; i++)
		if (dup2(moved[i], places[i]) < 0)
			_exit(71);
	if (syscall(SYS_close_range, (unsigned)image + 1, ~0u, 0) != 0)
		_exit(71);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || setrlimit(RLIMIT_CORE, &none) != 0 ||
	    setrlimit(RLIMIT_NOFILE, &few) != 0)
		_exit(71);
	(void)syscall(SYS_execveat, image, "", argv, envp, AT_EMPTY_PATH);
	_exit(71);
}

enum tcb_error enclave_channels(struct enclave *e, int ret_theirs[2], struct diagnosis *d)
{
	int stream[2], instructions[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) != 0)
		return failed(d, "socketpair");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, instructions) != 0) {
		(void)close(stream[0]);
		(void)close(stream[1]);
		return failed(d, "socketpair");
	}
	e->stream_fd = stream[0];
	e->instruction_fd = instructions[0];
	ret_theirs[0] = stream[1];
	ret_theirs[1] = instructions[1];
	return TCB_OK;
}

enum tcb_error enclave_start(int memfd, const struct enclave_identity *identity, struct enclave *ret_enclave,
			     struct diagnosis *d)
{
	static const int places[] = { ENCLAVE_STREAM_FD, ENCLAVE_INSTRUCTION_FD };
	struct enclave e = { .identity = *identity };
	pid_t parent = getpid();
	int theirs[2];

	TRY(enclave_channels(&e, theirs, d));
	e.pid = fork();
	if (e.pid == 0)
		become(memfd, theirs, places, 2, parent);
	(void)close(theirs[0]);
	(void)close(theirs[1]);
	if (e.pid < 0) {
		(void)close(e.stream_fd);
		(void)close(e.instruction_fd);
		return failed(d, "fork");
	}
	*ret_enclave = e;
	return TCB_OK;
}

enum tcb_error enclave_start_zygote(int memfd, pid_t *ret_pid, int *ret_fd, struct diagnosis *d)
{
	static const int place = ENCLAVE_ZYGOTE_FD;
	pid_t parent = getpid(), pid;
	int channel[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
		return failed(d, "socketpair");
	pid = fork();
	if (pid == 0)
		become(memfd, &channel[1], &place, 1, parent);
	(void)close(channel[1]);
	if (pid < 0) {
		(void)close(channel[0]);
		return failed(d, "fork");
	}
	*ret_pid = pid;
	*ret_fd = channel[0];
	return TCB_OK;
}
