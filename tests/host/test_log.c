// SPDX-License-Identifier: MIT
/* host/log: whatever is cut off its end, what was durable is there, in order, and nothing else; files are used in turn; threads share writes. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "host/aside.h"
#include "host/log_form.h"

enum { PLACES = 3, BLOCK = 4096 };

static char dir[] = "/tmp/tcbind-log.XXXXXX";
static struct place places[PLACES];
static unsigned recovered[PLACES], steps, snapshots; /* versions; newest step */
static bool orderly;
static _Atomic unsigned writes;

/* The C library's, counted where it writes records. */
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	writes += offset >= BLOCK;
	return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

/* Called once, when a file is given its name. */
static void (*interlude)(void);

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	void (*run)(void) = interlude;

	interlude = NULL;
	if (run != NULL)
		run();
	return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

static struct uuid id_of(unsigned i)
{
	return (struct uuid){{ (uint8_t)(i + 1) }};
}

/* A state or step says its version at both ends. */
static struct span payload(uint8_t *bytes, unsigned version, size_t size)
{
	struct writer w = writer_of(bytes, size);

	writer_u32(&w, version);
	writer_zeros(&w, size - 8);
	writer_u32(&w, version);
	return span_of(bytes, size);
}

static unsigned version_of(struct span bytes)
{
	struct reader r = reader_of(bytes), tail = reader_of(span_of(bytes.data + bytes.size - 4, 4));
	uint32_t head, end;

	assert_int_equal(reader_u32(&r, &head), TCB_OK);
	assert_int_equal(reader_u32(&tail, &end), TCB_OK);
	assert_int_equal(head, end);
	return head;
}

static enum tcb_error recover(void *context, const struct log_owner *owner, struct span sealed, struct diagnosis *d)
{
	(void)context;
	(void)d;
	assert_in_range(owner->id.bytes[0], 1, PLACES);
	recovered[owner->id.bytes[0] - 1] = version_of(sealed);
	return TCB_OK;
}

static enum tcb_error snapshot(void *context)
{
	(void)context;
	snapshots++;
	return TCB_OK;
}

static struct store_log *open_log(const char *where)
{
	struct store_log *log;
	struct reader r;

	memset(recovered, 0, sizeof recovered);
	steps = 0;
	orderly = true;
	assert_int_equal(log_open(where, recover, NULL, &log, NULL), TCB_OK);
	r = reader_of(log_steps(log));
	while (r.rest.size > 0) {
		struct span step;
		unsigned version;
		uint8_t slot;

		assert_int_equal(reader_u8(&r, &slot), TCB_OK);
		assert_int_equal(slot, STORE_PSE_LEDGER_STEP);
		assert_int_equal(reader_sized(&r, 65536, &step), TCB_OK);
		version = version_of(step);
		orderly &= steps == 0 || version == steps + 1;
		steps = version;
	}
	return log;
}

static struct store_log *begin(void)
{
	struct store_log *log = open_log(dir);

	log_wait_all(log); /* there is nothing to wait for yet */
	log_on_full(log, snapshot, NULL);
	assert_int_equal(log_begin(log, NULL), TCB_OK);
	for (unsigned i = 0; i < PLACES; i++) {
		memset(&places[i], 0, sizeof places[i]);
		places[i].id = id_of(i);
		(void)snprintf(places[i].dir, sizeof places[i].dir, "%s/%u", dir, i);
		(void)snprintf(places[i].state, sizeof places[i].state, "state");
		places[i].log = log;
	}
	return log;
}

static void put_state(unsigned i, unsigned version, size_t size)
{
	static _Thread_local uint8_t bytes[65536];

	assert_int_equal(place_put(&places[i], STORE_VTPM_STATE, payload(bytes, version, size), NULL), TCB_OK);
}

static void put_step(struct store_log *log, unsigned version)
{
	uint8_t bytes[200];

	assert_int_equal(log_put_step(log, payload(bytes, version, sizeof bytes)), TCB_OK);
}

static uint8_t *map_file(const char *where, unsigned index, size_t *ret_size, int flags)
{
	char path[128];
	struct stat st;
	uint8_t *bytes;
	int fd;

	(void)snprintf(path, sizeof path, "%s/log.%u", where, index);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, flags, fd, 0);
	assert_true(bytes != MAP_FAILED);
	(void)close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

