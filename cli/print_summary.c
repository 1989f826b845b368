// SPDX-License-Identifier: MIT
/* A result in 24 lines of 80 columns: the verdict, what it is about, a line a layer with counts,
 * then each check that failed, or was not run, with what it means and what to do. The last line
 * counts the checks that do not fit; -v prints them all. */
#include <stdio.h>
#include <string.h>

#include "cli/print_checks.h"

enum {
	LINES = 24,
	COLUMNS = 80,
	TEXT_COLUMN = 12,
	TEXT_WIDTH = COLUMNS - TEXT_COLUMN,
	VALUE_LINES = 2, /* of what was expected, and of what was there */
	LAYERS_MAX = 16,
};

/* One summary under way. */
struct summary {
	const tcbind_result *result;
	bool colour;
	unsigned lines; /* that were printed */
	size_t left_out;
};

/* ---- texts ---- */

/* How much of a text goes into the next line: up to the last space that fits, or a full line where
 * there is none. */
static size_t line_size(const char *text)
{
	size_t size = strlen(text);

	if (size <= TEXT_WIDTH)
		return size;
	size = TEXT_WIDTH;
	while (size > 0 && text[size] != ' ')
		size--;
	return size > 0 ? size : TEXT_WIDTH;
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	do {
		text += line_size(text);
		text += strspn(text, " ");
		lines++;
	} while (*text != '\0');
	return lines;
}

static unsigned value_lines(const char *text)
{
	unsigned lines = count_lines(text);

	return lines < VALUE_LINES ? lines : VALUE_LINES;
}

/* "  label     text", wrapped under itself; after `most` lines the text is cut with "...". */
static void print_labelled(struct summary *s, const char *label, const char *text, unsigned most)
{
	for (unsigned line = 1; line == 1 || *text != '\0'; line++) {
		size_t size = line_size(text);
		bool cut = line == most && text[size] != '\0';

		(void)printf("  %-*s%.*s%s\n", TEXT_COLUMN - 2, line == 1 ? label : "",
			     (int)(cut && size > TEXT_WIDTH - 3 ? TEXT_WIDTH - 3 : size), text,
			     cut ? "..." : "");
		s->lines++;
		if (line == most)
			return;
		text += size;
		text += strspn(text, " ");
	}
}

/* ---- layers ---- */

struct layer {
	const char *name;
	unsigned passed, failed, not_run;
};

static void count_check(struct layer layers[LAYERS_MAX], const struct tcbind_check *c)
{
	size_t i = 0;

	while (i < LAYERS_MAX - 1 && layers[i].name != NULL &&
	       strcmp(layers[i].name, c->layer) != 0)
		i++;
	layers[i].name = c->layer;
	layers[i].passed += c->result == TCBIND_CHECK_PASS;
	layers[i].failed += c->result == TCBIND_CHECK_FAIL;
	layers[i].not_run += c->result == TCBIND_CHECK_NOT_RUN;
}

static void print_count(const struct summary *s, unsigned count, enum tcbind_check_result result,
			const char *words, bool *any)
{
	if (count == 0)
		return;
	(void)printf("%s%s%u %s%s", *any ? ", " : "", print_colour(result, s->colour), count, words,
		     print_colour_end(s->colour));
	*any = true;
}

static void print_layers(struct summary *s)
{
	struct layer layers[LAYERS_MAX] = {{0}};
	const struct tcbind_check *c;

	for (size_t i = 0; (c = tcbind_result_check(s->result, i)) != NULL; i++)
		count_check(layers, c);
	for (size_t i = 0; i < LAYERS_MAX && layers[i].name != NULL; i++) {
		bool any = false;

		(void)printf("  %-*s", TEXT_COLUMN - 2, layers[i].name);
		print_count(s, layers[i].passed, TCBIND_CHECK_PASS, "passed", &any);
		print_count(s, layers[i].failed, TCBIND_CHECK_FAIL, "failed", &any);
		print_count(s, layers[i].not_run, TCBIND_CHECK_NOT_RUN, "not run", &any);
		(void)putchar('\n');
		s->lines++;
	}
}

/* ---- checks that did not pass ---- */

static bool is_reason(const struct tcbind_check *c)
{
	return c->result == TCBIND_CHECK_FAIL || c->needed;
}

/* A check that decides the verdict: it failed, or it was needed and was not run. The first one is
 * always printed; the others are printed while they fit. */
static void print_reason(struct summary *s, const struct tcbind_check *c, bool first)
{
	const char *meaning = "", *action = "";
	unsigned wanted;

	(void)tcbind_explain(c->code, &meaning, &action);
	wanted = 1 + (c->expected[0] != '\0' ? value_lines(c->expected) : 0) + value_lines(c->got) +
		 count_lines(meaning) + count_lines(action);
	if (!first && s->lines + wanted > LINES - 1) {
		s->left_out++;
		return;
	}
	(void)printf("%s%s%s: %s %s (%s)\n", print_colour(c->result, s->colour),
		     c->result == TCBIND_CHECK_FAIL ? "failed" : "not run",
		     print_colour_end(s->colour), c->layer, c->field, c->code);
	s->lines++;
	if (c->expected[0] != '\0')
		print_labelled(s, "expected", c->expected, VALUE_LINES);
	print_labelled(s, "got", c->got, VALUE_LINES);
	print_labelled(s, "means", meaning, LINES);
	print_labelled(s, "do", action, LINES);
}

/* What was not run, and not needed: a line each. */
static void print_remark(struct summary *s, const struct tcbind_check *c)
{
	char text[COLUMNS + 1];

	if (s->lines >= LINES - 1) {
		s->left_out++;
		return;
	}
	(void)snprintf(text, sizeof text, "%s %s: %s (%s)", c->layer, c->field, c->got, c->code);
	(void)printf("%snot run%s: %.*s\n", print_colour(c->result, s->colour),
		     print_colour_end(s->colour), COLUMNS - 9, text);
	s->lines++;
}

static void print_others(struct summary *s)
{
	const struct tcbind_check *c;
	bool first = true;

	for (size_t i = 0; (c = tcbind_result_check(s->result, i)) != NULL; i++) {
		if (!is_reason(c))
			continue;
		print_reason(s, c, first);
		first = false;
	}
	for (size_t i = 0; (c = tcbind_result_check(s->result, i)) != NULL; i++)
		if (c->result == TCBIND_CHECK_NOT_RUN && !c->needed)
			print_remark(s, c);
	if (s->left_out > 0)
		(void)printf("and %zu more: -v prints every check\n", s->left_out);
}

/* As a terminal shows it, which wraps what is too long. */
static unsigned subject_lines(const char *subject)
{
	unsigned lines = 0;

	for (;;) {
		size_t size = strcspn(subject, "\n");

		lines += size == 0 ? 1 : (unsigned)(size + COLUMNS - 1) / COLUMNS;
		if (subject[size] == '\0')
			return lines;
		subject += size + 1;
	}
}

void print_summary(const tcbind_result *result, const char *subject, bool colour)
{
	struct summary s = {.result = result, .colour = colour, .lines = 1};

	if (subject[0] != '\0') {
		(void)printf("%s\n", subject);
		s.lines += subject_lines(subject);
	}
	print_layers(&s);
	print_others(&s);
}
