// SPDX-License-Identifier: MIT
/* Borrowed bytes (`struct span`), and fixed-size comparisons on them. A span never owns. */
#ifndef TCBIND_CORE_SPAN_H
#define TCBIND_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data; /* may be NULL only when size is 0 */
	size_t size;         /* bytes */
};

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){ .data = (const uint8_t *)data, .size = size };
}

static inline struct span span_of_text(const char *text)
{
	return span_of(text, strlen(text));
}

/* What of `a` stands at `offset` and behind it; nothing if there is nothing. Offsets that were received are judged by this, never by a sum. */
static inline struct span span_from(struct span a, size_t offset)
{
	return offset < a.size ? span_of(a.data + offset, a.size - offset) : span_of(NULL, 0);
}

/* A span over a whole array (not a pointer). */
#define SPAN_OF(array) span_of((array), sizeof(array))

static inline bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_is_text(struct span a, const char *text)
{
	return span_equal(a, span_of_text(text));
}

/* Equality in time that depends on the sizes only; for MACs and secrets. */
static inline bool span_equal_secret(struct span a, struct span b)
{
	uint8_t difference = 0;

	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
	return difference == 0;
}

#endif
