// SPDX-License-Identifier: MIT
/* The trusted runtime: all that an enclave has of the world. One interface, chosen at link time:
 * tee/sim (the simulated processor) or tee/gramine (real SGX through /dev/attestation).
 * Sizes are SGX's; structures are byte arrays in Intel's layout (SDM vol. 3D; DCAP quote headers). */
#ifndef TCBIND_ENCLAVE_TEE_TEE_H
#define TCBIND_ENCLAVE_TEE_TEE_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "core/wipe.h"

/* Enters the sandbox and opens host stream and instruction channel; the first thing main() does. From here
 * on the process has no files, no network, no exec. Failure is fatal: the process ends.
 * `prepare` (or NULL) makes ready what is the same in every enclave of this image: a backend may run it once for many. It uses public
 * constants only; a random number drawn in it ends the process. A backend need not run it. */
void tee_enter(void (*prepare)(void));
/* Asks that no page of this enclave is written to swap, as far as the machine permits. Call it before
 * tee_enter(). For enclaves of which a platform has one: memory that tee_release() gives back stays in use. */
void tee_lock_memory(void);

/* The host stream. Both move exactly `size` bytes or end the process: the host is gone, and with it the
 * enclave. */
void tee_stream_read(uint8_t *ret_bytes, size_t size);
void tee_stream_write(struct span bytes);
/* Whether a read would find something now. */
bool tee_stream_pending(void);

/* ---- the data channel: a backend may have none ---- */

/* Takes the descriptor that came with the frame whose head was read last; false: none did, or this backend takes none. One at a time: the
 * one before must be closed. */
bool tee_data_open(void);
void tee_data_close(void);
enum tee_event { TEE_STREAM, TEE_DATA };
/* Waits until the host stream or the data channel has something; the host stream first. */
enum tee_event tee_data_wait(void);
/* What is there, or comes within the moment that the channel's owner has set (SO_RCVTIMEO): at most `capacity` bytes, not 0;
 * `*ret_size` 0: nothing. False: closed. */
bool tee_data_read(uint8_t *ret_bytes, size_t capacity, size_t *ret_size);
/* All of it; false: closed. */
bool tee_data_write(struct span bytes);

/* Wipes what is not needed any more; a backend may give its memory back until it is used again. Whole static arrays only. */
void tee_release(void *bytes, size_t size);

/* Ends the enclave at once, without an answer: the host broke the protocol. `reason` is a constant text, for
 * a person with a debugger. */
_Noreturn void tee_abort(const char *reason);

/* EREPORT's own view of this enclave. */
enum tcb_error tee_self(struct enclave_identity *ret_self) MUST_USE;

/* TARGETINFO by which others address a REPORT to this enclave. */
enum tcb_error tee_target_info(uint8_t ret_target[SGX_TARGETINFO_SIZE]) MUST_USE;
/* EREPORT: a REPORT of this enclave, for `target`. */
enum tcb_error tee_report(const uint8_t target[SGX_TARGETINFO_SIZE],
			  const uint8_t report_data[SGX_REPORT_DATA_SIZE],
			  uint8_t ret_report[SGX_REPORT_SIZE]) MUST_USE;
/* Checks a REPORT that was made for this enclave: its MAC proves the same processor. TCB_CRYPTO otherwise. */
enum tcb_error tee_report_check(const uint8_t report[SGX_REPORT_SIZE], struct enclave_identity *ret_peer,
				uint8_t ret_report_data[SGX_REPORT_DATA_SIZE]) MUST_USE;

/* The security versions that a seal key is bound to (SDM vol. 3D, KEYREQUEST). */
struct tee_svn {
	uint16_t isv_svn;
	uint8_t cpu_svn[SGX_CPUSVN_SIZE];
};

/* EGETKEY, seal key, MRSIGNER policy: 256 bits (of two keys of 128, KEYID 0 and 1, by HKDF with `key_id` as
 * salt) that every enclave of this signer and product can derive on this processor if its ISVSVN, and each
 * component of the processor's CPUSVN, is at least that of `svn`. Higher ones are refused. `key_id` and
 * `svn` are stored beside what is sealed. */
enum tcb_error tee_seal_key(const struct tee_svn *svn, const uint8_t key_id[32], struct secret256 *ret_key) MUST_USE;

/* A DCAP QUOTE v3 of this enclave (quoting enclave included). At most LIMIT_QUOTE bytes. */
enum tcb_error tee_quote(const uint8_t report_data[SGX_REPORT_DATA_SIZE], uint8_t *ret_quote,
			 size_t capacity, size_t *ret_size) MUST_USE;

/* The processor's AK register bank (the publication's MSR, 136). */
struct ak_bank {
	bool locked;
	struct boot_epoch epoch;
	size_t ak_public_size; /* bytes; 0 before the ACM wrote it */
	uint8_t ak_public[512]; /* TPMT_PUBLIC */
};

/* RDMSR; architectural enclaves (PSE) and the ACM only. */
enum tcb_error tee_read_ak_bank(struct ak_bank *ret_bank) MUST_USE;
/* WRMSR; faults (TCB_REFUSED, "msr.locked") after the lock, until the next platform reset. */
enum tcb_error tee_write_ak_bank(struct span ak_public) MUST_USE;
enum tcb_error tee_lock_ak_bank(void) MUST_USE;

#endif
