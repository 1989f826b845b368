// SPDX-License-Identifier: MIT
/* What a peer must be. First, before anything else that it says is acted on: a MigE of our signer on a processor of our root, not DEBUG, not
 * older than we are, beside a PSE of our signer on the same processor, whose certified AK it shows. Then, before a key leaves:
 * its TCB and its platform, as the vTPM's owner wants them. Appraisal itself is verify/appraise. */
#ifndef TCBIND_ENCLAVE_MIGE_JUDGE_H
#define TCBIND_ENCLAVE_MIGE_JUDGE_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"
#include "edge/wan.h"
#include "enclave/mige/journal.h"
#include "verify/appraise/collateral_marks.h"
#include "verify/appraise/policy.h"

#define JUDGE_CERTIFIED_AK_MAX (LIMIT_QUOTE + LIMIT_TPM_PUBLIC + LIMIT_NAME + 256)

/* Who we are, and the newest collateral that we have seen. */
struct judge {
	struct enclave_identity self;
	struct digest256 root; /* of our own QUOTE: the only root that peers may have */
	struct span own_quote; /* the caller's, for as long as the judge lives */
	uint32_t min_tcb_evaluation_number; /* of our own host's collateral */
	struct collateral_seen seen; /* of every collateral that passed; peers' may not be older */
};

enum tcb_error judge_init(struct judge *j, struct span own_quote) MUST_USE;
/* Our own host's collateral. A peer chooses the collateral that it is judged by: it may not be older than this.
 * What does not pass for our own processor is not taken into account. */
void judge_note_own_collateral(struct judge *j, struct span collateral, uint64_t now_s);

/* Which statuses of the processor's TCB are let pass at first sight. */
enum judge_side {
	JUDGE_SOURCE,      /* its word becomes ours: UpToDate only */
	JUDGE_DESTINATION, /* any that is not revoked: the owner's policy decides at the hand-over */
};

/* A peer that judge_peer() let pass; what it showed is kept for judge_handover(). */
struct judged_peer {
	struct p256_point key; /* TLS */
	struct enclave_identity enclave;
	enum tcb_status tcb_status;
	uint32_t tcb_evaluation_number;
	struct journal_platform platform;
	size_t name_size;
	uint8_t name[LIMIT_NAME]; /* a label, by its operator */
	size_t certified_ak_size, collateral_size, quote_size;
	uint8_t quote[LIMIT_QUOTE]; /* from its certificate */
	uint8_t certified_ak[JUDGE_CERTIFIED_AK_MAX];
	uint8_t collateral[LIMIT_COLLATERAL];
};

/* `peer` holds key and quote from the handshake; the rest is filled. Codes: mige.source.refused, mige.destination.refused. */
enum tcb_error judge_peer(struct judge *j, enum judge_side side, const struct wan_attest *attest, uint64_t now_s,
			  struct judged_peer *peer, struct diagnosis *d) MUST_USE;

/* May this owner's vTPM go there? `policy`: the owner's, JSON; empty: the built-in default. The platform quote must commit to `nonce`
 * and the peer's key. Code: mige.destination.refused; mige.policy.malformed; mige.policy.no-migration. */
enum tcb_error judge_handover(const struct judge *j, const struct judged_peer *peer, struct span policy,
			      const struct wan_redeem *proof, const uint8_t nonce[SHA256_SIZE], uint64_t now_s,
			      struct diagnosis *d) MUST_USE;
/* The same for a grant that is only repeated to the platform that has it: the owner's policy was met when it was decided. */
enum tcb_error judge_repetition(const struct judge *j, const struct judged_peer *peer, const struct wan_redeem *proof,
				const uint8_t nonce[SHA256_SIZE], uint64_t now_s, struct diagnosis *d) MUST_USE;

/* May the vTPM go to this vTPM enclave? `least_svn`: of the enclave that gives it. The enclave must have our
 * signer; the owner's policy may ask for more. Code: mige.destination.enclave. */
enum tcb_error judge_vtpm(const struct judge *j, const struct enclave_identity *enclave, uint16_t least_svn,
			  struct span policy, struct diagnosis *d) MUST_USE;

/* Is it a policy that a hand-over can be judged by, and does it allow one? Codes: mige.policy.malformed, mige.policy.no-migration. */
enum tcb_error judge_policy(struct span policy, struct diagnosis *d) MUST_USE;

/* What a destination's platform quote commits to: SHA-256("tcbind wan commitment v1" || nonce || x || y of its TLS key). */
enum tcb_error wan_commitment(const uint8_t nonce[SHA256_SIZE], const struct p256_point *key,
			      struct digest256 *ret_commitment) MUST_USE;

#endif
