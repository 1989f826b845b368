/* Verdicts for people and for programs. */
#ifndef TCBIND_CLI_PRINT_CHECKS_H
#define TCBIND_CLI_PRINT_CHECKS_H

#include <jansson.h>

#include "verify/appraise/checks.h"

/* "trusted", "not-trusted", "malformed", "not-judged"; 0, 1, 3, 4. */
const char *verdict_name(enum tcb_error error);
int verdict_status(enum tcb_error error);

/* A line a check; failures stand out on a terminal. */
void print_checks(const char *verdict, const struct checks *checks);
json_t *checks_json(const struct checks *checks);

/* RFC 3339 in UTC, "2026-01-31T12:00:00Z". */
bool parse_time(const char *text, uint64_t *ret_seconds);

#endif
