// SPDX-License-Identifier: MIT
/* The table of a file of swtpm's file backend. Fed by: a user's state file. */
#include "host/swtpm_file.h"

#include "core/reader.h"

static enum tcb_error read_entry(struct reader *table, struct span file, struct span *ret_state)
{
	uint32_t offset, size, room;

	TRY(reader_u32_le(table, &offset));
	TRY(reader_u32_le(table, &size));
	TRY(reader_u32_le(table, &room));
	if (span_from(file, offset).size < size)
		return TCB_MALFORMED;
	*ret_state = span_of(span_from(file, offset).data, size);
	return TCB_OK;
}

static enum tcb_error read_table(struct span file, struct span *ret_permanent,
				 struct span *ret_volatile)
{
	static const uint8_t magic[] = {'n', 'i', 'l', 'm', 'p', 't', 'w', 's', 1};
	struct reader r = reader_of(file);
	struct span head, permanent;

	TRY(reader_bytes(&r, sizeof magic, &head));
	if (!span_equal(head, SPAN_OF(magic)))
		return TCB_MALFORMED;
	TRY(reader_bytes(&r, 3, &head));
	TRY(read_entry(&r, file, &permanent));
	TRY(read_entry(&r, file, ret_volatile));
	*ret_permanent = permanent;
	return TCB_OK;
}

void swtpm_file_split(struct span file, struct span *ret_permanent, struct span *ret_volatile)
{
	if (read_table(file, ret_permanent, ret_volatile) == TCB_OK)
		return;
	*ret_permanent = file;
	*ret_volatile = span_of(NULL, 0);
}
