// SPDX-License-Identifier: MIT
/* The scheduler of actors. */
#include "simulate/actor.h"

#include <stdlib.h>

#include "simulate/fiber.h"

enum { STACK = 1024 * 1024, SPARE = 64, RUNNABLE_MAX = 64, PAUSE_PERCENT = 30 };

static struct actor *all, *current;
static struct fiber *scheduler, *spare[SPARE];
static unsigned count, spare_count;
static uint64_t time_ms, seed_of_all;
static struct random numbers;

void actors_reset(uint64_t seed)
{
	all = NULL;
	count = 0;
	time_ms = 0;
	scheduler = fiber_current();
	seed_of_all = seed;
	random_seed(&numbers, seed);
}

static void run_actor(void *context)
{
	struct actor *a = context;

	a->run(a->context);
	a->ended = true;
	fiber_switch(scheduler);
	abort();
}

struct actor *actor_start(uint32_t id, void (*run)(void *context), void *context,
			  const struct fault faults[FAULTS_PER_MOVE])
{
	struct actor *a = calloc(1, sizeof *a);

	if (a == NULL)
		abort();
	a->id = id;
	random_seed(&a->numbers, seed_of_all * 1000003 + id);
	a->run = run;
	a->context = context;
	for (int i = 0; faults != NULL && i < FAULTS_PER_MOVE; i++)
		a->faults[i] = faults[i];
	a->fiber = spare_count > 0 ? spare[--spare_count] : fiber_new(STACK);
	fiber_begin(a->fiber, run_actor, a);
	a->next = all;
	all = a;
	count++;
	return a;
}

unsigned actors_count(void) { return count; }

static void end(struct actor *a)
{
	struct actor **at = &all;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	count--;
	if (spare_count < SPARE)
		spare[spare_count++] = a->fiber;
	free(a);
}

static bool is_runnable(struct actor *a)
{
	return a->ready == NULL ? a->until_ms <= time_ms
				: a->ready(a->ready_context) || a->until_ms <= time_ms;
}

static unsigned find_runnable(struct actor **ret_list)
{
	unsigned found = 0;

	for (struct actor *a = all; a != NULL && found < RUNNABLE_MAX; a = a->next)
		if (is_runnable(a))
			ret_list[found++] = a;
	return found;
}

/* Nobody can run before this. */
static uint64_t next_time(void)
{
	uint64_t next = UINT64_MAX;

	for (struct actor *a = all; a != NULL; a = a->next)
		if (a->until_ms < next)
			next = a->until_ms;
	return next;
}

bool actors_step(void)
{
	struct actor *list[RUNNABLE_MAX];
	unsigned found;

	if (all == NULL)
		return false;
	found = find_runnable(list);
	if (found == 0) {
		time_ms = next_time();
		found = find_runnable(list);
	}
	current = list[found > 1 ? random_below(&numbers, found) : 0];
	fiber_switch(current->fiber);
	if (current->ended)
		end(current);
	current = NULL;
	time_ms++;
	return true;
}

struct actor *actor_current(void) { return current; }

void actor_pause(void)
{
	if (current == NULL || count == 1 || /* pausing is of no use to one that is alone */
	    !random_percent(&current->numbers, PAUSE_PERCENT))
		return;
	current->ready = NULL;
	current->until_ms = 0;
	fiber_switch(scheduler);
}

bool actor_wait(bool (*ready)(void *context), void *context, uint64_t at_most_ms)
{
	if (ready != NULL && ready(context))
		return true;
	current->ready = ready;
	current->ready_context = context;
	current->until_ms = time_ms + at_most_ms;
	fiber_switch(scheduler);
	current->ready = NULL;
	current->until_ms = 0;
	return ready != NULL && ready(context);
}

uint64_t now_ms(void) { return time_ms; }

struct random *schedule(void) { return current != NULL ? &current->numbers : &numbers; }
