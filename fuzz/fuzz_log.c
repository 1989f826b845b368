// SPDX-License-Identifier: MIT
/* A file of the platform's log, after a crash. Input: what stands behind the file's first block. Must reach: log_read(), past the records' SHA-256: where a
 * record may stand, its digest is put right first. Property: what is read are whole records of this turn, numbered from 0, inside the file, one after
 * the other, and each encodes to the bytes that were read. */
#include "crypto/crypto.h"
#include "fuzz/target.h"
#include "host/log_form.h"

enum { FILE_MAX = 64 * 1024, TURN = 7, FIXED = LOG_RECORD_HEAD - SHA256_SIZE, AT_SIZE = 20 };

static uint8_t file_bytes[FILE_MAX];

static void put_digest_right(uint8_t *record, size_t room)
{
	const size_t size = (size_t)record[AT_SIZE] << 24 | (size_t)record[AT_SIZE + 1] << 16 | (size_t)record[AT_SIZE + 2] << 8 | record[AT_SIZE + 3];
	struct span parts[2] = { span_of(record, FIXED), span_of(record + LOG_RECORD_HEAD, size) };
	struct digest256 digest;

	if (memcmp(record, "TCBR", 4) == 0 && size <= room - LOG_RECORD_HEAD && crypto_sha256_all(parts, 2, &digest) == TCB_OK)
		memcpy(record + FIXED, digest.bytes, sizeof digest.bytes);
}

struct seen {
	uint32_t count;
	const uint8_t *end;
};

static enum tcb_error take(void *context, const struct log_record *m)
{
	static uint8_t again_bytes[FILE_MAX];
	struct writer w = WRITER_OF(again_bytes);
	struct seen *seen = context;
	const uint8_t *start = m->bytes.data - LOG_RECORD_HEAD;

	MUST_HOLD(m->turn == TURN && m->number == seen->count++);
	MUST_HOLD(start >= seen->end && (size_t)(start - file_bytes) % LOG_ALIGN == 0);
	seen->end = m->bytes.data + m->bytes.size;
	MUST_HOLD(seen->end <= file_bytes + sizeof file_bytes);
	MUST_HOLD(log_record_encode(&w, m) == TCB_OK && span_equal(span_of(again_bytes, w.size), span_of(start, w.size)));
	return TCB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .end = file_bytes + LOG_BLOCK };

	if (size > sizeof file_bytes - LOG_BLOCK)
		return 0;
	memset(file_bytes, 0, sizeof file_bytes);
	if (size > 0)
		memcpy(file_bytes + LOG_BLOCK, data, size);
	for (size_t at = LOG_BLOCK; at + LOG_RECORD_HEAD <= sizeof file_bytes; at += LOG_ALIGN)
		put_digest_right(file_bytes + at, sizeof file_bytes - at);
	MUST_HOLD(log_read(SPAN_OF(file_bytes), TURN, take, &seen) == TCB_OK);
	return 0;
}
