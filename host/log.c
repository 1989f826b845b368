/* Fed by: enclaves through services.c. Recovery believes a record that is whole; what is in it the enclaves judge. */
#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "host/place.h"

#define HEAD_MAGIC "TCBLOG1\n"
#define RECORD_MAGIC "TCBR"

enum {
	FILES = 2, BLOCK = 4096, FILE_SIZE = 16 * 1024 * 1024, HEAD_FIXED = 16, RECORD_FIXED = 40, RECORD_HEAD = RECORD_FIXED + SHA256_SIZE,
	STEPS_MAX = 800, /* in one file, before it is changed: what both have fits PSE_START */
	RESERVE = 1200 * BLOCK, /* at a file's end for steps: they are put with the PSE's lock held, which cleaning needs */
};

enum kind { KIND_STATE = 1, KIND_SETTLED = 2, KIND_STEP = 3 };

struct file {
	int fd;
	bool busy; /* has what is nowhere else */
	uint64_t turn;
};

struct store_log {
	char dir[PATH_MAX];
	pthread_mutex_t lock; /* of all below; not held while the disk is waited for */
	pthread_cond_t changed, filled; /* filled: for the cleaner alone, which every write would wake otherwise */
	struct file files[FILES];
	unsigned current;
	uint64_t offset;
	uint32_t number, steps;
	uint64_t put, durable; /* records, counted from log_begin() */
	bool syncing;
	struct place *places;
	pthread_mutex_t settling; /* one writer of places' files at a time */
	pthread_t cleaner;
	bool cleans, full, ends;
	enum tcb_error (*snapshot)(void *context);
	void *snapshot_context;
	size_t recovered_size; /* steps that log_open() found */
	uint8_t *recovered;
	uint8_t *buffer; /* a record being put */
};

static enum tcb_error failed(struct diagnosis *d, const char *what)
{
	return diagnose_found(d, TCB_PLATFORM, "store.log", "a disk that keeps what it is given",
			      "check space and owner of the platform's directory", "%s: %s", what, strerror(errno));
}

/* What was acknowledged, or was about to be, may be gone: nobody is told anything any more. */
static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "tcbindd: store.log: found %s: %s; wanted a disk that keeps what it is given; check it, then start the platform again\n",
		      what, strerror(errno));
	_exit(3);
}

