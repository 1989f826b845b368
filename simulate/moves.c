// SPDX-License-Identifier: MIT
/* The moves of a run. Each is a thing that a host can do, honest or not; what it meets is whatever the moves before have left. */
#include "simulate/moves.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"

/* ---- which ---- */

static struct platform *platform_of(const struct move *m)
{
	return &world.platforms[m->platform % world.platform_count];
}

static struct machine *machine_of(const struct move *m)
{
	return world.machine_count > 0 ? &world.machines[m->machine % world.machine_count] : NULL;
}

/* Where the machine is, or for one move in four anywhere. */
static struct place *place_for(const struct move *m)
{
	struct machine *machine = machine_of(m);

	if (machine == NULL)
		return NULL;
	return place_of(machine->at == NULL || m->pick % 4 == 3 ? platform_of(m) : machine->at, machine);
}

/* Held for the caller. */
static struct enclave *enclave_for(const struct move *m)
{
	struct place *place = place_for(m);
	struct enclave *e = place != NULL ? place_enclave(place, m->pick % 16 < 12 ? 0 : m->pick) : NULL;

	if (e != NULL)
		enclave_hold(e);
	return e;
}

struct blobs blobs_copy(const struct blobs *b)
{
	return (struct blobs){ bytes_of(bytes_span(&b->permanent)), bytes_of(bytes_span(&b->volatile_state)) };
}

void blobs_free(struct blobs *b)
{
	bytes_free(&b->permanent);
	bytes_free(&b->volatile_state);
}

static void remember_blobs(struct machine *machine, const struct blobs *blobs)
{
	if (machine->blob_count == BLOBS_MAX) {
		blobs_free(&machine->blobs[0]);
		memmove(&machine->blobs[0], &machine->blobs[1], (BLOBS_MAX - 1) * sizeof machine->blobs[0]);
		machine->blob_count--;
	}
	machine->blobs[machine->blob_count++] = *blobs;
}

/* ---- honest moves ---- */

static void create(const struct move *m)
{
	struct machine *machine = machine_of(m);
	struct place *place;
	struct enclave *e;

	if (machine == NULL || machine->made)
		return;
	place = place_of(platform_of(m), machine);
	e = vtpm_start(place);
	if (e == NULL)
		return;
	if (vtpm_make(e, false, NULL) == TCB_OK) {
		machine->made = true;
		machine->at = place->platform;
		if (vtpm_init(e, 0, NULL) == TCB_OK)
			(void)!vtpm_use(e, USE_INCREMENT, NULL);
	}
	enclave_release(e);
}

static void switch_on(struct enclave *e)
{
	if (e == NULL)
		return;
	(void)!vtpm_init(e, 0, NULL);
	enclave_release(e);
}

static void start(const struct move *m)
{
	struct place *place = place_for(m);

	if (place != NULL)
		switch_on(vtpm_open_newest(place, NULL));
}

static void use(const struct move *m)
{
	static const enum use uses[16] = { USE_INCREMENT, USE_INCREMENT, USE_INCREMENT, USE_INCREMENT, USE_READ, USE_READ, USE_GUESS, USE_GUESS,
					   USE_GUESS, USE_UNSEAL, USE_SIGN, USE_SIGN, USE_EXTEND, USE_ATTEST, USE_INCREMENT, USE_SIGN };
	struct enclave *e = enclave_for(m);

	if (e == NULL)
		return;
	(void)!vtpm_use(e, uses[m->pick / 16], NULL);
	enclave_release(e);
}

/* The blobs go to `to`; if that fails, the source goes on, as QEMU's does. */
static void deliver(struct enclave *source, struct place *to, const struct blobs *blobs)
{
	struct enclave *e = vtpm_ready_for_import(to, NULL);

	if (e != NULL && vtpm_import(e, blobs, NULL) == TCB_OK)
		to->machine->at = to->platform;
	else if (source->alive)
		(void)!vtpm_call(source, CALL_VTPM_RESUME, NULL, NULL);
	if (e != NULL)
		enclave_release(e);
}

static void migrate(const struct move *m)
{
	struct machine *machine = machine_of(m);
	struct enclave *e = enclave_for(m);
	struct blobs blobs;

	if (e == NULL)
		return;
	if (vtpm_export(e, &blobs, NULL) == TCB_OK) {
		remember_blobs(machine, &blobs);
		blobs = blobs_copy(&blobs);
		deliver(e, place_of(platform_of(m), machine), &blobs);
		blobs_free(&blobs);
	}
	enclave_release(e);
}

/* ---- moves of a host that lies ---- */

static void export_only(const struct move *m)
{
	struct enclave *e = enclave_for(m);
	struct blobs blobs;

	if (e == NULL)
		return;
	if (vtpm_export(e, &blobs, NULL) == TCB_OK)
		remember_blobs(machine_of(m), &blobs);
	enclave_release(e);
}

