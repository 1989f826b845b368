// SPDX-License-Identifier: MIT
/* Linked into PSE and MigE in the place of the calls by which they take and answer messages (the
 * linker's --wrap): says what each message was and how it was answered. The code itself is
 * untouched. */
#include <stdio.h>

#include "edge/local.h"
#include "enclave/lib/session.h"
#include "simulate/trace.h"

enum { PENDING_MAX = 64, TEXT_MAX = 200 };

enum tcb_error __real_session_receive(struct session_server *server, uint64_t number,
				      struct span message, struct writer *ret,
				      struct session_request *ret_request, struct diagnosis *d);
enum tcb_error __wrap_session_receive(struct session_server *server, uint64_t number,
				      struct span message, struct writer *ret,
				      struct session_request *ret_request, struct diagnosis *d);
enum tcb_error __real_session_reply(struct session_entry *session, enum tcb_error error,
				    struct span body, const struct diagnosis *d,
				    struct writer *ret);
enum tcb_error __wrap_session_reply(struct session_entry *session, enum tcb_error error,
				    struct span body, const struct diagnosis *d,
				    struct writer *ret);
/* Requests that are not answered yet. */
static struct {
	uint64_t serial, session;
	char text[TEXT_MAX + 64];
} pending[PENDING_MAX];

struct text {
	char bytes[TEXT_MAX];
	size_t size;
};

static void put(struct text *t, const char *format, unsigned long long value)
{
	int size = snprintf(t->bytes + t->size, sizeof t->bytes - t->size, format, value);

	if (size > 0 && t->size + (size_t)size < sizeof t->bytes)
		t->size += (size_t)size;
}

/* The first four bytes of an id or a digest: enough to tell them apart. */
static void put_id(struct text *t, const char *name, const uint8_t *id)
{
	put(t, name,
	    (unsigned long long)id[0] << 24 | (unsigned long long)id[1] << 16 |
		(unsigned long long)id[2] << 8 | id[3]);
}

/* An id, and a generation `between` bytes after it. */
static void put_generation(struct text *t, struct reader *r, size_t between)
{
	struct span skipped;
	struct uuid id;
	uint64_t generation;

	if (reader_copy(r, id.bytes, sizeof id.bytes) != TCB_OK)
		return;
	put_id(t, " id=%08llx", id.bytes);
	if (reader_bytes(r, between, &skipped) == TCB_OK &&
	    reader_u64(r, &generation) == TCB_OK)
		put(t, " generation=%llu", generation);
}

static void put_escrow(struct text *t, struct span body)
{
	struct local_escrow m;

	if (local_escrow_decode(body, &m) != TCB_OK)
		return;
	put_id(t, " id=%08llx", m.id.bytes);
	put(t, " generation=%llu", m.generation);
	put_id(t, " handover=%08llx", m.handover.bytes);
}

static void put_redeem(struct text *t, struct span body)
{
	struct local_redeem m;

	if (local_redeem_decode(body, &m) != TCB_OK)
		return;
	put_id(t, " id=%08llx", m.id.bytes);
	put(t, " generation=%llu", m.generation);
	put_id(t, " handover=%08llx", m.handover.bytes);
}

static void put_entry(struct text *t, struct span body)
{
	struct ledger_entry m;

	if (ledger_entry_decode(body, &m) != TCB_OK)
		return;
	put_id(t, " id=%08llx", m.id.bytes);
	put(t, " generation=%llu", m.generation);
	put(t, " version=%llu", m.version);
	put_id(t, " digest=%08llx", m.digest.bytes);
	put_id(t, " previous=%08llx", m.previous.bytes);
}

static void put_handover(struct text *t, const struct uuid *id, const struct handover_id *handover)
{
	put_id(t, " id=%08llx", id->bytes);
	put_id(t, " handover=%08llx", handover->bytes);
}

static void put_ledger_handover(struct text *t, struct span body)
{
	struct reader r = reader_of(body);
	struct ledger_handover m;

	if (reader_copy(&r, m.id.bytes, sizeof m.id.bytes) == TCB_OK &&
	    reader_copy(&r, m.lineage.bytes, sizeof m.lineage.bytes) == TCB_OK &&
	    reader_copy(&r, m.handover.bytes, sizeof m.handover.bytes) == TCB_OK)
		put_handover(t, &m.id, &m.handover);
}

static void put_offer(struct text *t, struct span body)
{
	struct ledger_offer m;

	if (ledger_offer_decode(body, &m) != TCB_OK)
		return;
	put_handover(t, &m.id, &m.handover);
	put(t, " version=%llu", m.version);
	put_id(t, " digest=%08llx", m.digest.bytes);
}

static void put_arrival(struct text *t, struct span body)
{
	struct ledger_arrival m;

	if (ledger_arrival_decode(body, &m) != TCB_OK)
		return;
	put_handover(t, &m.id, &m.handover);
	put(t, " generation=%llu", m.generation);
}

