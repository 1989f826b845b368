// SPDX-License-Identifier: MIT
/* The ledger's requests, for tests that stand in for a vTPM enclave. */
#include "tests/enclave/rig/ledger.h"

enum tcb_error rig_ledger(struct rig_vtpm *v, enum local_request request, const struct ledger_entry *entry,
			  struct ledger_lease *ret_lease, struct diagnosis *d)
{
	uint8_t body_bytes[256];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_entry_encode(&w, entry);
	TRY(writer_end(&w, &body));
	TRY(rig_ask(v, ROLE_PSE, request, body, &reply, d));
	return ret_lease != NULL ? ledger_lease_decode(reply, ret_lease) : TCB_OK;
}

enum tcb_error rig_take_lease(struct rig_vtpm *v, const struct ledger_entry *entry, struct ledger_lease *ret_lease,
			      struct diagnosis *d)
{
	struct diagnosis why = {0};
	enum tcb_error error = rig_ledger(v, LOCAL_LEDGER_OPEN, entry, ret_lease, &why);

	if (error != TCB_REFUSED || strcmp(why.code, "ledger.unknown") != 0)
		return error == TCB_OK ? TCB_OK : diagnose_again(d, error, &why);
	*ret_lease = (struct ledger_lease){ .phase = LEDGER_HERE };
	return rig_ledger(v, LOCAL_LEDGER_CREATE, entry, NULL, d);
}

enum tcb_error rig_offer(struct rig_vtpm *v, const struct ledger_entry *entry, struct diagnosis *d)
{
	const struct ledger_offer m = { .id = entry->id, .version = entry->version, .digest = entry->digest,
					.handover = entry->handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_offer_encode(&w, &m);
	TRY(writer_end(&w, &body));
	return rig_ask(v, ROLE_PSE, LOCAL_LEDGER_OFFER, body, &reply, d);
}

enum tcb_error rig_expect(struct rig_vtpm *v, const struct ledger_entry *entry, struct diagnosis *d)
{
	const struct ledger_arrival m = { .id = entry->id, .lineage = entry->lineage, .generation = entry->generation,
					  .handover = entry->handover };
	uint8_t body_bytes[128];
	struct writer w = WRITER_OF(body_bytes);
	struct span body, reply;

	ledger_arrival_encode(&w, &m);
	TRY(writer_end(&w, &body));
	return rig_ask(v, ROLE_PSE, LOCAL_LEDGER_EXPECT, body, &reply, d);
}