static bool pwrite_all(int fd, struct span bytes, uint64_t offset)
{
	while (bytes.size > 0) {
		ssize_t n = pwrite(fd, bytes.data, bytes.size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		offset += (uint64_t)n;
		bytes = span_of(bytes.data + n, bytes.size - (size_t)n);
	}
	return true;
}

/* ---- forms ---- */

static uint64_t blocks(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static enum tcb_error put_head(const struct file *f)
{
	uint8_t bytes[HEAD_FIXED + SHA256_SIZE];
	struct writer w = WRITER_OF(bytes);
	struct digest256 digest;

	writer_bytes(&w, span_of_text(HEAD_MAGIC));
	writer_u64(&w, f->turn);
	TRY(crypto_sha256(span_of(bytes, HEAD_FIXED), &digest));
	writer_bytes(&w, SPAN_OF(digest.bytes));
	return writer_end(&w, NULL) == TCB_OK && pwrite_all(f->fd, SPAN_OF(bytes), 0) && fdatasync(f->fd) == 0 ? TCB_OK : TCB_PLATFORM;
}

/* The turn, 0 where there is none. */
static uint64_t get_turn(struct span file)
{
	struct reader r = reader_of(file);
	struct digest256 digest;
	struct span magic, stored;
	uint64_t turn;

	if (reader_bytes(&r, strlen(HEAD_MAGIC), &magic) != TCB_OK || !span_is_text(magic, HEAD_MAGIC) || reader_u64(&r, &turn) != TCB_OK ||
	    reader_bytes(&r, SHA256_SIZE, &stored) != TCB_OK || crypto_sha256(span_of(file.data, HEAD_FIXED), &digest) != TCB_OK ||
	    !span_equal(stored, SPAN_OF(digest.bytes)))
		return 0;
	return turn;
}

struct record {
	enum kind kind;
	uint64_t turn;
	uint32_t number;
	struct uuid id;
	struct span bytes;
};

static enum tcb_error record_encode(struct writer *w, const struct record *m)
{
	struct span parts[2] = { span_of(w->data, RECORD_FIXED), m->bytes };
	struct digest256 digest;

	writer_bytes(w, span_of_text(RECORD_MAGIC));
	writer_u8(w, (uint8_t)m->kind);
	writer_zeros(w, 3);
	writer_u64(w, m->turn);
	writer_u32(w, m->number);
	writer_u32(w, (uint32_t)m->bytes.size);
	writer_bytes(w, SPAN_OF(m->id.bytes));
	TRY(writer_end(w, NULL));
	TRY(crypto_sha256_all(parts, 2, &digest));
	writer_bytes(w, SPAN_OF(digest.bytes));
	writer_bytes(w, m->bytes);
	return writer_end(w, NULL);
}

static enum tcb_error record_decode(struct span bytes, struct record *ret)
{
	struct reader r = reader_of(bytes);
	struct span magic, zeros, stored, parts[2];
	struct digest256 digest;
	uint32_t size;
	uint8_t kind;

	TRY(reader_bytes(&r, strlen(RECORD_MAGIC), &magic));
	TRY(reader_u8(&r, &kind));
	TRY(reader_bytes(&r, 3, &zeros));
	TRY(reader_u64(&r, &ret->turn));
	TRY(reader_u32(&r, &ret->number));
	TRY(reader_u32(&r, &size));
	TRY(reader_copy(&r, ret->id.bytes, sizeof ret->id.bytes));
	TRY(reader_bytes(&r, SHA256_SIZE, &stored));
	TRY(reader_bytes(&r, size, &ret->bytes));
	if (!span_is_text(magic, RECORD_MAGIC) || kind < KIND_STATE || kind > KIND_STEP)
		return TCB_MALFORMED;
	ret->kind = (enum kind)kind;
	parts[0] = span_of(bytes.data, RECORD_FIXED);
	parts[1] = ret->bytes;
	TRY(crypto_sha256_all(parts, 2, &digest));
	return span_equal(stored, SPAN_OF(digest.bytes)) ? TCB_OK : TCB_MALFORMED;
}

static unsigned older_file(const struct store_log *log)
{
	return log->files[0].turn <= log->files[1].turn ? 0 : 1;
}

/* ---- recovery ---- */

struct found {
	struct uuid id;
	struct span bytes; /* empty: settled */
};

struct recovery {
	struct found *states;
	size_t count, capacity;
	struct store_log *log;
};

static enum tcb_error note(struct recovery *r, const struct record *m)
{
	size_t i = 0;

	while (i < r->count && memcmp(&r->states[i].id, &m->id, sizeof m->id) != 0)
		i++;
	if (i == r->capacity) {
		struct found *more = realloc(r->states, (r->capacity * 2 + 64) * sizeof *more);

		if (more == NULL)
			return TCB_INTERNAL;
		r->states = more;
		r->capacity = r->capacity * 2 + 64;
	}
	r->states[i] = (struct found){ .id = m->id, .bytes = m->kind == KIND_STATE ? m->bytes : span_of(NULL, 0) };
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

static enum tcb_error read_records(struct recovery *r, struct span file, uint64_t turn)
{
	uint32_t number = 0;

	for (uint64_t at = BLOCK; at + RECORD_HEAD <= file.size;) {
		struct record m;

		if (record_decode(span_of(file.data + at, file.size - at), &m) != TCB_OK || m.turn != turn || m.number != number)
			return TCB_OK; /* the end */
		TRY(m.kind == KIND_STEP ? note_step(r->log, m.bytes) : note(r, &m));
		number++;
		at += blocks(RECORD_HEAD + m.bytes.size);
	}
	return TCB_OK;
}

/* Written once, so that later writes change no metadata of the file system. */
static bool preallocate(int fd)
{
	uint8_t *zeros = lseek(fd, 0, SEEK_END) < FILE_SIZE ? calloc(1, FILE_SIZE) : NULL;
	bool ok = lseek(fd, 0, SEEK_END) >= FILE_SIZE || (zeros != NULL && pwrite_all(fd, span_of(zeros, FILE_SIZE), 0) && fsync(fd) == 0);

	free(zeros);
	return ok;
}

static enum tcb_error open_file(const char *dir, unsigned index, struct file *ret_file, const uint8_t **ret_bytes, struct diagnosis *d)
{
	void *mapped = MAP_FAILED;

	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof path, "%s/log.%u", dir, index);
	ret_file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ret_file->fd >= 0 && preallocate(ret_file->fd))
		mapped = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, ret_file->fd, 0);
	if (mapped == MAP_FAILED)
		return failed(d, path);
	*ret_bytes = mapped;
	ret_file->turn = get_turn(span_of(mapped, FILE_SIZE));
	return TCB_OK;
}

