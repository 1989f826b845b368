// SPDX-License-Identifier: MIT
#include "enclave/lib/outbox.h"

#include "core/writer.h"
#include "enclave/tee/tee.h"

static uint8_t box_bytes[16384]; /* a vTPM's state, as it mostly is, and what goes with it */
static size_t box_size;

static void flush(void)
{
	if (box_size > 0)
		tee_stream_write(span_of(box_bytes, box_size));
	box_size = 0;
}

void outbox_put(struct span bytes)
{
	if (bytes.size > sizeof box_bytes - box_size)
		flush();
	if (bytes.size > sizeof box_bytes) {
		tee_stream_write(bytes);
		return;
	}
	if (bytes.size > 0)
		memcpy(box_bytes + box_size, bytes.data, bytes.size);
	box_size += bytes.size;
}

void outbox_send(struct span bytes)
{
	if (box_size == 0) { /* no copy */
		tee_stream_write(bytes);
		return;
	}
	outbox_put(bytes);
	flush();
}
