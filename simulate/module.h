// SPDX-License-Identifier: MIT
/* Copies of an enclave's code and data. An enclave keeps what it is in static variables, so each
 * that runs needs a copy of them. */
#ifndef TCBIND_SIMULATE_MODULE_H
#define TCBIND_SIMULATE_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ids.h"

/* A copy: its static variables are those of a program that has not started. */
struct module_copy {
	int (*main)(void);
	struct module_copy *next; /* in the pool */
	uint8_t *data, *saved, *bss;
	size_t data_size, bss_size;
};

/* Loads `count` copies of the shared object for a role. Ends the process where it cannot. */
void module_load(enum enclave_role role, const char *path, unsigned count);
/* A fresh copy. Ends the process when all are in use. */
struct module_copy *module_take(enum enclave_role role);
/* Gives a copy back and resets it. */
void module_give_back(enum enclave_role role, struct module_copy *copy);
/* Whether a copy is free. */
bool module_has(enum enclave_role role);

#endif
