// SPDX-License-Identifier: MIT
/* engine_probe STATE [rehearsed]: the enclave's TPM engine on standard input and output, built with libtpms as it is and with the levers. STATE is
 * where it starts from; a file that is not there is made from a new TPM. One request: u32 size, TPM command; one answer: u32 size, response.
 * rehearsed: as an enclave that stood by. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/writer.h"
#include "enclave/vtpm/engine.h"

static uint8_t state[LIMIT_TPM_PERMANENT];

static bool move(ssize_t (*step)(int, void *, size_t), int fd, void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = step(fd, (uint8_t *)bytes + done, size - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static ssize_t put(int fd, void *bytes, size_t size)
{
	return write(fd, bytes, size);
}

static bool load(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size <= sizeof state && move(read, fd, state, (size_t)st.st_size);

	*ret_size = ok ? (size_t)st.st_size : 0;
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 || ok;
}

static bool save(const char *path)
{
	struct span bytes = engine_permanent();
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool ok = fd >= 0 && move(put, fd, (void *)(uintptr_t)bytes.data, bytes.size);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

int main(int argc, char **argv)
{
	uint8_t head[4], command[LIMIT_TPM_COMMAND];
	struct span response;
	size_t size;

	if (argc > 2 && engine_rehearse(NULL) != TCB_OK)
		return 1;
	if (argc < 2 || !load(argv[1], &size) || engine_start(span_of(state, size), span_of(NULL, 0), NULL) != TCB_OK)
		return 1;
	if (size == 0 && !save(argv[1]))
		return 1;
	while (move(read, STDIN_FILENO, head, sizeof head)) {
		struct reader r = reader_of(SPAN_OF(head));
		struct writer w = WRITER_OF(head);
		uint32_t wanted;

		if (reader_u32(&r, &wanted) != TCB_OK || wanted > sizeof command || !move(read, STDIN_FILENO, command, wanted) ||
		    engine_process(0, span_of(command, wanted), &response) != TCB_OK)
			return 1;
		writer_u32(&w, (uint32_t)response.size);
		if (!move(put, STDOUT_FILENO, head, sizeof head) ||
		    !move(put, STDOUT_FILENO, (void *)(uintptr_t)response.data, response.size))
			return 1;
	}
	return 0;
}
