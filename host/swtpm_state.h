// SPDX-License-Identifier: MIT
/* swtpm's own state format, read only: a vTPM that swtpm kept becomes one of ours. Every file and every blob of its GET_STATEBLOB:
 *   u8 version 2, u8 min_version 1, u16 header size 10, u16 flags, u32 total size | {u16 tag, u32 length, data}... all big-endian
 *   tags: 1 plain, 2 encrypted, 3 HMAC, 4 migration data, 5 encrypted migration data, 6 and 7 their IVs
 * AES-128 or 256-CBC, and HMAC-SHA256 over ciphertext and IV with the same key. */
#ifndef TCBIND_HOST_SWTPM_STATE_H
#define TCBIND_HOST_SWTPM_STATE_H

#include "core/error.h"
#include "core/span.h"

struct swtpm_key {
	size_t size; /* bytes: 0 none, 16, 32 */
	uint8_t bytes[32];
};

/* The key that swtpm makes of a passphrase. `kdf_pbkdf2`: PBKDF2-HMAC-SHA512, salt "swtpm", 1000 rounds; else SHA-512. */
enum tcb_error swtpm_key_derive(struct span passphrase, bool kdf_pbkdf2, size_t size, struct swtpm_key *ret_key) MUST_USE;

/* The libtpms state in `bytes`, in memory that free() releases. Codes: swtpm.state (what it is not), swtpm.key (none given, wrong). */
enum tcb_error swtpm_state_open(struct span bytes, const struct swtpm_key *key, struct span *ret_state, struct diagnosis *d) MUST_USE;

#endif
