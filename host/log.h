// SPDX-License-Identifier: MIT
/* The platform's log: what enclaves write often, made durable by one write for all that wait (log_out.h), in two preallocated files in the store
 * (log_form.h). Holds ciphertext only.
 *
 * A vTPM's newest state is in the log until it is written to its place's file (log_settle): when its enclave ends, or when the log file in which
 * it stands is to be used again. After a crash log_open() finds what was not settled. All calls: any thread. */
#ifndef TCBIND_HOST_LOG_H
#define TCBIND_HOST_LOG_H

#include <stdbool.h>

#include "core/error.h"
#include "host/log_form.h"

struct store_log;
struct place;

/* Where a place's newest state stands in the log; part of struct place, the log's own. */
struct log_mark {
	bool in_log, clean; /* clean: it is in the place's file too */
	unsigned file;
	uint64_t offset; /* of the state's bytes */
	uint32_t size;
	struct place *next; /* all places that are in the log */
};

/* Opens DIR's log, making it if there is none, and gives each state in it that was not settled to `recover`. */
typedef enum tcb_error log_recover(void *context, const struct log_owner *owner, struct span sealed, struct diagnosis *d);
enum tcb_error log_open(const char *dir, log_recover *recover, void *context, struct store_log **ret_log, struct diagnosis *d) MUST_USE;
/* Steps of the ledger that are in the log, oldest first, as PSE_START takes them; free(). */
struct span log_steps(const struct store_log *log);
/* What the log had is elsewhere now: the recovered states in their files, the steps in the PSE's snapshot. It is empty, and may be written. */
enum tcb_error log_begin(struct store_log *log, struct diagnosis *d) MUST_USE;
/* Called, with `context`, to have the PSE store a snapshot: when a file's steps are to be dropped. */
void log_on_full(struct store_log *log, enum tcb_error (*snapshot)(void *context), void *context);

/* In order, but not durable yet. TCB_LIMIT: too long. A state may wait for a file to be free; */
enum tcb_error log_put_state(struct store_log *log, struct place *place, struct span sealed) MUST_USE;
/* a step must not, since that needs the PSE, which who puts a step holds: only where log_steps_fit(), asked with the PSE held. */
enum tcb_error log_put_step(struct store_log *log, struct span sealed) MUST_USE;
bool log_steps_fit(struct store_log *log, unsigned count);
void log_await_room(struct store_log *log, unsigned count); /* without the PSE: until they may fit */
/* Until all that this thread put is durable; or all that anyone did. A disk that fails ends the daemon: nothing that it said is certain then. */
void log_wait(struct store_log *log);
void log_wait_own(struct store_log *log); /* the same, also where waits are held (below) */
void log_wait_all(struct store_log *log);
/* From log_hold() on this thread's log_wait() does nothing, until log_release(), which waits for all that it put meanwhile: for work whose outcome
 * nobody hears of before. What was put keeps its order, so that a power cut leaves what a cut between two waits would have left. */
void log_hold(void);
/* Ends log_hold() without waiting: this thread's next log_wait() waits for all of it. */
void log_hold_end(void);
void log_release(struct store_log *log);

/* Writes the place's newest state to its file, durably, if it is in the log. */
void log_settle(struct store_log *log, struct place *place);
/* The place's state in the log is wanted no more, and written nowhere. */
void log_drop(struct store_log *log, struct place *place);

/* For tests: closes files, frees memory; no file is written. */
void log_close(struct store_log *log);

#endif
