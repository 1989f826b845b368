// SPDX-License-Identifier: MIT
/* power/disk: the model loses what may be lost, keeps what must be kept, and tears nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/power/disk.h"
#include "tests/power/history.h"

enum { SECTOR = 512, SECTORS = 4 };

static char scratch[] = "/tmp/tcbind-disk.XXXXXX";
static char base[64], into[64];
static struct disk *disk;

static int fresh(void **state)
{
	(void)state;
	disk = disk_new(base, "/root");
	return 0;
}

static struct operation operation(enum trace_kind kind, const char *path, const char *path_2)
{
	return (struct operation){.head = {.kind = (uint8_t)kind,
					   .path_size = (uint16_t)strlen(path),
					   .path_2_size = (uint16_t)strlen(path_2)},
				  .path = path,
				  .path_2 = path_2};
}

static void begin_write(struct operation *ret, const char *path, const uint8_t *bytes, size_t size,
			unsigned flags)
{
	*ret = operation(TRACE_WRITE, path, "");
	ret->head.size = (uint32_t)size;
	ret->head.flags = (uint8_t)flags;
	ret->data = bytes;
	disk_begin(disk, ret);
}

static void done(enum trace_kind kind, const char *path, const char *path_2)
{
	struct operation o = operation(kind, path, path_2);

	disk_begin(disk, &o);
	disk_finish(disk, &o);
}

static void wrote(const char *path, const void *bytes, size_t size)
{
	struct operation o;

	begin_write(&o, path, bytes, size, 0);
	disk_finish(disk, &o);
}

static void cut(enum fate names, enum fate data, uint64_t seed)
{
	static const char *const parts[] = {"d", NULL};

	disk_image(disk, names, data, seed, parts, into);
}

/* The file's bytes; -1: it is not there. */
static ssize_t read_file(const char *name, uint8_t *ret_bytes, size_t capacity)
{
	char path[128];
	FILE *f;
	size_t size;

	(void)snprintf(path, sizeof path, "%s/d/%s", into, name);
	f = fopen(path, "r");
	if (f == NULL)
		return -1;
	size = fread(ret_bytes, 1, capacity, f);
	(void)fclose(f);
	return (ssize_t)size;
}

static void assert_file(const char *name, const char *text)
{
	uint8_t bytes[64] = {0};

	assert_int_equal(read_file(name, bytes, sizeof bytes - 1), strlen(text));
	assert_string_equal((const char *)bytes, text);
}

static void assert_absent(const char *name)
{
	uint8_t byte;

	assert_int_equal(read_file(name, &byte, 1), -1);
}

/* What store_put() does, step by step. */
static void test_replacing(void **state)
{
	(void)state;
	done(TRACE_MAKE, "/root/d/.a.new", "");
	wrote("/root/d/.a.new", "new", 3);
	done(TRACE_RENAME, "/root/d/.a.new", "/root/d/a");
	cut(FATE_LOST, FATE_LOST, 0);
	assert_file("a", "old");
	cut(FATE_KEPT, FATE_LOST, 0); /* the name came before the data */
	assert_file("a", "");
	cut(FATE_KEPT, FATE_KEPT, 0);
	assert_file("a", "new");
	done(TRACE_SYNC, "/root/d/a", "");
	cut(FATE_KEPT, FATE_LOST, 0);
	assert_file("a", "new");
	cut(FATE_LOST, FATE_LOST, 0); /* syncing the file keeps no name */
	assert_file("a", "old");
	done(TRACE_SYNC, "/root/d", "");
	cut(FATE_LOST, FATE_LOST, 0);
	assert_file("a", "new");
	assert_absent(".a.new");
	for (uint64_t seed = 0; seed < 8; seed++) {
		cut(FATE_LAST_TORN, FATE_LAST_TORN, seed); /* there is no last one */
		assert_file("a", "new");
	}
	assert_false(disk_is_uncertain(disk));
}

