// SPDX-License-Identifier: MIT
/* The enclave's own TPM commands to its own TPM (TPM 2.0 Part 3): a small encoder. */
#ifndef TCBIND_ENCLAVE_VTPM_TPM_COMMAND_H
#define TCBIND_ENCLAVE_VTPM_TPM_COMMAND_H

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

#define TPM_RH_OWNER 0x40000001u
#define TPM_RH_NULL 0x40000007u
#define TPM_RS_PW 0x40000009u
#define TPM_RH_ENDORSEMENT 0x4000000bu
#define TPM_RH_PLATFORM 0x4000000cu

enum tpm_alg { TPM_ALG_RSA = 0x0001, TPM_ALG_AES = 0x0006, TPM_ALG_SHA256 = 0x000b, TPM_ALG_SHA384 = 0x000c, TPM_ALG_NULL = 0x0010, TPM_ALG_ECDSA = 0x0018,
	       TPM_ALG_ECC = 0x0023, TPM_ALG_CFB = 0x0043 };

enum tpm_cc {
	TPM_CC_EVICT_CONTROL = 0x120,
	TPM_CC_NV_UNDEFINE = 0x122,
	TPM_CC_CHANGE_EPS = 0x124,
	TPM_CC_NV_DEFINE = 0x12a,
	TPM_CC_PCR_ALLOCATE = 0x12b,
	TPM_CC_CREATE_PRIMARY = 0x131,
	TPM_CC_NV_WRITE = 0x137,
	TPM_CC_STARTUP = 0x144,
	TPM_CC_SHUTDOWN = 0x145,
	TPM_CC_NV_READ = 0x14e,
	TPM_CC_POLICY_SECRET = 0x151,
	TPM_CC_QUOTE = 0x158,
	TPM_CC_CONTEXT_LOAD = 0x161,
	TPM_CC_CONTEXT_SAVE = 0x162,
	TPM_CC_FLUSH_CONTEXT = 0x165,
	TPM_CC_NV_READ_PUBLIC = 0x169,
	TPM_CC_READ_PUBLIC = 0x173,
	TPM_CC_START_AUTH_SESSION = 0x176,
	TPM_CC_GET_CAPABILITY = 0x17a,
	TPM_CC_PCR_READ = 0x17e,
	TPM_CC_POLICY_GET_DIGEST = 0x189,
};

/* One command in the making: handles and parameters are written to `w`. */
struct tpm_command {
	uint8_t bytes[LIMIT_TPM_COMMAND];
	struct writer w;
};

void tpm_begin(struct tpm_command *c, enum tpm_cc code, bool sessions);
/* The authorization area with one session; after the handles. `session` TPM_RS_PW: `auth` is the password. */
void tpm_authorize(struct tpm_command *c, uint32_t session, struct span auth);

/* Runs it at locality 0. TCB_OK: `ret_handle` (NULL: no handle is returned) and `ret_parameters` are the response's, borrowed
 * until the next command. TCB_REFUSED: the TPM answered another code, in `ret_code` (may be NULL). */
enum tcb_error tpm_run(struct tpm_command *c, uint32_t *ret_handle, struct reader *ret_parameters,
		       uint32_t *ret_code) MUST_USE;

/* The code of a guest's command, 0 if it has no header. */
uint32_t tpm_command_code(struct span command);

#endif
