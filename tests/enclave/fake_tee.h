// SPDX-License-Identifier: MIT
/* tee.h for tests: the simulated processor's instructions (sgxsim), called in this process, and a host stream that the test holds. One process can
 * be several enclaves, one after the other. */
#ifndef TCBIND_TESTS_ENCLAVE_FAKE_TEE_H
#define TCBIND_TESTS_ENCLAVE_FAKE_TEE_H

#include "core/ids.h"
#include "host/enclave_link.h"
#include "sgxsim/processor.h"

/* A processor from a seed: the same seed, the same keys. Without a PCK: it makes no quotes. */
void fake_processor(struct processor *p, uint8_t seed);

/* An enclave of `role`, ISVSVN 1, of the one signer that tests have. */
struct enclave_identity fake_identity(enum enclave_role role);

/* From now on this process is the enclave `self` on `p`. */
void fake_tee_become(struct processor *p, const struct enclave_identity *self);

/* Calls of the enclave to its host are answered by `host`. */
void fake_tee_host(enclave_service *host, void *context);
/* The stream is this socket: for an enclave in a process of its own. tee_abort() ends it with 70. */
void fake_tee_attach(int fd);

/* tee_quote() gives these bytes from now on; empty: its own. */
void fake_tee_steal_quote(struct span quote);

#endif
