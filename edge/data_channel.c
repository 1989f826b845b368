// SPDX-License-Identifier: MIT
#include "edge/data_channel.h"

#include "core/reader.h"

enum { TPM_HEADER_SIZE = 10, PREFIX_SIZE = 9, CC_SEND_COMMAND_HEADER = 8 };

struct span data_status(uint8_t ret_bytes[DATA_STATUS_SIZE], uint32_t code)
{
	struct writer w = writer_of(ret_bytes, DATA_STATUS_SIZE);

	writer_u16(&w, 0x8001);
	writer_u32(&w, DATA_STATUS_SIZE);
	writer_u32(&w, code);
	return span_of(ret_bytes, DATA_STATUS_SIZE);
}

enum data_found data_find(const struct data_channel *c, struct span *ret_command, bool *ret_prefixed, uint8_t *locality)
{
	struct reader r = reader_of(span_of(c->bytes, c->size));
	uint32_t code, size;
	uint8_t wanted;
	uint16_t tag;
	struct span start;

	*ret_prefixed = c->size >= 4 && c->bytes[0] == 0;
	if (*ret_prefixed && !c->prefixes)
		return DATA_BAD;
	if (*ret_prefixed) {
		if (r.rest.size < PREFIX_SIZE + TPM_HEADER_SIZE)
			return DATA_INCOMPLETE;
		if (reader_u32(&r, &code) != TCB_OK || code != CC_SEND_COMMAND_HEADER || reader_u8(&r, &wanted) != TCB_OK ||
		    reader_u32(&r, &size) != TCB_OK)
			return DATA_BAD;
		if (wanted <= 4)
			*locality = wanted;
	}
	start = r.rest;
	if (start.size < TPM_HEADER_SIZE)
		return DATA_INCOMPLETE;
	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || size < TPM_HEADER_SIZE || size > LIMIT_TPM_COMMAND)
		return DATA_BAD;
	if (start.size < size)
		return DATA_INCOMPLETE;
	*ret_command = span_of(start.data, size);
	return DATA_COMMAND;
}

void data_drop(struct data_channel *c, struct span command)
{
	size_t used = (size_t)(command.data - c->bytes) + command.size;

	c->size -= used;
	memmove(c->bytes, c->bytes + used, c->size);
}

void data_answer(struct writer *w, struct span response, bool prefixed)
{
	if (!prefixed) {
		writer_bytes(w, response);
		return;
	}
	writer_sized(w, response);
	writer_u32(w, 0);
}
