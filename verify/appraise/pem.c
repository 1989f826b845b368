// SPDX-License-Identifier: MIT
/* PEM, one block at a time: for the chain inside a quote, for issuer chains and for CRLs in files. All bytes are hostile. */
#include "verify/appraise/pem.h"

#include <stdio.h>

enum { LINE_CHARACTERS = 64 };

/* 0..63; 64 for '='; -1 for what is not base64. */
static int sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? 64 : -1;
}

/* Four characters; `*ret_last`: padding was among them. Bits that padding leaves over are zero, so that no second text decodes to the
 * same bytes. */
static enum tcb_error take_quantum(const uint8_t *text, struct writer *w, bool *ret_last)
{
	int v[4], padding = 0;
	uint32_t bits;

	for (int i = 0; i < 4; i++) {
		v[i] = sextet(text[i]);
		if (v[i] < 0 || (padding > 0 && v[i] != 64))
			return TCB_MALFORMED;
		padding += v[i] == 64;
	}
	if (padding > 2 || (padding == 2 && (v[1] & 0x0f) != 0) || (padding == 1 && (v[2] & 0x03) != 0))
		return TCB_MALFORMED;
	bits = (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)(padding < 2 ? v[2] << 6 : 0) |
	       (uint32_t)(padding < 1 ? v[3] : 0);
	writer_u8(w, (uint8_t)(bits >> 16));
	if (padding < 2)
		writer_u8(w, (uint8_t)(bits >> 8));
	if (padding < 1)
		writer_u8(w, (uint8_t)bits);
	*ret_last = padding > 0;
	return w->error;
}

static enum tcb_error take_text(struct reader *r, const char *text)
{
	struct span found;

	TRY(reader_bytes(r, strlen(text), &found));
	return span_is_text(found, text) ? TCB_OK : TCB_MALFORMED;
}

/* The line up to its LF, which is taken too. */
static enum tcb_error take_line(struct reader *r, struct span *ret_line)
{
	const uint8_t *end = r->rest.size > 0 ? memchr(r->rest.data, '\n', r->rest.size) : NULL;
	struct span line_end;

	if (end == NULL)
		return TCB_MALFORMED;
	TRY(reader_bytes(r, (size_t)(end - r->rest.data), ret_line));
	return reader_bytes(r, 1, &line_end);
}

static enum tcb_error take_body(struct reader *r, struct writer *w)
{
	bool last = false;
	struct span line;

	do {
		TRY(take_line(r, &line));
		if (line.size == 0 || line.size > LINE_CHARACTERS || line.size % 4 != 0)
			return TCB_MALFORMED;
		for (size_t i = 0; i < line.size; i += 4) {
			if (last)
				return TCB_MALFORMED;
			TRY(take_quantum(line.data + i, w, &last));
		}
		last |= line.size < LINE_CHARACTERS;
	} while (!last && r->rest.size > 0 && r->rest.data[0] != '-');
	return TCB_OK;
}

enum tcb_error pem_take(struct reader *r, const char *label, bool last_line_end, struct writer *w)
{
	struct reader taken = *r;
	char edge[64];

	(void)snprintf(edge, sizeof edge, "-----BEGIN %s-----\n", label);
	TRY(take_text(&taken, edge));
	TRY(take_body(&taken, w));
	(void)snprintf(edge, sizeof edge, "-----END %s-----", label);
	TRY(take_text(&taken, edge));
	if (last_line_end || taken.rest.size > 0)
		TRY(take_text(&taken, "\n"));
	*r = taken;
	return TCB_OK;
}

int pem_no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}
