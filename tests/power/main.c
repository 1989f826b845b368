// SPDX-License-Identifier: MIT
/* power check ours|theirs TRACE BASE ROOT SCRATCH VARIANTS JOBS [PLATFORM BUILD]
 * Replays a trace (record.c) and cuts the power at each operation. Counts what a restart makes of
 * VARIANTS trees for each cut; of fewer, where a record of the daemon's log is written.
 *   BASE     what was below ROOT, durably, when the trace began
 *   ROOT     the directory whose paths are in the trace
 *   SCRATCH  where trees are made
 * Prints the program's name and how many: operations cut, trees, kept, lost, garbage, revived.
 * Ends 1 if anything was not kept.
 *
 * power image ours|theirs TRACE BASE ROOT INTO CUT VARIANT
 * Makes one of these trees in INTO. CUT 1000000000 is the end of the trace. Prints what is expected
 * in the tree, a line for each vTPM: letter, stage, directory, directory that it moves to (or -),
 * number that was acknowledged, number that was asked for.
 *
 * power mark TRACE TEXT
 * Notes what a client asks for, or was told (history.h). */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/power/disk.h"
#include "tests/power/look.h"

enum { JOBS_MAX = 16, TOLD_MAX = 12, DAILY = 3 /* trees for a cut in a write of the log */ };

struct counts {
	unsigned points, cuts, kept, lost, garbage, revived;
};

struct trace {
	const uint8_t *bytes;
	size_t size;
};

/* A run over a trace. */
struct run {
	const struct looker *looker;
	const char *base, *root;
	struct trace trace;
	unsigned variants, job, jobs;
	struct counts *counts;
	char into[PATH_MAX];
	/* as it goes on */
	struct disk *disk;
	struct history history;
	unsigned cut;
};

static struct trace map_trace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		err(2, "%s", path);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		err(2, "%s", path);
	(void)close(fd);
	return (struct trace){.bytes = bytes, .size = (size_t)st.st_size};
}

/* ---- judging ---- */

static void tell(const struct run *run, unsigned variant, const struct operation *o,
		 const char *text)
{
	if (run->counts[run->job].lost + run->counts[run->job].garbage +
		run->counts[run->job].revived <=
	    TOLD_MAX)
		(void)printf("# cut %u, tree %u, at operation %u on %.*s: %s\n", run->cut, variant,
			     o != NULL ? o->head.kind : 0, o != NULL ? (int)o->head.path_size : 3,
			     o != NULL ? o->path : "end", text);
}

/* How a vTPM fares: a member of struct counts; NULL: it is as it must be. */
static unsigned *judge(const struct expected *e, const struct finding *f, struct counts *c,
		       char ret_text[320])
{
	(void)snprintf(ret_text, 320,
		       "vTPM %c (stage %d): acknowledged %u, asked for %u, %u states open, %u act, "
		       "with %u to %u; %s",
		       e->name, (int)e->stage, e->low, e->high, f->opens, f->acts, f->least,
		       f->most, f->why);
	if (e->stage == DELETED)
		return f->acts > 0 ? &c->revived : NULL;
	if (f->torn && (is_required(e) || e->stage == IN_CREATION))
		return &c->garbage;
	if (is_required(e) && (f->opens == 0 || (e->stage == THERE && f->acts == 0)))
		return &c->lost;
	if (f->opens > 0 && (f->least < e->low || f->most > e->high))
		return &c->lost;
	return NULL;
}

static void look_at_tree(struct run *run, unsigned variant, const struct operation *o)
{
	struct counts *c = &run->counts[run->job];
	char why[160] = "", text[320];
	unsigned *bad = NULL;
	const bool starts = run->looker->begin(run->into, why);

	for (size_t i = 0; i < run->history.count && bad == NULL; i++) {
		const struct expected *e = &run->history.vtpms[i];
		struct finding f = {0};

		if (starts)
			run->looker->look(run->into, e, &f);
		else
			(void)strcpy(f.why, why);
		bad = e->stage != NOT_THERE ? judge(e, &f, c, text) : NULL;
	}
	if (!starts && bad == NULL) {
		bad = &c->garbage;
		(void)snprintf(text, sizeof text, "the platform does not start: %s", why);
	}
	run->looker->end();
	c->cuts++;
	if (bad == NULL) {
		c->kept++;
		return;
	}
	++*bad;
	tell(run, variant, o, text);
}

