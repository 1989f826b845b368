// SPDX-License-Identifier: MIT
/* Called by tee_enter() before the sandbox. Fed by: the processor, over ENCLAVE_ZYGOTE_FD (edge/instruction.h). */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one place where every random number can be seen */
#include "enclave/tee/sim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/descriptors.h"
#include "edge/instruction.h"
#include "enclave/tee/tee.h"

static int no_bytes(unsigned char *bytes, int size)
{
	(void)bytes;
	(void)size;
	tee_abort("a random number before the fork: two enclaves would share it");
}

static const RAND_METHOD no_random = { .bytes = no_bytes, .pseudorand = no_bytes };

/* Waits for the next request and takes its two descriptors: host stream, instruction channel. */
static void receive(int ret_fds[2])
{
	struct descriptors came;
	uint8_t byte;

	if (receive_descriptors(ENCLAVE_ZYGOTE_FD, &byte, 1, 2, &came) != 1)
		_exit(0); /* the processor is gone, or has another image */
	if (came.count != 2)
		tee_abort("a request without its descriptors");
	memcpy(ret_fds, came.fds, 2 * sizeof(int));
}

/* In the child: what execution would have given it. */
static void be_born(const int fds[2], pid_t processor)
{
	int stream = fcntl(fds[0], F_DUPFD, ENCLAVE_ZYGOTE_FD + 1), instructions = fcntl(fds[1], F_DUPFD, ENCLAVE_ZYGOTE_FD + 1);

	if (stream < 0 || instructions < 0 || dup2(stream, ENCLAVE_STREAM_FD) < 0 ||
	    dup2(instructions, ENCLAVE_INSTRUCTION_FD) < 0 || syscall(SYS_close_range, 0u, 2u, 0) != 0 ||
	    syscall(SYS_close_range, ENCLAVE_INSTRUCTION_FD + 1u, ~0u, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != processor || RAND_set_rand_method(RAND_OpenSSL()) != 1)
		tee_abort("a child that is not born");
}

void zygote_serve(void (*prepare)(void))
{
	pid_t processor = getppid();
	int fds[2];

	if (fcntl(ENCLAVE_ZYGOTE_FD, F_GETFD) < 0)
		return;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || RAND_set_rand_method(&no_random) != 1)
		tee_abort("a zygote that is not closed");
	if (prepare != NULL)
		prepare();
	for (;;) {
		int32_t pid;

		receive(fds);
		/* The processor stays the parent of every enclave. */
		pid = (int32_t)syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), NULL, NULL, NULL, NULL);
		if (pid == 0) {
			be_born(fds, processor);
			return;
		}
		(void)close(fds[0]);
		(void)close(fds[1]);
		if (send(ENCLAVE_ZYGOTE_FD, &pid, sizeof pid, MSG_NOSIGNAL) != sizeof pid)
			_exit(0);
	}
}
