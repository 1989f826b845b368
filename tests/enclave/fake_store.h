// SPDX-License-Identifier: MIT
/* A host that only stores: what the enclave stored last (of a ledger: as the PSE gets it at its start), and whether it is told that it is durable. */
#ifndef TCBIND_TESTS_ENCLAVE_FAKE_STORE_H
#define TCBIND_TESTS_ENCLAVE_FAKE_STORE_H

#include "edge/calls.h"
#include "tests/enclave/fake_tee.h"

struct fake_store {
	bool fails;
	unsigned writes;
	size_t size;
	uint8_t bytes[LIMIT_FRAME];
};

/* Becomes `role` on a processor of this seed, with this store as its host. */
void fake_store_begin(struct fake_store *store, uint8_t seed, enum enclave_role role);

#endif
