// SPDX-License-Identifier: MIT
/* Pseudo-random numbers of a run. Everything that a run draws comes from its seed. */
#ifndef TCBIND_SIMULATE_RANDOM_H
#define TCBIND_SIMULATE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One stream of numbers (xoshiro256**). */
struct random {
	uint64_t state[4];
};

void random_seed(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
/* A number below `limit`, which is not 0. */
uint32_t random_below(struct random *r, uint32_t limit);
/* True in `percent` of 100 cases. */
bool random_percent(struct random *r, uint32_t percent);

/* Makes libcrypto draw all its random numbers from a stream of this seed, for the rest of the
 * process. */
void random_entropy(uint64_t seed);
/* Bytes of the same stream, for stand-ins of libcrypto. */
void random_entropy_bytes(uint8_t *ret_bytes, size_t size);

#endif
