// SPDX-License-Identifier: MIT
/* bench BUILD [ROWS...]: see bench.h. */
#include "bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void bench_fail(const char *what, unsigned value)
{
	(void)fprintf(stderr, "bench: %s (0x%x); the work directory is %s\n", what, value, bench_work);
	exit(1); /* what it started ends with it */
}

void bench_check(bool ok, const char *what)
{
	if (!ok)
		bench_fail(what, 0);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

static const struct { const char *name; void (*run)(void); } groups[] = {
	{ "commands", rows_commands }, { "nv", rows_nv }, { "start", rows_start }, { "setup", rows_setup }, { "migration", rows_migration }, { "memory", rows_memory },
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 2;
}

int main(int argc, char **argv)
{
	char output[PATH_MAX], command[PATH_MAX];

	if (argc < 2 || realpath(argv[1], output) == NULL || strlen(output) >= sizeof bench_build) {
		(void)fputs("usage: bench BUILD [GROUP...]\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	memcpy(bench_build, output, strlen(output) + 1);
	(void)snprintf(bench_work, sizeof bench_work, "/tmp/tcbind-bench.XXXXXX");
	bench_check(mkdtemp(bench_work) != NULL, "a work directory");
	bench_pin(true);
	platform_start(0, "A");
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		if (wanted(groups[i].name, argc, argv))
			groups[i].run();
	platform_stop();
	(void)snprintf(output, sizeof output, "%.*s/bench", (int)sizeof bench_build, bench_build);
	(void)mkdir(output, 0755);
	if (argc == 2)
		report_include_verifier(output);
	report_write(output);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", bench_work);
	return system(command) == 0 ? 0 : 1;
}
