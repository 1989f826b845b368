// SPDX-License-Identifier: MIT
/* Fed by: enclaves through services.c. Recovery believes a record that is whole; what is in it the enclaves judge. */
#include "host/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/reader.h"
#include "host/aside.h"
#include "host/log_out.h"

struct store_log {
	char dir[PATH_MAX];
	struct log_out out; /* its lock is of all below, too */
	struct place *places;
	pthread_mutex_t settling; /* one writer of places' files at a time */
	pthread_t cleaner;
	bool cleans, ends;
	enum tcb_error (*snapshot)(void *context);
	void *snapshot_context;
	size_t recovered_size; /* steps that log_open() found */
	uint8_t *recovered;
};

/* ---- recovery ---- */

struct found {
	struct log_owner owner;
	struct span bytes; /* empty: settled */
};

struct recovery {
	struct found *states;
	size_t count, capacity;
	struct store_log *log;
};

static enum tcb_error note(struct recovery *r, const struct log_record *m)
{
	size_t i = 0;

	while (i < r->count && !log_owner_same(&r->states[i].owner, &m->owner))
		i++;
	if (i == r->capacity) {
		struct found *more = realloc(r->states, (r->capacity * 2 + 64) * sizeof *more);

		if (more == NULL)
			return TCB_INTERNAL;
		r->states = more;
		r->capacity = r->capacity * 2 + 64;
	}
	r->states[i] = (struct found){ .owner = m->owner, .bytes = m->kind == LOG_STATE ? m->bytes : span_of(NULL, 0) };
	r->count += i == r->count;
	return TCB_OK;
}

static enum tcb_error note_step(struct store_log *log, struct span sealed)
{
	uint8_t *more = realloc(log->recovered, log->recovered_size + 5 + sealed.size);
	struct writer w;

	if (more == NULL)
		return TCB_INTERNAL;
	log->recovered = more;
	w = writer_of(more + log->recovered_size, 5 + sealed.size);
	writer_u8(&w, STORE_PSE_LEDGER_STEP);
	writer_sized(&w, sealed);
	log->recovered_size += w.size;
	return writer_end(&w, NULL);
}

static enum tcb_error take(void *context, const struct log_record *m)
{
	struct recovery *r = context;

	return m->kind == LOG_STEP ? note_step(r->log, m->bytes) : note(r, m);
}

static enum tcb_error recover_all(struct store_log *log, uint8_t *const bytes[LOG_FILES], log_recover *recover, void *context, struct diagnosis *d)
{
	struct recovery r = { .log = log };
	unsigned older = log->out.files[0].turn <= log->out.files[1].turn ? 0 : 1;
	enum tcb_error error = TCB_OK;

	for (unsigned i = 0; i < LOG_FILES && error == TCB_OK; i++) {
		unsigned index = (older + i) % LOG_FILES;
		uint64_t turn = log->out.files[index].turn;

		if (turn != 0)
			error = log_read(span_of(bytes[index], LOG_FILE_SIZE), turn, take, &r);
	}
	for (size_t i = 0; i < r.count && error == TCB_OK; i++)
		if (r.states[i].bytes.size > 0)
			error = recover(context, &r.states[i].owner, r.states[i].bytes, d);
	free(r.states);
	return error;
}

static enum tcb_error open_file(struct store_log *log, unsigned index, uint8_t **ret_bytes, struct diagnosis *d)
{
	struct log_file *f = &log->out.files[index];
	void *bytes;

	TRY(log_out_open_file(log->dir, index, f, d));
	bytes = mmap(NULL, LOG_FILE_SIZE, PROT_READ, MAP_SHARED, f->fd, 0);
	if (bytes == MAP_FAILED)
		return diagnose(d, TCB_PLATFORM, "store.log", "a log that cannot be read", "a disk that keeps what it is given", "check the disk");
	*ret_bytes = bytes;
	if (log_head_is_foreign(span_of(bytes, LOG_FILE_SIZE)))
		return diagnose(d, TCB_PLATFORM, "store.log.release", "a log of another release", "one of this release",
				"start and stop the platform with the release that wrote it, then remove store/log.0 and store/log.1");
	f->turn = log_head_turn(span_of(bytes, LOG_FILE_SIZE));
	return TCB_OK;
}

static struct store_log *new_log(const char *dir)
{
	struct store_log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	log_out_init(&log->out);
	(void)pthread_mutex_init(&log->settling, NULL);
	(void)snprintf(log->dir, sizeof log->dir, "%s", dir);
	return log;
}

enum tcb_error log_open(const char *dir, log_recover *recover, void *context, struct store_log **ret_log, struct diagnosis *d)
{
	struct store_log *log = new_log(dir);
	uint8_t *bytes[LOG_FILES] = { NULL, NULL };
	enum tcb_error error = log != NULL ? TCB_OK : TCB_INTERNAL;

