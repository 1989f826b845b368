// SPDX-License-Identifier: MIT
#include "core/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static void set_text(char *field, size_t capacity, const char *text)
{
	(void)snprintf(field, capacity, "%s", text);
}

enum tcb_error diagnose(struct diagnosis *d, enum tcb_error error, const char *code,
			const char *found, const char *wanted, const char *action)
{
	if (d == NULL || d->code[0] != '\0')
		return error;
	set_text(d->code, sizeof d->code, code);
	set_text(d->found, sizeof d->found, found);
	set_text(d->wanted, sizeof d->wanted, wanted);
	set_text(d->action, sizeof d->action, action);
	return error;
}

enum tcb_error diagnose_again(struct diagnosis *d, enum tcb_error error, const struct diagnosis *from)
{
	return diagnose(d, error, from->code, from->found, from->wanted, from->action);
}

enum tcb_error diagnose_found(struct diagnosis *d, enum tcb_error error, const char *code,
			      const char *wanted, const char *action, const char *found_format, ...)
{
	char found[DIAGNOSIS_TEXT_MAX];
	va_list args;

	va_start(args, found_format);
	(void)vsnprintf(found, sizeof found, found_format, args);
	va_end(args);
	return diagnose(d, error, code, found, wanted, action);
}

const char *tcb_error_name(enum tcb_error error)
{
	static const char *const names[] = {
		[TCB_OK] = "ok",
		[TCB_MALFORMED] = "malformed",
		[TCB_REFUSED] = "refused",
		[TCB_WRONG_STATE] = "wrong state",
		[TCB_LIMIT] = "limit",
		[TCB_CRYPTO] = "crypto",
		[TCB_PLATFORM] = "platform",
		[TCB_INTERNAL] = "internal",
	};
	unsigned index = (unsigned)error;

	return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}
