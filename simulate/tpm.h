// SPDX-License-Identifier: MIT
/* The stand-in TPM: what it understands, and what it tells the checker. It takes real TPM 2.0
 * commands, of which it knows a few. */
#ifndef TCBIND_SIMULATE_TPM_H
#define TCBIND_SIMULATE_TPM_H

#include <stdint.h>

/* Failed authorizations until the TPM is locked out; nothing but a new TPM ends the lockout. */
#define SIMULATED_TRIES 4u

#define SIMULATED_COUNTER 0x01800001u /* NV index, a counter */
#define SIMULATED_SEALED                                                                           \
	0x81000001u /* a sealed object under a PIN, subject to dictionary attack protection */
#define SIMULATED_AK  0x81010002u
#define SIMULATED_PIN "2468"

/* Each TPM has a lineage: random bytes drawn when it is manufactured. Its secret begins with these
 * bytes, which no host may see. */
#define SIMULATED_CANARY "TPM-secret-bytes"
#define LINEAGE_SIZE     16

enum tpm_event {
	TPM_MADE,        /* manufactured */
	TPM_RUNS,        /* started from a state; value: its counter */
	TPM_INCREMENTED, /* value: the counter now */
	TPM_READ,        /* value: the counter */
	TPM_WRONG_PIN,   /* a guess was compared and was wrong; value: failed ones counted */
	TPM_UNSEALED,
	TPM_SIGNED,
	TPM_LOCKED_OUT, /* a guess that was not compared */
};

/* Called by the TPM in the enclave that runs, when it has done the thing. */
void oracle_tpm(enum tpm_event event, const uint8_t lineage[LINEAGE_SIZE], uint64_t value);

#endif