	for (unsigned i = 0; i < LOG_FILES && error == TCB_OK; i++)
		error = open_file(log, i, &bytes[i], d);
	if (error == TCB_OK)
		error = recover_all(log, bytes, recover, context, d);
	for (unsigned i = 0; i < LOG_FILES; i++)
		if (bytes[i] != NULL)
			(void)munmap(bytes[i], LOG_FILE_SIZE);
	if (error == TCB_OK)
		*ret_log = log;
	else if (log != NULL)
		log_close(log);
	return error;
}

struct span log_steps(const struct store_log *log)
{
	return span_of(log->recovered, log->recovered_size);
}

/* ---- what stands in a file that is to be used again ---- */

static void forget(struct store_log *log, struct place *place)
{
	struct place **link = &log->places;

	while (*link != NULL && *link != place)
		link = &(*link)->mark.next;
	if (*link != NULL)
		*link = place->mark.next;
	place->mark = (struct log_mark){0};
}

static uint8_t *read_back(const struct store_log *log, const struct log_mark *mark)
{
	uint8_t *bytes = malloc(mark->size);

	if (bytes == NULL || pread(log->out.files[mark->file].fd, bytes, mark->size, (off_t)mark->offset) != (ssize_t)mark->size)
		log_give_up("a log that cannot be read");
	return bytes;
}

/* With `settling` held. What can be written nowhere stays in the log, which then must not be used again. */
static void write_to_place(const struct store_log *log, struct place *place, const struct log_mark *mark, bool last)
{
	struct diagnosis d = {0};
	enum tcb_error error;
	uint8_t *bytes = read_back(log, mark);
	const struct log_owner owner = place_owner(place);
	struct span sealed = span_of(bytes, mark->size);

	error = last ? place_write_last(place, sealed, &d) : place_write(place, sealed, &d);
	if (error == TCB_OK)
		aside_drop(place, log->dir); /* an older state that could not be put there */
	else if (aside_keep(log->dir, &owner, sealed, &d) != TCB_OK)
		log_give_up("a state that can be put nowhere");
	free(bytes);
}

static struct place *find_unclean(struct store_log *log, unsigned file)
{
	struct place *p = log->places;

	while (p != NULL && (p->mark.file != file || p->mark.clean))
		p = p->mark.next;
	return p;
}

/* All that stands in the file that is not the current is put elsewhere; then nothing in it counts. */
static void clean(struct store_log *log, unsigned old)
{
	for (;;) {
		struct log_mark mark;
		struct place *p;

		/* A place is there until its owner has settled it, which needs this lock. */
		(void)pthread_mutex_lock(&log->settling);
		(void)pthread_mutex_lock(&log->out.lock);
		p = find_unclean(log, old);
		if (p != NULL) {
			p->mark.clean = true; /* unless it is put again */
			mark = p->mark;
		}
		(void)pthread_mutex_unlock(&log->out.lock);
		if (p != NULL)
			write_to_place(log, p, &mark, false);
		(void)pthread_mutex_unlock(&log->settling);
		if (p == NULL)
			break;
	}
	if (log->snapshot(log->snapshot_context) != TCB_OK)
		log_give_up("a ledger that cannot be stored");
	log_out_void(&log->out.files[old]);
}

/* With the lock held: marks that point into a file whose records do not count any more. */
static void forget_all(struct store_log *log, unsigned old)
{
	struct place *p = log->places;

	while (p != NULL) {
		struct place *next = p->mark.next;

		if (p->mark.file == old)
			forget(log, p);
		p = next;
	}
}

static void *clean_at_half(void *context)
{
	struct store_log *log = context;

	(void)pthread_mutex_lock(&log->out.lock);
	for (;;) {
		unsigned old;

		while (!log_out_half(&log->out) && !log->ends)
			(void)pthread_cond_wait(&log->out.half, &log->out.lock);
		if (log->ends)
			break;
		old = (log->out.current + 1) % LOG_FILES; /* stays so: the next change waits for us */
		(void)pthread_mutex_unlock(&log->out.lock);
		clean(log, old);
		(void)pthread_mutex_lock(&log->out.lock);
		forget_all(log, old);
		log->out.files[old].busy = false;
		(void)pthread_cond_broadcast(&log->out.changed);
	}
	(void)pthread_mutex_unlock(&log->out.lock);
	return NULL;
}

enum tcb_error log_begin(struct store_log *log, struct diagnosis *d)
{
	free(log->recovered);
	log->recovered = NULL;
	log->recovered_size = 0;
	TRY(log_out_begin(&log->out, d));
	log->cleans = pthread_create(&log->cleaner, NULL, clean_at_half, log) == 0;
	return log->cleans ? TCB_OK : diagnose(d, TCB_PLATFORM, "store.log", "no thread to be had", "memory for one more", "check the machine's limits");
}

void log_on_full(struct store_log *log, enum tcb_error (*snapshot)(void *context), void *context)
{
	log->snapshot = snapshot;
	log->snapshot_context = context;
}

/* ---- writing ---- */

static _Thread_local uint64_t own_batch; /* of the record that this thread put last */
static _Thread_local bool held;

