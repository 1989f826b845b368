// SPDX-License-Identifier: MIT
/* The side that gives: nothing secret leaves before the destination is judged and `redeemed` is durable. */
#include <openssl/ssl.h>

#include "crypto/crypto.h"
#include "enclave/lib/ocall.h"
#include "enclave/mige/mige.h"

static enum tcb_error receive_attest(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d)
{
	struct wan_attest attest;
	uint64_t now_s;

	TRY(wan_attest_decode(body, &attest));
	TRY(host_time(&now_s, d));
	TRY(judge_peer(&m->judge, JUDGE_DESTINATION, &attest, now_s, &c->peer, d));
	c->stage = CONNECTION_READY;
	return TCB_OK;
}

static bool is_redeemer(const struct journal_entry *entry, const struct judged_peer *peer)
{
	const struct journal_platform *redeemer = &entry->grant->redeemer;

	return memcmp(&redeemer->ak, &peer->platform.ak, sizeof redeemer->ak) == 0 &&
	       memcmp(redeemer->ppid, peer->platform.ppid, sizeof redeemer->ppid) == 0;
}

static enum tcb_error redeemed_elsewhere(struct diagnosis *d)
{
	return diagnose(d, TCB_REFUSED, "mige.handover.redeemed", "a hand-over that was granted to another platform",
			"one that is not decided, or the platform that it was granted to",
			"finish the migration on the platform that has the grant");
}

/* The key goes to no older enclave than the one that left it, and to none outside the owner's policy. */
static enum tcb_error check_enclave(struct mige *m, const struct journal_entry *entry,
				    const struct enclave_identity *enclave, struct diagnosis *d)
{
	struct span policy = {0};

#ifdef TCBIND_PLANT_F7
	return TCB_OK; /* planted: an older enclave gets what a newer one had */
#endif
	if (entry->policy != NULL)
		policy = span_of(entry->policy->bytes, entry->policy->size);
	return judge_vtpm(&m->judge, enclave, entry->exporter_svn, policy, d);
}

/* The hand-over as it stands now: still open, or granted to this very platform. */
static enum tcb_error find_handover(struct mige *m, const struct mige_connection *c, struct journal_entry **ret_entry,
				    struct diagnosis *d)
{
	struct journal_entry *entry = journal_find_handover(&m->journal, &c->asked.handover);

	if (entry == NULL || entry->generation != c->asked.generation ||
	    memcmp(&entry->id, &c->asked.id, sizeof entry->id) != 0)
		return diagnose(d, TCB_REFUSED, "mige.handover.unknown", "a hand-over that is not open here",
				"one that its source has begun and not revoked", "migrate again from where the VM runs now");
	if (entry->state == JOURNAL_REDEEMED && !is_redeemer(entry, &c->peer))
		return redeemed_elsewhere(d);
	*ret_entry = entry;
	return TCB_OK;
}

static enum tcb_error receive_ask(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d)
{
	struct journal_entry *entry;

	TRY(wan_ask_decode(body, &c->asked));
	TRY(find_handover(m, c, &entry, d));
	TRY(check_enclave(m, entry, &c->asked.enclave, d));
	TRY(crypto_random(c->nonce, sizeof c->nonce));
	TRY(channel_send(&c->channel, WAN_CHALLENGE, SPAN_OF(c->nonce)));
	c->stage = CONNECTION_CHALLENGED;
	return TCB_OK;
}

static enum tcb_error send_grant(struct mige *m, struct mige_connection *c, const struct journal_entry *entry, struct diagnosis *d)
{
	static uint8_t grant_bytes[LIMIT_CUSTODY_RECORD + LIMIT_CUSTODY_PROOF + 64];
	struct wan_grant grant = { .key_bytes = SPAN_OF(entry->key.bytes) };
	uint8_t record_bytes[LIMIT_CUSTODY_RECORD];
	struct writer w = WRITER_OF(grant_bytes), record = WRITER_OF(record_bytes);
	struct span body;
	enum tcb_error error;

