// SPDX-License-Identifier: MIT
/* The pseudo-random streams of a run, and libcrypto's random generator on one of them. */
#define OPENSSL_SUPPRESS_DEPRECATED    /* RAND_METHOD is the one place that sees every random number \
					  of libcrypto */
#include "simulate/random.h"

#include <openssl/rand.h>
#include <string.h>

static struct random entropy;

/* Spreads a seed over the state (splitmix64). */
static uint64_t spread(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void random_seed(struct random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->state[i] = spread(&seed);
}

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t random_next(struct random *r)
{
	uint64_t *s = r->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t random_below(struct random *r, uint32_t limit)
{
	return (uint32_t)((random_next(r) >> 32) * limit >> 32);
}

bool random_percent(struct random *r, uint32_t percent) { return random_below(r, 100) < percent; }

void random_entropy_bytes(uint8_t *ret_bytes, size_t size)
{
	while (size > 0) {
		uint64_t word = random_next(&entropy);
		size_t part = size < sizeof word ? size : sizeof word;

		memcpy(ret_bytes, &word, part);
		ret_bytes += part;
		size -= part;
	}
}

static int entropy_bytes(unsigned char *bytes, int size)
{
	random_entropy_bytes(bytes, (size_t)size);
	return 1;
}

static int entropy_status(void) { return 1; }

void random_entropy(uint64_t seed)
{
	static const RAND_METHOD method = {
	    .bytes = entropy_bytes, .pseudorand = entropy_bytes, .status = entropy_status};

	random_seed(&entropy, seed);
	(void)!RAND_set_rand_method(&method);
}
