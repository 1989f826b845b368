// SPDX-License-Identifier: MIT
/* Threads of control in one operating system thread: each has a stack of its own and runs until it
 * gives way. */
#ifndef TCBIND_SIMULATE_FIBER_H
#define TCBIND_SIMULATE_FIBER_H

#include <stddef.h>

struct fiber;

/* A fiber that has not run. Ends the process where there is no memory. */
struct fiber *fiber_new(size_t stack_size);
/* The fiber begins with `run` when it is switched to next; whatever was on its stack is forgotten.
 * `run` must not return. */
void fiber_begin(struct fiber *f, void (*run)(void *context), void *context);
/* Goes on with `to` and returns when somebody switches back here. */
void fiber_switch(struct fiber *to);
/* The one that runs; at first the process's own stack. */
struct fiber *fiber_current(void);

#endif
