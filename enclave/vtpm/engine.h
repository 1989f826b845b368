// SPDX-License-Identifier: MIT
/* The TPM inside: libtpms, with its storage in this enclave's memory. One TPM a process. */
#ifndef TCBIND_ENCLAVE_VTPM_ENGINE_H
#define TCBIND_ENCLAVE_VTPM_ENGINE_H

#include "core/error.h"
#include "core/limits.h"
#include "core/span.h"

/* What engine_permanent() is, until the TPM stores its own. TCB_LIMIT: too large. */
enum tcb_error engine_keep(struct span permanent) MUST_USE;
/* Starts the TPM from a permanent state, packed (pack.h; empty: a new TPM is manufactured), and a volatile one (empty: none). A TPM that
 * runs is ended first. Code: vtpm.engine. */
enum tcb_error engine_start(struct span permanent, struct span volatile_state, struct diagnosis *d) MUST_USE;
/* While nobody waits: makes a TPM that nobody gets, starts it up and forgets it, so that the next engine_start() finds memory and algorithms in place.
 * Nothing of it is in what comes after. */
enum tcb_error engine_rehearse(struct diagnosis *d) MUST_USE;
/* libtpms' version: major << 16 | minor << 8 | micro. An older engine may not read a newer one's state. */
uint32_t engine_version(void);
void engine_stop(void);
bool engine_running(void);
/* When its guest is quiet: gives back memory that only the start needed, once it has run a command. */
void engine_tidy(void);

/* One TPM command at a locality. The response is borrowed until the next call here; it is always a TPM response, an
 * error response too. */
enum tcb_error engine_process(uint8_t locality, struct span command, struct span *ret_response) MUST_USE;

/* The permanent state as libtpms last stored it, packed; borrowed until the TPM stores again. */
struct span engine_permanent(void);
/* Whether it was stored since the last call of this. */
bool engine_take_changed(void);
/* The volatile state now, copied. */
enum tcb_error engine_volatile(uint8_t *ret_bytes, size_t capacity, size_t *ret_size) MUST_USE;

/* The locality-4 hash interface and tpmEstablished. */
enum tcb_error engine_established(bool *ret_bit) MUST_USE;
enum tcb_error engine_reset_established(uint8_t locality) MUST_USE;
enum tcb_error engine_hash_start(void) MUST_USE;
enum tcb_error engine_hash_data(struct span bytes) MUST_USE;
enum tcb_error engine_hash_end(void) MUST_USE;

/* Command buffer size: 0 asks. */
uint32_t engine_buffer_size(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max);
/* libtpms' own JSON (TPMLIB_GetInfo), borrowed until the next call. */
enum tcb_error engine_info(uint64_t flags, struct span *ret_json) MUST_USE;

#endif
