// SPDX-License-Identifier: MIT
/* An attester whose every key the test has: what it says is true until a test spoils one thing. The processor's quotes are real, under a test
 * root; PSE and vTPM are the test itself. */
#ifndef TCBIND_TESTS_VERIFY_ATTESTER_H
#define TCBIND_TESTS_VERIFY_ATTESTER_H

#include "edge/certified_ak.h"
#include "edge/custody.h"
#include "edge/custody_summary.h"
#include "edge/endorsement.h"
#include "edge/evidence.h"
#include "tests/enclave/rig/rig.h"

struct attester {
	struct rig_platform *platform;
	struct span log; /* of the platform's firmware; its PCR 0 is platform->pcr0 */
	EVP_PKEY *pse_key, *residence, *vtpm_ak, *mige_key;
	struct enclave_identity pse, vtpm;
	struct boot_epoch epoch;
	struct uuid id;
	uint64_t generation;
	uint8_t nonce[32], guest_pcr0[32];
	uint8_t ek_public[LIMIT_TPM_PUBLIC], ak_public[LIMIT_TPM_PUBLIC];
	size_t ek_size, ak_size;
	uint8_t custody[LIMIT_CUSTODY]; /* the chain */
	size_t custody_size;
	struct digest256 last_custody;
};

/* The parts of an evidence in memory of their own, to be spoiled. */
struct parts {
	struct evidence e;
	size_t used;
	uint8_t memory[LIMIT_EVIDENCE];
};

/* A new vTPM with new keys on this platform; `pse_key` is shared by the vTPMs of one platform. */
void attester_init(struct attester *a, struct rig_platform *platform, EVP_PKEY *pse_key, uint8_t id);
void attester_end(struct attester *a);
/* Hands over to another platform, with its record and proof. Residence and MigE key are new; they belong to the attesters' module. At most
 * LIMIT_CUSTODY_RECORDS times. */
void attester_move(struct attester *a, struct rig_platform *to, EVP_PKEY *pse_key);
/* A new process of the same vTPM. */
void attester_restart(struct attester *a);
/* A log whose only event, an EV_S_CRTM_VERSION with the digest `event` and zeros, is measured into PCR 0: borrowed until eight calls later. */
struct span attester_log(uint8_t event, uint8_t ret_pcr0[SHA256_SIZE]);

void attester_attest(const struct attester *a, struct parts *ret_parts);
void parts_set(struct parts *p, enum evidence_label label, struct span bytes);
/* Signs the parts by this key: the evidence, borrowed until the next call. */
struct span parts_sign(const struct parts *p, EVP_PKEY *residence);

/* Pieces, for tests that make one of them otherwise. */
struct span attester_certified_ak(const struct attester *a, struct span ak_public, enum ak_source source);
struct span attester_endorsement(const struct attester *a, const struct endorsement *e);
struct endorsement attester_endorsement_claims(const struct attester *a);
/* A proof of the key of this platform's MigE: by this PSE's key, and with a quote by this TPM. Borrowed until four calls later. */
struct span attester_proof(const struct attester *a, const struct enclave_identity *mige, EVP_PKEY *quoted_by);
/* A record of the next hand-over, signed by the MigE. Borrowed until the next call. */
struct custody_record attester_record_claims(const struct attester *a, struct rig_platform *to);
struct span attester_record(const struct attester *a, const struct custody_record *record);
/* A summary, signed by the MigE. Borrowed until the next call. */
struct span attester_summary(const struct attester *a, const struct custody_summary *summary);
/* Replaces the chain. */
void attester_set_chain(struct attester *a, const struct custody_chain *chain);

#endif
