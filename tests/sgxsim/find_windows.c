// SPDX-License-Identifier: MIT
/* find_windows SECRETS FILE...: how many 24-byte windows of SECRETS that look random (18 distinct bytes or more) stand in any FILE. Prints
 * "looked for N, found M"; exit 0 if N > 0 and M is 0. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sgxsim/file.h"

enum { WINDOW = 24, DISTINCT_MIN = 18, TABLE = 1 << 20 };

static uint32_t table[TABLE]; /* offset + 1 of a window with this hash, 0: none */

static uint32_t hash(const uint8_t *window)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < WINDOW; i++)
		h = (h ^ window[i]) * 16777619u;
	return h % TABLE;
}

/* The quoting enclave's authentication data counts up from 0, and so do tables of many programs. */
static bool counts_up(const uint8_t *window)
{
	int steps = 0;

	for (int i = 1; i < WINDOW; i++)
		steps += window[i] == (uint8_t)(window[i - 1] + 1);
	return steps >= DISTINCT_MIN;
}

static bool looks_random(const uint8_t *window)
{
	bool seen[256] = {0};
	int distinct = 0;

	for (int i = 0; i < WINDOW; i++) {
		distinct += !seen[window[i]];
		seen[window[i]] = true;
	}
	return distinct >= DISTINCT_MIN && !counts_up(window);
}

/* The EK template's policy (TCG EK Credential Profile, PolicyA): a constant that stands in every EK and in every TPM tool. */
static const uint8_t ek_policy[32] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
	0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* The QE's authentication data in every quote: 00 01 02 .. 1f. */
static bool is_ascending(const uint8_t *window)
{
	int i = 1;

	while (i < WINDOW && window[i] == window[i - 1] + 1)
		i++;
	return i == WINDOW;
}

/* Where two thirds of a window are the constant, the rest is what stands beside it in any EK. */
static bool is_public(const uint8_t *window)
{
	enum { MOST = 2 * WINDOW / 3 };

	return is_ascending(window) || memmem(ek_policy, sizeof ek_policy, window, MOST) != NULL ||
	       memmem(ek_policy, sizeof ek_policy, window + WINDOW - MOST, MOST) != NULL;
}

static size_t remember(const struct file_bytes *secrets)
{
	size_t count = 0;

	/* Windows side by side: any long string of a secret holds one whole. */
	for (size_t at = 0; at + WINDOW <= secrets->size; at += WINDOW / 3) {
		if (!looks_random(secrets->data + at) || is_public(secrets->data + at))
			continue;
		table[hash(secrets->data + at)] = (uint32_t)at + 1;
		count++;
	}
	return count;
}

/* A migration stream is as large as a guest's memory: mapped, not read. False: no such file. */
static bool look(const struct file_bytes *secrets, const char *path, size_t *found)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const uint8_t *bytes;

	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (bytes == MAP_FAILED)
		return false;
	for (size_t at = 0; at + WINDOW <= (size_t)st.st_size; at++) {
		uint32_t place = table[hash(bytes + at)];

		if (place == 0 || memcmp(secrets->data + place - 1, bytes + at, WINDOW) != 0)
			continue;
		(void)printf("%s, byte %zu:", path, at);
		for (int i = 0; i < WINDOW; i++)
			(void)printf(" %02x", bytes[at + (size_t)i]);
		(void)printf("\n");
		++*found;
	}
	(void)munmap((void *)(uintptr_t)bytes, (size_t)st.st_size);
	return true;
}

int main(int argc, char **argv)
{
	struct file_bytes secrets = {0};
	size_t count, found = 0;

	if (argc < 3 || file_read(argv[1], &secrets, NULL) != TCB_OK)
		return 2;
	count = remember(&secrets);
	for (int i = 2; i < argc; i++) {
		if (!look(&secrets, argv[i], &found))
			return 2;
	}
	(void)printf("looked for %zu, found %zu\n", count, found);
	return count > 0 && found == 0 ? 0 : 1;
}
