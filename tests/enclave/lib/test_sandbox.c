// SPDX-License-Identifier: MIT
/* enclave/tee/sim/sandbox: what an enclave process may do, and that every other system call ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/tee/sim/sandbox.h"

enum { NOT_IN_SANDBOX = 3, PAGE = 4096, ARGUMENTS = 6 };

struct call {
	const char *name;
	long number;
	long arguments[ARGUMENTS];
};

/* Makes the call in a child that has entered the sandbox. Returns the child's wait status. */
static int status_of(const struct call *c)
{
	const long *a = c->arguments;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (!sandbox_enter())
			_exit(NOT_IN_SANDBOX);
		(void)syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
		(void)syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static bool is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void every_other_call_ends_it(void **state)
{
	static const char path[] = "/dev/null";
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct call calls[] = {
		{"open", SYS_open, {(long)path, O_RDONLY}},
		{"openat", SYS_openat, {AT_FDCWD, (long)path, O_RDONLY}},
		{"openat2", SYS_openat2, {AT_FDCWD, (long)path}},
		{"unlink", SYS_unlink, {(long)"/nowhere"}},
		{"socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
		{"connect", SYS_connect, {0}},
		{"sendmsg", SYS_sendmsg, {1}},
		{"execve", SYS_execve, {(long)"/bin/true"}},
		{"fork", SYS_fork, {0}},
		{"clone", SYS_clone, {SIGCHLD}},
		{"ptrace", SYS_ptrace, {PTRACE_TRACEME}},
		{"process_vm_readv", SYS_process_vm_readv, {getppid()}},
		{"kill", SYS_kill, {getpid(), 0}},
		{"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
		{"ioctl", SYS_ioctl, {0}},
		{"dup", SYS_dup, {0}},
		{"memfd_create", SYS_memfd_create, {(long)"m"}},
		{"mmap of memory to execute", SYS_mmap, {0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
		{"mprotect of memory to execute", SYS_mprotect, {(long)page, PAGE, PROT_READ | PROT_EXEC}},
		{"a call of the x32 table", SYS_getpid | 0x40000000L, {0}},
	};

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (!is_killed(status_of(&calls[i])))
			fail_msg("%s does not end the process", calls[i].name);
	(void)munmap(page, PAGE);
}

static void what_it_needs_goes_on(void **state)
{
	static uint8_t bytes[8];
	const struct call calls[] = {
		{"getrandom", SYS_getrandom, {(long)bytes, sizeof bytes, 0}},
		{"write", SYS_write, {STDOUT_FILENO, (long)bytes, 0}},
		{"mmap", SYS_mmap, {0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		int status = status_of(&calls[i]);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s ends the process", calls[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_other_call_ends_it),
		cmocka_unit_test(what_it_needs_goes_on),
	};

	return cmocka_run_group_tests_name("enclave/sandbox", tests, NULL, NULL);
}
