// SPDX-License-Identifier: MIT
/* What was seen: a table for people, JSON for programs, a plot. */
#include "bench/bench.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 64, NOTES_MAX = 16 };

static struct row rows[ROWS_MAX];
static const char *notes[NOTES_MAX];
static json_t *verifier; /* NULL: not measured */
static size_t row_count, note_count;

void report_add(const struct row *row)
{
	bench_check(row_count < ROWS_MAX, "room for a row");
	rows[row_count++] = *row;
	(void)fprintf(stderr, "bench: %s: swtpm %.1f, tcbind %.1f %s\n", row->name, row->swtpm, row->tcbind, row->unit);
}

void report_note(const char *text)
{
	bench_check(note_count < NOTES_MAX, "room for a note");
	notes[note_count++] = text;
}

/* tcbind's figure in swtpm's; 0: there is none. */
static double ratio(const struct row *r)
{
	return r->swtpm > 0 && r->tcbind > 0 ? r->tcbind / r->swtpm : 0;
}

static bool is_met(const struct row *r)
{
	switch (r->goal) {
	case GOAL_NONE: return true;
	case GOAL_AT_MOST_RATIO: return ratio(r) > 0 && ratio(r) <= r->wanted;
	case GOAL_TIMES_FASTER: return ratio(r) > 0 && 1 / ratio(r) >= r->wanted;
	case GOAL_AT_MOST: return r->tcbind <= r->wanted;
	case GOAL_AT_LEAST: return r->tcbind >= r->wanted;
	}
	return false;
}

static void goal_text(const struct row *r, char *ret_text, size_t capacity)
{
	static const char *const formats[] = {
		[GOAL_NONE] = "", [GOAL_AT_MOST_RATIO] = "<= %g x swtpm", [GOAL_TIMES_FASTER] = "%g x faster", [GOAL_AT_MOST] = "<= %g",
		[GOAL_AT_LEAST] = ">= %g",
	};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(ret_text, capacity, formats[r->goal], r->wanted);
#pragma GCC diagnostic pop
}

static void figure(double value, char *ret_text, size_t capacity)
{
	(void)snprintf(ret_text, capacity, value <= 0 ? "-" : value < 100 ? "%.1f" : "%.0f", value);
}

/* A line for each of its rows. */
static void write_verifier(void)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(verifier, "rows"), i, row) {
		(void)printf("%-44s %5s %10s %10.0f    (%s)\n", json_string_value(json_object_get(row, "name")), "/s", "-",
			     json_number_value(json_object_get(row, "per_s")), json_string_value(json_object_get(row, "what")));
	}
}

static void write_table(void)
{
	(void)printf("%-44s %5s %10s %10s %8s  %-16s %s\n", "what", "unit", "swtpm", "tcbind", "ratio", "goal", "met");
	for (size_t i = 0; i < row_count; i++) {
		char swtpm[32], tcbind[32], goal[64], quotient[32] = "";

		figure(rows[i].swtpm, swtpm, sizeof swtpm);
		figure(rows[i].tcbind, tcbind, sizeof tcbind);
		goal_text(&rows[i], goal, sizeof goal);
		if (ratio(&rows[i]) > 0)
			(void)snprintf(quotient, sizeof quotient, "%.2f", ratio(&rows[i]));
		(void)printf("%-44s %5s %10s %10s %8s  %-16s %s%s%s\n", rows[i].name, rows[i].unit, swtpm, tcbind, quotient, goal,
			     rows[i].goal == GOAL_NONE ? "" : is_met(&rows[i]) ? "yes" : "no", rows[i].note != NULL ? "  " : "",
			     rows[i].note != NULL ? rows[i].note : "");
	}
	write_verifier();
	for (size_t i = 0; i < note_count; i++)
		(void)printf("note: %s\n", notes[i]);
}

