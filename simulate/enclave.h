// SPDX-License-Identifier: MIT
/* A running enclave: the real code in a copy of its module, on a stack of its own. Frames go in and
 * out as edge/frame.h has them. */
#ifndef TCBIND_SIMULATE_ENCLAVE_H
#define TCBIND_SIMULATE_ENCLAVE_H

#include "core/ids.h"
#include "core/span.h"
#include "edge/calls.h"
#include "edge/frame.h"
#include "sgxsim/processor.h"
#include "simulate/fiber.h"
#include "simulate/module.h"

struct platform;
struct place;
struct identity;

/* What the code in the enclave did last that the checker is to know of (simulate/oracle.h). */
struct enclave {
	struct enclave *next; /* of all that run */
	struct platform *platform;
	struct processor *processor;
	struct enclave_identity self;
	uint64_t
	    number; /* of the process, never used twice: the host's number of its sessions, too */
	bool alive;
	const char *aborted; /* the reason that it gave, if it ended itself */
	struct module_copy *copy;
	struct fiber *fiber, *resumed_from;
	struct span input[2]; /* what it can read */
	uint8_t *output;      /* what it has written */
	size_t output_size, output_capacity, output_used;
	unsigned users;            /* who still holds a pointer to it */
	bool locked;               /* somebody is in a call of it */
	struct place *place;       /* of a vTPM enclave */
	unsigned residence;        /* hand-overs that came into it */
	bool on;                   /* the host thinks that its TPM runs */
	bool importing;            /* one is coming in */
	struct identity *identity; /* whose TPM it has, for the checker */
};

/* Starts one; it waits for its first call. */
struct enclave *enclave_start(struct platform *platform, struct processor *processor,
			      enum enclave_role role, uint16_t isv_svn, uint8_t build);
/* SIGKILL. The structure lives until enclave_release() has been called by all that hold it. */
void enclave_kill(struct enclave *e);
void enclave_hold(struct enclave *e);
void enclave_release(struct enclave *e);

/* Gives it a frame and runs it until it waits for the next. False: it is dead. */
bool enclave_put(struct enclave *e, const struct frame_head *head, struct span body);
/* The next frame that it has written, borrowed until the next enclave_put(). False: there is none.
 */
bool enclave_get(struct enclave *e, struct frame_head *ret_head, struct span *ret_body);

/* The one whose code runs; NULL: none. */
struct enclave *enclave_current(void);
/* All that run, the newest first. */
struct enclave *enclave_first(void);
/* Of this signer; `build` makes another measurement. */
struct enclave_identity enclave_identity_of(enum enclave_role role, uint16_t isv_svn,
					    uint8_t build);

#endif
