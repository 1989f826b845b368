// SPDX-License-Identifier: MIT
#include "tests/edge/codecs.h"

#include "edge/blob.h"
#include "edge/certified_ak.h"
#include "edge/collateral.h"
#include "edge/cose.h"
#include "edge/custody.h"
#include "edge/custody_proof.h"
#include "edge/custody_summary.h"
#include "edge/endorsement.h"
#include "edge/evidence.h"
#include "edge/frame.h"
#include "edge/host.h"
#include "edge/local.h"
#include "edge/mige.h"
#include "edge/pse.h"
#include "edge/tpm_quote.h"
#include "edge/vtpm.h"
#include "edge/wan.h"

/* A codec whose decoder takes the whole message and whose encoder takes a pointer to the struct. */
#define CODEC(type, ...)                                                                           \
	static enum tcb_error type##_again(struct span in, struct writer *out)                     \
	{                                                                                          \
		struct type m;                                                                     \
                                                                                                   \
		TRY(type##_decode(in, &m));                                                        \
		type##_encode(out, &m);                                                            \
		return TCB_OK;                                                                     \
	}                                                                                          \
	static void type##_sample(struct writer *out)                                              \
	{                                                                                          \
		const struct type m = __VA_ARGS__;                                                 \
                                                                                                   \
		type##_encode(out, &m);                                                            \
	}

#define ROW(type) {#type, type##_again, type##_sample}

static const uint8_t key32[32] = {1, 2, 3};
static const uint8_t pcrs[TPM_QUOTE_PCRS_SIZE] = {9};
static const uint8_t node[SHA256_SIZE] = {7};

#define TEXT(text) { .data = (const uint8_t *)(text), .size = sizeof(text) - 1 }
#define BYTES(array) { .data = (array), .size = sizeof(array) }

CODEC(pse_start, { .platform_name = TEXT("A"), .stored_ledger = TEXT("ledger") })
CODEC(peer_message, { .session = 0x1122334455667788, .message = TEXT("hello") })
CODEC(peer_reply, { .error = TCB_REFUSED, .bytes = TEXT("why") })
CODEC(mige_start, { .address = TEXT("127.0.0.1:7000"), .platform_name = TEXT("A"), .sealed_journal = TEXT("j") })
CODEC(mige_net, { .connection = 9, .closed = true, .bytes = TEXT("tls") })
CODEC(mige_step, { .connection = 3, .address = TEXT("h:1"), .bytes = TEXT("out"), .close = true, .answered = true,
		   .reply = TEXT("reply") })
CODEC(vtpm_create, { .id = {{1}}, .policy = TEXT("{}"), .recovery_key = {0}, .keys = 1u << KEY_EK_P384 | 1u << KEY_EK_RSA2048,
		     .pcr_banks = BANK_SHA256 })
CODEC(vtpm_load, { .id = {{1}}, .sealed = TEXT("state"), .volatile_sealed = TEXT("volatile") })
CODEC(vtpm_status, { .state = VTPM_ESCROWED, .generation = 12, .digest = {{7}} })
CODEC(host_platform_quote, { .quote = TEXT("q"), .event_log = TEXT("log"), .ima_log = TEXT("ima") })
CODEC(local_endorse, { .id = {{1}}, .generation = 2, .residence_key = {{3}}, .ek_name = {{4}}, .ak_name = {{5}},
		       .policy_digest = {{6}}, .origin = ORIGIN_IMPORTED })
CODEC(local_certify, { .kind = CERTIFY_AK, .id = {{1}}, .generation = 2, .level = 3, .revision = 164, .tpmt_public = TEXT("public") })
CODEC(vtpm_serve, { .prefixes = true, .locality = 3, .pending = TEXT("part of a command") })
CODEC(vtpm_served, { .closed = true, .locality = 4, .pending = TEXT("rest") })
CODEC(ledger_entry, { .id = {{1}}, .lineage = {{2}}, .generation = 3, .version = 4, .digest = {{5}}, .previous = {{6}},
		      .incarnation = {{7}}, .resumes = true, .handover = {{8}} })
CODEC(ledger_lease, { .phase = LEDGER_ESCROWED, .handover = {{1}} })
CODEC(ledger_offer, { .id = {{1}}, .version = 2, .digest = {{3}}, .handover = {{4}} })
CODEC(ledger_arrival, { .id = {{1}}, .lineage = {{2}}, .generation = 3, .handover = {{4}} })
CODEC(ledger_handover, { .id = {{1}}, .handover = {{2}} })
CODEC(journal_version, { .version = 1, .digest = {{2}}, .previous = {{3}}, .change = JOURNAL_CHANGES_GRANT, .id = {{4}},
			 .handover = {{5}} })
CODEC(local_escrow, { .handover = {{1}}, .id = {{2}}, .generation = 3, .key_bytes = BYTES(key32),
		      .last_custody = {{5}}, .custody = TEXT("chain"), .policy = TEXT("{}") })
CODEC(local_escrowed, { .address = TEXT("h:1"), .mige_key = {{2}}, .custody = TEXT("chain") })
CODEC(local_redeem, { .handover = {{1}}, .id = {{2}}, .generation = 3, .lineage = {{4}}, .source_address = TEXT("h:1"),
		      .source_mige_key = {{5}} })
CODEC(local_redeemed, { .key_bytes = BYTES(key32), .custody_record = TEXT("rec"), .custody_proof = TEXT("proof"), .certified_ak = TEXT("ak") })
CODEC(wan_attest, { .certified_ak = TEXT("ak"), .collateral = TEXT("c") })
CODEC(wan_ask, { .handover = {{1}}, .id = {{2}}, .generation = 3,
		 .enclave = { .mrenclave = {4}, .mrsigner = {5}, .isv_prod_id = ROLE_VTPM, .isv_svn = 6, .attributes = 7 } })
CODEC(wan_redeem, { .platform_quote = TEXT("q"), .event_log = TEXT("log") })
CODEC(wan_grant, { .key_bytes = BYTES(key32), .custody_record = TEXT("rec"), .custody_proof = TEXT("proof") })
CODEC(tpm_quote, { .attest = TEXT("attest"), .signature = TEXT("sig"), .pcrs = BYTES(pcrs), .has_path = true,
		   .leaf_index = 1, .leaf_count = 2, .path = BYTES(node) })
CODEC(endorsement, { .id = {{1}}, .generation = 2, .residence_key = {{3}},
		     .enclave = { .mrenclave = {4}, .mrsigner = {5}, .isv_prod_id = 4, .isv_svn = 300, .attributes = 5 },
		     .ek_name = {{6}}, .ak_name = {{7}}, .epoch = {{8}}, .policy_digest = {{9}}, .origin = ORIGIN_MANUFACTURED })
CODEC(custody_record, { .id = {{1}}, .generation = 2, .from_name = TEXT("A"), .to_name = TEXT("B"), .from_ak = {{3}},
			.to_ak = {{4}}, .time_s = 1800000000, .previous = {{5}}, .mige_key = {{6}}, .to_ppid = {7} })
CODEC(custody_chain, { .summary = TEXT("summary"), .record_count = 2, .records = { TEXT("first"), TEXT("second") },
		       .proof_count = 1, .proofs = { TEXT("proof") } })
CODEC(custody_summary, { .id = {{1}}, .first_generation = 1, .last_generation = 300, .first_time_s = 1800000000,
			 .last_time_s = 1800000001, .stay_count = 2, .others = 41, .last = {{4}}, .at_ak = {{5}}, .at_ppid = {6},
			 .stays = { { .name = TEXT("A"), .ak = {{2}}, .count = 256 }, { .name = TEXT("B"), .ak = {{3}}, .count = 3 } },
			 .mige_key = {{7}} })
CODEC(custody_proof, { .certified_ak = TEXT("ak"), .endorsement = TEXT("e"), .attest = TEXT("attest"), .signature = TEXT("sig"),
		       .leaf_index = 1, .leaf_count = 2, .path = BYTES(node) })
CODEC(mige_endorsement, { .mige_key = {{1}},
			  .enclave = { .mrenclave = {4}, .mrsigner = {5}, .isv_prod_id = 3, .isv_svn = 300, .attributes = 5 },
			  .epoch = {{8}} })
CODEC(collateral, { .tcb_info = TEXT("{}"), .tcb_info_signature = {{1}}, .qe_identity = TEXT("{}"),
		    .qe_identity_signature = {{2}}, .tcb_signing_certificate = TEXT("c"),
		    .root_certificate = TEXT("r"), .root_crl = TEXT("l"), .pck_crl = TEXT("p"),
		    .pck_crl_issuer = TEXT("i") })
CODEC(evidence_request, { .nonce = TEXT("nonce"), .id = {{1}}, .generation = 2, .residence_key = {{3}} })
CODEC(vtpm_keys, { .ek_public = TEXT("ek"), .ak_public = TEXT("ak") })

static enum tcb_error evidence_again(struct span in, struct writer *out)
{
	struct evidence e;

	TRY(evidence_decode(in, &e));
	evidence_encode(out, &e);
	return TCB_OK;
}

static void evidence_sample(struct writer *out)
{
	struct evidence e = {0};

	for (unsigned label = EVIDENCE_REQUEST; label < EVIDENCE_LABELS_END; label++)
		e.parts[label] = span_of("0123456789abcdef", label);
	evidence_encode(out, &e);
}

static enum tcb_error certified_ak_again(struct span in, struct writer *out)
{
	struct certified_ak ak;
	uint8_t claims[1024];
	struct writer w = WRITER_OF(claims);

	TRY(certified_ak_decode(in, &ak));
	certified_ak_claims_encode(&w, &ak); /* the claims, too, only as we would have written them */
	TRY(writer_end(&w, &ak.claims_bytes));
	certified_ak_encode(out, &ak);
	return TCB_OK;
}

static void certified_ak_sample(struct writer *out)
{
	struct certified_ak ak = { .ak_public = TEXT("public"), .pse_key = {{1}}, .epoch = {{2}},
				   .ak_source = AK_SOURCE_MSR, .platform_name = TEXT("A"), .quote = TEXT("quote") };
	uint8_t claims[256];
	struct writer w = WRITER_OF(claims);

	certified_ak_claims_encode(&w, &ak);
	if (writer_end(&w, &ak.claims_bytes) == TCB_OK)
		certified_ak_encode(out, &ak);
}

static enum tcb_error cose_again(struct span in, struct writer *out)
{
	struct p256_signature signature;
	struct span payload;

	TRY(cose_sign1_decode(in, ENDORSEMENT_TYPE, &payload, &signature));
	cose_sign1_encode(out, ENDORSEMENT_TYPE, payload, &signature);
	return TCB_OK;
}

static void cose_sample(struct writer *out)
{
	const struct p256_signature signature = {{1, 2, 3}};

	cose_sign1_encode(out, ENDORSEMENT_TYPE, span_of_text("payload"), &signature);
}

static enum tcb_error frame_head_again(struct span in, struct writer *out)
{
	struct frame_head head;

	TRY(frame_head_decode(in, &head));
	frame_head_encode(out, &head);
	return TCB_OK;
}

static void frame_head_sample(struct writer *out)
{
	const struct frame_head head = { .body_size = 5, .kind = FRAME_ECALL_RETURN, .call = 0x0201, .error = TCB_LIMIT };

	frame_head_encode(out, &head);
}

static enum tcb_error diagnosis_again(struct span in, struct writer *out)
{
	struct reader r = reader_of(in);
	struct diagnosis d;

	TRY(diagnosis_decode(&r, &d));
	TRY(reader_end(&r));
	diagnosis_encode(out, &d);
	return TCB_OK;
}

static void diagnosis_sample(struct writer *out)
{
	const struct diagnosis d = { .code = "a.b", .found = "f", .wanted = "w", .action = "act" };

	diagnosis_encode(out, &d);
}

static enum tcb_error blob_again(struct span in, struct writer *out)
{
	struct blob_head head;
	struct span aad, sealed;

	TRY(blob_decode(in, &head, &aad, &sealed));
	blob_head_encode(out, &head);
	writer_bytes(out, sealed);
	return TCB_OK;
}

static void blob_sample(struct writer *out)
{
	const struct blob_head head = { .type = BLOB_VOLATILE, .handover = {{1}}, .id = {{2}}, .generation = 3,
					.source_mige_key = {{4}}, .source_address = TEXT("h:1") };

	blob_head_encode(out, &head); /* with nothing sealed behind it: each truncation must then be noticed */
}

const struct codec codecs[] = {
	ROW(pse_start), ROW(peer_message), ROW(peer_reply), ROW(mige_start), ROW(mige_net), ROW(mige_step), ROW(vtpm_create),
	ROW(vtpm_load), ROW(vtpm_status), ROW(host_platform_quote), ROW(local_endorse), ROW(local_certify), ROW(ledger_entry), ROW(ledger_lease), ROW(ledger_offer),
	ROW(ledger_arrival), ROW(ledger_handover), ROW(journal_version), ROW(vtpm_serve), ROW(vtpm_served),
	ROW(local_escrow), ROW(local_escrowed), ROW(local_redeem), ROW(local_redeemed), ROW(wan_attest),
	ROW(wan_ask), ROW(wan_redeem), ROW(wan_grant), ROW(tpm_quote), ROW(endorsement), ROW(custody_record), ROW(custody_chain), ROW(custody_summary),
	ROW(custody_proof), ROW(mige_endorsement),
	ROW(collateral), ROW(evidence_request), ROW(vtpm_keys), ROW(evidence), ROW(certified_ak), ROW(cose),
	ROW(frame_head), ROW(diagnosis), ROW(blob),
};
const size_t codec_count = sizeof codecs / sizeof codecs[0];
