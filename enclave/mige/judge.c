// SPDX-License-Identifier: MIT
#include "enclave/mige/judge.h"

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/collateral.h"
#include "enclave/lib/session.h"
#include "enclave/mige/memory.h"
#include "enclave/mige/ratls.h"
#include "enclave/tee/tee.h"
#include "verify/appraise/platform.h"
#include "verify/appraise/quote_expect.h"

#define LAYER "mige"
#define COMMITMENT_LABEL "tcbind wan commitment v1"
#define ANY_STATUS ((1u << TCB_REVOKED) - 1)

/* One appraisal at a time; too large for a stack. */
static struct checks checks;
static struct policy policy;
static struct digest256 scope; /* what the policy at hand was made of */
static struct quote_claims quote_claims;
static struct platform_claims platform_claims;

enum tcb_error judge_init(struct judge *j, struct span own_quote)
{
	TRY(tee_self(&j->self));
	j->own_quote = own_quote;
	return quote_peek_root(own_quote, &j->root);
}

enum tcb_error wan_commitment(const uint8_t nonce[SHA256_SIZE], const struct p256_point *key,
			      struct digest256 *ret_commitment)
{
	const struct span parts[] = { span_of_text(COMMITMENT_LABEL), span_of(nonce, SHA256_SIZE),
				      SPAN_OF(key->bytes) };

	return crypto_sha256_all(parts, 3, ret_commitment);
}

static const char *code_of(enum judge_side side)
{
	return side == JUDGE_SOURCE ? "mige.source.refused" : "mige.destination.refused";
}

/* What to do if the hosts lack something that they must have in common (docs/building.md), by the
 * beginning of the failure's code. */
static const struct { const char *code, *action; } shared_causes[] = {
	{"mige.peer.signer", "install enclaves of one signer on both hosts (meson setup "
			     "-Denclave_signer=FILE, or sign-enclaves); `tcbind version` prints a "
			     "build's signer"},
	{"mige.peer.svn", "update the host with the older enclaves; `tcbind version` prints their svn"},
	{"quote.enclave.debug", "install enclaves on both hosts that are not signed for debugging"},
	{"quote.root.", "make both platforms of one root (`tcbind platform init --pki`); `tcbind "
			"explain` knows the code"},
};

static const char *action_for(enum judge_side side, const char *code)
{
	for (size_t i = 0; i < sizeof shared_causes / sizeof shared_causes[0]; i++)
		if (strncmp(code, shared_causes[i].code, strlen(shared_causes[i].code)) == 0)
			return shared_causes[i].action;
	return side == JUDGE_SOURCE ? "repair the source platform, or move the VM from another; `tcbind "
				      "explain` knows the code"
				    : "repair the destination, choose another, or change the owner's "
				      "policy; `tcbind explain` knows the code";
}

/* The first check that did not pass, for people. */
static enum tcb_error refuse(enum judge_side side, struct diagnosis *d)
{
	const struct check *failure = checks_first_failure(&checks);
	const char *action = action_for(side, failure != NULL ? failure->code : "");

	if (failure == NULL)
		return diagnose(d, TCB_REFUSED, code_of(side), "quote.collateral.missing: something needed to judge is not there",
				"collateral for the peer's processor", action);
	return diagnose_found(d, TCB_REFUSED, code_of(side), failure->expected, action, "%s: %s", failure->code, failure->got);
}

/* ---- policies ---- */

static bool has_entry(const struct policy *p, enum enclave_role role)
{
	for (size_t i = 0; i < p->enclave_count; i++)
		if (p->enclaves[i].role == role)
			return true;
	return false;
}

static uint16_t least_svn(const struct judge *j, enum enclave_role role)
{
	return role == ROLE_MIGE ? j->self.isv_svn : SESSION_MIN_SVN;
}

