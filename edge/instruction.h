// SPDX-License-Identifier: MIT
/* The instruction channel between an enclave and the simulated processor: one seqpacket a request, one an answer.
 *   request  u8 enum instruction | body          answer  u8 error class | body (empty on error)
 * The channel is the identity: the processor knows which enclave holds its other end. */
#ifndef TCBIND_EDGE_INSTRUCTION_H
#define TCBIND_EDGE_INSTRUCTION_H

#define INSTRUCTION_MAX 20480u /* bytes of a request or an answer; a quote is the largest */

/* Descriptors that an enclave is born with; there are no others. */
#define ENCLAVE_STREAM_FD 3
#define ENCLAVE_INSTRUCTION_FD 4
/* A zygote is born with this one alone (seqpacket). Request: one byte, with an enclave's two descriptors (SCM_RIGHTS: stream, channel);
 * answer: the new process, an int32_t of this machine; not positive: none. */
#define ENCLAVE_ZYGOTE_FD 5

enum instruction {
	INSTRUCTION_SELF = 1,        /* nothing                       -> enclave identity (edge/launch.h) */
	INSTRUCTION_TARGET_INFO = 2, /* nothing                       -> TARGETINFO, 512 */
	INSTRUCTION_REPORT = 3,      /* TARGETINFO 512, data 64       -> REPORT, 432 */
	INSTRUCTION_REPORT_KEY = 4,  /* key id 32                     -> key 16 (EGETKEY, REPORT key) */
	INSTRUCTION_SEAL_KEY = 5,    /* u16 ISVSVN, key id 32         -> key 16 (EGETKEY, SEAL key, MRSIGNER) */
	INSTRUCTION_QUOTE = 6,       /* report data 64                -> QUOTE v3 */
	INSTRUCTION_READ_BANK = 7,   /* nothing; PSE and ACM          -> u8 locked, epoch 16, tpm2b AK */
	INSTRUCTION_WRITE_BANK = 8,  /* tpm2b AK; ACM                 -> nothing */
	INSTRUCTION_LOCK_BANK = 9,   /* nothing; ACM                  -> nothing */
};

#endif