/* The file with the records, of the two. */
static uint8_t *map_written(size_t *ret_size)
{
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *bytes = map_file(dir, i, ret_size, MAP_SHARED);

		if (memcmp(bytes + BLOCK, "TCBR", 4) == 0)
			return bytes;
		(void)munmap(bytes, *ret_size);
	}
	fail_msg("no records");
	return NULL;
}

/* Three rounds of: state of place 0, its step, state of place 1, its step. In the first, what is put is waited for after each step, so that the next
 * starts at a block; the others are one write. */
enum { ROUNDS = 3, RECORDS = 4 * ROUNDS };

static size_t payload_size(unsigned record)
{
	return record % 2 == 1 ? 200 : record % 4 == 0 ? 300 : 6000;
}

/* Ends, in the file, of records that are put so. */
static void put_rounds(struct store_log *log, size_t ret_ends[RECORDS])
{
	size_t at = BLOCK;

	for (unsigned i = 0; i < RECORDS; i++) {
		if (i % 2 == 1)
			put_step(log, i / 2 + 1);
		else
			put_state(i % 4 / 2, i / 4 + 1, payload_size(i));
		at = log_round(at, LOG_ALIGN) + LOG_RECORD_HEAD + payload_size(i);
		ret_ends[i] = at;
		if (i < 4 && i % 2 == 1) {
			log_wait(log);
			at = log_round(at, BLOCK);
		}
	}
	log_wait(log);
}

/* Every byte where something starts or ends, some of those between. */
static size_t next_cut(size_t cut, const size_t ends[RECORDS])
{
	for (unsigned i = 0; i < RECORDS; i++)
		if (cut + 70 > ends[i] && cut < ends[i] + 160)
			return cut + 1;
	return cut + 61;
}

static void after_any_cut(void **state)
{
	struct store_log *log = begin();
	size_t ends[RECORDS], size, kept_size;
	uint8_t *file, *kept;

	(void)state;
	put_rounds(log, ends);
	log_close(log); /* as a crash: nothing is settled */
	file = map_written(&size);
	kept_size = log_round(ends[RECORDS - 1], BLOCK);
	kept = malloc(kept_size);
	memcpy(kept, file, kept_size);
	for (size_t cut = BLOCK; cut <= kept_size; cut = next_cut(cut, ends)) {
		unsigned states[2] = {0}, wanted_steps = 0;

		memset(file + cut, 0, kept_size - cut);
		for (unsigned i = 0; i < RECORDS && ends[i] <= cut; i++) {
			if (i % 2 == 1)
				wanted_steps = i / 2 + 1;
			else
				states[i % 4 / 2] = i / 4 + 1;
		}
		log = open_log(dir);
		assert_int_equal(recovered[0], states[0]);
		assert_int_equal(recovered[1], states[1]);
		assert_int_equal(steps, wanted_steps);
		assert_true(orderly);
		/* A step is never there without the state that it is about. */
		assert_true(recovered[0] >= (steps + 1) / 2 && recovered[1] >= steps / 2);
		log_close(log);
		memcpy(file, kept, kept_size);
	}
	free(kept);
	(void)munmap(file, size);
}

static void an_altered_record_ends_the_log(void **state)
{
	struct store_log *log = begin();
	uint8_t *file;
	size_t size;

	(void)state;
	for (unsigned version = 1; version <= 4; version++) {
		put_state(0, version, 300);
		log_wait(log); /* each at a block of its own */
	}
	log_close(log);
	file = map_written(&size);
	for (size_t at = 0; at < 72 + 300; at++) {
		file[3 * BLOCK + at] ^= 0x10; /* the third */
		log = open_log(dir);
		assert_int_equal(recovered[0], 2);
		log_close(log);
		file[3 * BLOCK + at] ^= 0x10;
	}
	(void)munmap(file, size);
}

static void what_is_settled_is_in_its_file(void **state)
{
	struct store_log *log = begin();
	struct span bytes;

	(void)state;
	put_state(0, 7, 300);
	put_state(1, 8, 300);
	log_wait(log);
	log_settle(log, &places[0]);
	assert_int_equal(store_get(places[0].dir, "state", 65536, &bytes, NULL), TCB_OK);
	assert_int_equal(version_of(bytes), 7);
	free((void *)(uintptr_t)bytes.data);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(recovered[0], 0); /* else it would come back over what is written there later */
	assert_int_equal(recovered[1], 8);
	assert_int_equal(log_begin(log, NULL), TCB_OK);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(recovered[1], 0); /* begun anew: it is empty */
	log_close(log);
}

