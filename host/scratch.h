// SPDX-License-Identifier: MIT
/* Memory for one call. Not _Thread_local arrays: a thread touches all of those when it starts, and there is a thread for each vTPM. */
#ifndef TCBIND_HOST_SCRATCH_H
#define TCBIND_HOST_SCRATCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline uint8_t *scratch_new(size_t size)
{
	uint8_t *bytes = malloc(size);

	if (bytes == NULL) {
		(void)fputs("tcbindd: no memory\n", stderr);
		_Exit(3);
	}
	return bytes;
}

static inline void scratch_free(uint8_t **bytes)
{
	free(*bytes);
}

/* uint8_t *SCRATCH(name, size): freed at the end of its block. */
#define SCRATCH(name, size) name __attribute__((cleanup(scratch_free))) = scratch_new(size)

#endif
