// SPDX-License-Identifier: MIT
/* Checks I1 to I4 and I6 after each call. A call that began before another enclave answered may
 * still end: the right to answer was its when it began, and the host can hold any answer back. */
#include "simulate/oracle.h"

#include <stdarg.h>
#include <stdio.h>

#include "simulate/trace.h"
#include "simulate/world.h"

enum { EVENTS_MAX = 16 };

struct oracle oracle;

/* What the TPM did in the call under way, for each enclave that is in one. */
struct call_record {
	const struct enclave *e;
	uint64_t began;
	unsigned count;
	struct {
		enum tpm_event event;
		struct identity *identity;
		uint64_t value;
	} events[EVENTS_MAX];
};

static struct call_record records[64];

void oracle_violate(const char *invariant, const char *format, ...)
{
	char text[200];
	va_list list;

	if (oracle.violation[0] != '\0')
		return;
	va_start(list, format);
	(void)vsnprintf(text, sizeof text, format, list);
	va_end(list);
	(void)snprintf(oracle.violation, sizeof oracle.violation, "%s: %s", invariant, text);
}

struct identity *oracle_find(const uint8_t lineage[LINEAGE_SIZE])
{
	for (unsigned i = 0; i < oracle.identity_count; i++)
		if (memcmp(oracle.identities[i].lineage, lineage, LINEAGE_SIZE) == 0)
			return &oracle.identities[i];
	return NULL;
}

static struct call_record *record_of(const struct enclave *e)
{
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
		if (records[i].e == e)
			return &records[i];
	return NULL;
}

static struct identity *add_identity(const struct enclave *e, const uint8_t lineage[LINEAGE_SIZE])
{
	struct identity *id;

	if (oracle.identity_count == LINEAGES_MAX)
		return NULL;
	id = &oracle.identities[oracle.identity_count++];
	memcpy(id->lineage, lineage, LINEAGE_SIZE);
	id->machine = e->place->machine->index;
	return id;
}

void oracle_tpm(enum tpm_event event, const uint8_t lineage[LINEAGE_SIZE], uint64_t value)
{
	struct enclave *e = enclave_current();
	struct call_record *r = record_of(e);
	struct identity *id = oracle_find(lineage);

	if (id == NULL)
		id = add_identity(e, lineage);
	if (id == NULL || r == NULL)
		return;
	e->identity = id;
	if (event == TPM_RUNS && e->importing && e->self.isv_svn < id->sealed_svn)
		oracle_violate("I6",
			       "machine %u: an enclave of SVN %u on %s got what one of SVN %u had",
			       id->machine, e->self.isv_svn, e->platform->name, id->sealed_svn);
	if (event == TPM_WRONG_PIN) {
		oracle.wrong_pins++;
		if (++id->wrong_pins > SIMULATED_TRIES)
			oracle_violate("I3",
				       "machine %u: %u wrong PINs were compared, the TPM allows %u",
				       id->machine, id->wrong_pins, SIMULATED_TRIES);
	}
	if (r->count < EVENTS_MAX) {
		r->events[r->count].event = event;
		r->events[r->count].identity = id;
		r->events[r->count++].value = value;
	}
}

/* ---- I1 ---- */

static struct holder *find_holder(struct identity *id, const struct enclave *e)
{
	for (unsigned i = 0; i < id->holder_count; i++)
		if (id->holders[i].enclave == e->number && id->holders[i].residence == e->residence)
			return &id->holders[i];
	if (id->holder_count ==
	    HOLDERS_MAX) { /* the oldest is forgotten; the current one is among the newest */
		memmove(&id->holders[0], &id->holders[HOLDERS_MAX / 2],
			HOLDERS_MAX / 2 * sizeof id->holders[0]);
		id->holder_count = HOLDERS_MAX / 2;
		id->current = id->current != NULL ? id->current - HOLDERS_MAX / 2 : NULL;
	}
	id->holders[id->holder_count] =
	    (struct holder){.enclave = e->number, .residence = e->residence};
	return &id->holders[id->holder_count++];
}

