// SPDX-License-Identifier: MIT
/* The trace file. */
#include "simulate/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulate/world.h"

static FILE *file;
static bool with_calls;

void trace_open(const char *path, bool calls)
{
	file = fopen(path, "we");
	with_calls = calls;
	if (file == NULL) {
		(void)fprintf(stderr, "simulate: %s cannot be written\n", path);
		exit(2);
	}
	(void)setvbuf(file, NULL, _IOLBF, 0);
}

bool trace_is_on(void) { return file != NULL; }

static void put(const char *kind, const char *format, va_list list)
{
	static const char *const roles[] = {"", "acm", "pse", "mige", "vtpm"};
	const struct actor *a = actor_current();
	const struct enclave *e = enclave_current();

	(void)fprintf(file, "%s t=%llu move=%u ", kind, (unsigned long long)now_ms(),
		      a != NULL ? a->id : 0);
	if (e != NULL)
		(void)fprintf(file, "by=%s/%s/%llu ", e->platform->name, roles[e->self.isv_prod_id],
			      (unsigned long long)e->number);
	else
		(void)fprintf(file, "by=host ");
	(void)vfprintf(file, format, list);
	(void)fputc('\n', file);
}

void trace_event(const char *format, ...)
{
	va_list list;

	if (file == NULL)
		return;
	va_start(list, format);
	put("event", format, list);
	va_end(list);
}

void trace_call(const char *format, ...)
{
	va_list list;

	if (file == NULL || !with_calls)
		return;
	va_start(list, format);
	put("call ", format, list);
	va_end(list);
}
