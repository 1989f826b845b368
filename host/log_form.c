// SPDX-License-Identifier: MIT
#include "host/log_form.h"

#include "core/reader.h"
#include "crypto/crypto.h"

#define HEAD_MAGIC "TCBLOG2\n"
#define HEAD_MAGIC_ANY "TCBLOG"
#define RECORD_MAGIC "TCBR"

enum { HEAD_FIXED = 16, RECORD_FIXED = LOG_RECORD_HEAD - SHA256_SIZE };

enum tcb_error log_head_encode(struct writer *w, uint64_t turn)
{
	struct digest256 digest;

	writer_bytes(w, span_of_text(HEAD_MAGIC));
	writer_u64(w, turn);
	TRY(crypto_sha256(span_of(w->data, HEAD_FIXED), &digest));
	writer_bytes(w, SPAN_OF(digest.bytes));
	return writer_end(w, NULL);
}

uint64_t log_head_turn(struct span file)
{
	struct reader r = reader_of(file);
	struct digest256 digest;
	struct span magic, stored;
	uint64_t turn;

	if (reader_bytes(&r, strlen(HEAD_MAGIC), &magic) != TCB_OK || !span_is_text(magic, HEAD_MAGIC) || reader_u64(&r, &turn) != TCB_OK ||
	    reader_bytes(&r, SHA256_SIZE, &stored) != TCB_OK || crypto_sha256(span_of(file.data, HEAD_FIXED), &digest) != TCB_OK ||
	    !span_equal(stored, SPAN_OF(digest.bytes)))
		return 0;
	return turn;
}

bool log_head_is_foreign(struct span file)
{
	return file.size >= strlen(HEAD_MAGIC) && span_is_text(span_of(file.data, strlen(HEAD_MAGIC_ANY)), HEAD_MAGIC_ANY) &&
	       !span_is_text(span_of(file.data, strlen(HEAD_MAGIC)), HEAD_MAGIC);
}

enum tcb_error log_record_encode(struct writer *w, const struct log_record *m)
{
	struct span parts[2] = { span_of(w->data, RECORD_FIXED), m->bytes };
	struct digest256 digest;

	writer_bytes(w, span_of_text(RECORD_MAGIC));
	writer_u8(w, (uint8_t)m->kind);
	writer_zeros(w, 3);
	writer_u64(w, m->turn);
	writer_u32(w, m->number);
	writer_u32(w, (uint32_t)m->bytes.size);
	writer_bytes(w, SPAN_OF(m->owner.id.bytes));
	writer_u64(w, m->owner.place);
	TRY(writer_end(w, NULL));
	TRY(crypto_sha256_all(parts, 2, &digest));
	writer_bytes(w, SPAN_OF(digest.bytes));
	writer_bytes(w, m->bytes);
	return writer_end(w, NULL);
}

static enum tcb_error record_decode(struct span bytes, struct log_record *ret)
{
	static const uint8_t no_bytes[3];
	struct reader r = reader_of(bytes);
	struct span magic, zeros, stored, parts[2];
	struct digest256 digest;
	uint32_t size;
	uint8_t kind;

	TRY(reader_bytes(&r, strlen(RECORD_MAGIC), &magic));
	TRY(reader_u8(&r, &kind));
	TRY(reader_bytes(&r, 3, &zeros));
	TRY(reader_u64(&r, &ret->turn));
	TRY(reader_u32(&r, &ret->number));
	TRY(reader_u32(&r, &size));
	TRY(reader_copy(&r, ret->owner.id.bytes, sizeof ret->owner.id.bytes));
	TRY(reader_u64(&r, &ret->owner.place));
	TRY(reader_bytes(&r, SHA256_SIZE, &stored));
	TRY(reader_bytes(&r, size, &ret->bytes));
	if (!span_is_text(magic, RECORD_MAGIC) || !span_equal(zeros, SPAN_OF(no_bytes)) || kind < LOG_STATE || kind > LOG_STEP)
		return TCB_MALFORMED;
	ret->kind = (enum log_kind)kind;
	parts[0] = span_of(bytes.data, RECORD_FIXED);
	parts[1] = ret->bytes;
	TRY(crypto_sha256_all(parts, 2, &digest));
	return span_equal(stored, SPAN_OF(digest.bytes)) ? TCB_OK : TCB_MALFORMED;
}

/* At `at`, or where the next write starts. */
static bool find_record(struct span file, uint64_t turn, uint32_t number, uint64_t at, uint64_t *ret_at, struct log_record *ret)
{
	const uint64_t places[2] = { log_round(at, LOG_ALIGN), log_round(at, LOG_BLOCK) };

	for (int i = 0; i < 2; i++) {
		*ret_at = places[i];
		if (record_decode(span_from(file, places[i]), ret) == TCB_OK &&
		    ret->turn == turn && ret->number == number)
			return true;
	}
	return false;
}

enum tcb_error log_read(struct span file, uint64_t turn, enum tcb_error (*take)(void *context, const struct log_record *m), void *context)
{
	struct log_record m;
	uint64_t at = LOG_BLOCK;

	for (uint32_t number = 0; find_record(file, turn, number, at, &at, &m); number++) {
		TRY(take(context, &m));
		at += LOG_RECORD_HEAD + m.bytes.size;
	}
	return TCB_OK;
}