static enum tcb_error recover_all(struct store_log *log, const uint8_t *const bytes[FILES],
				  enum tcb_error (*recover)(void *context, const struct uuid *id, struct span sealed, struct diagnosis *d),
				  void *context, struct diagnosis *d)
{
	struct recovery r = { .log = log };
	unsigned older = older_file(log);
	enum tcb_error error = TCB_OK;

	for (unsigned i = 0; i < FILES && error == TCB_OK; i++) {
		unsigned index = (older + i) % FILES;

		if (log->files[index].turn != 0)
			error = read_records(&r, span_of(bytes[index], FILE_SIZE), log->files[index].turn);
	}
	for (size_t i = 0; i < r.count && error == TCB_OK; i++)
		if (r.states[i].bytes.size > 0)
			error = recover(context, &r.states[i].id, r.states[i].bytes, d);
	free(r.states);
	return error;
}

enum tcb_error log_open(const char *dir, enum tcb_error (*recover)(void *context, const struct uuid *id, struct span sealed, struct diagnosis *d),
			void *context, struct store_log **ret_log, struct diagnosis *d)
{
	struct store_log *log = calloc(1, sizeof *log);
	const uint8_t *bytes[FILES] = { NULL, NULL };
	enum tcb_error error = log != NULL ? TCB_OK : TCB_INTERNAL;

	if (error == TCB_OK) {
		log->files[0].fd = log->files[1].fd = -1;
		(void)pthread_mutex_init(&log->lock, NULL);
		(void)pthread_mutex_init(&log->settling, NULL);
		(void)pthread_cond_init(&log->changed, NULL);
		(void)pthread_cond_init(&log->filled, NULL);
		(void)snprintf(log->dir, sizeof log->dir, "%s", dir);
	}
	for (unsigned i = 0; i < FILES && error == TCB_OK; i++)
		error = open_file(dir, i, &log->files[i], &bytes[i], d);
	if (error == TCB_OK)
		error = recover_all(log, bytes, recover, context, d);
	for (unsigned i = 0; i < FILES; i++)
		if (bytes[i] != NULL)
			(void)munmap((void *)(uintptr_t)bytes[i], FILE_SIZE);
	if (error != TCB_OK) {
		if (log != NULL)
			log_close(log);
		return error;
	}
	*ret_log = log;
	return TCB_OK;
}

struct span log_steps(const struct store_log *log)
{
	return span_of(log->recovered, log->recovered_size);
}

/* ---- a file's turn ---- */

static bool take_turn(struct store_log *log, unsigned index)
{
	struct file *f = &log->files[index];
	uint64_t last = log->files[0].turn > log->files[1].turn ? log->files[0].turn : log->files[1].turn;

	f->turn = last + 1;
	if (put_head(f) != TCB_OK)
		return false;
	f->busy = true;
	log->current = index;
	log->offset = BLOCK;
	log->number = log->steps = 0;
	return true;
}

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

	if (bytes == NULL || pread(log->files[mark->file].fd, bytes, mark->size, (off_t)mark->offset) != (ssize_t)mark->size)
		give_up("a log that cannot be read");
	return bytes;
}