static void check_holder(struct identity *id, const struct enclave *e, uint64_t began)
{
	struct holder *h = find_holder(id, e);

	if (h == id->current)
		return;
	if (h->superseded != 0) {
		if (began > h->superseded)
			oracle_violate("I1",
				       "machine %u: enclave %llu on %s answers after enclave %llu "
				       "has taken over",
				       id->machine, (unsigned long long)e->number,
				       e->platform->name, (unsigned long long)id->current->enclave);
		return; /* it began before */
	}
	if (id->current != NULL)
		id->current->superseded = oracle.clock;
	id->current = h;
}

/* ---- I2 ---- */

static void check_increment(struct identity *id, uint64_t value, uint64_t began)
{
	for (unsigned i = 0; i < id->value_count; i++)
		if (id->values[i] == value)
			oracle_violate("I2", "machine %u: its counter gave %llu twice", id->machine,
				       (unsigned long long)value);
	if (value <= id->acknowledged && began > id->acknowledged_at)
		oracle_violate("I2", "machine %u: its counter went back from %llu to %llu",
			       id->machine, (unsigned long long)id->acknowledged,
			       (unsigned long long)value);
	if (id->value_count == VALUES_MAX)
		memmove(id->values, id->values + VALUES_MAX / 2,
			(id->value_count = VALUES_MAX / 2) * sizeof id->values[0]);
	id->values[id->value_count++] = (uint32_t)value;
}

static void check_read(const struct identity *id, uint64_t value, uint64_t began)
{
	if (value < id->acknowledged && began > id->acknowledged_at)
		oracle_violate("I2", "machine %u: its counter reads %llu after %llu", id->machine,
			       (unsigned long long)value, (unsigned long long)id->acknowledged);
}

static void acknowledge(struct identity *id, uint64_t value)
{
	if (value <= id->acknowledged)
		return;
	id->acknowledged = value;
	id->acknowledged_at = oracle.clock;
}

/* ---- calls ---- */

static bool is_use(enum tpm_event event)
{
	return event == TPM_INCREMENTED || event == TPM_READ || event == TPM_UNSEALED ||
	       event == TPM_SIGNED || event == TPM_WRONG_PIN || event == TPM_LOCKED_OUT;
}

void oracle_call_begins(const struct enclave *e, enum call call)
{
	struct call_record *r = record_of(NULL);

	(void)call;
	oracle.clock++;
	if (e->place == NULL || r == NULL)
		return;
	r->e = e;
	r->began = oracle.clock;
	r->count = 0;
}

static void judge_answer(const struct enclave *e, const struct call_record *r, unsigned i)
{
	struct identity *id = r->events[i].identity;

	if (!is_use(r->events[i].event))
		return;
	oracle.answers++;
	trace_event("answer at=%s enclave=%llu machine=%u residence=%u event=%d value=%llu",
		    e->platform->name, (unsigned long long)e->number, id->machine, e->residence,
		    (int)r->events[i].event, (unsigned long long)r->events[i].value);
	id->served = true;
	id->answered_at |= 1u << e->platform->index;
	if (oracle.finishing)
		id->goes_on = true;
	check_holder(id, e, r->began);
	if (e->self.isv_svn > id->sealed_svn)
		id->sealed_svn = e->self.isv_svn;
	if (r->events[i].event == TPM_INCREMENTED)
		check_increment(id, r->events[i].value, r->began);
	if (r->events[i].event == TPM_READ)
		check_read(id, r->events[i].value, r->began);
	if (r->events[i].event == TPM_INCREMENTED || r->events[i].event == TPM_READ)
		acknowledge(id, r->events[i].value);
}

void oracle_call_ends(struct enclave *e, enum call call, enum tcb_error error)
{
	struct call_record *r = record_of(e);

	oracle.clock++;
	if (r == NULL)
		return;
	if (error == TCB_OK && call == CALL_VTPM_ATTEST && e->identity != NULL)
		check_holder(e->identity, e, r->began);
	if (error == TCB_OK && call == CALL_VTPM_COMMAND)
		for (unsigned i = 0; i < r->count; i++)
			judge_answer(e, r, i);
	r->e = NULL;
}

/* ---- secrets ---- */

void oracle_frame(const struct enclave *e, const struct frame_head *head, struct span body)
{
	if (memmem(body.data, body.size, SIMULATED_CANARY, sizeof SIMULATED_CANARY - 1) != NULL)
		oracle_violate("secret", "enclave %llu shows its TPM's secret in call 0x%04x",
			       (unsigned long long)e->number, (unsigned)head->call);
}
