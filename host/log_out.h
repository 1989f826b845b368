// SPDX-License-Identifier: MIT
/* The log's writing end: records are gathered, and written together, in order, by one of those who wait for them; while that write is under way, the
 * next ones gather. Two files (log_form.h), used in turn: the other one is to be free when this one is full. */
#ifndef TCBIND_HOST_LOG_OUT_H
#define TCBIND_HOST_LOG_OUT_H

#include <pthread.h>
#include <stdbool.h>

#include "host/log_form.h"

enum { LOG_FILES = 2 };

struct log_file {
	int fd, durable_fd; /* of the same file; a write to durable_fd is durable when it returns */
	bool busy;          /* has what is nowhere else */
	uint64_t turn;      /* 0: it has nothing */
};

struct log_batch {
	uint8_t *bytes; /* LOG_BATCH_MAX, as O_DIRECT wants it */
	size_t size;
};

struct log_out {
	pthread_mutex_t lock; /* of all here; not held while the disk is waited for */
	pthread_cond_t changed;    /* there is room where there was none */
	pthread_cond_t half;       /* log_out_half() is true: for who frees the other file */
	pthread_cond_t written[2]; /* by a batch's parity: it is durable, or one of those who wait for it is to write it */
	struct log_file files[LOG_FILES];
	unsigned current;
	uint32_t number, steps; /* records, and steps among them, in the current file */
	uint64_t start; /* where in it the batch goes that gathers */
	struct log_batch gathering, spare;
	uint64_t batch, durable; /* numbers: of the one that gathers; of the newest that is durable */
	bool writing;
};

/* Nothing is open, nothing is waited for. */
void log_out_init(struct log_out *ret_o);
/* Opens DIR/log.INDEX, making it, as long as it will be, if it is not there. */
enum tcb_error log_out_open_file(const char *dir, unsigned index, struct log_file *ret_file, struct diagnosis *d) MUST_USE;
/* Both files are empty from now on, at any cut in between as they were. */
enum tcb_error log_out_begin(struct log_out *o, struct diagnosis *d) MUST_USE;
void log_out_close(struct log_out *o);

/* The rest is called with the lock held; what waits gives it up meanwhile. A disk that fails ends the daemon. */

/* Not durable yet. `ret_offset`: of the bytes, in the current file; `ret_batch`: what log_out_wait() waits for. A step does not wait for the other
 * file, which needs who puts it: log_out_steps_fit(). TCB_LIMIT: too long. */
enum tcb_error log_out_put(struct log_out *o, enum log_kind kind, const struct log_owner *owner, struct span bytes, uint64_t *ret_offset,
			   uint64_t *ret_batch) MUST_USE;
bool log_out_steps_fit(const struct log_out *o, unsigned count);
/* The other file should be freed: it is busy, and this one is half full. Until then what stands in it mostly becomes old by itself. */
bool log_out_half(const struct log_out *o);
void log_out_wait(struct log_out *o, uint64_t batch);
void log_out_wait_all(struct log_out *o);
/* Nothing in the file counts any more. Does not take the lock, nor need it. */
void log_out_void(const struct log_file *f);

_Noreturn void log_give_up(const char *what);

#endif
