// SPDX-License-Identifier: MIT
/* Some platforms with some vTPMs each, all good, and as many evidences of them as are asked for: for tests and measurements of a verifier
 * that judges many. Made by attester.h; requests that come together share one quote of the platform's TPM, as they do in tcbindd. */
#ifndef TCBIND_TESTS_VERIFY_FLEET_H
#define TCBIND_TESTS_VERIFY_FLEET_H

#include "include/tcbind/verify.h"
#include "tests/verify/attester.h"

#define FLEET_PLATFORMS_MAX 8
#define FLEET_VTPMS_MAX 256
#define FLEET_LOG_EVENTS 64 /* a host's firmware, boot loader and kernel */

struct fleet {
	size_t platform_count, vtpm_count; /* vTPMs in all; vTPM i is on platform i % platform_count */
	struct rig_platform platforms[FLEET_PLATFORMS_MAX];
	EVP_PKEY *pse_keys[FLEET_PLATFORMS_MAX];
	uint8_t *logs[FLEET_PLATFORMS_MAX];
	struct attester vtpms[FLEET_VTPMS_MAX];
	struct parts *parts[FLEET_VTPMS_MAX]; /* each vTPM's endorsement, keys and what it has of its platform */
	uint64_t asked; /* requests so far: no nonce serves twice */
};

struct fleet_evidence {
	uint8_t *bytes; /* free() */
	size_t size;
	uint8_t nonce[32];
	size_t vtpm;
};

/* Ends the test on failure, as all here. The calling program has called rig_pki(0). */
void fleet_init(struct fleet *f, size_t platforms, size_t vtpms);
void fleet_end(struct fleet *f);
/* `count` evidences, the vTPMs in turn. Those of one platform share a TPM quote by `batch` at a time. */
void fleet_attest(struct fleet *f, size_t count, size_t batch, struct fleet_evidence *ret_evidence);
/* JSON that accepts the fleet: its root, its signer, its platforms' and guests' PCR 0. Static memory. */
const char *fleet_policy(const struct fleet *f);

#endif
