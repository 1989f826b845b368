// SPDX-License-Identifier: MIT
#include "verify/appraise/collateral_forms.h"

#include <strings.h>

#include "core/hex.h"
#include "core/json.h"
#include "core/reader.h"
#include "verify/appraise/pem.h"

static struct span since(const struct writer *w, size_t start)
{
	return span_of(w->data + start, w->size - start);
}

struct span form_skip_mark(struct span text)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};

	return text.size >= sizeof mark && memcmp(text.data, mark, sizeof mark) == 0
		       ? span_of(text.data + sizeof mark, text.size - sizeof mark)
		       : text;
}

/* ---- hexadecimal and base64 ---- */

static enum tcb_error take_hex(struct span digits, struct writer *w)
{
	if (digits.size == 0 || digits.size % 2 != 0)
		return TCB_MALFORMED;
	for (size_t i = 0; i < digits.size; i += 2) {
		int high = hex_digit(digits.data[i]), low = hex_digit(digits.data[i + 1]);

		if (high < 0 || low < 0)
			return TCB_MALFORMED;
		writer_u8(w, (uint8_t)(high << 4 | low));
	}
	return w->error;
}

static enum tcb_error take_base64(struct span text, struct writer *w)
{
	struct reader r = reader_of(text);

	TRY(pem_take_base64(&r, w));
	return reader_end(&r);
}

/* ---- JSON ---- */

/* Four hexadecimal digits after "\u". Pairs of surrogates are no text of any issuer. */
static enum tcb_error take_code_point(struct span text, size_t at, struct writer *w)
{
	uint32_t code = 0;

	if (text.size - at < 4)
		return TCB_MALFORMED;
	for (size_t i = at; i < at + 4; i++) {
		int digit = hex_digit(text.data[i]);

		if (digit < 0)
			return TCB_MALFORMED;
		code = code << 4 | (uint32_t)digit;
	}
	if (code >= 0xd800 && code < 0xe000)
		return TCB_MALFORMED;
	if (code < 0x80) {
		writer_u8(w, (uint8_t)code);
	} else if (code < 0x800) {
		writer_u8(w, (uint8_t)(0xc0 | code >> 6));
		writer_u8(w, (uint8_t)(0x80 | (code & 0x3f)));
	} else {
		writer_u8(w, (uint8_t)(0xe0 | code >> 12));
		writer_u8(w, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
		writer_u8(w, (uint8_t)(0x80 | (code & 0x3f)));
	}
	return w->error;
}

enum tcb_error form_text(struct span value, struct writer *w, struct span *ret_text)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t start = w->size;

	if (value.size < 2 || value.data[0] != '"')
		return TCB_MALFORMED;
	value = span_of(value.data + 1, value.size - 2);
	for (size_t i = 0; i < value.size; i++) {
		const char *escape;

		if (value.data[i] != '\\') {
			writer_u8(w, value.data[i]);
			continue;
		}
		if (++i < value.size && value.data[i] == 'u') {
			TRY(take_code_point(value, i + 1, w));
			i += 4;
			continue;
		}
		escape = i < value.size && value.data[i] != '\0' ? strchr(from, value.data[i]) : NULL;
		if (escape == NULL)
			return TCB_MALFORMED;
		writer_u8(w, (uint8_t)to[escape - from]);
	}
	TRY(writer_end(w, NULL));
	*ret_text = since(w, start);
	return TCB_OK;
}

static enum tcb_error take_array(struct span array, struct writer *w)
{
	struct span rest = array, element;
	uint64_t byte;

	while (json_next_element(&rest, &element)) {
		TRY(json_uint(element, UINT8_MAX, &byte));
		writer_u8(w, (uint8_t)byte);
	}
	return w->error;
}

enum tcb_error form_json_signature(struct span value, struct p256_signature *ret_signature)
{
	uint8_t bytes[sizeof ret_signature->bytes + 2];
	struct writer w = WRITER_OF(bytes);

	if (json_opens_array(value))
		TRY(take_array(value, &w));
	else if (value.size < 2 || value.data[0] != '"')
		return TCB_MALFORMED;
	else if (value.size - 2 == 2 * sizeof ret_signature->bytes)
		TRY(take_hex(span_of(value.data + 1, value.size - 2), &w));
	else
		TRY(take_base64(span_of(value.data + 1, value.size - 2), &w));
	if (w.size != sizeof ret_signature->bytes)
		return TCB_MALFORMED;
	memcpy(ret_signature->bytes, bytes, sizeof ret_signature->bytes);
	return TCB_OK;
}