	TRY(custody_prepare(m, d)); /* a grant of an earlier start may be repeated before anything else is granted */
	TRY(custody_sign_again(m, span_of(entry->grant->record, entry->grant->record_size), &record));
	TRY(writer_end(&record, &grant.custody_record));
	grant.custody_proof = mige_custody_proof(m);
	wan_grant_encode(&w, &grant);
	error = writer_end(&w, &body);
	if (error == TCB_OK)
		error = channel_send(&c->channel, WAN_GRANT, body);
	wipe(grant_bytes, w.size);
	return error;
}

/* The decision: judged, written, then said. */
static enum tcb_error decide(struct mige *m, struct mige_connection *c, struct journal_entry *entry,
			     const struct wan_redeem *proof, struct diagnosis *d)
{
	uint8_t record_bytes[LIMIT_CUSTODY_RECORD];
	struct writer w = WRITER_OF(record_bytes);
	struct span policy = {0}, record;
	uint64_t now_s;

	if (entry->policy != NULL)
		policy = span_of(entry->policy->bytes, entry->policy->size);
	TRY(host_time(&now_s, d));
	if (entry->state == JOURNAL_REDEEMED)
		return judge_repetition(&m->judge, &c->peer, proof, c->nonce, now_s, d);
	TRY(judge_handover(&m->judge, &c->peer, policy, proof, c->nonce, now_s, d));
	TRY(custody_prepare(m, d));
	TRY(custody_sign(m, &c->peer, entry, now_s, &w));
	TRY(writer_end(&w, &record));
	return journal_redeem(&m->journal, entry, &c->peer.platform, record, d);
}

static enum tcb_error receive_redeem(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d)
{
	struct journal_entry *entry;
	struct wan_redeem proof;

	TRY(wan_redeem_decode(body, &proof));
	TRY(find_handover(m, c, &entry, d)); /* it may have been revoked since it was asked for */
	TRY(check_enclave(m, entry, &c->asked.enclave, d));
	TRY(decide(m, c, entry, &proof, d));
	wipe(c->nonce, sizeof c->nonce);
	c->stage = CONNECTION_READY;
	return send_grant(m, c, entry, d);
}

/* From now on the grant is not repeated, and neither key nor record is here. A hand-over that is not known was confirmed before. */
static enum tcb_error receive_confirm(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct journal_entry *entry;
	struct handover_id handover;

	TRY(reader_copy(&r, handover.bytes, sizeof handover.bytes));
	TRY(reader_end(&r));
	entry = journal_find_handover(&m->journal, &handover);
	if (entry != NULL && entry->state != JOURNAL_REDEEMED)
		return diagnose(d, TCB_REFUSED, "mige.handover.unknown", "the confirmation of a hand-over that is not decided",
				"one that was granted", "migrate again from where the VM runs now");
	if (entry != NULL && !is_redeemer(entry, &c->peer))
		return redeemed_elsewhere(d);
	if (entry != NULL)
		TRY(journal_confirm(&m->journal, entry, d));
	return channel_send(&c->channel, WAN_CONFIRMED, SPAN_OF(handover.bytes));
}

/* The vTPM goes on here: no enclave of the destination will adopt it. One that is not known was returned before. */
static enum tcb_error receive_return(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct journal_entry *entry;
	struct handover_id handover;

	TRY(reader_copy(&r, handover.bytes, sizeof handover.bytes));
	TRY(reader_end(&r));
	entry = journal_find_handover(&m->journal, &handover);
	if (entry != NULL && (entry->state != JOURNAL_REDEEMED || !is_redeemer(entry, &c->peer)))
		return redeemed_elsewhere(d);
	if (entry != NULL)
		TRY(journal_return(&m->journal, entry, d));
	return channel_send(&c->channel, WAN_RETURNED, SPAN_OF(handover.bytes));
}

