// SPDX-License-Identifier: MIT
/* What happens in a run, one event a line, for people and for checkers of models. Nothing is
 * written without a file. */
#ifndef TCBIND_SIMULATE_TRACE_H
#define TCBIND_SIMULATE_TRACE_H

#include <stdbool.h>

/* The file for the run of this process; calls are written, too, if `calls`. */
void trace_open(const char *path, bool calls);
bool trace_is_on(void);
/* One protocol event. */
void trace_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One call across a boundary. */
void trace_call(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
