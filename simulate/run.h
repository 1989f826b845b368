// SPDX-License-Identifier: MIT
/* One run of one seed, in a process of its own; and how a run that fails is made short. */
#ifndef TCBIND_SIMULATE_RUN_H
#define TCBIND_SIMULATE_RUN_H

#include "simulate/moves.h"

struct run_result {
	bool ended; /* else the process crashed */
	char violation[256];
	uint64_t frames, handovers, answers, hostile_moves, faults[FAULT_COUNT];
	unsigned moves; /* that were begun */
};

/* Runs the plan in a child of this process. */
void run_in_child(uint64_t seed, const struct plan *plan, struct run_result *ret_result);
/* Leaves moves and faults out as long as the run fails in the same way. */
void run_shrink(uint64_t seed, struct plan *plan, const struct run_result *failed);

#endif
