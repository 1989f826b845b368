// SPDX-License-Identifier: MIT
/* A vTPM in a directory that a user of swtpm's interface named. What it is shows only when it is needed: a new TPM, the one whose sealed
 * state is there, one that swtpm kept there (imported, once, into the sealed form), or one that comes in by migration. All calls: with the
 * vTPM's lock held. */
#ifndef TCBIND_HOST_EXTERNAL_H
#define TCBIND_HOST_EXTERNAL_H

#include "host/swtpm_state.h"
#include "host/vtpm_enclave.h"

struct external {
	int owner_fd; /* the registered client's connection, for its log */
	struct swtpm_key file_key, migration_key; /* for import only: our own state is sealed in any case */
	struct span permanent, volatile_state; /* of another program's TPM, from SET_STATEBLOB, until CMD_INIT; owned */
	bool incoming;   /* the place waits for a hand-over: another program's blob is refused */
	bool given_back; /* SET_STATEBLOB brought the vTPM's own state back, until CMD_INIT */
	bool was_made; /* and serves nobody any more: only its last keys are to be made, where its state still is */
};

/* A new vTPM, whatever is in the place, with these keys and PCR banks (struct vtpm_create). */
enum tcb_error external_create(struct host_vtpm *v, uint16_t keys, uint8_t pcr_banks, struct diagnosis *d) MUST_USE;
/* Keys (names, one a line) that are made when external_open() next finds the vTPM, or by external_finish(): whoever first needs it waits for them. */
enum tcb_error external_postpone(struct host_vtpm *v, const char *names, struct diagnosis *d) MUST_USE;
/* Makes what was postponed; the enclave holds the vTPM, which is off. What cannot be made now stays postponed. */
enum tcb_error external_finish(struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* Makes the enclave hold this vTPM. Code: vtpm.missing (the place has no state, but the platform knows that it had). */
enum tcb_error external_open(struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* Before CALL_VTPM_SET_BLOB: makes the place that the blob needs. `*ret_taken`: it was another program's, and is kept here. */
enum tcb_error external_expect(struct host_vtpm *v, struct span body, bool *ret_taken, struct diagnosis *d) MUST_USE;
/* After CALL_VTPM_INIT went well. */
enum tcb_error external_initialised(struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* Says in the user's log that the place once had another vTPM, whose state is not there now, if that is so. */
void external_tell_missing(struct host_vtpm *v);
/* To its user's log. */
void external_log(const struct host_vtpm *v, const struct diagnosis *d);
void external_wipe(struct external *e);

#endif