/* ---- cutting ---- */

static void make_tree(const struct run *run, unsigned variant, const char *into)
{
	static const struct {
		enum fate names, data;
	} first[] = {
	    {FATE_LOST, FATE_LOST}, {FATE_KEPT, FATE_KEPT},      {FATE_KEPT, FATE_LOST},
	    {FATE_LOST, FATE_KEPT}, {FATE_KEPT, FATE_LAST_TORN}, {FATE_LAST_TORN, FATE_MIXED},
	};
	const bool listed = variant < sizeof first / sizeof first[0];
	const enum fate names = listed ? first[variant].names : FATE_MIXED;
	const enum fate data = listed             ? first[variant].data
			       : variant % 2 == 0 ? FATE_MIXED
						  : FATE_LAST_TORN;

	disk_image(run->disk, names, data, ((uint64_t)run->cut << 16) + variant, run->looker->parts,
		   into);
}

/* The daemon's log is written to over and over. A cut in one of these writes gets some of the
 * trees, the next cut gets others. */
static bool is_daily(const struct operation *o)
{
	static const char log[] = "/store/log.";
	const size_t size = o != NULL ? o->head.path_size : 0;

	return size > strlen(log) && o->head.kind == TRACE_WRITE &&
	       memcmp(o->path + size - strlen(log) - 1, log, strlen(log)) == 0;
}

static void cut_here(struct run *run, const struct operation *o)
{
	const bool daily = is_daily(o) && run->variants > DAILY;
	const unsigned all = disk_is_uncertain(run->disk) ? run->variants : 1,
		       count = daily && all > 1 ? DAILY : all;

	for (unsigned i = 0; i < count; i++) {
		const unsigned variant = daily ? (run->cut * DAILY + i) % all : i;

		make_tree(run, variant, run->into);
		look_at_tree(run, variant, o);
	}
	run->counts[run->job].points++;
}

static void show_progress(const struct run *run, size_t at, time_t *told)
{
	if (run->counts == NULL || run->job != 0 || time(NULL) < *told + 10)
		return;
	*told = time(NULL);
	(void)fprintf(stderr, "power: %zu of %zu bytes of the trace, %u cuts by each of %u\n", at,
		      run->trace.size, run->counts[0].cuts, run->jobs);
}

/* A program's log for people is no state. */
static bool is_log(const struct operation *o)
{
	return o->head.path_size > 4 && memcmp(o->path + o->head.path_size - 4, "/log", 4) == 0;
}

/* Goes through the trace; `on_cut` is called at each operation, while it is under way, and at the
 * end. */
static void replay(struct run *run, void (*on_cut)(struct run *run, const struct operation *o))
{
	struct operation o;
	size_t at = 0;
	time_t told = time(NULL);

	run->disk = disk_new(run->base, run->root);
	for (run->cut = 0; operation_read(run->trace.bytes, run->trace.size, &at, &o);) {
		if (o.head.kind == TRACE_MARK) {
			history_note(&run->history, o.path, o.head.path_size);
			continue;
		}
		if (is_log(&o))
			continue;
		disk_begin(run->disk, &o);
		on_cut(run, &o);
		run->cut++;
		disk_finish(run->disk, &o);
		show_progress(run, at, &told);
	}
	on_cut(run, NULL);
}

static void cut_if_ours(struct run *run, const struct operation *o)
{
	if (run->cut % run->jobs == run->job)
		cut_here(run, o);
}

static void make_directories(const struct run *run)
{
	for (const char *const *part = run->looker->parts; *part != NULL; part++) {
		char path[PATH_MAX + 64];

		(void)snprintf(path, sizeof path, "%s/%s", run->into, *part);
		for (char *slash = strchr(path + 1, '/'); slash != NULL;
		     slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			if (mkdir(path, 0700) != 0 && errno != EEXIST)
				err(2, "%s", path);
			*slash = '/';
		}
	}
}

