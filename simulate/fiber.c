// SPDX-License-Identifier: MIT
/* Fibers: entered by ucontext, switched by _setjmp and _longjmp, which make no system call. */
#undef _FORTIFY_SOURCE /* its longjmp takes another stack for a fault */
#include "simulate/fiber.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

struct fiber {
	jmp_buf at;
	ucontext_t entry;
	bool begins; /* it is entered, not gone on with */
	void *stack;
	size_t stack_size;
	void (*run)(void *context);
	void *context;
};

static struct fiber first, *current = &first;

struct fiber *fiber_new(size_t stack_size)
{
	struct fiber *f = calloc(1, sizeof *f);
	void *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (f == NULL || stack == MAP_FAILED) {
		(void)fprintf(stderr, "simulate: no memory for a stack\n");
		abort();
	}
	f->stack = stack;
	f->stack_size = stack_size;
	return f;
}

static void enter(void)
{
	current->run(current->context);
	abort();
}

void fiber_begin(struct fiber *f, void (*run)(void *context), void *context)
{
	f->run = run;
	f->context = context;
	f->begins = true;
	(void)getcontext(&f->entry);
	f->entry.uc_stack.ss_sp = f->stack;
	f->entry.uc_stack.ss_size = f->stack_size;
	f->entry.uc_link = NULL;
	makecontext(&f->entry, enter, 0);
}

void fiber_switch(struct fiber *to)
{
	struct fiber *from = current;

	if (_setjmp(from->at) != 0)
		return;
	current = to;
	if (to->begins) {
		to->begins = false;
		(void)setcontext(&to->entry);
	}
	_longjmp(to->at, 1);
}

struct fiber *fiber_current(void) { return current; }
