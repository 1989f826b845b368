// SPDX-License-Identifier: MIT
/* NV indices that only this enclave writes: platform-owned, readable with an empty authorization, their writes under a policy
 * (PolicySecret) that needs the enclave's secret. TPM 2.0 Part 2, 13.4; Part 3, 31. */
#ifndef TCBIND_ENCLAVE_VTPM_NV_H
#define TCBIND_ENCLAVE_VTPM_NV_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "core/wipe.h"

#define NV_INDEX_MAX 2048u /* bytes: libtpms' MAX_NV_INDEX_SIZE */

/* TPMA_NV: OWNERWRITE 1, AUTHWRITE 2, POLICYWRITE 3, PPREAD 16, OWNERREAD 17, AUTHREAD 18, NO_DA 25, WRITTEN 29, PLATFORMCREATE 30 */
#define NV_READABLE (1u << 16 | 1u << 17 | 1u << 18 | 1u << 25 | 1u << 30)
#define NV_WRITTEN (1u << 29)
#define NV_GUEST_WRITES (NV_READABLE | 1u << 1 | 1u << 2)
#define NV_ENCLAVE_WRITES (NV_READABLE | 1u << 3)

/* Defines the index that bears the secret, if it is not there; all writes' policy names it. */
enum tcb_error nv_ensure_secret(const struct secret256 *secret) MUST_USE;
/* The policy of the enclave's indices. */
enum tcb_error nv_policy(const struct secret256 *secret, struct digest256 *ret_policy) MUST_USE;
/* Needs an empty platform authorization (as after each TPM Reset); an index that is there already is left as it is. */
enum tcb_error nv_define(uint32_t index, uint32_t attributes, struct span auth, struct span policy, uint16_t size) MUST_USE;
bool nv_is_defined(uint32_t index);

/* Who an index belongs to. */
enum nv_owner {
	NV_FREE,    /* it is not defined */
	NV_OURS,    /* only this enclave can write it */
	NV_ANOTHER, /* somebody else defined it, and may have written it */
};
/* `ret_size` is the data size of a defined index. `policy` is nv_policy()'s. */
enum nv_owner nv_look(uint32_t index, struct span policy, size_t *ret_size);
/* Needs an empty platform authorization. */
enum tcb_error nv_undefine(uint32_t index) MUST_USE;
/* All of an index of this size. TCB_REFUSED: it was never written. */
enum tcb_error nv_read(uint32_t index, uint8_t *ret_bytes, size_t size) MUST_USE;

/* A policy session for several writes. Where the guest holds every session slot, one of its sessions is saved and loaded back. */
struct nv_session {
	const struct secret256 *secret;
	uint32_t handle;
	size_t saved_size;
	uint8_t saved[2048]; /* the guest's context */
};

enum tcb_error nv_session_open(const struct secret256 *secret, struct nv_session *ret_session) MUST_USE;
/* All `size` bytes of an index: `bytes`, then zeros. */
enum tcb_error nv_session_write(struct nv_session *s, uint32_t index, struct span bytes, size_t size) MUST_USE;
enum tcb_error nv_session_close(struct nv_session *s) MUST_USE;

#endif
