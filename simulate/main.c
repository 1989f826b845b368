// SPDX-License-Identifier: MIT
/* The simulator's command line. See simulate/README.md. */
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "simulate/run.h"
#include "simulate/trace.h"

enum { MOVES_DEFAULT = 80 };

#ifdef SIMULATE_STAND_IN
#define MODULE_SUFFIX "_stand_in"
#else
#define MODULE_SUFFIX ""
#endif

static struct {
	uint64_t seed, runs;
	unsigned moves, seconds, failures_max;
	bool honest, no_shrink, calls, serial;
	const char *keep, *trace, *avoid;
} options = {.seed = 1, .runs = 1, .moves = MOVES_DEFAULT, .failures_max = 1};

static struct {
	uint64_t runs, failures, frames, handovers, answers, hostile_moves, faults[FAULT_COUNT],
	    moves;
} total;

/* Processor time of all runs that have ended. */
static double processor_s(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double seconds_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void usage(void)
{
	(void)fprintf(
	    stderr,
	    "usage: simulate [--seed N] [--runs N | --seconds N] [--moves N] [--keep LIST] "
	    "[--avoid LIST] [--honest]\n"
	    "                [--serial] [--no-shrink] [--failures N] [--trace FILE [--calls]]\n");
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (*text == '\0' || *end != '\0')
		usage();
	return value;
}

static void read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"seed", required_argument, NULL, 's'},
	    {"runs", required_argument, NULL, 'r'},
	    {"seconds", required_argument, NULL, 't'},
	    {"moves", required_argument, NULL, 'm'},
	    {"keep", required_argument, NULL, 'k'},
	    {"honest", no_argument, NULL, 'h'},
	    {"no-shrink", no_argument, NULL, 'n'},
	    {"failures", required_argument, NULL, 'f'},
	    {"calls", no_argument, NULL, 'c'},
	    {"serial", no_argument, NULL, '1'},
	    {"avoid", required_argument, NULL, 'a'},
	    {"trace", required_argument, NULL, 'o'},
	    {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.seed = number(optarg);
			break;
		case 'r':
			options.runs = number(optarg);
			break;
		case 't':
			options.seconds = (unsigned)number(optarg);
			break;
		case 'm':
			options.moves = (unsigned)number(optarg);
			break;
		case 'f':
			options.failures_max = (unsigned)number(optarg);
			break;
		case 'k':
			options.keep = optarg;
			break;
		case 'a':
			options.avoid = optarg;
			break;
		case 'h':
			options.honest = true;
			break;
		case 'n':
			options.no_shrink = true;
			break;
		case '1':
			options.serial = true;
			break;
		case 'c':
			options.calls = true;
			break;
		case 'o':
			options.trace = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || options.moves == 0 || options.moves > MOVES_MAX)
		usage();
}

/* "3,7-,9a": moves 3 and 7 and 9, 7 without faults, 9 with the first alone; all others are left
 * out. */
static void keep_only(struct plan *plan, const char *list)
{
	struct plan all = *plan;

	for (unsigned i = plan->machines; i < plan->count; i++)
		plan->moves[i].kind = MOVE_COUNT;
	while (*list != '\0') {
		char *end;
		unsigned long i = strtoul(list, &end, 10);

		if (end == list || i >= plan->count)
			usage();
		plan->moves[i] = all.moves[i];
		if (*end == '-' || *end == 'b')
			plan->moves[i].faults[0].kind = FAULT_NONE;
		if (*end == '-' || *end == 'a')
			plan->moves[i].faults[1].kind = FAULT_NONE;
		list = end + strspn(end, "-ab,");
	}
}

/* "remake,power-cut" */
static void avoid_all(const char *list)
{
	while (*list != '\0') {
		size_t size = strcspn(list, ",");

		if (!plan_avoid(list, size))
			usage();
		list += size + (list[size] == ',' ? 1 : 0);
	}
}

