// SPDX-License-Identifier: MIT
/* The vTPMs of a platform: those in its own directory, each with a control socket and its thread, and those that users of swtpm's interface
 * have brought (external.h). */
#ifndef TCBIND_HOST_VTPMS_H
#define TCBIND_HOST_VTPMS_H

#include "host/vtpm_enclave.h"

#define VTPMS_MAX 1024

struct vtpm_table {
	pthread_mutex_t lock;
	size_t count;
	struct host_vtpm *entries[VTPMS_MAX];
};

/* Reads DIR/vtpm and opens every control socket. */
enum tcb_error vtpms_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;
/* Codes: vtpm.exists, vtpm.limit. */
enum tcb_error vtpms_create(struct daemon *daemon, const struct vtpm_create *create, struct host_vtpm **ret_vtpm,
			    struct diagnosis *d) MUST_USE;
/* Code: vtpm.busy. A vTPM that runs is not deleted, nor one whose files are a user's. */
enum tcb_error vtpms_delete(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* The vTPM whose newest sealed state has this digest (NULL: whatever it is) is wanted no more: it is out of the ledger, durably, and what the host kept for it is gone; no state
 * of it opens here any more. Its files, if there are any, are the caller's. Else its newest state is another, and nothing was done: `ret_dropped` (NULL:
 * who asks does not care) says which. */
enum tcb_error vtpms_drop(struct daemon *daemon, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped, struct diagnosis *d) MUST_USE;
/* NULL: there is none. What it returns, and what vtpms_create() and vtpms_list() do, the caller releases. */
struct host_vtpm *vtpms_find(struct daemon *daemon, const struct uuid *id);
size_t vtpms_list(struct daemon *daemon, struct host_vtpm *ret_vtpms[VTPMS_MAX]);
void vtpms_release(struct host_vtpm *v);
/* An external place is one vTPM's at a time, until its enclave is closed: waits some seconds for one that is being made or ends. Code: vtpm.busy. */
enum tcb_error vtpms_claim_place(struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* One more, or one less, in the table. Code: vtpm.limit. */
enum tcb_error vtpms_enter(struct daemon *daemon, struct host_vtpm *v, struct diagnosis *d) MUST_USE;
void vtpms_leave(struct daemon *daemon, struct host_vtpm *v);

#endif
