// SPDX-License-Identifier: MIT
#include "edge/frame.h"

static bool is_return(enum frame_kind kind)
{
	return kind == FRAME_ECALL_RETURN || kind == FRAME_OCALL_RETURN;
}

void frame_head_encode(struct writer *w, const struct frame_head *head)
{
	writer_u32(w, head->body_size);
	writer_u8(w, (uint8_t)head->kind);
	writer_u8(w, 0);
	writer_u16(w, head->call);
	writer_u32(w, (uint32_t)head->error);
}

enum tcb_error frame_head_decode(struct span bytes, struct frame_head *ret_head)
{
	struct reader r = reader_of(bytes);
	uint32_t body_size, error;
	uint16_t call;
	uint8_t kind, zero;

	TRY(reader_u32(&r, &body_size));
	TRY(reader_u8(&r, &kind));
	TRY(reader_u8(&r, &zero));
	TRY(reader_u16(&r, &call));
	TRY(reader_u32(&r, &error));
	TRY(reader_end(&r));
	if (kind < FRAME_ECALL || kind > FRAME_OCALL_POSTED || zero != 0 || error > TCB_INTERNAL)
		return TCB_MALFORMED;
	if (!is_return((enum frame_kind)kind) && error != TCB_OK)
		return TCB_MALFORMED;
	if (body_size > LIMIT_FRAME)
		return TCB_LIMIT;
	*ret_head = (struct frame_head){
		.body_size = body_size,
		.kind = (enum frame_kind)kind,
		.call = call,
		.error = (enum tcb_error)error,
	};
	return TCB_OK;
}

static void text_encode(struct writer *w, const char *text)
{
	writer_tpm2b(w, span_of_text(text));
}

/* What a person's terminal may be shown: anything else in a text makes the whole message malformed. */
static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return true;
}

static enum tcb_error text_decode(struct reader *r, char *ret_text, size_t capacity)
{
	struct span text;

	TRY(reader_tpm2b(r, &text));
	if (text.size >= capacity || !is_printable(text))
		return TCB_MALFORMED;
	if (text.size > 0)
		memcpy(ret_text, text.data, text.size);
	ret_text[text.size] = '\0';
	return TCB_OK;
}

/* Replaces what text_decode() would not take, so that our own encoder always writes what it accepts. */
static void text_clean(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void diagnosis_encode(struct writer *w, const struct diagnosis *d)
{
	struct diagnosis clean = *d;

	text_clean(clean.code);
	text_clean(clean.found);
	text_clean(clean.wanted);
	text_clean(clean.action);
	text_encode(w, clean.code);
	text_encode(w, clean.found);
	text_encode(w, clean.wanted);
	text_encode(w, clean.action);
}

enum tcb_error diagnosis_decode(struct reader *r, struct diagnosis *ret_d)
{
	struct diagnosis d = {0};

	TRY(text_decode(r, d.code, sizeof d.code));
	TRY(text_decode(r, d.found, sizeof d.found));
	TRY(text_decode(r, d.wanted, sizeof d.wanted));
	TRY(text_decode(r, d.action, sizeof d.action));
	*ret_d = d;
	return TCB_OK;
}