static int sum(const char *name, const struct counts *counts, unsigned jobs)
{
	struct counts all = {0};

	for (unsigned i = 0; i < jobs; i++) {
		all.points += counts[i].points;
		all.cuts += counts[i].cuts;
		all.kept += counts[i].kept;
		all.lost += counts[i].lost;
		all.garbage += counts[i].garbage;
		all.revived += counts[i].revived;
	}
	(void)printf("%s %u %u %u %u %u %u\n", name, all.points, all.cuts, all.kept, all.lost,
		     all.garbage, all.revived);
	return all.cuts > 0 && all.kept == all.cuts ? 0 : 1;
}

static int check(struct run *run, const char *name, const char *scratch)
{
	pid_t pids[JOBS_MAX];
	int status;

	run->counts = mmap(NULL, JOBS_MAX * sizeof *run->counts, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->counts == MAP_FAILED)
		err(2, "memory");
	for (run->job = 0; run->job < run->jobs; run->job++) {
		pids[run->job] = fork();
		if (pids[run->job] != 0)
			continue;
		(void)snprintf(run->into, sizeof run->into, "%s/%s.%u", scratch, name, run->job);
		make_directories(run);
		replay(run, cut_if_ours);
		exit(0);
	}
	for (unsigned i = 0; i < run->jobs; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			errx(2, "a job has failed");
	return sum(name, run->counts, run->jobs);
}

/* ---- one tree ---- */

enum { AT_THE_END = 1000 * 1000 * 1000 };

static unsigned chosen_cut, chosen_variant;

static void make_chosen(struct run *run, const struct operation *o)
{
	if (run->cut != chosen_cut && (o != NULL || chosen_cut != AT_THE_END))
		return;
	make_tree(run, chosen_variant, run->into);
	for (size_t i = 0; i < run->history.count; i++) {
		const struct expected *e = &run->history.vtpms[i];

		(void)printf("%c %d %s %s %u %u\n", e->name, (int)e->stage, e->dir,
			     e->other[0] != '\0' ? e->other : "-", e->low, e->high);
	}
	exit(0);
}

static int mark(const char *path, const char *text)
{
	const struct trace_head head = {.kind = TRACE_MARK, .path_size = (uint16_t)strlen(text)};
	uint8_t bytes[512];
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || sizeof head + strlen(text) > sizeof bytes)
		err(2, "%s", path);
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, text, strlen(text));
	if (write(fd, bytes, sizeof head + strlen(text)) != (ssize_t)(sizeof head + strlen(text)))
		err(2, "%s", path);
	return 0;
}

static unsigned number_of(const char *text, unsigned max)
{
	const int number = atoi(text);

	if (number < 0 || (unsigned)number > max)
		errx(2, "%s: at most %u", text, max);
	return (unsigned)number;
}

int main(int argc, char **argv)
{
	struct run run = {0};
	const bool ours = argc > 2 && strcmp(argv[2], "ours") == 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "mark") == 0)
		return mark(argv[2], argv[3]);
	if (argc < 9)
		errx(2, "usage: see the head of main.c");
	run.base = argv[4];
	run.root = argv[5];
	run.trace = map_trace(argv[3]);
	if (strcmp(argv[1], "image") == 0) {
		run.looker = ours ? look_ours(NULL, NULL) : look_theirs();
		(void)snprintf(run.into, sizeof run.into, "%s", argv[6]);
		chosen_cut = number_of(argv[7], UINT_MAX / 2);
		chosen_variant = number_of(argv[8], UINT_MAX / 2);
		make_directories(&run);
		replay(&run, make_chosen);
		errx(2, "the last cut is %u", run.cut);
	}
	run.variants = number_of(argv[7], 10000);
	run.jobs = number_of(argv[8], JOBS_MAX);
	run.looker = ours && argc == 11 ? look_ours(argv[9], argv[10]) : look_theirs();
	return check(&run, argv[2], argv[6]);
}
