// SPDX-License-Identifier: MIT
#include "host/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "host/store.h"

enum {
	BATCH_MAX = 1024 * 1024, RECORD_MAX = LOG_RECORD_HEAD + LIMIT_STATE,
	STEPS_MAX = 1600, STEPS_LAST = 2000, /* in one file: before it is changed, if it can be; and at most. What both have fits PSE_START */
	RESERVE = 1200 * LOG_BLOCK, /* at a file's end, for steps */
};

/* What was acknowledged, or was about to be, may be gone: nobody is told anything any more. */
_Noreturn void log_give_up(const char *what)
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
		bytes = span_from(bytes, (size_t)n);
	}
	return true;
}

/* ---- files ---- */

/* Written once, so that later writes change no metadata of the file system. */
static bool preallocate(int fd)
{
	uint8_t *zeros = lseek(fd, 0, SEEK_END) < LOG_FILE_SIZE ? calloc(1, LOG_FILE_SIZE) : NULL;
	bool ok = lseek(fd, 0, SEEK_END) >= LOG_FILE_SIZE || (zeros != NULL && pwrite_all(fd, span_of(zeros, LOG_FILE_SIZE), 0) && fsync(fd) == 0);

	free(zeros);
	return ok;
}

void log_out_init(struct log_out *ret_o)
{
	*ret_o = (struct log_out){ .batch = 1 };
	(void)pthread_mutex_init(&ret_o->lock, NULL);
	(void)pthread_cond_init(&ret_o->changed, NULL);
	(void)pthread_cond_init(&ret_o->half, NULL);
	for (unsigned i = 0; i < LOG_FILES; i++) {
		(void)pthread_cond_init(&ret_o->written[i], NULL);
		ret_o->files[i].fd = ret_o->files[i].durable_fd = -1;
	}
}

/* Past the page cache, where the file system can: then a write is one request to the disk. */
static int open_durable(const char *path)
{
	void *block = NULL;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_DSYNC | O_DIRECT);

	if (fd >= 0 && posix_memalign(&block, LOG_BLOCK, LOG_BLOCK) == 0 && pread(fd, block, LOG_BLOCK, LOG_BLOCK) != LOG_BLOCK) {
		(void)close(fd);
		fd = -1;
	}
	free(block);
	return fd >= 0 ? fd : open(path, O_RDWR | O_CLOEXEC | O_DSYNC);
}

enum tcb_error log_out_open_file(const char *dir, unsigned index, struct log_file *ret_file, struct diagnosis *d)
{
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof path, "%s/log.%u", dir, index);
	*ret_file = (struct log_file){ .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), .durable_fd = -1 };
	if (ret_file->fd >= 0 && preallocate(ret_file->fd) && store_sync_dir(dir))
		ret_file->durable_fd = open_durable(path);
	if (ret_file->durable_fd < 0)
		return diagnose_found(d, TCB_PLATFORM, "store.log", "a disk that keeps what it is given",
				      "check space and owner of the platform's directory", "%s: %s", path, strerror(errno));
	return TCB_OK;
}

/* The head goes through the page cache: it is read so, and no record shares its block. */
static void put_head(const struct log_file *f)
{
	uint8_t bytes[LOG_RECORD_HEAD];
	struct writer w = WRITER_OF(bytes);

	if (log_head_encode(&w, f->turn) != TCB_OK || !pwrite_all(f->fd, span_of(bytes, w.size), 0) || fdatasync(f->fd) != 0)
		log_give_up("a log that cannot be written");
}

void log_out_void(const struct log_file *f)
{
	static const uint8_t no_turn[8];

	if (!pwrite_all(f->fd, SPAN_OF(no_turn), 8) || fdatasync(f->fd) != 0)
		log_give_up("a log that cannot be cleaned");
}

static unsigned other(const struct log_out *o)
{
	return (o->current + 1) % LOG_FILES;
}

static void take_turn(struct log_out *o, unsigned index)
{
	struct log_file *f = &o->files[index];

	f->turn = o->files[0].turn > o->files[1].turn ? o->files[0].turn + 1 : o->files[1].turn + 1;
	put_head(f);
	f->busy = true;
	o->current = index;
	o->start = LOG_BLOCK;
	o->number = o->steps = 0;
}

static bool make_batch(struct log_batch *ret)
{
	void *bytes = NULL;

	if (posix_memalign(&bytes, LOG_BLOCK, BATCH_MAX) != 0)
		return false;
	*ret = (struct log_batch){ .bytes = bytes };
	return true;
}

enum tcb_error log_out_begin(struct log_out *o, struct diagnosis *d)
{
	if (!make_batch(&o->gathering) || !make_batch(&o->spare))
		return diagnose(d, TCB_PLATFORM, "store.log", "no memory", "two megabytes", "make room in the machine's memory");
	/* The older first: at any cut what is left is nothing, or the newest. */
	o->current = o->files[0].turn <= o->files[1].turn ? 1 : 0;
	take_turn(o, other(o));
	take_turn(o, other(o));
	o->files[other(o)].busy = false;
	return TCB_OK;
}

