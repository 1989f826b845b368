// SPDX-License-Identifier: MIT
/* What TCB info and QE identity have in common: members that must be there, a window, levels of one SVN, advisories. The documents' texts are
 * strict JSON by the time that they come here. */
#ifndef TCBIND_VERIFY_APPRAISE_TCB_DOCUMENT_H
#define TCBIND_VERIFY_APPRAISE_TCB_DOCUMENT_H

#include "verify/appraise/quote.h"

/* A member of an object; TCB_MALFORMED when it is not there or of another type, TCB_LIMIT over `max`. */
enum tcb_error document_text(struct span object, const char *name, struct span *ret_text) MUST_USE;
enum tcb_error document_uint(struct span object, const char *name, uint64_t max, uint64_t *ret_number) MUST_USE;
enum tcb_error document_hex(struct span object, const char *name, uint8_t *ret_bytes, size_t size) MUST_USE;
enum tcb_error document_time(struct span object, const char *name, uint64_t *ret_seconds) MUST_USE;

/* Checks id, version (`code`), and that `now_s` is in the window (quote.collateral.expired). */
bool document_check(struct checks *c, const char *code, struct span document, const char *id, uint64_t version, uint64_t now_s);

/* A level of a TDX module or a QE: {"tcb": {"isvsvn"}, "tcbDate", "tcbStatus"}. */
struct svn_level {
	enum tcb_status status;
	uint64_t date_s;  /* tcbDate, Unix time */
	struct span text; /* the level's object */
};

/* The first of `levels` that `svn` reaches; all are decoded, each below the one before it. TCB_REFUSED: none is reached.
 * `ret_newest_svn` (may be NULL): of the first. */
enum tcb_error svn_level_find(struct span levels, uint64_t svn, struct svn_level *ret_level, uint64_t *ret_newest_svn) MUST_USE;

/* Adds a level's advisory ids, each once; TCB_MALFORMED for what is none, TCB_LIMIT for too many. */
enum tcb_error advisories_take(struct span level, struct quote_claims *claims) MUST_USE;

#endif