/* ---- CRLs ---- */

static struct span trim(struct span text)
{
	while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r' || text.data[text.size - 1] == ' '))
		text.size--;
	return text;
}

static bool is_hex(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (hex_digit(text.data[i]) < 0)
			return false;
	return true;
}

/* A SEQUENCE of some length begins with 0x30 and a byte that no text has; so hexadecimal digits begin with "30", and base64 with "MI". */
enum tcb_error form_crl(struct span bytes, struct writer *w, struct span *ret_der)
{
	struct reader r = reader_of(bytes);
	size_t start = w->size;

	if (bytes.size > 2 && bytes.data[0] == 0x30 && bytes.data[1] >= 0x80) {
		*ret_der = bytes;
		return TCB_OK;
	}
	if (bytes.size > 0 && bytes.data[0] == '-') {
		TRY(pem_take(&r, "X509 CRL", w));
		TRY(reader_end(&r));
	} else if (is_hex(trim(bytes))) {
		TRY(take_hex(trim(bytes), w));
	} else {
		TRY(take_base64(trim(bytes), w));
	}
	TRY(writer_end(w, NULL));
	*ret_der = since(w, start);
	return TCB_OK;
}

enum tcb_error form_json_crl(struct span value, struct writer *w, struct span *ret_der)
{
	struct span text;
	size_t start = w->size;

	if (!json_opens_array(value)) {
		TRY(form_text(value, w, &text));
		return form_crl(text, w, ret_der);
	}
	TRY(take_array(value, w));
	*ret_der = since(w, start);
	return ret_der->size > 0 ? TCB_OK : TCB_MALFORMED;
}

/* ---- issuer chains ---- */

static bool contains(struct span text, const char *part)
{
	return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* %-escapes undone; where the text is form-encoded ("BEGIN+CERTIFICATE"), '+' is a space. */
static enum tcb_error decode_percent(struct span bytes, struct writer *w, struct span *ret_pem)
{
	bool plus_is_space = contains(bytes, "BEGIN+CERTIFICATE");
	size_t start = w->size;

	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] == '%') {
			if (bytes.size - i < 3)
				return TCB_MALFORMED;
			TRY(take_hex(span_of(bytes.data + i + 1, 2), w));
			i += 2;
		} else {
			writer_u8(w, bytes.data[i] == '+' && plus_is_space ? ' ' : bytes.data[i]);
		}
	}
	TRY(writer_end(w, NULL));
	*ret_pem = since(w, start);
	return TCB_OK;
}

static bool ends_with(struct span text, const char *end)
{
	size_t size = strlen(end);

	return text.size >= size && strncasecmp((const char *)text.data + text.size - size, end, size) == 0;
}

/* The value of the one line "...Issuer-Chain: value". */
static enum tcb_error find_header(struct span dump, struct span *ret_value)
{
	struct span found = {0};

	while (dump.size > 0) {
		const uint8_t *end = memchr(dump.data, '\n', dump.size);
		struct span line = span_of(dump.data, end != NULL ? (size_t)(end - dump.data) : dump.size);
		const uint8_t *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;

		dump = span_of(dump.data + line.size + (end != NULL), dump.size - line.size - (end != NULL));
		if (colon == NULL || !ends_with(span_of(line.data, (size_t)(colon - line.data)), "issuer-chain"))
			continue;
		if (found.data != NULL)
			return TCB_MALFORMED;
		found = span_of(colon + 1, line.size - (size_t)(colon + 1 - line.data));
	}
	while (found.size > 0 && (found.data[0] == ' ' || found.data[0] == '\t'))
		found = span_of(found.data + 1, found.size - 1);
	*ret_value = trim(found);
	return found.size > 0 ? TCB_OK : TCB_MALFORMED;
}

enum tcb_error form_chain(struct span bytes, struct writer *w, struct span *ret_pem)
{
	*ret_pem = bytes;
	if (bytes.size > 0 && bytes.data[0] != '-' && contains(bytes, ":"))
		TRY(find_header(bytes, ret_pem));
	return contains(*ret_pem, "%") || contains(*ret_pem, "BEGIN+") ? decode_percent(trim(*ret_pem), w, ret_pem) : TCB_OK;
}
