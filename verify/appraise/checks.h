// SPDX-License-Identifier: MIT
/* The list of checks that is a verdict. Filled in order; fixed capacity; no allocation. */
#ifndef TCBIND_VERIFY_APPRAISE_CHECKS_H
#define TCBIND_VERIFY_APPRAISE_CHECKS_H

#include "core/error.h"
#include "core/span.h"

#define CHECKS_MAX 256
#define CHECK_TEXT_MAX 160

enum check_result { CHECK_NOT_RUN = 0, CHECK_PASS, CHECK_FAIL };

struct check {
	const char *layer; /* constant: "evidence", "platform", "quote", "platform-tpm", "vtpm", "guest", "custody", "policy" */
	const char *field; /* constant: "mrenclave", "report_data", ... */
	const char *code;  /* constant, stable, dotted: "quote.signature"; `tcbind explain` knows every one */
	enum check_result result;
	bool needed;       /* not run, and the verdict needs it */
	char expected[CHECK_TEXT_MAX]; /* NUL-terminated; bytes as hex, cut with "..." */
	char got[CHECK_TEXT_MAX];
};

struct memo;

struct checks {
	const struct memo *memo; /* verify/appraise/memo.h; NULL: nothing is remembered */
	size_t count;
	bool overflowed; /* more than CHECKS_MAX: the verdict is then never trusted */
	bool missing;    /* something needed to judge was not there (collateral): verdict not-judged unless a check failed */
	struct check list[CHECKS_MAX];
};

/* Each adds one and returns whether it passed, so that `if (!check_bytes(...)) return` reads well. */

/* Where it passed, what was found is what was expected; else it is `otherwise`. */
bool check_that(struct checks *c, const char *layer, const char *field, const char *code, bool passed,
		const char *expected, const char *otherwise);
/* What was found is `got` either way: for a set or a range of what is accepted. */
bool check_value(struct checks *c, const char *layer, const char *field, const char *code, bool passed,
		 const char *expected, const char *got);
bool check_bytes(struct checks *c, const char *layer, const char *field, const char *code,
		 struct span expected, struct span got);
bool check_at_least(struct checks *c, const char *layer, const char *field, const char *code, uint64_t minimum,
		    uint64_t got);
void check_not_run(struct checks *c, const char *layer, const char *field, const char *code, const char *why);
/* The same for what the verdict needs: unless a check fails, the verdict is then not-judged. */
void check_missing(struct checks *c, const char *layer, const char *field, const char *code, const char *why);

/* Hexadecimal digits of at most 64 bytes; more are cut with "...". */
void checks_hex(struct span bytes, char ret_text[CHECK_TEXT_MAX]);

/* Whether those from `first` on are a judgement that can be kept: none failed, nothing was missing, and there was room for all. */
bool checks_hold(const struct checks *c, size_t first);
/* Adds a judgement that was kept. False: there is no room, and nothing was added. */
bool checks_append(struct checks *c, const struct check *list, size_t count);

/* The first failed check, or NULL. */
const struct check *checks_first_failure(const struct checks *c);

#endif
