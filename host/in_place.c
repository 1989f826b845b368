// SPDX-License-Identifier: MIT
/* States in files of fixed size and in block devices. Fed by: the descriptor's owner, a user of
 * swtpm's interface. */
#include "host/in_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/writer.h"

static const uint8_t magic[16] = "tcbind vTPM p1\n";

enum {
	HEAD_SIZE = sizeof magic + 4,
	BLANK_SIZE = 512 /* as much as zeros are looked for: no state begins with them */
};

static enum tcb_error failed(struct diagnosis *d, const char *code)
{
	return diagnose_found(
	    d, TCB_PLATFORM, code, "a state file or device that can be read and written",
	    "check the file, its owner and its disk", "a state file: %s", strerror(errno));
}

/* Up to `capacity` bytes of the beginning; -1: failed. */
static ssize_t read_some(int fd, uint8_t *ret_bytes, size_t capacity)
{
	size_t got = 0;

	while (got < capacity) {
		ssize_t n = pread(fd, ret_bytes + got, capacity - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static bool is_blank(struct span bytes)
{
	for (size_t i = 0; i < bytes.size && i < BLANK_SIZE; i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

/* A state of an older release has no size before it: zeros that end a file or device are not taken
 * for its. */
static struct span without_padding(struct span whole)
{
	static const uint8_t unsized[] = {'t', 'c', 'b', 'i', 'n', 'd',
					  ' ', 'v', 'T', 'P', 'M', ' '};
	size_t size = whole.size;

	if (size < sizeof unsized || memcmp(whole.data, unsized, sizeof unsized) != 0)
		return whole;
	while (size > 0 && whole.data[size - 1] == 0)
		size--;
	return whole.size - size >= BLANK_SIZE ? span_of(whole.data, size) : whole;
}

/* The state in what was read, borrowed. */
static enum tcb_error find_state(struct span whole, struct span *ret_state)
{
	struct reader r = reader_of(whole);
	struct span head;

	if (is_blank(whole)) {
		*ret_state = span_of(NULL, 0);
	} else if (reader_bytes(&r, sizeof magic, &head) == TCB_OK &&
		   span_equal(head, SPAN_OF(magic))) {
		TRY(reader_sized(&r, IN_PLACE_MAX - HEAD_SIZE, ret_state));
	} else {
		*ret_state = without_padding(whole);
	}
	return TCB_OK;
}

enum tcb_error in_place_read(int fd, struct span *ret_bytes, struct diagnosis *d)
{
	uint8_t *bytes = malloc(IN_PLACE_MAX);
	ssize_t got = bytes != NULL ? read_some(fd, bytes, IN_PLACE_MAX) : -1;
	struct span state;

	if (got < 0) {
		free(bytes);
		return failed(d, "store.get");
	}
	if (find_state(span_of(bytes, (size_t)got), &state) != TCB_OK) {
		free(bytes);
		return diagnose(d, TCB_MALFORMED, "store.get",
				"a state file that ends in the midst of its state",
				"all of the state", "put the file back from a backup");
	}
	memmove(bytes, state.size > 0 ? state.data : bytes, state.size);
	*ret_bytes = span_of(bytes, state.size);
	if (state.size == 0) {
		free(bytes);
		*ret_bytes = span_of(NULL, 0);
	}
	return TCB_OK;
}

static bool write_all(int fd, struct span bytes)
{
	size_t done = 0;

	while (done < bytes.size) {
		ssize_t n = pwrite(fd, bytes.data + done, bytes.size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

enum tcb_error in_place_write(int fd, struct span bytes, struct diagnosis *d)
{
	uint8_t *whole = malloc(HEAD_SIZE + bytes.size);
	struct writer w = writer_of(whole, HEAD_SIZE + bytes.size);
	struct span all;
	bool ok;

	if (whole == NULL)
		return TCB_INTERNAL;
	writer_bytes(&w, SPAN_OF(magic));
	writer_sized(&w, bytes);
	ok = writer_end(&w, &all) == TCB_OK && write_all(fd, all) && fsync(fd) == 0;
	free(whole);
	if (!ok && (errno == ENOSPC || errno == EFBIG))
		return diagnose_found(d, TCB_PLATFORM, "store.small", "room for the vTPM's state",
				      "use a larger file or device; 1 MiB is enough",
				      "a state file or device with less than %zu bytes of room",
				      all.size);
	return ok ? TCB_OK : failed(d, "store.put");
}

bool in_place_is_linked(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISBLK(st.st_mode) || st.st_nlink > 0);
}
