/* SPDX-License-Identifier: MIT */
/* A directory that is made whole or not at all: it is filled under another name beside its own, and renamed at the end. */
#ifndef TCBIND_CLI_STAGING_H
#define TCBIND_CLI_STAGING_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>

#include "core/error.h"

struct staging {
	char target[PATH_MAX]; /* absolute, as it will be called */
	char parent[PATH_MAX]; /* temporary, beside the target */
	char dir[PATH_MAX + 8]; /* to be filled: staging_begin() leaves the making of it to its user */
	sigset_t signals;      /* as they were blocked before */
};

/* Refuses a target that is there, or whose parent is not. Signals that would end the process wait until staging_end().
 * `code_exists` is the code of the former; code: file.write. */
enum tcb_error staging_begin(const char *target, const char *code_exists, struct staging *ret_s, struct diagnosis *d) MUST_USE;
/* After `error` was TCB_OK: gives the directory its name, durably. Otherwise removes all of it. Returns the first error. */
enum tcb_error staging_end(struct staging *s, enum tcb_error error, struct diagnosis *d) MUST_USE;

#endif
