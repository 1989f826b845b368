// SPDX-License-Identifier: MIT
/* Results for people and for programs. */
#ifndef TCBIND_CLI_PRINT_CHECKS_H
#define TCBIND_CLI_PRINT_CHECKS_H

#include <stdbool.h>

#include "include/tcbind/verify.h"

/* The verdict, then `subject` ("": nothing more is known), then a summary of at most 24 lines in
 * all, or, with `all`, every check under its layer. A failed check says what was expected, what was
 * there, what it means and what to do. The output has colour on a terminal, unless NO_COLOR or
 * TERM=dumb asks for none. */
void print_result(const tcbind_result *result, const char *subject, bool all);
/* print_summary.c: what follows the verdict. */
void print_summary(const tcbind_result *result, const char *subject, bool colour);
/* What begins and ends the colour of a check's result; "" without colour. */
const char *print_colour(enum tcbind_check_result result, bool colour);
const char *print_colour_end(bool colour);
/* --json. Returns the exit status. */
int print_result_json(const tcbind_result *result);

/* Reports why nothing could be judged: 3 for what is malformed, else 4. */
int report_not_judged(enum tcbind_error error, const struct tcbind_failure *failure);

/* RFC 3339 in UTC, "2026-01-31T12:00:00Z". */
bool parse_time(const char *text, uint64_t *ret_seconds);
enum { TIME_TEXT_SIZE = 32 };
void time_text(uint64_t seconds, char ret_text[TIME_TEXT_SIZE]);

#endif
