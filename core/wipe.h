// SPDX-License-Identifier: MIT
/* Clearing secrets so that the compiler keeps the stores. */
#ifndef TCBIND_CORE_WIPE_H
#define TCBIND_CORE_WIPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void wipe(void *memory, size_t size)
{
	memset(memory, 0, size);
	__asm__ __volatile__("" : : "r"(memory) : "memory");
}

/* A 256-bit secret that wipes itself when it leaves scope: `SECRET struct secret256 key = {0};` */
struct secret256 {
	uint8_t bytes[32];
};

static inline void secret256_wipe(struct secret256 *secret)
{
	wipe(secret, sizeof *secret);
}

#define SECRET __attribute__((cleanup(secret256_wipe)))

#endif