/* With `settling` held. What can be written nowhere stays in the log, which then must not be used again. */
static void write_to_place(const struct store_log *log, const struct place *place, const struct log_mark *mark, bool last)
{
	struct diagnosis d = {0};
	enum tcb_error error;
	uint8_t *bytes = read_back(log, mark);
	struct span sealed = span_of(bytes, mark->size);

	error = last ? place_write_last(place, sealed, &d) : place_write(place, sealed, &d);
	if (error != TCB_OK && place_keep_aside(log->dir, &place->id, sealed, &d) != TCB_OK)
		give_up("a state that can be put nowhere");
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
		(void)pthread_mutex_lock(&log->lock);
		p = find_unclean(log, old);
		if (p != NULL) {
			p->mark.clean = true; /* unless it is put again */
			mark = p->mark;
		}
		(void)pthread_mutex_unlock(&log->lock);
		if (p != NULL)
			write_to_place(log, p, &mark, false);
		(void)pthread_mutex_unlock(&log->settling);
		if (p == NULL)
			break;
	}
	if (log->snapshot(log->snapshot_context) != TCB_OK || pwrite(log->files[old].fd, HEAD_MAGIC, 1, 8) != 1 ||
	    fdatasync(log->files[old].fd) != 0)
		give_up("a log that cannot be cleaned");
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

