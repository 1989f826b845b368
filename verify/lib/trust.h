// SPDX-License-Identifier: MIT
/* A result as an AR4SI trustworthiness vector (draft-ietf-rats-ar4si section 2.3): which check speaks of what. */
#ifndef TCBIND_VERIFY_LIB_TRUST_H
#define TCBIND_VERIFY_LIB_TRUST_H

#include <stdbool.h>

#include "include/tcbind/verify.h"

enum trust_claim {
	TRUST_INSTANCE_IDENTITY,
	TRUST_CONFIGURATION,
	TRUST_EXECUTABLES,
	TRUST_FILE_SYSTEM,
	TRUST_HARDWARE,
	TRUST_RUNTIME_OPAQUE,
	TRUST_STORAGE_OPAQUE,
	TRUST_SOURCED_DATA,
	TRUST_CLAIMS_END,
};

extern const char *const trust_claim_names[TRUST_CLAIMS_END]; /* "instance-identity" */

/* Values of AR4SI that are used here. */
enum {
	TRUST_NONE = 0,                /* no claim: not judged, or nothing is known of it */
	TRUST_UNEXPECTED = 1,          /* no evidence that we know */
	TRUST_AFFIRMED = 2,
	TRUST_APPROVED_BOOT = 3,       /* executables: what was booted is approved; what runs since then is not known */
	TRUST_WARNING = 32,            /* hardware: genuine, with a TCB status that the policy accepts and Intel does not recommend */
	TRUST_CONTRAINDICATED = 96,
	TRUST_UNRECOGNIZED = 97,       /* instance, hardware: not one that should be known */
	TRUST_CRYPTO_FAILED = 99,      /* a signature or hash that does not check */
};

/* The vector; its tiers never say more than the verdict does. */
void trust_vector(const tcbind_result *result, int ret_vector[TRUST_CLAIMS_END]);
/* Whether this check is of a PCR of this layer that the policy names, and passed. */
bool trust_is_pinned_pcr(const struct tcbind_check *c, const char *layer);
/* "none", "affirming", "warning" or "contraindicated": the worst of the vector; contraindicated when not trusted. */
const char *trust_status(const tcbind_result *result, const int vector[TRUST_CLAIMS_END]);

/* The claim that a check's code speaks of, and the value that its failure gives; false: the code is not known. */
int trust_of_code(const char *code, enum trust_claim *ret_claim, int *ret_failure);

#endif
