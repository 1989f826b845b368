// SPDX-License-Identifier: MIT
/* By hand: libseccomp takes longer to make this list than the rest of a start, and a VM waits. */
#include "host/compat/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const unsigned allowed[] = {
	SYS_read, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_shutdown, SYS_poll, SYS_ppoll, SYS_restart_syscall,
	SYS_close, SYS_dup2, SYS_unlink, SYS_unlinkat, SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_fcntl, SYS_brk, SYS_mmap, SYS_munmap, SYS_madvise,
	SYS_futex, SYS_getrandom, SYS_getpid, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group,
};

enum { ALLOWED = sizeof allowed / sizeof allowed[0], HEAD = 4, PROGRAM = HEAD + ALLOWED + 2 };

/* Judges the architecture, then the number (x32 numbers match none): allowed, or `otherwise`. */
static void make_program(struct sock_filter ret_program[PROGRAM], unsigned otherwise)
{
	const struct sock_filter head[HEAD] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
	};
	struct sock_filter *next = ret_program + HEAD;

	memcpy(ret_program, head, sizeof head);
	for (unsigned i = 0; i < ALLOWED; i++)
		*next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (unsigned char)(ALLOWED - i), 0);
	*next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
	*next = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

bool sandbox_enter(enum sandbox_action action)
{
	struct sock_filter filter[PROGRAM];
	const struct sock_fprog program = { .len = PROGRAM, .filter = filter };

	if (action == SECCOMP_OFF)
		return true;
	make_program(filter, action == SECCOMP_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return true;
	(void)fprintf(stderr, "swtpm: Could not enter the seccomp sandbox: %s; --seccomp action=none goes without\n", strerror(errno));
	return false;
}
