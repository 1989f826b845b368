// SPDX-License-Identifier: MIT
/* The forms of the platform's log (log.h): what stands in its files, and how a file is read that may be cut anywhere.
 *   file    head: "TCBLOG2\n" | u64 turn | SHA-256 of both; then, from LOG_BLOCK on, records
 *   record  "TCBR" | u8 kind | 3 zeros | u64 turn | u32 number in this file | u32 size | id 16 | u64 place | SHA-256 of all that, and the bytes | bytes
 * A record starts at the next multiple of LOG_ALIGN after the one before; or, where a write ended between them, at the next LOG_BLOCK. */
#ifndef TCBIND_HOST_LOG_FORM_H
#define TCBIND_HOST_LOG_FORM_H

#include <stdbool.h>
#include <string.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "core/writer.h"

enum { LOG_BLOCK = 4096, LOG_ALIGN = 64, LOG_FILE_SIZE = 16 * 1024 * 1024, LOG_RECORD_HEAD = 80 };

enum log_kind { LOG_STATE = 1, LOG_SETTLED = 2, LOG_STEP = 3 };

/* Whose a state is. A vTPM may have two places at once, when it moves within the platform or was copied: what is said of one says nothing of the other. */
struct log_owner {
	struct uuid id;
	uint64_t place; /* place_tag() */
};

static inline bool log_owner_same(const struct log_owner *a, const struct log_owner *b)
{
	return memcmp(&a->id, &b->id, sizeof a->id) == 0 && a->place == b->place;
}

struct log_record {
	enum log_kind kind;
	uint64_t turn;
	uint32_t number;
	struct log_owner owner; /* zeros: of a step */
	struct span bytes;
};

static inline uint64_t log_round(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

enum tcb_error log_head_encode(struct writer *w, uint64_t turn) MUST_USE;
/* The file's turn, 0 where there is none. */
uint64_t log_head_turn(struct span file);
/* A log of another release, whose records are not read. */
bool log_head_is_foreign(struct span file);

/* LOG_RECORD_HEAD bytes and m->bytes; nothing is to be in `w` before. */
enum tcb_error log_record_encode(struct writer *w, const struct log_record *m) MUST_USE;

/* Gives each record of a file, in order, until the next is not whole, or not of its turn and number: what follows was never acknowledged, or is older. */
enum tcb_error log_read(struct span file, uint64_t turn, enum tcb_error (*take)(void *context, const struct log_record *m), void *context) MUST_USE;

#endif