/* ---- to this platform itself ---- */

static enum tcb_error decide_here(struct mige *m, struct journal_entry *entry, struct diagnosis *d)
{
	uint8_t record_bytes[LIMIT_CUSTODY_RECORD];
	struct writer w = WRITER_OF(record_bytes);
	const struct journal_platform here = {0}; /* no other platform can have this one's grant repeated */
	struct span record;
	uint64_t now_s;

	TRY(host_time(&now_s, d));
	TRY(custody_sign(m, NULL, entry, now_s, &w));
	TRY(writer_end(&w, &record));
	return journal_redeem(&m->journal, entry, &here, record, d);
}

enum tcb_error source_take_back(struct mige *m, struct journal_entry *entry, struct diagnosis *d)
{
	static const struct judged_peer here;

	if (entry->state != JOURNAL_REDEEMED || !is_redeemer(entry, &here))
		return redeemed_elsewhere(d);
	return journal_return(&m->journal, entry, d);
}

enum tcb_error source_redeem_here(struct mige *m, const struct local_redeem *asked,
				  const struct enclave_identity *asker, struct writer *reply, struct diagnosis *d)
{
	static const struct judged_peer here;
	struct journal_entry *entry = journal_find_handover(&m->journal, &asked->handover);
	struct local_redeemed redeemed;
	struct ledger_handover about;
	uint8_t record_bytes[LIMIT_CUSTODY_RECORD];
	struct writer record = WRITER_OF(record_bytes);

	if (entry == NULL || entry->generation != asked->generation || memcmp(&entry->id, &asked->id, sizeof entry->id) != 0 ||
	    memcmp(&entry->lineage, &asked->lineage, sizeof entry->lineage) != 0)
		return TCB_MALFORMED;
	if (entry->state == JOURNAL_REDEEMED && !is_redeemer(entry, &here))
		return redeemed_elsewhere(d);
	TRY(check_enclave(m, entry, asker, d));
	TRY(custody_prepare(m, d));
	if (entry->state == JOURNAL_ESCROWED)
		TRY(decide_here(m, entry, d));
	about = (struct ledger_handover){ .id = entry->id, .lineage = entry->lineage, .handover = entry->handover };
	TRY(mige_note_granted(m, &about, d));
	TRY(custody_sign_again(m, span_of(entry->grant->record, entry->grant->record_size), &record));
	redeemed = (struct local_redeemed){ .key_bytes = SPAN_OF(entry->key.bytes), .custody_record = span_of(record_bytes, record.size),
					    .custody_proof = mige_custody_proof(m), .certified_ak = mige_certified_ak(m) };
	local_redeemed_encode(reply, &redeemed);
	return TCB_OK;
}

static const struct permit {
	enum connection_stage stage;
	enum wan_kind kind;
	enum tcb_error (*receive)(struct mige *m, struct mige_connection *c, struct span body, struct diagnosis *d);
} permits[] = {
	{ CONNECTION_ATTEST, WAN_ATTEST, receive_attest },
	{ CONNECTION_READY, WAN_ASK, receive_ask },
	{ CONNECTION_READY, WAN_CONFIRM, receive_confirm },
	{ CONNECTION_READY, WAN_RETURN, receive_return },
	{ CONNECTION_CHALLENGED, WAN_REDEEM, receive_redeem },
};

enum tcb_error source_receive(struct mige *m, struct mige_connection *c, enum wan_kind kind, struct span body,
			      struct diagnosis *d)
{
	TRY(journal_hold(&m->journal, d)); /* what is answered without a commit is the newest journal's, too */
	for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++)
		if (permits[i].stage == c->stage && permits[i].kind == kind)
			return permits[i].receive(m, c, body, d);
	return diagnose(d, TCB_WRONG_STATE, "mige.wan.order", "a message out of its order", "the order of edge/wan.h",
			"use enclaves of one release");
}