/* Where the owner says nothing of a role: our own signer. */
static void add_own_signer(const struct judge *j, enum enclave_role role)
{
	struct policy_enclave entry = { .role = role, .has_mrsigner = true, .min_isv_svn = least_svn(j, role) };

	if (has_entry(&policy, role) || policy.enclave_count == POLICY_ENCLAVES_MAX)
		return;
	memcpy(entry.mrsigner, j->self.mrsigner, sizeof entry.mrsigner);
	policy.enclaves[policy.enclave_count++] = entry;
}

static void bind_policy(const struct judge *j)
{
	policy.root_count = 1;
	policy.roots[0] = j->root;
	add_own_signer(j, ROLE_PSE);
	add_own_signer(j, ROLE_MIGE);
}

static enum tcb_error take_policy(struct span json, struct diagnosis *d)
{
	struct diagnosis inner = {0};

	TRY(crypto_sha256(json, &scope));
	if (json.size == 0)
		policy_default(&policy);
	else if (policy_decode(json, &policy, &inner) != TCB_OK)
		return diagnose(d, TCB_REFUSED, "mige.policy.malformed", inner.found, inner.wanted,
				"give the vTPM a policy that `tcbind show` can read");
	if (!policy.allow_migration)
		return diagnose(d, TCB_REFUSED, "mige.policy.no-migration", "an owner's policy that forbids migration",
				"one that allows it", "leave the VM where it is, or ask its owner");
	return TCB_OK;
}

enum tcb_error judge_vtpm(const struct judge *j, const struct enclave_identity *enclave, uint16_t least_svn,
			  struct span json, struct diagnosis *d)
{
	const struct check *failure;

	TRY(take_policy(json, d));
	checks = (struct checks){0};
	add_own_signer(j, ROLE_VTPM);
	if (check_bytes(&checks, LAYER, "mrsigner", "mige.peer.signer", SPAN_OF(j->self.mrsigner), SPAN_OF(enclave->mrsigner)) &&
	    check_at_least(&checks, LAYER, "isvsvn", "mige.vtpm.svn", least_svn, enclave->isv_svn) &&
	    policy_check_enclave(&policy, ROLE_VTPM, enclave, LAYER, "mige.vtpm.enclave", &checks))
		return TCB_OK;
	failure = checks_first_failure(&checks);
	return diagnose_found(d, TCB_REFUSED, "mige.destination.enclave", failure != NULL ? failure->expected : "",
			      "install the source's release, or a newer one, on the destination; or change the owner's policy",
			      "%s: %s", failure != NULL ? failure->code : "", failure != NULL ? failure->got : "");
}

enum tcb_error judge_policy(struct span json, struct diagnosis *d)
{
	return take_policy(json, d);
}

void judge_note_own_collateral(struct judge *j, struct span bytes, uint64_t now_s)
{
	struct collateral collateral;

	scope = (struct digest256){{3}};
	checks = (struct checks){ .memo = memory_under(&scope) };
	policy_default(&policy);
	policy.accepted_statuses = ANY_STATUS;
	bind_policy(j);
	if (collateral_decode(bytes, &collateral) != TCB_OK ||
	    quote_appraise(j->own_quote, &collateral, &policy, now_s, &checks, &quote_claims) != TCB_OK)
		return;
	if (j->min_tcb_evaluation_number < quote_claims.tcb_evaluation_number)
		j->min_tcb_evaluation_number = quote_claims.tcb_evaluation_number;
	(void)!collateral_seen_raise(&j->seen, &quote_claims.marks); /* a full table: only what it has is compared */
}

/* Asked each time: what was remembered of a judgement says nothing of what was seen since. */
static bool check_age(const struct judge *j, const struct quote_claims *claims)
{
	return check_at_least(&checks, LAYER, "tcbEvaluationDataNumber", "quote.tcbinfo.old", j->min_tcb_evaluation_number,
			      claims->tcb_evaluation_number) &&
	       collateral_seen_check(&j->seen, &claims->marks, &checks);
}