static char faults_left(const struct move *before, const struct move *after)
{
	bool lost[FAULTS_PER_MOVE];

	for (int f = 0; f < FAULTS_PER_MOVE; f++)
		lost[f] = before->faults[f].kind != after->faults[f].kind;
	if (lost[0] && (lost[1] || before->faults[1].kind == FAULT_NONE))
		return '-';
	if (lost[0])
		return 'b';
	if (lost[1])
		return before->faults[0].kind == FAULT_NONE ? '-' : 'a';
	return ' ';
}

static void print_schedule(uint64_t seed, const struct plan *full, const struct plan *plan,
			   const char *violation)
{
	const char *separator = "";

	(void)printf("FAILED seed %llu: %s\n", (unsigned long long)seed, violation);
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->moves[i].kind != MOVE_COUNT)
			move_print(i, plan);
	(void)printf(
	    "  repeat: make simulate SEED=%llu MOVES=%u%s%s%s KEEP=", (unsigned long long)seed,
	    full->count, plan->together < full->together ? " SERIAL=1" : "",
	    options.avoid != NULL ? " AVOID=" : "", options.avoid != NULL ? options.avoid : "");
	for (unsigned i = plan->machines; i < plan->count; i++) {
		char mark;

		if (plan->moves[i].kind == MOVE_COUNT)
			continue;
		mark = faults_left(&full->moves[i], &plan->moves[i]);
		(void)printf(mark == ' ' ? "%s%u" : "%s%u%c", separator, i, mark);
		separator = ",";
	}
	(void)printf("\n");
	(void)fflush(stdout);
}

static void run_seed(uint64_t seed)
{
	static struct plan full, plan;
	struct run_result r;

	plan_make(seed, options.moves, !options.honest, &plan);
	full = plan;
	if (options.serial)
		plan.together = 0;
	if (options.keep != NULL)
		keep_only(&plan, options.keep);
	if (options.trace != NULL)
		trace_open(options.trace, options.calls);
	run_in_child(seed, &plan, &r);
	total.runs++;
	total.frames += r.frames;
	total.handovers += r.handovers;
	total.answers += r.answers;
	total.hostile_moves += r.hostile_moves;
	total.moves += r.moves;
	for (int i = 0; i < FAULT_COUNT; i++)
		total.faults[i] += r.faults[i];
	if (r.violation[0] == '\0')
		return;
	total.failures++;
	if (!options.no_shrink && options.keep == NULL && options.trace == NULL)
		run_shrink(seed, &plan, &r);
	print_schedule(seed, &full, &plan, r.violation);
}

static void print_total(double took_s)
{
	uint64_t faults = 0;

	(void)printf("%llu runs, %llu failed, %llu moves, %llu hand-overs, %llu answers, %llu "
		     "frames in %.1f s, %.1f s of one core: %.0f hand-overs/s\n",
		     (unsigned long long)total.runs, (unsigned long long)total.failures,
		     (unsigned long long)total.moves, (unsigned long long)total.handovers,
		     (unsigned long long)total.answers, (unsigned long long)total.frames, took_s,
		     processor_s(), (double)total.handovers / processor_s());
	for (int i = 1; i < FAULT_COUNT; i++) {
		faults += total.faults[i];
		if (total.faults[i] > 0)
			(void)printf("%s %llu, ", fault_name((enum fault_kind)i),
				     (unsigned long long)total.faults[i]);
	}
	(void)printf("moves of a host that lies or fails %llu; faults in all: %llu\n",
		     (unsigned long long)total.hostile_moves,
		     (unsigned long long)(faults + total.hostile_moves));
}

int main(int argc, char **argv)
{
	char directory[4096];
	ssize_t size = readlink("/proc/self/exe", directory, sizeof directory - 1);
	double start;

	read_options(argc, argv);
	if (options.avoid != NULL)
		avoid_all(options.avoid);
	if (size < 0 || crypto_init() != TCB_OK)
		return 2;
	directory[size] = '\0';
	world_make(dirname(directory), MODULE_SUFFIX);
	start = seconds_now();
	for (uint64_t i = 0;
	     (options.seconds > 0 ? seconds_now() - start < options.seconds : i < options.runs) &&
	     total.failures < options.failures_max;
	     i++)
		run_seed(options.seed + i);
	print_total(seconds_now() - start);
	return total.failures > 0 ? 1 : 0;
}
