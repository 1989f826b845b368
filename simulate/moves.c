// SPDX-License-Identifier: MIT
/* The moves of a run. Each is a thing that a host can do, honest or not; what it meets is whatever
 * the moves before have left. */
#include "simulate/moves.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"

enum { TWINS_UNTIL = 4 /* machines */ };

/* ---- which ---- */

static struct platform *platform_of(const struct move *m)
{
	return &world.platforms[m->platform % world.platform_count];
}

/* One that was made, except for those that are to be made. NULL: there is none. */
static struct machine *machine_of(const struct move *m)
{
	for (unsigned i = 0; i < world.machine_count; i++) {
		struct machine *machine = &world.machines[(m->machine + i) % world.machine_count];

		if (machine->made || m->kind == MOVE_CREATE)
			return machine;
	}
	return NULL;
}

/* Where the machine is, or for one move in four anywhere. */
static struct place *place_for(const struct move *m)
{
	struct machine *machine = machine_of(m);

	if (machine == NULL)
		return NULL;
	return place_of(machine->at == NULL || m->pick % 4 == 3 ? platform_of(m) : machine->at,
			machine);
}

/* Held for the caller. */
static struct enclave *enclave_for(const struct move *m)
{
	struct place *place = place_for(m);
	struct enclave *e =
	    place != NULL ? place_enclave(place, m->pick % 16 < 12 ? 0 : m->pick) : NULL;

	if (e != NULL)
		enclave_hold(e);
	return e;
}

static void switch_on(struct enclave *e)
{
	if (e == NULL)
		return;
	(void)!vtpm_init(e, 0, NULL);
	enclave_release(e);
}

/* The same; a machine whose enclave does not run there, or has not been switched on, is started
 * first. */
static struct enclave *running_for(const struct move *m)
{
	struct place *place = place_for(m);
	struct enclave *e = place != NULL ? place->enclaves[0] : NULL;

	if (place != NULL && (e == NULL || !e->alive || !e->on) &&
	    (e = vtpm_run_newest(place)) != NULL)
		enclave_release(e);
	return enclave_for(m);
}

struct blobs blobs_copy(const struct blobs *b)
{
	return (struct blobs){bytes_of(bytes_span(&b->permanent)),
			      bytes_of(bytes_span(&b->volatile_state))};
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
		memmove(&machine->blobs[0], &machine->blobs[1],
			(BLOBS_MAX - 1) * sizeof machine->blobs[0]);
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

static void start(const struct move *m)
{
	struct place *place = place_for(m);

	struct enclave *e = place != NULL ? vtpm_run_newest(place) : NULL;

	if (e != NULL)
		enclave_release(e);
}

static const enum use uses[16] = {USE_INCREMENT, USE_INCREMENT, USE_INCREMENT, USE_INCREMENT,
				  USE_READ,      USE_READ,      USE_GUESS,     USE_GUESS,
				  USE_GUESS,     USE_UNSEAL,    USE_SIGN,      USE_SIGN,
				  USE_EXTEND,    USE_ATTEST,    USE_INCREMENT, USE_SIGN};

static void use(const struct move *m)
{
	struct enclave *e = running_for(m);

	if (e == NULL)
		return;
	(void)!vtpm_use(e, uses[m->pick / 16], NULL);
	enclave_release(e);
}

/* The blobs go to `to`: into an enclave that was there before, or a new one. If that fails, the
 * source goes on, as QEMU's does. */
static void deliver(struct enclave *source, struct place *to, const struct blobs *blobs, bool anew)
{
	struct enclave *e = to->enclaves[0];

	if (anew || e == NULL || !e->alive || e->on || e == source)
		e = vtpm_ready_for_import(to, NULL);
	else
		enclave_hold(e);
	if (e != NULL && vtpm_import(e, blobs, NULL) == TCB_OK) {
		to->machine->at = to->platform;
		(void)!vtpm_call(source, CALL_VTPM_STOP, NULL, NULL); /* its QEMU has ended */
	} else if (source->alive) {
		(void)!vtpm_call(source, CALL_VTPM_RESUME, NULL, NULL);
	}
	if (e != NULL)
		enclave_release(e);
}

static void migrate(const struct move *m)
{
	struct machine *machine = machine_of(m);
	struct enclave *e = running_for(m);
	struct blobs blobs;

	if (e == NULL)
		return;
	if (vtpm_export(e, &blobs, NULL) == TCB_OK) {
		remember_blobs(machine, &blobs);
		blobs = blobs_copy(&blobs);
		deliver(e, place_of(platform_of(m), machine), &blobs, m->pick % 32 >= 16);
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
	kept = &machine->blobs[machine->blob_count - 1 -
			       (m->pick % 4 == 3 ? m->pick / 4 % machine->blob_count : 0)];
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
			    v->count > 0 && m->pick % 2 == 0 ? &v->list[m->pick % v->count] : NULL,
			    NULL));
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

void tidy_platform(struct platform *p)
{
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);
	bool done = false;

