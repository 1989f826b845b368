// SPDX-License-Identifier: MIT
/* The simulated world: platforms, each with a processor, a disk, PSE, MigE and vTPM enclaves; the
 * untrusted host of each; the network.
 * - world.c: what there is; starting and restarting a platform; the disk
 * - host.c: calls to enclaves and what enclaves ask of their host, with the actor's faults
 * - network.c: connections between MigEs
 * - moves.c: what a hostile host does, and the plans that are drawn from a seed
 * - vtpm.c: calls of vTPM enclaves that moves are made of
 * - finish.c: honest hosts from now on: every vTPM must be able to go on
 * - oracle.c: the checker, which sees everything
 * - run.c, main.c: one run, shrinking, the command line */
#ifndef TCBIND_SIMULATE_WORLD_H
#define TCBIND_SIMULATE_WORLD_H

#include "core/limits.h"
#include "edge/vtpm.h"
#include "sgxsim/file.h"
#include "simulate/actor.h"
#include "simulate/enclave.h"

#define PLATFORMS_MAX  4
#define MACHINES_MAX   8
#define HISTORY_MAX    96 /* stored files that a place remembers, the newest among them */
#define PLACE_ENCLAVES 4
#define BLOBS_MAX      12
#define MESSAGES_MAX   16
#define VTPM_SVN_MAX   2 /* of the enclaves that there are */

/* Bytes of its own. */
struct bytes {
	uint8_t *data;
	size_t size;
};

/* Memory for one frame's body, and back. */
uint8_t *frame_take(void);
void frame_give(uint8_t *frame);

struct bytes bytes_of(struct span span);
void bytes_free(struct bytes *b);
static inline struct span bytes_span(const struct bytes *b) { return span_of(b->data, b->size); }

/* Everything that was stored in one slot, oldest first. */
struct history {
	unsigned count;
	struct bytes list[HISTORY_MAX];
};

/* A vTPM's directory on one platform, and its enclaves there. */
struct place {
	struct platform *platform;
	struct machine *machine;
	struct history states, volatiles;
	struct enclave *enclaves[PLACE_ENCLAVES]; /* the newest first; those that the host has */
};

/* What the host has to give out again. */
struct message {
	struct bytes request, answer;
	uint64_t session;
};

/* What the disk has not made durable: the newest state of a place (PLACE), or the newest step of
 * the ledger (NULL). */
struct unsynced {
	struct place *place;
};

struct platform {
	char name[16], address[32];
	unsigned index;
	struct processor processor;
	EVP_PKEY *ak;
	struct file_bytes collateral;
	struct enclave *pse, *mige;
	bool up;                /* PSE and MigE have started */
	bool starting;          /* they are being started */
	uint64_t started;       /* how often */
	uint16_t isv_svn;       /* of enclaves that are started here from now on */
	uint64_t full_until_ms; /* the disk */
	struct bytes snapshot, journal;
	struct history journals; /* all that there were */
	struct bytes steps;      /* (u8 slot, sized bytes)..., since the snapshot */
	unsigned unsynced_count;
	struct unsynced unsynced[256];
	size_t steps_synced; /* bytes of `steps` that are durable */
	uint64_t tidy_round;
	struct place places[MACHINES_MAX];
	struct message to_pse[MESSAGES_MAX], to_mige[MESSAGES_MAX]; /* some that were carried */
	unsigned pse_messages, mige_messages;
};

/* One hand-over's blobs. */
struct blobs {
	struct bytes permanent, volatile_state;
};

/* A virtual machine, or what the host takes for one: its vTPM's id, and where its host thinks that
 * it runs. */
struct machine {
	unsigned index;
	struct uuid id;
	bool made;    /* its vTPM was created */
	bool dropped; /* the host deleted it */
	bool busy;    /* the honest host does something with it */
	const char *policy;
	struct platform *at;
	unsigned blob_count;
	struct blobs blobs[BLOBS_MAX]; /* the newest last */
};

struct world {
	unsigned platform_count, machine_count;
	struct platform platforms[PLATFORMS_MAX];
	struct machine machines[MACHINES_MAX];
	uint64_t base_time_s;
	bool hostile;                 /* faults happen */
	uint64_t faults[FAULT_COUNT]; /* injected, by kind */
	uint64_t hostile_moves;
	uint64_t frames;
	enum fault_kind network_fault; /* of the next bytes that are sent */
};

extern struct world world;

/* ---- world.c ---- */

/* Makes root, processors and enclaves, and starts all platforms; before the first fork.
 * `module_dir` has the enclaves' shared objects. */
void world_make(const char *module_dir, const char *suffix);
struct place *place_of(struct platform *p, struct machine *m);
/* Kills PSE and MigE and starts them from what is stored. False: they do not start. */
bool platform_restart(struct platform *p, struct diagnosis *d);
/* Kills PSE and MigE and starts them, with an older journal. True: the MigE has taken it. */
bool platform_restart_with(struct platform *p, const struct bytes *journal);
/* As platform_restart() if one of them has died. */
void platform_mend(struct platform *p, struct diagnosis *d);
/* All enclaves of the platform end; what is not durable is lost but for `kept` pieces, in the order
 * in which it was written. */
void platform_power_cut(struct platform *p, unsigned kept);
/* A new machine with this id. NULL: there are too many. */
struct machine *world_add_machine(const struct uuid *id, const char *policy);

/* The disk. */
enum tcb_error disk_store(struct enclave *e, uint8_t slot, struct span bytes, struct diagnosis *d);
/* All that was written until now is durable. An error: the disk is full. */
enum tcb_error disk_sync(struct platform *p, struct diagnosis *d);

/* ---- host.c ---- */

/* Calls an enclave and serves what it asks for meanwhile. `ret_body` (or NULL) is the caller's to
 * free. */
enum tcb_error host_ecall(struct enclave *e, enum call call, struct span body,
			  struct bytes *ret_body, struct diagnosis *d);
/* A message to the PSE from the enclave with this number: its answer. */
enum tcb_error host_ask_pse(struct platform *p, uint64_t number, struct span message,
			    struct writer *ret, struct diagnosis *d);
/* Delivers a message and drops what comes back. */
void host_replay(struct platform *p, bool to_pse, unsigned which, bool under_new_number);

/* ---- network.c ---- */

/* CALL_MIGE_PEER or CALL_MIGE_TIDY, and all that the network brings until it is answered: the
 * reply. */
enum tcb_error network_ask(struct platform *p, enum call call, struct span body,
			   struct bytes *ret_reply, bool *ret_done, struct diagnosis *d);
/* Ends all connections of a platform. */
void network_cut(struct platform *p);
void network_reset(void);

#endif