/* ---- a peer at first sight ---- */

/* Our signer, whatever else a policy says. */
static bool check_own(const struct judge *j, enum enclave_role role, const struct enclave_identity *enclave)
{
	return check_bytes(&checks, LAYER, "mrsigner", "mige.peer.signer", SPAN_OF(j->self.mrsigner),
			   SPAN_OF(enclave->mrsigner)) &&
	       check_that(&checks, LAYER, "isvprodid", "mige.peer.role", enclave->isv_prod_id == role,
			  role == ROLE_MIGE ? "a MigE" : "a PSE", "an enclave of another role") &&
	       check_that(&checks, LAYER, "attributes", "mige.peer.debug", (enclave->attributes & SGX_FLAG_DEBUG) == 0,
			  "not DEBUG", "a DEBUG enclave") &&
	       check_at_least(&checks, LAYER, "isvsvn", "mige.peer.svn", least_svn(j, role), enclave->isv_svn);
}

static bool check_mige(struct judge *j, const struct collateral *collateral, uint64_t now_s,
		       struct judged_peer *peer)
{
	uint8_t wanted[SGX_REPORT_DATA_SIZE];

	if (quote_appraise(span_of(peer->quote, peer->quote_size), collateral, &policy, now_s, &checks,
			   &quote_claims) != TCB_OK ||
	    !check_age(j, &quote_claims) ||
	    ratls_report_data(&peer->key, wanted) != TCB_OK ||
	    !check_bytes(&checks, LAYER, "report_data", "mige.peer.key", SPAN_OF(wanted), SPAN_OF(quote_claims.report_data)) ||
	    !check_own(j, ROLE_MIGE, &quote_claims.enclave) ||
	    !quote_expect_plain(&quote_claims, LAYER, "mige.peer.enclave", &checks))
		return false;
	(void)!collateral_seen_raise(&j->seen, &quote_claims.marks);
	peer->enclave = quote_claims.enclave;
	peer->tcb_status = quote_claims.tcb_status;
	peer->tcb_evaluation_number = quote_claims.tcb_evaluation_number;
	memcpy(peer->platform.ppid, quote_claims.ppid, sizeof peer->platform.ppid);
	return true;
}

/* The PSE's quote over the physical TPM's key, on the processor that the MigE is on. */
static bool check_certified_ak(const struct judge *j, const struct certified_ak *ak, const struct collateral *collateral,
			       uint64_t now_s, struct judged_peer *peer)
{
	const struct span parts[] = { span_of_text(CERTIFIED_AK_LABEL), ak->claims_bytes };
	uint8_t wanted[SGX_REPORT_DATA_SIZE] = {0};
	struct digest256 digest;

	if (quote_appraise(ak->quote, collateral, &policy, now_s, &checks, &quote_claims) != TCB_OK ||
	    crypto_sha256_all(parts, 2, &digest) != TCB_OK)
		return false;
	memcpy(wanted, digest.bytes, sizeof digest.bytes);
	if (!check_bytes(&checks, LAYER, "report_data", "platform.ak.binding", SPAN_OF(wanted),
			 SPAN_OF(quote_claims.report_data)) ||
	    !check_own(j, ROLE_PSE, &quote_claims.enclave) ||
	    !quote_expect_plain(&quote_claims, LAYER, "platform.pse", &checks) ||
	    !check_bytes(&checks, LAYER, "ppid", "mige.peer.processor", SPAN_OF(peer->platform.ppid),
			 SPAN_OF(quote_claims.ppid)))
		return false;
	peer->name_size = ak->platform_name.size;
	memcpy(peer->name, ak->platform_name.data, ak->platform_name.size);
	return check_that(&checks, LAYER, "ak", "platform.ak.malformed",
			  tpm_name_of(ak->ak_public, &peer->platform.ak) == TCB_OK, "a TPMT_PUBLIC", "something else");
}

