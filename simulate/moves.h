// SPDX-License-Identifier: MIT
/* What happens in a run: a list of moves, each drawn with all its choices before the run begins, so
 * that any of them can be left out. */
#ifndef TCBIND_SIMULATE_MOVES_H
#define TCBIND_SIMULATE_MOVES_H

#include "simulate/world.h"

enum move_kind {
	MOVE_START,    /* honest: the machine is switched on where it is, from its newest state */
	MOVE_CREATE,   /* a machine is made */
	MOVE_USE,      /* a command of the guest */
	MOVE_MIGRATE,  /* honest: to another platform, or another place on the same */
	MOVE_EXPORT,   /* blobs are fetched, and kept */
	MOVE_IMPORT,   /* blobs that were kept are given to a vTPM enclave */
	MOVE_CANCEL,   /* the source is told to go on */
	MOVE_LOAD,     /* any stored state, in a new enclave, which is switched on */
	MOVE_KILL,     /* a vTPM enclave is killed */
	MOVE_RESTART,  /* PSE and MigE */
	MOVE_POWER,    /* a power cut */
	MOVE_TIDY,     /* a round of the MigE's journal */
	MOVE_SHUTDOWN, /* CMD_SHUTDOWN */
	MOVE_STATUS,
	MOVE_STOP,
	MOVE_VOLATILE, /* volatile state is stored */
	MOVE_SNAPSHOT, /* of the ledger */
	MOVE_REPLAY,   /* an old message to PSE or MigE */
	MOVE_REMAKE,   /* another machine with an id that is there */
	MOVE_VERSION,  /* enclaves of another SVN from now on */
	MOVE_FORGET,   /* sessions are forgotten */
	MOVE_BAIT, /* an enclave is told that its vTPM has moved, and nothing of it reaches the PSE
		    */
	MOVE_REVIVE,  /* any stored state is made to give blobs, which are brought somewhere */
	MOVE_JOURNAL, /* PSE and MigE are started anew, with an older journal or none */
	MOVE_RECOVER, /* honest: an operator looks for the place where the machine can go on */
	MOVE_COUNT,
};

enum use {
	USE_INCREMENT,
	USE_READ,
	USE_GUESS,
	USE_UNSEAL,
	USE_SIGN,
	USE_EXTEND,
	USE_ATTEST,
	USE_COUNT,
};

struct move {
	uint8_t kind, platform, machine, pick;
	struct fault faults[FAULTS_PER_MOVE];
};

#define MOVES_MAX 1024

struct plan {
	unsigned platforms, machines, count;
	bool blobs_lost;   /* whoever finishes has only what enclaves still give */
	unsigned together; /* moves that may be under way when the next begins */
	bool hostile;
	struct move moves[MOVES_MAX];
};

/* Draws a run from its seed. */
void plan_make(uint64_t seed, unsigned count, bool hostile, struct plan *ret_plan);
/* A kind of move or fault, by its name with `-` for each blank, that no plan has from now on.
 * False: there is none. */
bool plan_avoid(const char *name, size_t size);
/* Does move `number` of the plan, as the actor that runs. */
void move_do(const struct move *move);
/* Move `number` in one line, for people. */
void move_print(unsigned number, const struct plan *plan);
const char *fault_name(enum fault_kind kind);

/* ---- steps that moves are made of ---- */

struct enclave *vtpm_start(struct place *place);
enum tcb_error vtpm_call(struct enclave *e, enum call call, struct vtpm_status *ret_status,
			 struct diagnosis *d);
enum tcb_error vtpm_init(struct enclave *e, uint32_t flags, struct diagnosis *d);
enum tcb_error vtpm_use(struct enclave *e, enum use use, struct diagnosis *d);
enum tcb_error vtpm_load(struct enclave *e, struct span state, struct span volatile_state,
			 struct diagnosis *d);
enum tcb_error vtpm_make(struct enclave *e, bool incoming, struct diagnosis *d);
enum tcb_error vtpm_export(struct enclave *e, struct blobs *ret_blobs, struct diagnosis *d);
enum tcb_error vtpm_import(struct enclave *e, const struct blobs *blobs, struct diagnosis *d);
void vtpm_kill(struct enclave *e);
/* A new enclave with a state that was stored there: the newest, or so many before it. Held for the
 * caller; NULL: it does not open. */
struct enclave *vtpm_open(struct place *place, unsigned back, const struct bytes *volatile_state,
			  struct diagnosis *d);
/* The same with the newest that opens. */
struct enclave *vtpm_open_newest(struct place *place, struct diagnosis *d);
/* The same with the newest that runs: it is switched on. */
struct enclave *vtpm_run_newest(struct place *place);
/* A new enclave that takes blobs: with the newest state, or of an empty place. */
struct enclave *vtpm_ready_for_import(struct place *place, struct diagnosis *d);
/* The newest that the host has there; NULL: none. */
struct enclave *place_enclave(const struct place *place, unsigned which);

/* One round in which the MigE tells others what they wait for. */
void tidy_platform(struct platform *p);
struct blobs blobs_copy(const struct blobs *b);
void blobs_free(struct blobs *b);

/* ---- finish.c ---- */

struct finish {
	bool blobs_lost; /* blobs that were fetched before are gone */
	bool done;
};

/* Honest hosts from now on: every vTPM must go on somewhere. Runs as an actor; `context`: a struct
 * finish. */
void finish_all(void *context);
/* Looks for where the machine can go on, under whatever faults there are. */
void recover(struct machine *m);

#endif
