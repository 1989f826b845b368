// SPDX-License-Identifier: MIT
/* Reads the arguments of every command by its table, and prints its usage from the same table. */
#include "cli/arguments.h"

#include <stdio.h>
#include <string.h>

enum { USAGE_COLUMNS = 110, ABOUT_COLUMN = 28 };

/* ---- reading ---- */

struct parsing {
	const struct command *command;
	char *options;
	bool seen[ARGUMENT_TEXTS_MAX]; /* by row */
};

static bool is_end(const struct argument *a)
{
	return a->name == NULL && a->value == NULL;
}

/* The row of an option; `size` is its length without "=VALUE". NULL: the command does not have it. */
static const struct argument *find_option(const struct command *command, const char *text, size_t size)
{
	for (const struct argument *a = command->arguments; a != NULL && !is_end(a); a++)
		if (a->name != NULL && strlen(a->name) == size && memcmp(a->name, text, size) == 0)
			return a;
	return NULL;
}

static const struct argument *find_operand(const struct parsing *p)
{
	for (const struct argument *a = p->command->arguments; a != NULL && !is_end(a); a++)
		if (a->name == NULL && (a->kind == ARGUMENT_OPERANDS || !p->seen[a - p->command->arguments]))
			return a;
	return NULL;
}

/* The table says what stands at `at`: copied byte by byte, since the structure is the command's own. */
static bool store(struct parsing *p, const struct argument *a, const char *text)
{
	const char *name = a->name != NULL ? a->name : a->value;
	bool *seen = &p->seen[a - p->command->arguments];
	char *at = p->options + a->at;
	struct argument_texts *list;
	const bool yes = true;

	if (a->kind == ARGUMENT_TEXTS || a->kind == ARGUMENT_OPERANDS) {
		list = (struct argument_texts *)(void *)at;
		if (list->count == ARGUMENT_TEXTS_MAX)
			return report_usage_error(p->command, "more than %d times %s", ARGUMENT_TEXTS_MAX, name), false;
		list->texts[list->count++] = text;
	} else if (*seen) {
		return report_usage_error(p->command, "%s is given twice", name), false;
	} else if (a->kind == ARGUMENT_FLAG) {
		memcpy(at, &yes, sizeof yes);
	} else {
		memcpy(at, &text, sizeof text);
	}
	*seen = true;
	return true;
}

/* The length of the option's name: "--name" of "--name=VALUE", "-o" of "-oVALUE". */
static size_t name_size(const char *text)
{
	return text[1] == '-' ? strcspn(text, "=") : 2;
}

/* The value that stands in the same argument; NULL: none does. */
static const char *attached_value(const char *text)
{
	const char *rest = text + name_size(text);

	if (rest[0] == '\0')
		return NULL;
	return text[1] == '-' ? rest + 1 : rest;
}

/* An option at argv[*i], whose value may be the next argument. What begins like an option is no value there. */
static bool read_option(struct parsing *p, int argc, char **argv, int *i)
{
	const char *text = argv[*i], *value = attached_value(text);
	const struct argument *a = find_option(p->command, text, name_size(text));

	if (a == NULL)
		return report_usage_error(p->command, "there is no option %.*s", (int)strcspn(text, "="), text), false;
	if (a->kind == ARGUMENT_FLAG) {
		if (value != NULL)
			return report_usage_error(p->command, "%s takes no value", a->name), false;
		return store(p, a, NULL);
	}
	if (value == NULL && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
		value = argv[++*i];
	if (value == NULL || value[0] == '\0')
		return report_usage_error(p->command, "%s needs a value: %s", a->name, a->value), false;
	return store(p, a, value);
}

static bool read_operand(struct parsing *p, const char *text)
{
	const struct argument *a = find_operand(p);

	if (a == NULL)
		return report_usage_error(p->command, "'%s' is one argument too many", text), false;
	if (text[0] == '\0')
		return report_usage_error(p->command, "%s is empty", a->value), false;
	return store(p, a, text);
}

static bool check_all_there(const struct parsing *p)
{
	for (const struct argument *a = p->command->arguments; a != NULL && !is_end(a); a++) {
		bool needed = a->kind == ARGUMENT_REQUIRED || (a->name == NULL && a->kind != ARGUMENT_OPTIONAL);

		if (needed && !p->seen[a - p->command->arguments])
			return report_usage_error(p->command, "%s is missing", a->name != NULL ? a->name : a->value), false;
	}
	return true;
}

bool arguments_parse(const struct command *command, int argc, char **argv, void *options)
{
	struct parsing p = { .command = command, .options = options };
	bool only_operands = false;

	for (int i = 1; i < argc; i++) {
		bool is_option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';

		if (is_option && strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (is_option ? !read_option(&p, argc, argv, &i) : !read_operand(&p, argv[i]))
			return false;
	}
	return check_all_there(&p);
}

/* ---- help ---- */

/* "--platform DIR", "[--json]", "FILE..." */
static void format_argument(const struct argument *a, char *ret_text, size_t capacity)
{
	bool optional = a->kind == ARGUMENT_FLAG || a->kind == ARGUMENT_TEXT || a->kind == ARGUMENT_TEXTS ||
			a->kind == ARGUMENT_OPTIONAL;
	bool many = a->kind == ARGUMENT_TEXTS || a->kind == ARGUMENT_OPERANDS;

	(void)snprintf(ret_text, capacity, "%s%s%s%s%s%s", optional ? "[" : "", a->name != NULL ? a->name : "",
		       a->name != NULL && a->value != NULL ? " " : "", a->value != NULL ? a->value : "",
		       optional ? "]" : "", many ? "..." : "");
}

void arguments_print_usage(const struct command *command, bool to_stderr)
{
	FILE *to = to_stderr ? stderr : stdout;
	int indent = 2 + (int)strlen("tcbind ") + (int)strlen(command->name), column = indent;
	char text[96];

	(void)fprintf(to, "  tcbind %s", command->name);
	for (const struct argument *a = command->arguments; a != NULL && !is_end(a); a++) {
		format_argument(a, text, sizeof text);
		if (column + 1 + (int)strlen(text) > USAGE_COLUMNS) {
			(void)fprintf(to, "\n%*s", indent, "");
			column = indent;
		}
		(void)fprintf(to, " %s", text);
		column += 1 + (int)strlen(text);
	}
	(void)fputc('\n', to);
}

void arguments_print_help(const struct command *command)
{
	char text[96];

	arguments_print_usage(command, false);
	(void)printf("      %s\n", command->about);
	for (const struct argument *a = command->arguments; a != NULL && !is_end(a); a++) {
		(void)snprintf(text, sizeof text, "%s%s%s", a->name != NULL ? a->name : "",
			       a->name != NULL && a->value != NULL ? " " : "", a->value != NULL ? a->value : "");
		(void)printf("      %-*s  %s\n", ABOUT_COLUMN, text, a->about);
	}
}