	writer_u64(&w, ++p->tidy_round);
	for (int i = 0; i < 8 && !done; i++) {
		struct bytes reply = {0};

		if (network_ask(p, CALL_MIGE_TIDY, SPAN_OF(body_bytes), &reply, &done, NULL) !=
		    TCB_OK)
			return;
		bytes_free(&reply);
	}
}

static void tidy(const struct move *m) { tidy_platform(platform_of(m)); }

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

	if (machine == NULL || world.machine_count >= TWINS_UNTIL)
		return;
	twin = world_add_machine(&machine->id, machine->policy);
	e = twin != NULL
		? vtpm_start(place_of(
		      m->pick % 2 == 0 && machine->at != NULL ? machine->at : platform_of(m), twin))
		: NULL;
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

/* An enclave under way is told that its hand-over was granted; that it believed so is stored, and
 * does not reach the PSE. */
static void bait(const struct move *m)
{
	struct actor *a = actor_current();
	struct enclave *e = running_for(m);
	struct blobs blobs;

	if (e == NULL)
		return;
	if (vtpm_export(e, &blobs, NULL) == TCB_OK) {
		remember_blobs(machine_of(m), &blobs);
		a->faults[0] =
		    (struct fault){.at = (uint16_t)(a->crossings + 1), .kind = FAULT_REFUSE};
		a->faults[1] = (struct fault){.at = (uint16_t)(a->crossings + 2),
					      .kind = m->pick % 2 == 0 ? FAULT_ERROR : FAULT_KILL};
		(void)!vtpm_call(e, m->pick % 8 < 4 ? CALL_VTPM_RESUME : CALL_VTPM_STATUS, NULL,
				 NULL);
		a->faults[0].kind = a->faults[1].kind = FAULT_NONE;
	}
	enclave_release(e);
}

static void revive(const struct move *m)
{
	struct machine *machine = machine_of(m);
	struct place *place = place_for(m);
	struct enclave *e, *to;
	struct blobs blobs;

	if (place == NULL || place->states.count == 0 ||
	    (e = vtpm_open(place, m->pick % place->states.count, NULL, NULL)) == NULL)
		return;
	if (vtpm_export(e, &blobs, NULL) == TCB_OK) {
		to = vtpm_ready_for_import(place_of(platform_of(m), machine), NULL);
		if (to != NULL && vtpm_import(to, &blobs, NULL) == TCB_OK) {
			machine->at = to->platform;
			(void)!vtpm_use(to, USE_INCREMENT, NULL);
		}
		if (to != NULL)
			enclave_release(to);
		remember_blobs(machine, &blobs);
	}
	enclave_release(e);
}

static void power(const struct move *m)
{
	struct platform *p = platform_of(m);

	platform_power_cut(p, m->pick % (p->unsynced_count + 1));
	(void)platform_restart(p, NULL);
}

static void look_for_it(const struct move *m)
{
	struct machine *machine = machine_of(m);

	if (machine != NULL && machine->made)
		recover(machine);
}

static void restart(const struct move *m) { (void)platform_restart(platform_of(m), NULL); }

static void old_journal(const struct move *m)
{
	static const struct bytes none;
	struct platform *p = platform_of(m);
	unsigned count = p->journals.count;

	if (count > 1)
		(void)platform_restart_with(
		    p, m->pick % 8 == 0 ? &none : &p->journals.list[m->pick % (count - 1)]);
}

static void replay(const struct move *m)
{
	host_replay(platform_of(m), m->pick % 2 == 0, m->pick / 4, m->pick % 4 >= 2);
}

static void version(const struct move *m)
{
	platform_of(m)->isv_svn = m->pick % 4 == 0 ? 1 : VTPM_SVN_MAX;
}

static void cancel(const struct move *m) { call_one(m, CALL_VTPM_RESUME); }
static void shut_down(const struct move *m) { call_one(m, CALL_VTPM_SHUTDOWN); }
static void ask_status(const struct move *m) { call_one(m, CALL_VTPM_STATUS); }
static void stop(const struct move *m) { call_one(m, CALL_VTPM_STOP); }
static void store_volatile(const struct move *m) { call_one(m, CALL_VTPM_STORE_VOLATILE); }