void log_out_close(struct log_out *o)
{
	for (unsigned i = 0; i < LOG_FILES; i++) {
		if (o->files[i].fd >= 0)
			(void)close(o->files[i].fd);
		if (o->files[i].durable_fd >= 0)
			(void)close(o->files[i].durable_fd);
	}
	free(o->gathering.bytes);
	free(o->spare.bytes);
}

/* ---- batches ---- */

static void write_batch(struct log_out *o)
{
	const struct log_batch batch = o->gathering;
	const size_t size = log_round(batch.size, LOG_BLOCK);
	const uint64_t number = o->batch, at = o->start;
	const int fd = o->files[o->current].durable_fd;

	o->writing = true;
	o->gathering = o->spare;
	o->gathering.size = 0;
	o->batch++;
	o->start += size;
	(void)pthread_mutex_unlock(&o->lock);
	memset(batch.bytes + batch.size, 0, size - batch.size);
	if (!pwrite_all(fd, span_of(batch.bytes, size), at))
		log_give_up("a log that cannot be written");
	(void)pthread_mutex_lock(&o->lock);
	o->spare = batch;
	o->writing = false;
	o->durable = number;
	(void)pthread_cond_broadcast(&o->written[number % 2]);
	(void)pthread_cond_signal(&o->written[(number + 1) % 2]);
	(void)pthread_cond_broadcast(&o->changed);
}

void log_out_wait(struct log_out *o, uint64_t batch)
{
	while (o->durable < batch)
		if (o->writing)
			(void)pthread_cond_wait(&o->written[batch % 2], &o->lock);
		else
			write_batch(o);
}

void log_out_wait_all(struct log_out *o)
{
	log_out_wait(o, o->gathering.size > 0 ? o->batch : o->batch - 1);
}

/* ---- records ---- */

static uint64_t end_of_file(const struct log_out *o)
{
	return o->start + log_round(o->gathering.size, LOG_ALIGN);
}

static bool fits(const struct log_out *o, enum log_kind kind, uint64_t size)
{
	const bool is_step = kind == LOG_STEP;

	return end_of_file(o) + size <= LOG_FILE_SIZE - (is_step ? 0u : RESERVE) && o->steps < (is_step ? STEPS_LAST : STEPS_MAX);
}

bool log_out_steps_fit(const struct log_out *o, unsigned count)
{
	const uint64_t size = (uint64_t)count * LOG_BLOCK + LOG_BLOCK; /* each may be a write of its own, and the one before it ends at a block */

	return !o->files[other(o)].busy || (fits(o, LOG_STEP, size) && o->steps + count <= STEPS_LAST);
}

/* Again until there is room. What is in the file is durable before the other is begun. */
static void change_file(struct log_out *o)
{
	if (o->files[other(o)].busy || o->writing)
		(void)pthread_cond_wait(&o->changed, &o->lock); /* another thread may have changed it then */
	else if (o->gathering.size > 0)
		write_batch(o);
	else
		take_turn(o, other(o));
}

bool log_out_half(const struct log_out *o)
{
	return o->files[other(o)].busy && (o->start > LOG_FILE_SIZE / 2 || o->steps > STEPS_MAX / 2);
}

static void make_room(struct log_out *o, enum log_kind kind, size_t size)
{
	for (;;)
		if (!fits(o, kind, size))
			change_file(o);
		else if (log_round(o->gathering.size, LOG_ALIGN) + size > BATCH_MAX)
			log_out_wait(o, o->batch);
		else
			return;
}

enum tcb_error log_out_put(struct log_out *o, enum log_kind kind, const struct log_owner *owner, struct span bytes, uint64_t *ret_offset,
			   uint64_t *ret_batch)
{
	struct log_record m = { .kind = kind, .owner = *owner, .bytes = bytes };
	struct log_batch *b = &o->gathering;
	size_t size = LOG_RECORD_HEAD + bytes.size, at;
	struct writer w;

	if (size > RECORD_MAX)
		return TCB_LIMIT;
	make_room(o, kind, size);
	at = log_round(b->size, LOG_ALIGN);
	memset(b->bytes + b->size, 0, at - b->size);
	m.turn = o->files[o->current].turn;
	m.number = o->number;
	w = writer_of(b->bytes + at, size);
	TRY(log_record_encode(&w, &m));
	b->size = at + size;
	*ret_offset = o->start + at + LOG_RECORD_HEAD;
	*ret_batch = o->batch;
	o->number++;
	o->steps += kind == LOG_STEP;
	if (log_out_half(o))
		(void)pthread_cond_signal(&o->half);
	return TCB_OK;
}