static void test_names(void **state)
{
	(void)state;
	done(TRACE_MKDIR, "/root/d/sub", "");
	done(TRACE_MAKE, "/root/d/sub/f", "");
	wrote("/root/d/sub/f", "x", 1);
	done(TRACE_SYNC, "/root/d/sub/f", "");
	done(TRACE_SYNC, "/root/d/sub", "");
	cut(FATE_LOST, FATE_LOST, 0); /* its directory has no name yet */
	assert_absent("sub/f");
	done(TRACE_SYNC, "/root/d", "");
	cut(FATE_LOST, FATE_LOST, 0);
	assert_file("sub/f", "x");
	done(TRACE_UNLINK, "/root/d/a", "");
	cut(FATE_LOST, FATE_LOST, 0);
	assert_file("a", "old");
	cut(FATE_KEPT, FATE_LOST, 0);
	assert_absent("a");
}

/* Each sector of a write is old or new, and both come up. */
static void test_tearing(void **state)
{
	static uint8_t first[SECTOR * SECTORS], second[SECTOR * SECTORS], found[SECTOR * SECTORS];
	unsigned kept = 0, lost = 0;
	struct operation o;

	(void)state;
	memset(first, 1, sizeof first);
	memset(second, 2, sizeof second);
	wrote("/root/d/a", first, sizeof first);
	done(TRACE_SYNC, "/root/d/a", "");
	begin_write(&o, "/root/d/a", second, sizeof second, TRACE_DURABLE);
	for (uint64_t seed = 0; seed < 16; seed++) {
		cut(FATE_KEPT, FATE_MIXED, seed);
		assert_int_equal(read_file("a", found, sizeof found), sizeof found);
		for (size_t i = 0; i < SECTORS; i++) {
			const uint8_t *sector = found + i * SECTOR;

			assert_memory_equal(sector, (sector[0] == 1 ? first : second), SECTOR);
			kept += sector[0] == 2;
			lost += sector[0] == 1;
		}
	}
	assert_true(kept > 8 && lost > 8);
	disk_finish(disk, &o); /* O_DSYNC */
	cut(FATE_LOST, FATE_LOST, 0);
	assert_int_equal(read_file("a", found, sizeof found), sizeof found);
	assert_memory_equal(found, second, sizeof second);
}

static void test_truncation(void **state)
{
	(void)state;
	done(TRACE_TRUNCATE, "/root/d/a", "");
	wrote("/root/d/a", "n", 1);
	cut(FATE_LOST, FATE_LOST, 0);
	assert_file("a", "old");
	cut(FATE_KEPT, FATE_KEPT, 0);
	assert_file("a", "n");
}

static void test_history(void **state)
{
	static const char *const marks[] = {"ask create a d", "told create a", "ask write a 1",
					    "told write a 1", "ask write a 2", "ask move a e"};
	struct history h = {0};

	(void)state;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		history_note(&h, marks[i], strlen(marks[i]));
	assert_int_equal(h.count, 1);
	assert_true(is_required(&h.vtpms[0]));
	assert_int_equal(h.vtpms[0].low, 1);
	assert_int_equal(h.vtpms[0].high, 2);
	assert_string_equal(h.vtpms[0].other, "e");
	history_note(&h, "told move a", 11);
	assert_string_equal(h.vtpms[0].dir, "e");
	history_note(&h, "ask delete a", 12);
	assert_false(is_required(&h.vtpms[0]));
}

static int make_base(void **state)
{
	char command[256];

	(void)state;
	if (mkdtemp(scratch) == NULL)
		return -1;
	(void)snprintf(base, sizeof base, "%s/base", scratch);
	(void)snprintf(into, sizeof into, "%s/into", scratch);
	(void)snprintf(command, sizeof command, "mkdir -p %s/d %s && printf old >%s/d/a", base,
		       into, base);
	return system(command);
}

static int remove_base(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_replacing, fresh),
	    cmocka_unit_test_setup(test_names, fresh),
	    cmocka_unit_test_setup(test_tearing, fresh),
	    cmocka_unit_test_setup(test_truncation, fresh),
	    cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