static void *clean_when_full(void *context)
{
	struct store_log *log = context;

	(void)pthread_mutex_lock(&log->lock);
	for (;;) {
		unsigned old;

		while (!log->full && !log->ends)
			(void)pthread_cond_wait(&log->filled, &log->lock);
		if (log->ends)
			break;
		old = (log->current + 1) % FILES; /* stays so: the next change waits for us */
		(void)pthread_mutex_unlock(&log->lock);
		clean(log, old);
		(void)pthread_mutex_lock(&log->lock);
		forget_all(log, old);
		log->files[old].busy = false;
		log->full = false;
		(void)pthread_cond_broadcast(&log->changed);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return NULL;
}

enum tcb_error log_begin(struct store_log *log, struct diagnosis *d)
{
	unsigned older = older_file(log);

	free(log->recovered);
	log->recovered = NULL;
	log->recovered_size = 0;
	log->buffer = malloc(LIMIT_STATE + 2 * BLOCK);
	/* The older first: at any cut what is left is nothing, or the newest. */
	if (log->buffer == NULL || !take_turn(log, older) || !take_turn(log, (older + 1) % FILES))
		return failed(d, "log.0, log.1");
	log->files[older].busy = false;
	if (pthread_create(&log->cleaner, NULL, clean_when_full, log) != 0)
		return failed(d, "a thread for the log");
	log->cleans = true;
	return TCB_OK;
}

void log_on_full(struct store_log *log, enum tcb_error (*snapshot)(void *context), void *context)
{
	log->snapshot = snapshot;
	log->snapshot_context = context;
}

/* ---- writing ---- */

/* With the lock held, again until there is room. All records until now are made durable, so that the next file's follow them in any case. */
static void change_file(struct store_log *log)
{
	unsigned next = (log->current + 1) % FILES;

	if (log->files[next].busy || log->syncing) {
		(void)pthread_cond_wait(&log->changed, &log->lock);
		return; /* another thread may have changed it */
	}
	if (fdatasync(log->files[log->current].fd) != 0 || !take_turn(log, next))
		give_up("a log that cannot be written");
	log->durable = log->put;
	log->full = true;
	(void)pthread_cond_signal(&log->filled);
	(void)pthread_cond_broadcast(&log->changed);
}

static _Thread_local uint64_t own_put; /* the record that this thread put last */
static _Thread_local bool held;

/* With the lock held. `ret_offset`: of the bytes. */
static enum tcb_error put(struct store_log *log, enum kind kind, const struct uuid *id, struct span bytes, uint64_t *ret_offset,
			  struct diagnosis *d)
{
	struct record m = { .kind = kind, .id = *id, .bytes = bytes };
	struct writer w = writer_of(log->buffer, LIMIT_STATE + 2 * BLOCK);
	uint64_t size = blocks(RECORD_HEAD + bytes.size);

	if (bytes.size > LIMIT_STATE)
		return TCB_LIMIT;
	if (kind == KIND_STEP && log->offset + size > FILE_SIZE && log->files[(log->current + 1) % FILES].busy)
		return diagnose(d, TCB_LIMIT, "store.log", "a log that is full", "room", "try again");
	while (log->offset + size > FILE_SIZE - (kind == KIND_STEP ? 0 : RESERVE) || (kind != KIND_STEP && log->steps >= STEPS_MAX))
		change_file(log);
	m.turn = log->files[log->current].turn;
	m.number = log->number;
	TRY(record_encode(&w, &m));
	memset(w.data + w.size, 0, size - w.size);
	if (!pwrite_all(log->files[log->current].fd, span_of(w.data, size), log->offset))
		return failed(d, "writing the log");
	*ret_offset = log->offset + RECORD_HEAD;
	log->offset += size;
	log->number++;
	log->steps += kind == KIND_STEP;
	own_put = ++log->put;
	return TCB_OK;
}

enum tcb_error log_put_state(struct store_log *log, struct place *place, struct span sealed, struct diagnosis *d)
{
	struct log_mark *mark = &place->mark;
	enum tcb_error error;
	uint64_t offset;

	(void)pthread_mutex_lock(&log->lock);
	error = put(log, KIND_STATE, &place->id, sealed, &offset, d);
	if (error == TCB_OK) {
		if (!mark->in_log) {
			mark->next = log->places;
			log->places = place;
		}
		mark->in_log = true;
		mark->clean = false;
		mark->file = log->current;
		mark->offset = offset;
		mark->size = (uint32_t)sealed.size;
	}
	(void)pthread_mutex_unlock(&log->lock);
	return error;
}

enum tcb_error log_put_step(struct store_log *log, struct span sealed, struct diagnosis *d)
{
	static const struct uuid none;
	enum tcb_error error;
	uint64_t offset;

	(void)pthread_mutex_lock(&log->lock);
	error = put(log, KIND_STEP, &none, sealed, &offset, d);
	(void)pthread_mutex_unlock(&log->lock);
	return error;
}

/* With the lock held: one waits for the disk, for all that is put by then; the others for that one. */
static void wait_for(struct store_log *log, uint64_t wanted)
{
	while (log->durable < wanted) {
		uint64_t until = log->put;
		int fd = log->files[log->current].fd;

		if (log->syncing) {
			(void)pthread_cond_wait(&log->changed, &log->lock);
			continue;
		}
		log->syncing = true;
		(void)pthread_mutex_unlock(&log->lock);
		if (fdatasync(fd) != 0)
			give_up("a log that cannot be written");
		(void)pthread_mutex_lock(&log->lock);
		log->syncing = false;
		log->durable = until;
		(void)pthread_cond_broadcast(&log->changed);
	}
}

void log_wait(struct store_log *log)
{
	if (held)
		return;
	(void)pthread_mutex_lock(&log->lock);
	wait_for(log, own_put);
	(void)pthread_mutex_unlock(&log->lock);
}

void log_wait_all(struct store_log *log)
{
	(void)pthread_mutex_lock(&log->lock);
	wait_for(log, log->put);
	(void)pthread_mutex_unlock(&log->lock);
}

void log_hold(void)
{
	held = true;
}

void log_release(struct store_log *log)
{
	held = false;
	log_wait(log);
}

/* ---- settling ---- */

static void retire(struct store_log *log, struct place *place, bool write)
{
	struct diagnosis d = {0};
	struct log_mark mark;
	uint64_t offset;

	(void)pthread_mutex_lock(&log->settling);
	(void)pthread_mutex_lock(&log->lock);
	mark = place->mark;
	place->mark.clean = true; /* the cleaner passes it over from now on: it may be freed */
	(void)pthread_mutex_unlock(&log->lock);
	if (write && mark.in_log)
		write_to_place(log, place, &mark, true);
	(void)pthread_mutex_unlock(&log->settling);
	if (!mark.in_log)
		return;
	(void)pthread_mutex_lock(&log->lock);
	/* Durable before the file is written by anyone else: else a crash would bring this state back over a newer one. */
	if (put(log, KIND_SETTLED, &place->id, span_of(NULL, 0), &offset, &d) != TCB_OK)
		give_up("a log that cannot be written");
	wait_for(log, own_put);
	forget(log, place);
	(void)pthread_mutex_unlock(&log->lock);
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
		(void)pthread_mutex_lock(&log->lock);
		log->ends = true;
		(void)pthread_cond_signal(&log->filled);
		(void)pthread_mutex_unlock(&log->lock);
		(void)pthread_join(log->cleaner, NULL);
	}
	for (unsigned i = 0; i < FILES; i++)
		if (log->files[i].fd >= 0)
			(void)close(log->files[i].fd);
	free(log->recovered);
	free(log->buffer);
	free(log);
}
