// SPDX-License-Identifier: MIT
/* The custody chain, from its oldest part to the platform that answers (verify/appraise/custody.h).
 */
#include "verify/appraise/custody.h"

#include "crypto/crypto.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "edge/custody_summary.h"
#include "verify/appraise/cose_check.h"
#include "verify/appraise/custody_rules.h"

#define LAYER "custody"

/* A check only where it fails: the good ones are said once for the whole chain. */
static bool must(struct checks *checks, const char *field, const char *code, bool passed,
		 const char *expected, const char *got)
{
	return passed || check_that(checks, LAYER, field, code, false, expected, got);
}

/* ---- form and signatures ---- */

static bool open_summary(struct custody_view *v, struct checks *checks)
{
	struct p256_signature signature;
	struct span payload;

	if (!must(checks, "summary", "custody.malformed",
		  cose_sign1_decode(v->chain.summary, CUSTODY_SUMMARY_TYPE, &payload, &signature) ==
			  TCB_OK &&
		      custody_summary_decode(payload, &v->summary) == TCB_OK,
		  "a summary of folded records", "something else"))
		return false;
	v->has_summary = true;
	return must(checks, "summary", "custody.summary",
		    cose_check(CUSTODY_SUMMARY_TYPE, payload, &v->summary.mige_key, &signature,
			       checks->memo) == TCB_OK,
		    "a summary signed by the Migration Enclave it names",
		    "a signature that does not check");
}

static bool open_record(struct span bytes, struct custody_record *ret_record, struct checks *checks)
{
	struct p256_signature signature;
	struct span payload;

	return must(checks, "record", "custody.malformed",
		    cose_sign1_decode(bytes, CUSTODY_TYPE, &payload, &signature) == TCB_OK &&
			custody_record_decode(payload, ret_record) == TCB_OK,
		    "a custody record", "something else") &&
	       must(checks, "signature", "custody.signature",
		    cose_check(CUSTODY_TYPE, payload, &ret_record->mige_key, &signature,
			       checks->memo) == TCB_OK,
		    "signed by the Migration Enclave it names", "a signature that does not check");
}

static bool open_chain(struct span bytes, struct custody_view *v, struct checks *checks)
{
	if (!check_that(checks, LAYER, "chain", "custody.malformed",
			custody_chain_decode(bytes, &v->chain) == TCB_OK, "a custody chain",
			"something else") ||
	    (v->chain.summary.size > 0 && !open_summary(v, checks)))
		return false;
	for (size_t i = 0; i < v->chain.record_count; i++)
		if (!open_record(v->chain.records[i], &v->records[i], checks))
			return false;
	for (size_t i = 0; i < v->chain.proof_count; i++)
		if (!must(checks, "proof", "custody.proof",
			  custody_proof_open(v->chain.proofs[i], checks->memo, &v->proofs[i]) ==
			      TCB_OK,
			  "a key endorsed by the PSE, beside the TPM, of a certified AK",
			  "one that does not check"))
			return false;
	return true;
}

/* ---- order ---- */

/* What the next record must continue. */
struct walk {
	uint64_t generation;
	struct digest256 last; /* of the record before; zeros before the first */
	struct tpm_name at;    /* AK of the platform the vTPM is on */
	bool started;          /* `at` is known */
};

static bool check_record(const struct custody_view *v, size_t i, const struct uuid *id,
			 struct walk *walk, struct checks *checks)
{
	const struct custody_record *record = &v->records[i];

	if (!must(checks, "chain", "custody.chain",
		  record->generation == walk->generation &&
		      memcmp(&record->id, id, sizeof *id) == 0 &&
		      memcmp(&record->previous, &walk->last, sizeof walk->last) == 0 &&
		      (!walk->started || memcmp(&record->from_ak, &walk->at, sizeof walk->at) == 0),
		  "each record continues the one before", "a gap, or a record of another vTPM"))
		return false;
	walk->at = record->to_ak;
	walk->started = true;
	walk->generation++;
	return crypto_sha256(v->chain.records[i], &walk->last) == TCB_OK;
}

/* A summary has its signer's proof: it stands in for records, of which nothing is left to look at.
 */
static bool check_summary(const struct custody_view *v, const struct uuid *id, struct walk *walk,
			  struct checks *checks)
{
	const struct custody_summary *s = &v->summary;

	*walk = (struct walk){
	    .generation = s->last_generation + 1, .last = s->last, .at = s->at_ak, .started = true};
	return check_that(checks, LAYER, "summary", "custody.summary",
			  s->first_generation == 1 && memcmp(&s->id, id, sizeof *id) == 0 &&
			      v->chain.record_count > 0,
			  "a summary of this vTPM's first hand-overs, with records after it",
			  "another vTPM's, or not from the first on") &&
	       check_that(checks, LAYER, "summary", "custody.unproven",
			  custody_proof_of(v, &s->mige_key) != NULL,
			  "a proof of the Migration Enclave that signed the summary", "none");
}

/* The newest record has its signer's proof, and each proof is of the platform that its records
 * name. */
static bool check_proofs(const struct custody_view *v, struct checks *checks)
{
	size_t count = v->chain.record_count;

	if (count > 0 &&
	    !must(checks, "proof", "custody.unproven",
		  custody_proof_of(v, &v->records[count - 1].mige_key) != NULL,
		  "a proof of the Migration Enclave that signed the newest record", "none"))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct proven_mige *proof = custody_proof_of(v, &v->records[i].mige_key);

		if (proof != NULL &&
		    !must(checks, "proof", "custody.proof",
			  memcmp(&proof->ak_name, &v->records[i].from_ak, sizeof proof->ak_name) ==
			      0,
			  "a Migration Enclave of the platform that gave the vTPM away",
			  "one of another platform"))
			return false;
	}
	return true;
}

static bool check_order(struct custody_view *v, const struct evidence_claims *claims,
			struct checks *checks)
{
	const struct uuid *id = &claims->request.id;
	struct walk walk = {.generation = 1};
	size_t count = v->chain.record_count;

	if (v->has_summary && !check_summary(v, id, &walk, checks))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!check_record(v, i, id, &walk, checks))
			return false;
	if (!check_proofs(v, checks))
		return false;
	if (count > 0)
		(void)(check_that(checks, LAYER, "signature", "custody.signature", true,
				  "each signed by the Migration Enclave it names", "each") &&
		       check_that(checks, LAYER, "chain", "custody.chain", true,
				  "each record continues the one before", "each"));
	return check_that(checks, LAYER, "generation", "custody.generation",
			  walk.generation == claims->request.generation,
			  "one hand-over for each generation given up", "another number") &&
	       check_that(checks, LAYER, "platform", "custody.platform",
			  !walk.started ||
			      (memcmp(&walk.at, &claims->platform.ak_name, sizeof walk.at) == 0 &&
			       custody_is_processor(custody_processor_before(v, count),
						    claims->platform.quote.ppid)),
			  "the last hand-over leads to this platform", "to another");
}

enum tcb_error custody_appraise(struct span chain, struct span collateral,
				const struct evidence_inputs *in, const struct policy *policy,
				struct checks *checks, struct evidence_claims *claims)
{
	const struct custody_judge judge = {.collateral = {collateral, in->custody_collateral},
					    .policy = policy,
					    .now_s = in->now_s,
					    .checks = checks};
	struct custody_view view = {0};

	if (!open_chain(chain, &view, checks) || !check_order(&view, claims, checks))
		return TCB_REFUSED;
	claims->custody_known = true;
	claims->custody = view.chain;
	claims->custody_count = claims->request.generation - 1;
	return custody_judge_rules(&judge, &view, claims);
}