/* `weight`: how often it is drawn, of the sum of all. `honest`: a thread of an honest host, of
 * which each machine has one. */
static const struct {
	const char *name;
	void (*run)(const struct move *m);
	uint8_t weight;
	bool honest;
} kinds[MOVE_COUNT] = {
    [MOVE_START] = {"start", start, 3, true},
    [MOVE_CREATE] = {"create", create, 0, true},
    [MOVE_USE] = {"use", use, 45, true},
    [MOVE_MIGRATE] = {"migrate", migrate, 16, true},
    [MOVE_EXPORT] = {"export", export_only, 4, false},
    [MOVE_IMPORT] = {"import", import_kept, 6, false},
    [MOVE_CANCEL] = {"cancel", cancel, 3, false},
    [MOVE_LOAD] = {"load", load_any, 6, false},
    [MOVE_KILL] = {"kill", kill_one, 3, false},
    [MOVE_RESTART] = {"restart", restart, 2, false},
    [MOVE_POWER] = {"power cut", power, 2, false},
    [MOVE_TIDY] = {"tidy", tidy, 3, false},
    [MOVE_SHUTDOWN] = {"shutdown", shut_down, 2, true},
    [MOVE_STATUS] = {"status", ask_status, 3, false},
    [MOVE_STOP] = {"stop", stop, 1, false},
    [MOVE_VOLATILE] = {"store volatile", store_volatile, 2, false},
    [MOVE_SNAPSHOT] = {"snapshot", snapshot, 1, false},
    [MOVE_REPLAY] = {"replay", replay, 2, false},
    [MOVE_REMAKE] = {"remake", remake, 1, false},
    [MOVE_VERSION] = {"version", version, 1, false},
    [MOVE_FORGET] = {"forget", forget, 1, false},
    [MOVE_BAIT] = {"bait", bait, 3, false},
    [MOVE_JOURNAL] = {"old journal", old_journal, 1, false},
    [MOVE_RECOVER] = {"recover", look_for_it, 5, true},
    [MOVE_REVIVE] = {"revive", revive, 4, false},
};

static bool is_idle(void *context)
{
	const struct machine *machine = context;

	return !machine->busy;
}

void move_do(const struct move *m)
{
	struct machine *machine = kinds[m->kind].honest ? machine_of(m) : NULL;

	for (unsigned p = 0; p < world.platform_count; p++)
		platform_mend(&world.platforms[p], NULL); /* a supervisor starts what has died */
	while (machine != NULL && machine->busy)
		(void)actor_wait(is_idle, machine, UINT32_MAX);
	if (machine != NULL)
		machine->busy = true;
	world.hostile_moves += !kinds[m->kind].honest;
	kinds[m->kind].run(m);
	if (machine != NULL)
		machine->busy = false;
}

/* ---- plans ---- */

enum { TOGETHER_MAX = 2, MARATHON = 420, MARATHON_OF = 40 };

static const char *const fault_names[FAULT_COUNT] = {
    "none",       "refuse",  "error",     "refuse after", "error after", "kill",
    "kill after", "restart", "repeat",    "stale",        "flip",        "power cut",
    "full disk",  "delay",   "net reset", "net double",   "net reorder", "net late",
};

static uint8_t draw_kind(struct random *r)
{
	unsigned sum = 0, drawn;

	for (unsigned i = 0; i < MOVE_COUNT; i++)
		sum += kinds[i].weight;
	drawn = random_below(r, sum);
	for (unsigned i = 0;; i++) {
		if (drawn < kinds[i].weight)
			return (uint8_t)i;
		drawn -= kinds[i].weight;
	}
}

static void draw_faults(struct random *r, unsigned percent, struct move *m)
{
	for (int i = 0; i < FAULTS_PER_MOVE; i++) {
		if (!random_percent(r, percent))
			continue;
		m->faults[i].kind = (uint8_t)(1 + random_below(r, FAULT_COUNT - 1));
		m->faults[i].choice = (uint8_t)random_below(r, 256);
		m->faults[i].at =
		    (uint16_t)(1 + random_below(
				       r, m->kind == MOVE_USE || random_percent(r, 50) ? 4 : 16));
	}
}

static void draw_honest(struct random *r, unsigned i, struct move *m)
{
	m->kind = i % 2 == 1 ? MOVE_MIGRATE : MOVE_USE;
	m->pick = (uint8_t)(random_below(r, 6) * 16); /* increments and reads */
	if (m->kind == MOVE_MIGRATE)
		m->pick = random_below(r, 16) == 0
			      ? 16
			      : 0; /* mostly into an enclave that was there before */
}

