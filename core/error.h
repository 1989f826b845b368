// SPDX-License-Identifier: MIT
/* Error classes and diagnoses.
 *
 * Every fallible call returns `enum tcb_error` by value; the class alone fixes how the caller reacts.
 * What people need to know (a stable code, what was found, what was wanted, what to do) goes into an
 * optional `struct diagnosis`, filled by the first place that knows. Libraries and enclaves never log.
 */
#ifndef TCBIND_CORE_ERROR_H
#define TCBIND_CORE_ERROR_H

#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))

enum tcb_error {
	TCB_OK = 0,
	TCB_MALFORMED = 1,   /* bytes that no encoder of ours, or of the format's, could have written */
	TCB_REFUSED = 2,     /* well formed, and judged not acceptable: policy, identity, freshness */
	TCB_WRONG_STATE = 3, /* a call that this state does not permit; nothing was changed */
	TCB_LIMIT = 4,       /* larger or more than limits.h allows */
	TCB_CRYPTO = 5,      /* a signature, tag or key that does not check */
	TCB_PLATFORM = 6,    /* the host, the disk, the TPM or the network failed; may be tried again */
	TCB_INTERNAL = 7,    /* a bug of ours */
};

/* The one macro that may return. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum tcb_error try_error_ = (call);                                                \
		if (try_error_ != TCB_OK)                                                          \
			return try_error_;                                                         \
	} while (0)

#define DIAGNOSIS_CODE_MAX 64
#define DIAGNOSIS_TEXT_MAX 256

/* NUL-terminated texts; an empty code means that nothing was diagnosed. */
struct diagnosis {
	char code[DIAGNOSIS_CODE_MAX];   /* stable, dotted: "mige.destination.refused" */
	char found[DIAGNOSIS_TEXT_MAX];
	char wanted[DIAGNOSIS_TEXT_MAX];
	char action[DIAGNOSIS_TEXT_MAX]; /* what the reader can do about it */
};

/* Fills `d` unless it is NULL or already filled (the first cause is the one worth reading), and
 * returns `error`, so that a refusal is one statement: `return diagnose(d, TCB_REFUSED, ...)`.
 * Texts that are too long are cut. */
enum tcb_error diagnose(struct diagnosis *d, enum tcb_error error, const char *code,
			const char *found, const char *wanted, const char *action);

/* The same, with what another has diagnosed. */
enum tcb_error diagnose_again(struct diagnosis *d, enum tcb_error error, const struct diagnosis *from);

/* The same with `found` made by a printf format. */
enum tcb_error diagnose_found(struct diagnosis *d, enum tcb_error error, const char *code,
			      const char *wanted, const char *action, const char *found_format, ...)
	__attribute__((format(printf, 6, 7)));

/* A word for an error class: "malformed", "refused", ... Never NULL. */
const char *tcb_error_name(enum tcb_error error);

#endif
