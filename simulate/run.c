// SPDX-License-Identifier: MIT
/* Runs a plan: starts its moves as actors, checks after each, lets honest hosts finish. */
#include "simulate/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simulate/oracle.h"
#include "simulate/random.h"

enum { HANGS_S = 60, SHRINK_S = 30 /* at most */ };

static time_t shrink_until;

static unsigned active;

static void run_move(void *context)
{
	move_do(context);
	active--;
}

/* Until at most `limit` moves are under way. */
static void step_down_to(unsigned limit)
{
	while (active > limit && oracle.violation[0] == '\0' && actors_step())
		;
}

static void run_moves(struct plan *plan, struct run_result *r)
{
	for (unsigned i = 0; i < plan->count && oracle.violation[0] == '\0'; i++) {
		if (plan->moves[i].kind == MOVE_COUNT)
			continue; /* left out */
		r->moves = i + 1;
		active++;
		(void)actor_start(i, run_move, &plan->moves[i], plan->moves[i].faults);
		step_down_to(i < plan->machines ? 0 : plan->together);
	}
	step_down_to(0);
}

static void let_honest_finish(bool blobs_lost)
{
	struct finish finish = {.blobs_lost = blobs_lost};

	world.hostile = false;
	for (unsigned p = 0; p < world.platform_count; p++)
		world.platforms[p].isv_svn = VTPM_SVN_MAX;
	world.network_fault = FAULT_NONE;
	oracle.finishing = true;
	(void)actor_start(MOVES_MAX, finish_all, &finish, NULL);
	while (!finish.done && oracle.violation[0] == '\0' && actors_step())
		;
}

static void run_here(uint64_t seed, struct plan *plan, struct run_result *r)
{
	actors_reset(seed);
	random_entropy(seed);
	world.platform_count = plan->platforms;
	for (unsigned i = 0; i < plan->machines; i++) {
		struct uuid id = {{1, (uint8_t)i}};

		(void)world_add_machine(&id, NULL);
	}
	world.hostile = plan->hostile;
	run_moves(plan, r);
	if (oracle.violation[0] == '\0')
		let_honest_finish(plan->blobs_lost);
	(void)snprintf(r->violation, sizeof r->violation, "%s", oracle.violation);
	r->frames = world.frames;
	r->handovers = oracle.handovers;
	r->answers = oracle.answers;
	r->hostile_moves = world.hostile_moves;
	memcpy(r->faults, world.faults, sizeof r->faults);
	r->ended = true;
}

void run_in_child(uint64_t seed, const struct plan *plan, struct run_result *ret_result)
{
	static struct run_result *shared;
	struct plan *copy;
	int status = 0;
	pid_t pid;

	if (shared == NULL)
		shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 0, sizeof *shared);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		copy = malloc(sizeof *copy);
		if (copy == NULL)
			abort();
		*copy = *plan;
		(void)alarm(HANGS_S);
		run_here(seed, copy, shared);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (!shared->ended)
		(void)snprintf(shared->violation, sizeof shared->violation,
			       "crash: the process ended by signal %d", WTERMSIG(status));
	*ret_result = *shared;
}

/* ---- shrinking ---- */

/* The same invariant is broken. */
static bool fails_alike(uint64_t seed, const struct plan *plan, const char *violation)
{
	struct run_result r;
	size_t prefix = strcspn(violation, ":");

	if (time(NULL) > shrink_until)
		return false;
	run_in_child(seed, plan, &r);
	return strncmp(r.violation, violation, prefix + 1) == 0;
}

/* Leaves out `size` moves at a time. */
static bool drop_moves(uint64_t seed, struct plan *plan, const char *violation, unsigned size)
{
	static struct plan attempt;
	bool any = false;

	for (unsigned at = plan->machines; at < plan->count; at += size) {
		bool changes = false;

		attempt = *plan;
		for (unsigned i = at; i < at + size && i < plan->count; i++) {
			changes |= attempt.moves[i].kind != MOVE_COUNT;
			attempt.moves[i].kind = MOVE_COUNT;
		}
		if (changes && fails_alike(seed, &attempt, violation)) {
			*plan = attempt;
			any = true;
		}
	}
	return any;
}

static void drop_faults(uint64_t seed, struct plan *plan, const char *violation)
{
	static struct plan attempt;

	for (unsigned i = 0; i < plan->count; i++)
		for (int f = 0; f < FAULTS_PER_MOVE; f++) {
			if (plan->moves[i].kind == MOVE_COUNT ||
			    plan->moves[i].faults[f].kind == FAULT_NONE)
				continue;
			attempt = *plan;
			attempt.moves[i].faults[f].kind = FAULT_NONE;
			if (fails_alike(seed, &attempt, violation))
				*plan = attempt;
		}
}

/* One move after the other, where that suffices. */
static void run_serially(uint64_t seed, struct plan *plan, const char *violation)
{
	unsigned before = plan->together;

	plan->together = 0;
	if (before != 0 && !fails_alike(seed, plan, violation))
		plan->together = before;
}

void run_shrink(uint64_t seed, struct plan *plan, const struct run_result *failed)
{
	shrink_until = time(NULL) + SHRINK_S;
	run_serially(seed, plan, failed->violation);
	if (failed->moves < plan->count)
		plan->count = failed->moves;
	for (unsigned size = plan->count / 2; size > 0; size /= 2)
		(void)drop_moves(seed, plan, failed->violation, size);
	while (drop_moves(seed, plan, failed->violation, 1))
		;
	drop_faults(seed, plan, failed->violation);
	run_serially(seed, plan, failed->violation);
	while (drop_moves(seed, plan, failed->violation, 1))
		;
}