static void import_kept(const struct move *m)
{
	struct machine *machine = machine_of(m);
	struct blobs *kept, blobs;
	struct enclave *e;

	if (machine == NULL || machine->blob_count == 0)
		return;
	kept = &machine->blobs[machine->blob_count - 1 - (m->pick % 4 == 3 ? m->pick / 4 % machine->blob_count : 0)];
	blobs = blobs_copy(kept);
	e = vtpm_ready_for_import(place_of(platform_of(m), machine), NULL);
	if (e != NULL) {
		if (vtpm_import(e, &blobs, NULL) == TCB_OK)
			machine->at = e->platform;
		enclave_release(e);
	}
	blobs_free(&blobs);
}

static void load_any(const struct move *m)
{
	struct place *place = place_for(m);
	const struct history *v;

	if (place == NULL || place->states.count == 0)
		return;
	v = &place->volatiles;
	switch_on(vtpm_open(place, m->pick < 100 ? 0 : m->pick % place->states.count,
			    v->count > 0 && m->pick % 2 == 0 ? &v->list[m->pick % v->count] : NULL, NULL));
}

static void call_one(const struct move *m, enum call call)
{
	struct enclave *e = enclave_for(m);

	if (e == NULL)
		return;
	(void)!vtpm_call(e, call, NULL, NULL);
	enclave_release(e);
}

static void kill_one(const struct move *m)
{
	struct enclave *e = enclave_for(m);

	if (e == NULL)
		return;
	vtpm_kill(e);
	enclave_release(e);
}

static void tidy(const struct move *m)
{
	struct platform *p = platform_of(m);
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);
	bool done = false;

	writer_u64(&w, ++p->tidy_round);
	for (int i = 0; i < 4 && !done; i++) {
		struct bytes reply = {0};

		if (network_ask(p, CALL_MIGE_TIDY, SPAN_OF(body_bytes), &reply, &done, NULL) != TCB_OK)
			return;
		bytes_free(&reply);
	}
}

static void snapshot(const struct move *m)
{
	struct platform *p = platform_of(m);

	if (p->pse != NULL && p->up)
		(void)!host_ecall(p->pse, CALL_PSE_SNAPSHOT, span_of(NULL, 0), NULL, NULL);
}

static void forget(const struct move *m)
{
	struct platform *p = platform_of(m);
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);
	struct enclave *e = enclave_for(m);

	if (e == NULL)
		return;
	writer_u64(&w, e->number);
	if (p->pse != NULL && p->up && m->pick % 2 == 0)
		(void)!host_ecall(p->pse, CALL_PSE_FORGET, SPAN_OF(body_bytes), NULL, NULL);
	else if (p->mige != NULL && p->up)
		(void)!host_ecall(p->mige, CALL_MIGE_FORGET, SPAN_OF(body_bytes), NULL, NULL);
	enclave_release(e);
}

/* Another machine with the id of one that is there. */
static void remake(const struct move *m)
{
	struct machine *twin, *machine = machine_of(m);
	struct enclave *e;

	if (machine == NULL || !machine->made)
		return;
	twin = world_add_machine(&machine->id, machine->policy);
	e = twin != NULL ? vtpm_start(place_of(m->pick % 2 == 0 && machine->at != NULL ? machine->at : platform_of(m), twin)) : NULL;
	if (e == NULL)
		return;
	if (vtpm_make(e, false, NULL) == TCB_OK) {
		twin->made = true;
		twin->at = e->platform;
		if (vtpm_init(e, 0, NULL) == TCB_OK)
			(void)!vtpm_use(e, USE_INCREMENT, NULL);
	}
	enclave_release(e);
}

static void power(const struct move *m)
{
	struct platform *p = platform_of(m);

	platform_power_cut(p, m->pick % (p->unsynced_count + 1));
	(void)platform_restart(p, NULL);
}

void move_do(const struct move *m)
{
	for (unsigned p = 0; p < world.platform_count; p++)
		platform_mend(&world.platforms[p], NULL); /* a supervisor starts what has died */
	switch ((enum move_kind)m->kind) {
	case MOVE_START: start(m); break;
	case MOVE_CREATE: create(m); break;
	case MOVE_USE: use(m); break;
	case MOVE_MIGRATE: migrate(m); break;
	case MOVE_EXPORT: export_only(m); break;
	case MOVE_IMPORT: import_kept(m); break;
	case MOVE_CANCEL: call_one(m, CALL_VTPM_RESUME); break;
	case MOVE_LOAD: load_any(m); break;
	case MOVE_KILL: kill_one(m); break;
	case MOVE_RESTART: (void)platform_restart(platform_of(m), NULL); break;
	case MOVE_POWER: power(m); break;
	case MOVE_TIDY: tidy(m); break;
	case MOVE_SHUTDOWN: call_one(m, CALL_VTPM_SHUTDOWN); break;
	case MOVE_STATUS: call_one(m, CALL_VTPM_STATUS); break;
	case MOVE_STOP: call_one(m, CALL_VTPM_STOP); break;
	case MOVE_VOLATILE: call_one(m, CALL_VTPM_STORE_VOLATILE); break;
	case MOVE_SNAPSHOT: snapshot(m); break;
	case MOVE_REPLAY: host_replay(platform_of(m), m->pick % 2 == 0, m->pick / 4, m->pick % 4 >= 2); break;
	case MOVE_REMAKE: remake(m); break;
	case MOVE_VERSION: platform_of(m)->isv_svn = (uint16_t)(1 + m->pick % 2); break;
	case MOVE_FORGET: forget(m); break;
	case MOVE_COUNT: break;
	}
}