static unsigned newest_of(unsigned i);

static void put_newer(void)
{
	put_state(0, 8, 300);
}

/* As a MigE does whose platform ends: the newer one must not be void with the one that was written. */
static void what_is_put_while_another_is_settled_counts(void **state)
{
	struct store_log *log = begin();

	(void)state;
	put_state(0, 7, 300);
	log_wait(log);
	interlude = put_newer;
	log_settle(log, &places[0]);
	assert_null(interlude);
	log_wait_all(log);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(newest_of(0), 8);
	log_close(log);
}

/* Two places of one vTPM: what is settled is what the one had. */
static void a_place_says_nothing_of_another(void **state)
{
	struct store_log *log = begin();

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		places[i].id = id_of(0);
		places[i].external = true;
		(void)snprintf(places[i].state, sizeof places[i].state, "of-both");
		places[i].tag = place_tag(&places[i]);
		put_state(i, 7 + i, 300);
	}
	log_wait(log);
	log_settle(log, &places[0]);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(recovered[0], 8);
	log_close(log);
}

static void a_log_of_another_release_is_left_alone(void **state)
{
	struct diagnosis d = {0};
	struct store_log *log;
	uint8_t *file;
	size_t size;

	(void)state;
	file = map_file(dir, 0, &size, MAP_SHARED);
	file[6] = '1';
	assert_int_equal(log_open(dir, recover, NULL, &log, &d), TCB_PLATFORM);
	assert_string_equal(d.code, "store.log.release");
	file[6] = '2';
	(void)munmap(file, size);
}

/* More than both files take, by several threads; then a crash. */
struct writer_thread {
	pthread_t thread;
	struct store_log *log;
	unsigned place, last;
};

static void *write_many(void *context)
{
	struct writer_thread *t = context;

	for (unsigned version = 1; version <= 1500; version++) {
		put_state(t->place, version, 12000);
		log_wait(t->log);
		t->last = version;
	}
	return NULL;
}

/* In the log; or in its file, if the log file that it stood in has been cleaned since. */
static unsigned newest_of(unsigned i)
{
	struct span bytes;
	unsigned version;

	if (recovered[i] != 0)
		return recovered[i];
	assert_int_equal(store_get(places[i].dir, "state", 65536, &bytes, NULL), TCB_OK);
	version = version_of(bytes);
	free((void *)(uintptr_t)bytes.data);
	return version;
}

static void files_are_used_in_turn(void **state)
{
	struct store_log *log = begin();
	struct writer_thread threads[PLACES];

	(void)state;
	snapshots = 0;
	for (unsigned i = 0; i < PLACES; i++) {
		threads[i] = (struct writer_thread){ .log = log, .place = i };
		assert_int_equal(pthread_create(&threads[i].thread, NULL, write_many, &threads[i]), 0);
	}
	for (unsigned i = 0; i < PLACES; i++)
		(void)pthread_join(threads[i].thread, NULL);
	assert_true(snapshots >= 3);
	log_close(log);
	log = open_log(dir);
	for (unsigned i = 0; i < PLACES; i++)
		assert_int_equal(newest_of(i), 1500); /* a thread that ended early may have been cleaned away */
	log_close(log);
}

/* The PSE's steps alone: they never wait for the cleaner, which needs the PSE; and what a start has to take in stays small. */
static void steps_wait_for_room_before_they_are_made(void **state)
{
	/* A file is begun when the one before the last has been cleaned. The last cleaning may still go on. */
	enum { IN_A_FILE = 2000, CLEANED = 4, STEPS = (CLEANED + 2) * IN_A_FILE };
	struct store_log *log = begin();
	unsigned first;

	(void)state;
	snapshots = 0;
	for (unsigned version = 1; version <= STEPS; version++) {
		while (!log_steps_fit(log, 1))
			log_await_room(log, 1);
		put_step(log, version);
	}
	log_wait(log);
	assert_true(snapshots >= CLEANED);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(steps, STEPS);
	assert_true(orderly);
	first = STEPS + 1 - (unsigned)(log_steps(log).size / 205);
	assert_in_range(first, STEPS - 2 * IN_A_FILE + 1, STEPS);
	log_close(log);
}

