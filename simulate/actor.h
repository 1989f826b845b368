// SPDX-License-Identifier: MIT
/* Actors: the host's threads, as fibers. One runs at a time; whenever it pauses or waits, the
 * schedule's random numbers choose the next. Time is virtual: it goes on while actors pause, and
 * jumps when all wait. */
#ifndef TCBIND_SIMULATE_ACTOR_H
#define TCBIND_SIMULATE_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "simulate/random.h"

/* What goes wrong at one point of a move. */
enum fault_kind {
	FAULT_NONE = 0,
	FAULT_REFUSE, /* the host answers an enclave's call with a forged refusal and does nothing
		       */
	FAULT_ERROR,  /* the same with another error class */
	FAULT_REFUSE_LATE, /* the host does what was asked, and answers with a forged refusal */
	FAULT_ERROR_LATE,  /* the same with another error class */
	FAULT_KILL,        /* the enclave is killed before its call is served */
	FAULT_KILL_LATE,   /* ... after it was served */
	FAULT_RESTART,     /* PSE and MigE are killed and started anew */
	FAULT_REPEAT,      /* a message to PSE or MigE is delivered twice */
	FAULT_STALE,       /* the host answers with what it answered another time */
	FAULT_FLIP,        /* one bit of the message or answer is altered */
	FAULT_POWER,       /* a power cut */
	FAULT_FULL,        /* the disk is full for a while */
	FAULT_DELAY,       /* the answer comes much later */
	FAULT_RESET,       /* network: the next bytes are lost and the connection ends */
	FAULT_DOUBLE,      /* network: the next bytes come twice */
	FAULT_REORDER,     /* network: the next bytes come after those that follow them */
	FAULT_LATE,        /* network: the next bytes come too late */
	FAULT_COUNT,
};

struct fault {
	uint16_t at; /* which call of an enclave to its host, counted within the move */
	uint8_t kind, choice;
};

#define FAULTS_PER_MOVE 2

struct actor {
	struct actor *next;
	struct fiber *fiber;
	void (*run)(void *context);
	void *context;
	bool (*ready)(void *context); /* what it waits for; NULL: nothing */
	void *ready_context;
	uint64_t until_ms;
	bool ended;
	uint32_t id;        /* the number of the move that started it */
	unsigned crossings; /* calls of enclaves to this actor */
	struct fault faults[FAULTS_PER_MOVE];
	struct random numbers;
};

/* All actors of before are forgotten; the schedule is drawn from this seed. */
void actors_reset(uint64_t seed);
struct actor *actor_start(uint32_t id, void (*run)(void *context), void *context,
			  const struct fault faults[FAULTS_PER_MOVE]);
/* How many have not ended. */
unsigned actors_count(void);
/* Lets one actor run until it pauses. False: none is left. */
bool actors_step(void);

/* The one that runs; NULL: none. */
struct actor *actor_current(void);
/* Lets others run first, or not. */
void actor_pause(void);
/* Until ready() or the time has passed: whether it became ready. */
bool actor_wait(bool (*ready)(void *context), void *context, uint64_t at_most_ms);

/* Virtual time since the start. */
uint64_t now_ms(void);
/* The random numbers of the actor that runs: they depend on the seed and its move alone. Of the
 * schedule, where none runs. */
struct random *schedule(void);

#endif
