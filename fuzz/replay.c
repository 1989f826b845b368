// SPDX-License-Identifier: MIT
/* A fuzz target without a fuzzer: replay NAME PATH... gives the target every file in the paths (files and directories), cut at some places, and with
 * one bit altered here and there. TAP: one line a path. A finding ends the program, and so the test. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/target.h"

#define INPUT_MAX (1u << 20)
#define VARIANTS 256 /* of each kind, at most */

/* In memory of exactly its size, so that a sanitizer sees the first byte past it. */
static void give(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size != 0 ? size : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, bytes, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static bool give_file(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *f = fopen(path, "re");
	size_t size, step;

	if (f == NULL)
		return false;
	size = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	step = size / VARIANTS + 1;
	give(bytes, size);
	for (size_t at = 0; at < size; at += step) {
		uint8_t bit = (uint8_t)(1u << at % 8);

		give(bytes, at);
		bytes[at] ^= bit;
		give(bytes, size);
		bytes[at] ^= bit;
	}
	return true;
}

/* How many files were given; -1: the path is none. */
static int give_all(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[4096];
	int count = 0;

	if (dir == NULL)
		return give_file(path) ? 1 : -1;
	while ((entry = readdir(dir)) != NULL) {
		struct stat st;

		(void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && give_file(file))
			count++;
	}
	(void)closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	bool all = argc > 2;

	(void)printf("1..%d\n", argc - 2);
	for (int i = 2; i < argc; i++) {
		int count = give_all(argv[i]);

		(void)printf("%s %d - %s: %d inputs of %s\n", count > 0 ? "ok" : "not ok", i - 1, argv[1], count, argv[i]);
		all &= count > 0;
	}
	return all ? 0 : 1;
}