/* kill -9 while it writes and settles: what it had acknowledged is there, or what it was writing. */
static void after_a_kill(void **state)
{
	(void)state;
	for (int round = 0; round < 6; round++) {
		unsigned acknowledged = 0, got, newest = 0;
		int fds[2];
		pid_t pid;
		struct store_log *log = begin(); /* empty */
		struct span bytes;

		log_close(log);
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			(void)close(fds[0]);
			log = begin();
			for (unsigned version = 1;; version++) {
				put_state(2, version, 9000);
				log_wait(log);
				if (write(fds[1], &version, sizeof version) != sizeof version)
					_exit(1);
				if (version % 5 == 0)
					log_settle(log, &places[2]);
			}
		}
		(void)close(fds[1]);
		while (acknowledged < 20u + 7u * (unsigned)round && read(fds[0], &got, sizeof got) == sizeof got)
			acknowledged = got;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		while (read(fds[0], &got, sizeof got) == sizeof got)
			acknowledged = got;
		(void)close(fds[0]);
		log = open_log(dir);
		assert_int_equal(store_get(places[2].dir, "state", 65536, &bytes, NULL), TCB_OK);
		newest = version_of(bytes);
		free((void *)(uintptr_t)bytes.data);
		if (recovered[2] > 0) /* it goes over the file */
			newest = recovered[2];
		assert_in_range(newest, acknowledged, acknowledged + 1);
		log_close(log);
	}
}

static void what_is_dropped_is_nowhere(void **state)
{
	struct store_log *log = begin();
	char path[sizeof places[0].dir + 16];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/state", places[0].dir);
	(void)unlink(path);
	put_state(0, 11, 300);
	put_state(1, 12, 300);
	log_drop(log, &places[0]);
	assert_int_equal(access(path, F_OK), -1);
	log_wait(log);
	log_close(log);
	log = open_log(dir);
	assert_int_equal(recovered[0], 0);
	assert_int_equal(recovered[1], 12);
	log_close(log);
}

static void a_lost_place_is_kept_aside(void **state)
{
	struct store_log *log = begin();
	struct span file = {0}, sealed = {0};

	(void)state;
	(void)snprintf(places[0].dir, sizeof places[0].dir, "%s/gone", dir);
	put_state(0, 9, 300);
	log_settle(log, &places[0]);
	(void)snprintf(places[0].dir, sizeof places[0].dir, "%s/0", dir);
	assert_int_equal(aside_take(&places[0], dir, &file, &sealed, NULL), TCB_OK);
	assert_int_equal(version_of(sealed), 9);
	free((void *)(uintptr_t)file.data);
	sealed = file = span_of(NULL, 0);
	assert_int_equal(aside_take(&places[0], dir, &file, &sealed, NULL), TCB_OK);
	assert_int_equal(sealed.size, 0); /* once */
	log_close(log);
}

static bool is_version(void *context, struct span sealed)
{
	return version_of(sealed) == *(unsigned *)context;
}

/* In whatever directory the file is found again: what opens is the newest. */
static void expect_aside_in(const char *name, unsigned version)
{
	struct span file = {0}, sealed = {0}, bytes;
	const struct place before = places[0];
	unsigned other = version + 1;

	(void)snprintf(places[0].dir, sizeof places[0].dir, "%s/%s", dir, name);
	assert_int_equal(mkdir(places[0].dir, 0700), 0);
	places[0].tag = place_tag(&places[0]);
	assert_int_equal(aside_take(&places[0], dir, &file, &sealed, NULL), TCB_OK);
	assert_int_equal(sealed.size, 0);
	assert_int_equal(aside_take_of_another(&places[0], dir, is_version, &other, NULL), TCB_REFUSED);
	assert_int_equal(aside_take_of_another(&places[0], dir, is_version, &version, NULL), TCB_OK);
	assert_int_equal(aside_take_of_another(&places[0], dir, is_version, &version, NULL), TCB_REFUSED); /* once */
	assert_int_equal(store_get(places[0].dir, "state", 65536, &bytes, NULL), TCB_OK);
	assert_int_equal(version_of(span_of(bytes.data + bytes.size - 300, 300)), version);
	free((void *)(uintptr_t)bytes.data);
	places[0] = before;
}