static void put_journal(struct text *t, struct span body)
{
	static const char *const changes[] = {"none",  "escrow", "revoke",
					      "grant", "return", "settle"};
	struct journal_version m;

	if (journal_version_decode(body, &m) != TCB_OK)
		return;
	put_handover(t, &m.id, &m.handover);
	put(t, " journal=%llu", m.version);
	t->size += (size_t)snprintf(t->bytes + t->size, sizeof t->bytes - t->size, " change=%s",
				    changes[m.change]);
}

static const char *request_name(enum local_request request)
{
	switch (request) {
	case LOCAL_GET_CERTIFIED_AK:
		return "certified-ak";
	case LOCAL_ENDORSE:
		return "endorse";
	case LOCAL_LEDGER_OPEN:
		return "open";
	case LOCAL_LEDGER_COMMIT:
		return "commit";
	case LOCAL_LEDGER_CREATE:
		return "create";
	case LOCAL_LEDGER_OFFER:
		return "offer";
	case LOCAL_LEDGER_EXPECT:
		return "expect";
	case LOCAL_LEDGER_ARRIVE:
		return "arrive";
	case LOCAL_LEDGER_GRANTED:
		return "granted";
	case LOCAL_LEDGER_RENOUNCE:
		return "renounced";
	case LOCAL_JOURNAL_OPEN:
		return "journal-open";
	case LOCAL_JOURNAL_COMMIT:
		return "journal-commit";
	case LOCAL_LEDGER_CHECK:
		return "check";
	case LOCAL_LEDGER_HAS:
		return "has";
	case LOCAL_ESCROW:
		return "escrow";
	case LOCAL_ESCROW_AGAIN:
		return "escrow-again";
	case LOCAL_REVOKE:
		return "revoke";
	case LOCAL_HAS_MOVED:
		return "has-moved";
	case LOCAL_REDEEM:
		return "redeem";
	case LOCAL_RENOUNCE:
		return "renounce";
	default:
		return "request";
	}
}

static struct text describe(const struct session_request *request)
{
	struct text t = {0};
	struct reader r = reader_of(request->body);

	switch (request->request) {
	case LOCAL_ESCROW:
	case LOCAL_ESCROW_AGAIN:
		put_escrow(&t, request->body);
		break;
	case LOCAL_REDEEM:
		put_redeem(&t, request->body);
		break;
	case LOCAL_LEDGER_OPEN:
	case LOCAL_LEDGER_COMMIT:
	case LOCAL_LEDGER_CREATE:
	case LOCAL_LEDGER_ARRIVE:
		put_entry(&t, request->body);
		break;
	case LOCAL_LEDGER_OFFER:
		put_offer(&t, request->body);
		break;
	case LOCAL_LEDGER_EXPECT:
		put_arrival(&t, request->body);
		break;
	case LOCAL_JOURNAL_OPEN:
	case LOCAL_JOURNAL_COMMIT:
		put_journal(&t, request->body);
		break;
	case LOCAL_REVOKE:
	case LOCAL_RENOUNCE:
	case LOCAL_LEDGER_GRANTED:
	case LOCAL_LEDGER_RENOUNCE:
		put_ledger_handover(&t, request->body);
		break;
	case LOCAL_HAS_MOVED:
		put_generation(&t, &r, SHA256_SIZE);
		break;
	case LOCAL_LEDGER_CHECK:
	case LOCAL_ENDORSE:
		put_generation(&t, &r, 0);
		break;
	default:
		break;
	}
	return t;
}

enum tcb_error __wrap_session_receive(struct session_server *server, uint64_t number,
				      struct span message, struct writer *ret,
				      struct session_request *ret_request, struct diagnosis *d)
{
	enum tcb_error error = __real_session_receive(server, number, message, ret, ret_request, d);
	struct text t;

	if (error != TCB_OK || ret_request->is_handshake || !trace_is_on())
		return error;
	t = describe(ret_request);
	for (int i = 0; i < PENDING_MAX; i++) {
		if (pending[i].serial != 0 && pending[i].serial != ret_request->session->serial)
			continue;
		pending[i].serial = ret_request->session->serial;
		pending[i].session = number;
		(void)snprintf(pending[i].text, sizeof pending[i].text, "%s from=%llu%s",
			       request_name(ret_request->request), (unsigned long long)number,
			       t.bytes);
		break;
	}
	return error;
}

enum tcb_error __wrap_session_reply(struct session_entry *session, enum tcb_error error,
				    struct span body, const struct diagnosis *d, struct writer *ret)
{
	for (int i = 0; i < PENDING_MAX && trace_is_on(); i++) {
		if (pending[i].serial != session->serial)
			continue;
		trace_event("%s result=%s", pending[i].text, error == TCB_OK ? "ok" : d->code);
		pending[i].serial = 0;
		break;
	}
	return __real_session_reply(session, error, body, d, ret);
}
