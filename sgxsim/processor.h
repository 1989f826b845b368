// SPDX-License-Identifier: MIT
/* The simulated SGX processor: fuses, the AK register bank, and the instructions that enclaves issue.
 * Everything here is "hardware"; what calls it (sgxsim/main.c) says which enclave asks. */
#ifndef TCBIND_SGXSIM_PROCESSOR_H
#define TCBIND_SGXSIM_PROCESSOR_H

#include <openssl/types.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/wipe.h"
#include "core/writer.h"

#define PCK_CHAIN_MAX 8192u

/* What `tcbind platform init` burnt in: DIR/processor/. */
struct fuses {
	struct secret256 root;      /* all keys of EGETKEY derive from it */
	EVP_PKEY *pck;              /* signs the quoting enclave's REPORT */
	uint8_t pck_chain[PCK_CHAIN_MAX]; /* PEM: leaf, intermediate, root, NUL */
	size_t pck_chain_size;
	uint8_t cpu_svn[SGX_CPUSVN_SIZE];
	uint16_t pce_svn;
	uint8_t acm_signer[32]; /* MRSIGNER whose ACM this processor runs */
	uint16_t acm_svn;       /* the least ISVSVN of that ACM */
};

struct ak_registers {
	bool locked;
	size_t size;
	uint8_t ak_public[LIMIT_TPM_PUBLIC];
};

struct processor {
	struct fuses fuses;
	struct boot_epoch epoch; /* drawn at reset */
	uint8_t report_key_id[32];
	struct ak_registers bank;
	EVP_PKEY *attestation; /* the quoting enclave's key, derived from the fuses */
	struct p256_point attestation_public;
};

/* Platform reset: reads the fuses, draws the epoch, clears the bank. */
enum tcb_error processor_reset(struct processor *p, const char *platform_dir, struct diagnosis *d) MUST_USE;

/* Whether this processor runs that ACM: role, no DEBUG, signer and least ISVSVN of the fuses. Codes:
 * acm.signer, acm.svn. */
enum tcb_error processor_judge_acm(const struct processor *p, const struct enclave_identity *identity,
				   struct diagnosis *d) MUST_USE;

/* Executes one request of the instruction channel (edge/instruction.h) for the enclave `self`. */
enum tcb_error processor_execute(struct processor *p, const struct enclave_identity *self, struct span request,
				 struct writer *answer) MUST_USE;

/* sgxsim/quote.c: a QUOTE v3 for `self`. */
enum tcb_error processor_quote(struct processor *p, const struct enclave_identity *self,
			       const uint8_t report_data[SGX_REPORT_DATA_SIZE], struct writer *answer) MUST_USE;

/* The 384 bytes that EREPORT fills (DCAP notes 2.1), for any enclave of this processor. */
void processor_report_body(const struct processor *p, const struct enclave_identity *self,
			   const uint8_t report_data[SGX_REPORT_DATA_SIZE], struct writer *w);

/* A key of `size` bytes from the root secret. */
enum tcb_error processor_derive(const struct processor *p, const char *purpose, struct span info, uint8_t *ret_key,
				size_t size) MUST_USE;

#endif