/* Whoever removes a user's directory while its vTPM ends (kill -9, rm -r) meets no name that was not there. */
static void a_users_directory_gets_no_new_name_at_the_end(void **state)
{
	struct store_log *log = begin();
	char path[sizeof places[0].dir + 16], elsewhere[sizeof places[0].dir + 16];
	enum place_content content;
	struct span file, sealed;
	struct stat before, after;
	struct uuid id;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/state", places[0].dir);
	(void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
	places[0].external = true;
	places[0].tag = place_tag(&places[0]);
	put_state(0, 21, 9000);
	assert_int_equal(place_write(&places[0], span_of("a longer one than what comes", 28), NULL), TCB_OK);
	assert_int_equal(stat(path, &before), 0);
	log_settle(log, &places[0]);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(place_look(&places[0], &file, &content, &id, &sealed, NULL), TCB_OK);
	assert_int_equal(content, PLACE_OURS);
	assert_int_equal(version_of(sealed), 21);
	free((void *)(uintptr_t)file.data);

	put_state(0, 22, 300);
	log_settle(log, &places[0]);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size < 9000); /* nothing is left of the longer one */

	assert_int_equal(rename(path, elsewhere), 0);
	put_state(0, 23, 300);
	log_settle(log, &places[0]);
	assert_int_equal(access(path, F_OK), -1);
	expect_aside_in("moved", 23); /* where it was moved to, it is found again */

	assert_int_equal(stat(elsewhere, &before), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	put_state(0, 24, 500);
	log_settle(log, &places[0]);
	assert_int_equal(lstat(path, &after), 0);
	assert_true(S_ISREG(after.st_mode)); /* in the link's place */
	assert_int_equal(stat(elsewhere, &after), 0);
	assert_int_equal(after.st_size, before.st_size);

	assert_int_equal(unlink(elsewhere), 0);
	assert_int_equal(link(path, elsewhere), 0);
	put_state(0, 25, 700);
	log_settle(log, &places[0]);
	assert_int_equal(stat(elsewhere, &before), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(after.st_ino, before.st_ino);
	assert_int_equal(unlink(elsewhere), 0);
	log_close(log);
}

/* While its waits are held, a thread's writes are not waited for; when they are released, all are; what others wait for is waited for in any case. */
static void held_waits_come_at_the_end(void **state)
{
	struct store_log *log = begin();
	unsigned before = writes;

	(void)state;
	log_hold();
	put_state(0, 31, 300);
	log_wait(log);
	put_step(log, 1);
	log_wait(log);
	assert_int_equal(writes, before);
	log_release(log);
	assert_int_equal(writes, before + 1);
	log_wait(log);
	assert_int_equal(writes, before + 1);

	log_hold();
	put_state(0, 32, 300);
	log_wait_all(log);
	assert_int_equal(writes, before + 2);
	log_release(log);
	assert_int_equal(writes, before + 2);
	put_state(0, 33, 300);
	log_wait(log);
	assert_int_equal(writes, before + 3); /* the hold is over */
	log_close(log);
}

static int set_up(void **state)
{
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < PLACES; i++) {
		(void)snprintf(path, sizeof path, "%s/%u", dir, i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return crypto_init() == TCB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_any_cut),
		cmocka_unit_test(an_altered_record_ends_the_log),
		cmocka_unit_test(what_is_settled_is_in_its_file),
		cmocka_unit_test(what_is_put_while_another_is_settled_counts),
		cmocka_unit_test(a_place_says_nothing_of_another),
		cmocka_unit_test(a_log_of_another_release_is_left_alone),
		cmocka_unit_test(files_are_used_in_turn),
		cmocka_unit_test(steps_wait_for_room_before_they_are_made),
		cmocka_unit_test(after_a_kill),
		cmocka_unit_test(what_is_dropped_is_nowhere),
		cmocka_unit_test(a_lost_place_is_kept_aside),
		cmocka_unit_test(a_users_directory_gets_no_new_name_at_the_end),
		cmocka_unit_test(held_waits_come_at_the_end),
	};

	return cmocka_run_group_tests_name("host/log", tests, set_up, tear_down);
}
