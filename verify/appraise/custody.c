// SPDX-License-Identifier: MIT
#include "verify/appraise/custody.h"

#include "crypto/crypto.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "verify/appraise/memo.h"

#define LAYER "custody"

/* What the next record must continue. */
struct walk {
	uint64_t generation;
	struct digest256 last;  /* of the record before; zeros before the first */
	struct tpm_name at;     /* AK of the platform the vTPM is on */
	bool started;           /* `at` is known */
	bool listed;            /* it was on a platform that the policy lists */
};

static bool signature_checks(const struct custody_record *record, struct span payload,
			     const struct p256_signature *signature, const struct checks *checks)
{
	uint8_t memory[LIMIT_CUSTODY_RECORD + COSE_TBS_HEAD_MAX];
	struct writer w = WRITER_OF(memory);
	struct span tbs;

	cose_tbs_encode(&w, CUSTODY_TYPE, payload);
	return writer_end(&w, &tbs) == TCB_OK && memo_verify(checks->memo, &record->mige_key, &tbs, 1, signature) == TCB_OK;
}

/* A check only where it fails: a chain may have more records than a verdict has room for. */
static bool must(struct checks *checks, const char *field, const char *code, bool passed, const char *expected, const char *got)
{
	return passed || check_that(checks, LAYER, field, code, false, expected, got);
}

static bool check_record(struct span bytes, const struct evidence_claims *claims, const struct policy *policy,
			 struct walk *walk, struct checks *checks)
{
	struct p256_signature signature;
	struct custody_record record;
	bool from_listed, to_listed;
	struct span payload;

	if (!must(checks, "record", "custody.malformed",
		  bytes.size <= LIMIT_CUSTODY_RECORD && cose_sign1_decode(bytes, CUSTODY_TYPE, &payload, &signature) == TCB_OK &&
			  custody_record_decode(payload, &record) == TCB_OK,
		  "a custody record", "something else") ||
	    !must(checks, "signature", "custody.signature", signature_checks(&record, payload, &signature, checks),
		  "signed by the Migration Enclave it names", "a signature that does not check") ||
	    !must(checks, "chain", "custody.chain",
		  record.generation == walk->generation && memcmp(&record.id, &claims->request.id, sizeof record.id) == 0 &&
			  memcmp(&record.previous, &walk->last, sizeof walk->last) == 0 &&
			  (!walk->started || memcmp(&record.from_ak, &walk->at, sizeof walk->at) == 0),
		  "each record continues the one before", "a gap, or a record of another vTPM"))
		return false;
	from_listed = policy_find_platform(policy, &record.from_ak) != NULL;
	to_listed = policy_find_platform(policy, &record.to_ak) != NULL;
	walk->listed |= from_listed || to_listed;
	walk->at = record.to_ak;
	walk->started = true;
	walk->generation++;
	return must(checks, "platforms", "custody.unlisted", !policy->custody_listed_only || (from_listed && to_listed),
		    "hand-overs between platforms that the policy lists", "one from or to another") &&
	       crypto_sha256(bytes, &walk->last) == TCB_OK;
}

static bool check_records(struct reader *r, size_t count, struct evidence_claims *claims, const struct policy *policy,
			  struct walk *walk, struct checks *checks)
{
	struct span bytes;

	for (size_t i = 0; i < count; i++)
		if (!must(checks, "chain", "custody.malformed", cbor_read_bytes(r, &bytes) == TCB_OK, "a record", "something else") ||
		    !check_record(bytes, claims, policy, walk, checks))
			return false;
	claims->custody_count = count;
	if (count > 0)
		(void)(check_that(checks, LAYER, "signature", "custody.signature", true, "each signed by the Migration Enclave it names",
				  "each") &&
		       check_that(checks, LAYER, "chain", "custody.chain", true, "each record continues the one before", "each"));
	if (count > 0 && policy->custody_listed_only)
		(void)check_that(checks, LAYER, "platforms", "custody.unlisted", true, "hand-overs between platforms that the policy lists",
				 "only such");
	return true;
}

bool custody_appraise(struct span chain, struct evidence_claims *claims, const struct policy *policy, struct checks *checks)
{
	struct reader r = reader_of(chain);
	struct walk walk = { .generation = 1 };
	size_t count = 0;

	if (!check_that(checks, LAYER, "chain", "custody.malformed",
			cbor_read_array(&r, LIMIT_CUSTODY_RECORDS, &count) == TCB_OK, "an array of records", "something else") ||
	    !check_records(&r, count, claims, policy, &walk, checks))
		return false;
	if (policy->limits_hand_overs &&
	    !check_that(checks, LAYER, "hand_overs", "custody.hand_overs", count <= policy->max_hand_overs,
			"no more hand-overs than the policy allows", "more"))
		return false;
	return check_that(checks, LAYER, "chain", "custody.malformed", reader_end(&r) == TCB_OK, "nothing more", "more") &&
	       check_that(checks, LAYER, "generation", "custody.generation", walk.generation == claims->request.generation,
			  "one record for each generation given up", "another number") &&
	       check_that(checks, LAYER, "platform", "custody.platform",
			  !walk.started || memcmp(&walk.at, &claims->platform.ak_name, sizeof walk.at) == 0,
			  "the last hand-over leads to this platform", "to another") &&
	       check_that(checks, LAYER, "platform", "platform.unlisted",
			  claims->platform.listed != NULL || policy->unlisted_platforms == UNLISTED_ACCEPT || walk.listed,
			  "a listed platform, or one reached from a listed one", "neither");
}