static json_t *row_json(const struct row *r)
{
	char goal[64];
	json_t *json = json_pack("{s:s, s:s}", "what", r->name, "unit", r->unit);

	goal_text(r, goal, sizeof goal);
	(void)json_object_set_new(json, "swtpm", r->swtpm > 0 ? json_real(r->swtpm) : json_null());
	(void)json_object_set_new(json, "tcbind", json_real(r->tcbind));
	(void)json_object_set_new(json, "ratio", ratio(r) > 0 ? json_real(ratio(r)) : json_null());
	(void)json_object_set_new(json, "goal", r->goal != GOAL_NONE ? json_string(goal) : json_null());
	(void)json_object_set_new(json, "met", r->goal != GOAL_NONE ? json_boolean(is_met(r)) : json_null());
	if (r->note != NULL)
		(void)json_object_set_new(json, "note", json_string(r->note));
	return json;
}

void report_include_verifier(const char *dir)
{
	char command[3 * PATH_MAX], path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/verify_bench", dir);
	if (access(path, X_OK) != 0) {
		report_note("the verifier's figures: ninja bench/verify_bench, then again; or ninja bench-verify");
		return;
	}
	(void)snprintf(command, sizeof command, "'%s' -o '%s/verify.json' >&2", path, dir);
	bench_check(system(command) == 0, "the verifier's bench");
	(void)snprintf(path, sizeof path, "%s/verify.json", dir);
	verifier = json_load_file(path, 0, NULL);
	bench_check(verifier != NULL, "the verifier's figures");
}

static void write_json(const char *dir)
{
	json_t *list = json_array(), *said = json_array(), *all;
	char path[PATH_MAX];

	for (size_t i = 0; i < row_count; i++)
		(void)json_array_append_new(list, row_json(&rows[i]));
	for (size_t i = 0; i < note_count; i++)
		(void)json_array_append_new(said, json_string(notes[i]));
	all = json_pack("{s:o, s:o, s:o?}", "rows", list, "notes", said, "verify", verifier);
	(void)snprintf(path, sizeof path, "%s/bench.json", dir);
	bench_check(json_dump_file(all, path, JSON_INDENT(1)) == 0, "bench.json");
	json_decref(all);
}

/* ---- the plot: a pair of bars for each row that has both figures, swtpm's as long for all ---- */

enum { LABEL = 330, BAR = 13, STEP = 40, TOP = 50 };

/* Widths of bars: swtpm's, and the longest that is drawn. */
static const double full_width = 480, longest_width = 720;

static void bar(FILE *file, int y, double width, const char *color, double value, const char *unit)
{
	char text[32];

	figure(value, text, sizeof text);
	(void)fprintf(file, "<rect x='%d' y='%d' width='%.1f' height='%d' fill='%s'/>", LABEL, y, width, BAR, color);
	(void)fprintf(file, "<text x='%.1f' y='%d' font-size='11'>%s %s</text>\n", (double)LABEL + width + 5, y + BAR - 2, text, unit);
}

static void write_plot(const char *dir)
{
	char path[PATH_MAX];
	FILE *file;
	int y = TOP;

	(void)snprintf(path, sizeof path, "%s/bench.svg", dir);
	file = fopen(path, "we");
	bench_check(file != NULL, "bench.svg");
	(void)fprintf(file, "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%zu' font-family='sans-serif'>\n",
		      (double)LABEL + longest_width + 120, TOP + row_count * STEP);
	(void)fputs("<rect width='100%' height='100%' fill='white'/><text x='10' y='25' font-size='15'>tcbind (dark) beside swtpm (light); "
		    "shorter is better</text>\n", file);
	for (size_t i = 0; i < row_count; i++) {
		double width = full_width * ratio(&rows[i]);

		if (ratio(&rows[i]) <= 0)
			continue;
		(void)fprintf(file, "<text x='%d' y='%d' font-size='13' text-anchor='end'>%s</text>\n", LABEL - 10, y + BAR + 5, rows[i].name);
		bar(file, y, full_width, "#b9c4d0", rows[i].swtpm, rows[i].unit);
		bar(file, y + BAR + 2, width > longest_width ? longest_width : width, "#1f4e79", rows[i].tcbind, rows[i].unit);
		y += STEP;
	}
	(void)fputs("</svg>\n", file);
	bench_check(fclose(file) == 0, "bench.svg");
}

void report_write(const char *dir)
{
	write_table();
	write_json(dir);
	write_plot(dir);
}
