/* SPDX-License-Identifier: MIT */
/* The programs of one platform, as their supervisor sees them: started in process groups of their own, so that a
 * terminal's Ctrl-C reaches the supervisor alone, and waited for with signals in view. One thread uses this. */
#ifndef TCBIND_HOST_PART_H
#define TCBIND_HOST_PART_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"

#define PARTS_MAX 4

struct part {
	const char *name;
	char log[PATH_MAX]; /* where it writes what went wrong; empty: to standard error */
	pid_t pid;          /* 0: it does not run */
	int output;         /* its standard output, a pipe; -1: closed */
	bool ended;         /* since part_start() */
	int status;         /* then: as waitpid() gives it */
};

struct supervisor {
	int signals;                   /* a signalfd */
	bool stop;                     /* SIGTERM, SIGINT or SIGHUP has come */
	struct part *parts[PARTS_MAX]; /* all that may be reaped; the unused are NULL */
};

/* Blocks the signals that the supervisor reads. Code: platform.signals. */
enum tcb_error supervisor_open(struct supervisor *s, struct diagnosis *d) MUST_USE;
/* Waits for a signal, or for input at `fd` (-1: none), at most so long (-1: forever). Afterwards `stop` and each
 * part's `ended` are true to what has happened. */
void supervisor_wait(struct supervisor *s, int fd, int patience_ms);

/* Forks and executes argv[0], which dies with the supervisor. Its standard output is read if it `says_ready`, and goes
 * to standard error if not. Code: platform.part. */
enum tcb_error part_start(struct part *part, bool says_ready, char *const argv[], struct diagnosis *d) MUST_USE;
/* Waits until the part has printed the line `ready`, or, where `sockets` (ended by NULL) are given, until they are all
 * there. Tells on standard error that a start is slow; ends at once when the part has ended or `stop` is set (then with
 * TCB_WRONG_STATE and no diagnosis). Codes: platform.part, platform.slow. */
enum tcb_error part_await(struct supervisor *s, struct part *part, const char *const sockets[], struct diagnosis *d) MUST_USE;
/* Sends the signal and waits until the part has ended; kills it after `patience_ms`, and says so. */
void part_end(struct supervisor *s, struct part *part, int signal_number, int patience_ms);

#endif