/* ---- plans ---- */

/* How often each is drawn, of the sum of all. */
static const uint8_t weights[MOVE_COUNT] = {
	[MOVE_START] = 8, [MOVE_USE] = 40, [MOVE_MIGRATE] = 14, [MOVE_EXPORT] = 4, [MOVE_IMPORT] = 7, [MOVE_CANCEL] = 4, [MOVE_LOAD] = 9,
	[MOVE_KILL] = 4, [MOVE_RESTART] = 2, [MOVE_POWER] = 2, [MOVE_TIDY] = 3, [MOVE_SHUTDOWN] = 2, [MOVE_STATUS] = 4, [MOVE_STOP] = 1,
	[MOVE_VOLATILE] = 2, [MOVE_SNAPSHOT] = 1, [MOVE_REPLAY] = 3, [MOVE_REMAKE] = 1, [MOVE_VERSION] = 1, [MOVE_FORGET] = 1,
};

static uint8_t draw_kind(struct random *r)
{
	unsigned sum = 0, drawn;

	for (unsigned i = 0; i < MOVE_COUNT; i++)
		sum += weights[i];
	drawn = random_below(r, sum);
	for (unsigned i = 0;; i++) {
		if (drawn < weights[i])
			return (uint8_t)i;
		drawn -= weights[i];
	}
}

static void draw_faults(struct random *r, struct move *m)
{
	for (int i = 0; i < FAULTS_PER_MOVE; i++) {
		if (!random_percent(r, 25))
			continue;
		m->faults[i].kind = (uint8_t)(1 + random_below(r, FAULT_COUNT - 1));
		m->faults[i].choice = (uint8_t)random_below(r, 256);
		m->faults[i].at = (uint16_t)(1 + random_below(r, m->kind == MOVE_USE || random_percent(r, 50) ? 4 : 16));
	}
}

static void draw_honest(struct random *r, unsigned i, struct move *m)
{
	m->kind = i % 4 == 3 ? MOVE_MIGRATE : MOVE_USE;
	m->pick = (uint8_t)(random_below(r, 6) * 16); /* increments and reads */
}

void plan_make(uint64_t seed, unsigned count, bool hostile, struct plan *ret_plan)
{
	struct random r;

	random_seed(&r, seed);
	*ret_plan = (struct plan){ .count = count, .hostile = hostile };
	ret_plan->platforms = hostile ? 2 + random_below(&r, PLATFORMS_MAX - 1) : 2;
	ret_plan->machines = hostile ? 1 + random_below(&r, 3) : 1;
	for (unsigned i = 0; i < count; i++) {
		struct move *m = &ret_plan->moves[i];

		m->platform = (uint8_t)random_below(&r, 64);
		m->machine = (uint8_t)random_below(&r, 64);
		m->pick = (uint8_t)random_below(&r, 256);
		if (i < ret_plan->machines) {
			m->kind = MOVE_CREATE;
			m->machine = (uint8_t)i;
		} else if (hostile) {
			m->kind = draw_kind(&r);
			draw_faults(&r, m);
		} else {
			draw_honest(&r, i, m);
			m->platform = (uint8_t)(i / 4);
		}
	}
}

/* ---- for people ---- */

static const char *const move_names[MOVE_COUNT] = {
	"start", "create", "use", "migrate", "export", "import", "cancel", "load", "kill", "restart", "power cut", "tidy", "shutdown", "status",
	"stop", "store volatile", "snapshot", "replay", "remake", "version", "forget",
};

static const char *const fault_names[FAULT_COUNT] = {
	"none", "refuse", "error", "refuse after", "error after", "kill", "kill after", "restart", "repeat", "stale", "flip", "power cut",
	"full disk", "delay", "net reset", "net double", "net reorder", "net late",
};

const char *fault_name(enum fault_kind kind)
{
	return fault_names[kind];
}

void move_print(unsigned number, const struct plan *plan)
{
	const struct move *m = &plan->moves[number];

	(void)printf("  %4u %-14s machine %u platform %c pick %3u", number, move_names[m->kind], m->machine % plan->machines,
		     'A' + m->platform % (int)plan->platforms, m->pick);
	for (int i = 0; i < FAULTS_PER_MOVE; i++)
		if (m->faults[i].kind != FAULT_NONE)
			(void)printf(", %s at call %u (%u)", fault_names[m->faults[i].kind], m->faults[i].at, m->faults[i].choice);
	(void)printf("\n");
}