/* Kinds that are left out. */
static bool no_moves[MOVE_COUNT], no_faults[FAULT_COUNT];

static bool is_name(const char *name, const char *typed, size_t size)
{
	if (strlen(name) != size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (typed[i] != (name[i] == ' ' ? '-' : name[i]))
			return false;
	return true;
}

bool plan_avoid(const char *name, size_t size)
{
	bool found = false;

	for (int i = 0; i < MOVE_COUNT; i++)
		found |= no_moves[i] |= is_name(kinds[i].name, name, size);
	for (int i = 0; i < FAULT_COUNT; i++)
		found |= no_faults[i] |= is_name(fault_names[i], name, size);
	return found;
}

/* What is avoided is replaced, so that all else is drawn as it would be. */
static void leave_out(struct move *m)
{
	if (no_moves[m->kind])
		m->kind = MOVE_USE;
	for (int i = 0; i < FAULTS_PER_MOVE; i++)
		if (no_faults[m->faults[i].kind])
			m->faults[i].kind = FAULT_NONE;
}

/* One vTPM goes to and fro, under few faults. */
static void make_marathon(struct random *r, struct plan *plan)
{
	plan->platforms = 2;
	plan->machines = 1;
	plan->together = 0;
	plan->count = MARATHON;
	for (unsigned i = 1; i < plan->count; i++) {
		struct move *m = &plan->moves[i];

		m->platform = (uint8_t)i;
		draw_honest(r, i % 8 == 0 ? 0 : 1, m);
		if (random_percent(r, 2))
			draw_faults(r, 50, m);
		leave_out(m);
	}
}

void plan_make(uint64_t seed, unsigned count, bool hostile, struct plan *ret_plan)
{
	static const uint8_t percents[] = {3, 10, 20, 40};
	struct random r;
	unsigned percent;

	random_seed(&r, seed);
	*ret_plan = (struct plan){.count = count, .hostile = hostile};
	ret_plan->platforms = hostile ? 2 + random_below(&r, PLATFORMS_MAX - 1) : 2;
	ret_plan->together = hostile ? random_below(&r, TOGETHER_MAX + 1) : 0;
	ret_plan->machines = hostile ? 1 + random_below(&r, 3) : 1;
	ret_plan->blobs_lost = random_percent(&r, 50);
	ret_plan->moves[0].kind = MOVE_CREATE;
	if (hostile && random_below(&r, MARATHON_OF) == 0) {
		make_marathon(&r, ret_plan);
		return;
	}
	percent = percents[random_below(&r, sizeof percents / sizeof percents[0])];
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
			draw_faults(&r, percent, m);
			leave_out(m);
		} else {
			draw_honest(&r, i, m);
			m->platform = (uint8_t)(i / 2);
		}
	}
}

/* ---- for people ---- */

const char *fault_name(enum fault_kind kind) { return fault_names[kind]; }

/* What is not obvious from the kind. */
static void print_details(const struct move *m)
{
	static const char *const use_names[] = {"increment", "read",   "wrong PIN", "unseal",
						"sign",      "extend", "attest"};

	if (m->kind == MOVE_USE)
		(void)printf(" (%s)", use_names[uses[m->pick / 16]]);
	if (m->kind == MOVE_LOAD && m->pick >= 100)
		(void)printf(" (an old state)");
	if (m->kind == MOVE_VERSION)
		(void)printf(" (SVN %u)", m->pick % 4 == 0 ? 1 : VTPM_SVN_MAX);
	if (m->pick % 4 == 3 && m->kind != MOVE_CREATE)
		(void)printf(", at that platform");
	if (m->pick % 16 >= 12 && m->kind != MOVE_CREATE)
		(void)printf(", with an older enclave there");
}

void move_print(unsigned number, const struct plan *plan)
{
	const struct move *m = &plan->moves[number];

	(void)printf("  %4u %-14s machine %u platform %c pick %3u", number, kinds[m->kind].name,
		     m->machine % plan->machines, 'A' + m->platform % (int)plan->platforms,
		     m->pick);
	print_details(m);
	for (int i = 0; i < FAULTS_PER_MOVE; i++)
		if (m->faults[i].kind != FAULT_NONE)
			(void)printf("; %s at call %u (%u)", fault_names[m->faults[i].kind],
				     m->faults[i].at, m->faults[i].choice);
	(void)printf("\n");
}