enum tcb_error log_put_state(struct store_log *log, struct place *place, struct span sealed)
{
	const struct log_owner owner = place_owner(place);
	struct log_mark *mark = &place->mark;
	enum tcb_error error;
	uint64_t offset;

	(void)pthread_mutex_lock(&log->out.lock);
	error = log_out_put(&log->out, LOG_STATE, &owner, sealed, &offset, &own_batch);
	if (error == TCB_OK) {
		if (!mark->in_log) {
			mark->next = log->places;
			log->places = place;
		}
		mark->in_log = true;
		mark->clean = false;
		mark->file = log->out.current;
		mark->offset = offset;
		mark->size = (uint32_t)sealed.size;
	}
	(void)pthread_mutex_unlock(&log->out.lock);
	return error;
}

enum tcb_error log_put_step(struct store_log *log, struct span sealed)
{
	static const struct log_owner none;
	enum tcb_error error;
	uint64_t offset;

	(void)pthread_mutex_lock(&log->out.lock);
	error = log_out_put(&log->out, LOG_STEP, &none, sealed, &offset, &own_batch);
	(void)pthread_mutex_unlock(&log->out.lock);
	return error;
}

bool log_steps_fit(struct store_log *log, unsigned count)
{
	bool fits;

	(void)pthread_mutex_lock(&log->out.lock);
	fits = log_out_steps_fit(&log->out, count);
	(void)pthread_mutex_unlock(&log->out.lock);
	return fits;
}

void log_await_room(struct store_log *log, unsigned count)
{
	(void)pthread_mutex_lock(&log->out.lock);
	while (!log_out_steps_fit(&log->out, count))
		(void)pthread_cond_wait(&log->out.changed, &log->out.lock);
	(void)pthread_mutex_unlock(&log->out.lock);
}

void log_wait_own(struct store_log *log)
{
	(void)pthread_mutex_lock(&log->out.lock);
	log_out_wait(&log->out, own_batch);
	(void)pthread_mutex_unlock(&log->out.lock);
}

void log_wait(struct store_log *log)
{
	if (!held)
		log_wait_own(log);
}

void log_wait_all(struct store_log *log)
{
	(void)pthread_mutex_lock(&log->out.lock);
	log_out_wait_all(&log->out);
	(void)pthread_mutex_unlock(&log->out.lock);
}

void log_hold(void)
{
	held = true;
}

void log_hold_end(void)
{
	held = false;
}

void log_release(struct store_log *log)
{
	held = false;
	log_wait(log);
}

/* ---- settling ---- */

/* What counts of this place now. */
static struct log_mark take_mark(struct store_log *log, struct place *place, bool write)
{
	struct log_mark mark;

	(void)pthread_mutex_lock(&log->out.lock);
	mark = place->mark;
	place->mark.clean = true; /* the cleaner passes it over from now on: it may be freed */
	if (write && mark.in_log)
		log_out_wait_all(&log->out); /* it is read from the file */
	(void)pthread_mutex_unlock(&log->out.lock);
	return mark;
}

static bool is_newest(const struct place *place, const struct log_mark *mark)
{
	return place->mark.in_log && place->mark.file == mark->file && place->mark.offset == mark->offset;
}

/* Nothing in the log counts of this place any more, unless another state was put since `mark`: false. */
static bool void_mark(struct store_log *log, struct place *place, const struct log_mark *mark)
{
	const struct log_owner owner = place_owner(place);
	uint64_t offset;
	bool newest;

	(void)pthread_mutex_lock(&log->out.lock);
	newest = is_newest(place, mark);
	/* Durable before the file is written by anyone else: else a crash would bring this state back over a newer one. */
	if (newest) {
		if (log_out_put(&log->out, LOG_SETTLED, &owner, span_of(NULL, 0), &offset, &own_batch) != TCB_OK)
			log_give_up("a log that cannot be written");
		log_out_wait(&log->out, own_batch);
		newest = is_newest(place, mark);
	}
	if (newest)
		forget(log, place);
	(void)pthread_mutex_unlock(&log->out.lock);
	return newest;
}

/* A state that is put meanwhile (by a MigE whose platform ends) is written, too. */
static void retire(struct store_log *log, struct place *place, bool write)
{
	struct log_mark mark;

	do {
		(void)pthread_mutex_lock(&log->settling);
		mark = take_mark(log, place, write);
		if (write && mark.in_log)
			write_to_place(log, place, &mark, true);
		(void)pthread_mutex_unlock(&log->settling);
	} while (mark.in_log && !void_mark(log, place, &mark));
}

void log_settle(struct store_log *log, struct place *place)
{
	retire(log, place, true);
}

void log_drop(struct store_log *log, struct place *place)
{
	retire(log, place, false);
}

void log_close(struct store_log *log)
{
	if (log->cleans) {
		(void)pthread_mutex_lock(&log->out.lock);
		log->ends = true;
		(void)pthread_cond_signal(&log->out.half);
		(void)pthread_mutex_unlock(&log->out.lock);
		(void)pthread_join(log->cleaner, NULL);
	}
	log_out_close(&log->out);
	free(log->recovered);
	free(log);
}
