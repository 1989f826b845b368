// SPDX-License-Identifier: MIT
/* PEM, one block at a time: for the chain inside a quote, for issuer chains and for CRLs in files. All bytes are hostile. */
#include "verify/appraise/pem.h"

#include <stdio.h>

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

/* Line ends, LF or CR LF, any number of them. */
static void skip_line_ends(struct reader *r)
{
	for (;;) {
		if (r->rest.size > 0 && r->rest.data[0] == '\n')
			r->rest = span_of(r->rest.data + 1, r->rest.size - 1);
		else if (r->rest.size > 1 && r->rest.data[0] == '\r' && r->rest.data[1] == '\n')
			r->rest = span_of(r->rest.data + 2, r->rest.size - 2);
		else
			return;
	}
}

enum tcb_error pem_take_base64(struct reader *r, struct writer *w)
{
	uint8_t quantum[4];
	size_t count = 0;
	bool last = false;

	for (skip_line_ends(r); r->rest.size > 0 && r->rest.data[0] != '-'; skip_line_ends(r)) {
		if (last)
			return TCB_MALFORMED;
		TRY(reader_u8(r, &quantum[count++]));
		if (count < sizeof quantum)
			continue;
		TRY(take_quantum(quantum, w, &last));
		count = 0;
	}
	return count == 0 ? TCB_OK : TCB_MALFORMED;
}

enum tcb_error pem_take(struct reader *r, const char *label, struct writer *w)
{
	struct reader taken = *r;
	size_t start = w->size;
	char edge[64];

	skip_line_ends(&taken);
	(void)snprintf(edge, sizeof edge, "-----BEGIN %s-----", label);
	TRY(take_text(&taken, edge));
	TRY(pem_take_base64(&taken, w));
	if (w->size == start)
		return TCB_MALFORMED;
	(void)snprintf(edge, sizeof edge, "-----END %s-----", label);
	TRY(take_text(&taken, edge));
	skip_line_ends(&taken);
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
