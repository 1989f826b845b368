// SPDX-License-Identifier: MIT
/* What every fuzz target has: libFuzzer's entry, and a way to say that a property does not hold. */
#ifndef TCBIND_FUZZ_TARGET_H
#define TCBIND_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The time of all seeds and checks. */
#define FUZZ_NOW_S UINT64_C(1700000000)

/* A property of what was decoded; it does not hold: the input is a finding. */
#define MUST_HOLD(property)                                                                        \
	do {                                                                                       \
		if (!(property))                                                                   \
			abort();                                                                   \
	} while (0)

#endif