enum tcb_error judge_peer(struct judge *j, enum judge_side side, const struct wan_attest *attest, uint64_t now_s,
			  struct judged_peer *peer, struct diagnosis *d)
{
	struct certified_ak ak;
	struct collateral collateral;

	scope = (struct digest256){{ 1, (uint8_t)side }};
	checks = (struct checks){ .memo = memory_under(&scope) };
	policy_default(&policy);
	if (side == JUDGE_DESTINATION)
		policy.accepted_statuses = ANY_STATUS;
	bind_policy(j);
	if (!check_that(&checks, LAYER, "attest", "mige.peer.malformed",
			certified_ak_decode(attest->certified_ak, &ak) == TCB_OK &&
				collateral_decode(attest->collateral, &collateral) == TCB_OK,
			"a certified AK and collateral", "something else") ||
	    !check_mige(j, &collateral, now_s, peer) || !check_certified_ak(j, &ak, &collateral, now_s, peer))
		return refuse(side, d);
	memcpy(peer->certified_ak, attest->certified_ak.data, attest->certified_ak.size);
	peer->certified_ak_size = attest->certified_ak.size;
	memcpy(peer->collateral, attest->collateral.data, attest->collateral.size);
	peer->collateral_size = attest->collateral.size;
	return TCB_OK;
}

/* ---- a destination at the hand-over ---- */

/* What depends on the owner's policy of a MigE quote that was judged when the connection began. */
static bool check_mige_by_policy(const struct judged_peer *peer)
{
	return check_that(&checks, LAYER, "tcb_status", "quote.tcb.status",
			  (policy.accepted_statuses & 1u << peer->tcb_status) != 0, "a TCB status that the policy accepts",
			  "another") &&
	       check_at_least(&checks, LAYER, "tcbEvaluationDataNumber", "quote.tcbinfo.old",
			      policy.min_tcb_evaluation_number, peer->tcb_evaluation_number) &&
	       policy_check_enclave(&policy, ROLE_MIGE, &peer->enclave, LAYER, "mige.peer.enclave", &checks);
}

/* By the policy at hand. */
static enum tcb_error judge_platform(const struct judge *j, const struct judged_peer *peer,
				     const struct wan_redeem *proof, const uint8_t nonce[SHA256_SIZE], uint64_t now_s,
				     struct diagnosis *d)
{
	struct platform_evidence evidence = {
		.certified_ak = span_of(peer->certified_ak, peer->certified_ak_size),
		.collateral = span_of(peer->collateral, peer->collateral_size),
		.platform_quote = proof->platform_quote,
		.event_log = proof->event_log,
	};

	checks = (struct checks){ .memo = memory_under(&scope) };
	bind_policy(j);
	TRY(wan_commitment(nonce, &peer->key, &evidence.commitment));
	if (!check_mige_by_policy(peer) ||
	    platform_appraise(&evidence, &policy, now_s, &checks, &platform_claims) != TCB_OK || checks.overflowed ||
	    !check_age(j, &platform_claims.quote))
		return refuse(JUDGE_DESTINATION, d);
	return TCB_OK;
}

enum tcb_error judge_handover(const struct judge *j, const struct judged_peer *peer, struct span json,
			      const struct wan_redeem *proof, const uint8_t nonce[SHA256_SIZE], uint64_t now_s,
			      struct diagnosis *d)
{
	TRY(take_policy(json, d));
	return judge_platform(j, peer, proof, nonce, now_s, d);
}

enum tcb_error judge_repetition(const struct judge *j, const struct judged_peer *peer, const struct wan_redeem *proof,
				const uint8_t nonce[SHA256_SIZE], uint64_t now_s, struct diagnosis *d)
{
	scope = (struct digest256){{2}};
	policy_default(&policy);
	policy.accepted_statuses = ANY_STATUS;
	policy.accept_enrolled = true;
	return judge_platform(j, peer, proof, nonce, now_s, d);
}
