// SPDX-License-Identifier: MIT
/* Every format of edge/ as "decode, then encode again": what the tests and the fuzz target share. */
#ifndef TCBIND_TESTS_EDGE_CODECS_H
#define TCBIND_TESTS_EDGE_CODECS_H

#include "core/span.h"
#include "core/writer.h"

struct codec {
	const char *name;
	/* Decodes `in`; on success writes what the encoder makes of it to `out`. */
	enum tcb_error (*again)(struct span in, struct writer *out);
	/* Writes a sample in which every member has a value of its own. */
	void (*sample)(struct writer *out);
};

extern const struct codec codecs[];
extern const size_t codec_count;

#endif
