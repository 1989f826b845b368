// SPDX-License-Identifier: MIT
/* Platforms and their disks. */
#include "simulate/world.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "edge/calls.h"
#include "edge/mige.h"
#include "edge/pse.h"
#include "sgxsim/pki.h"
#include "sgxsim/sigstruct.h"
#include "simulate/module.h"
#include "simulate/random.h"
#include "simulate/trace.h"
#include "tests/enclave/rig/ptpm.h"

enum { BOOT_SEED = 7, SERVICE_SVN = 1, SPARE_FRAMES = 32 };

struct world world;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "simulate: %s\n", what);
	exit(2);
}

/* Frames that are not in use: their memory stays. */
static uint8_t *spare_frames[SPARE_FRAMES];
static unsigned spare_frame_count;

uint8_t *frame_take(void)
{
	uint8_t *frame =
	    spare_frame_count > 0 ? spare_frames[--spare_frame_count] : malloc(LIMIT_FRAME);

	must(frame != NULL, "no memory");
	return frame;
}

void frame_give(uint8_t *frame)
{
	if (spare_frame_count < SPARE_FRAMES)
		spare_frames[spare_frame_count++] = frame;
	else
		free(frame);
}

struct bytes bytes_of(struct span span)
{
	struct bytes b = {.data = malloc(span.size + 1), .size = span.size};

	must(b.data != NULL, "no memory");
	if (span.size > 0)
		memcpy(b.data, span.data, span.size);
	return b;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

/* ---- the disk ---- */

/* One that is full forgets one of its older half. */
static void history_add(struct history *h, struct span bytes)
{
	unsigned forgotten = random_below(schedule(), HISTORY_MAX / 2);

	if (h->count == HISTORY_MAX) {
		bytes_free(&h->list[forgotten]);
		memmove(&h->list[forgotten], &h->list[forgotten + 1],
			(HISTORY_MAX - 1 - forgotten) * sizeof h->list[0]);
		h->count--;
	}
	h->list[h->count++] = bytes_of(bytes);
}

static void append(struct bytes *b, struct span more)
{
	b->data = realloc(b->data, b->size + more.size + 1);
	must(b->data != NULL, "no memory");
	if (more.size > 0)
		memcpy(b->data + b->size, more.data, more.size);
	b->size += more.size;
}

static void note_unsynced(struct platform *p, struct place *place)
{
	if (p->unsynced_count == sizeof p->unsynced / sizeof p->unsynced[0])
		(void)!disk_sync(p, NULL);
	if (p->unsynced_count < sizeof p->unsynced / sizeof p->unsynced[0])
		p->unsynced[p->unsynced_count++].place = place;
}

enum tcb_error disk_sync(struct platform *p, struct diagnosis *d)
{
	if (p->full_until_ms > now_ms() && world.hostile)
		return diagnose(d, TCB_PLATFORM, "disk.full", "a full disk", "room", "make room");
	p->unsynced_count = 0;
	p->steps_synced = p->steps.size;
	return TCB_OK;
}

static enum tcb_error store_step(struct platform *p, struct span bytes)
{
	uint8_t head_bytes[5];
	struct writer w = WRITER_OF(head_bytes);

	writer_u8(&w, STORE_PSE_LEDGER_STEP);
	writer_u32(&w, (uint32_t)bytes.size);
	append(&p->steps, SPAN_OF(head_bytes));
	append(&p->steps, bytes);
	note_unsynced(p, NULL);
	return TCB_OK;
}

static void replace(struct bytes *b, struct span bytes)
{
	bytes_free(b);
	*b = bytes_of(bytes);
}

static enum tcb_error store_platform(struct platform *p, uint8_t slot, struct span bytes,
				     struct diagnosis *d)
{
	switch (slot) {
	case STORE_PSE_LEDGER:
		TRY(disk_sync(p, d));
		replace(&p->snapshot, bytes);
		bytes_free(&p->steps);
		p->steps_synced = 0;
		return TCB_OK;
	case STORE_PSE_LEDGER_STEP:
		return store_step(p, bytes);
	case STORE_MIGE_JOURNAL:
		TRY(disk_sync(p, d));
		replace(&p->journal, bytes);
		history_add(&p->journals, bytes);
		return TCB_OK;
	default:
		return TCB_OK;
	}
}

enum tcb_error disk_store(struct enclave *e, uint8_t slot, struct span bytes, struct diagnosis *d)
{
	struct place *place = e->place;

	trace_event("store at=%s enclave=%llu slot=%u bytes=%zu", e->platform->name,
		    (unsigned long long)e->number, slot, bytes.size);
	if (place == NULL)
		return store_platform(e->platform, slot, bytes, d);
	if (slot == STORE_VTPM_STATE) {
		history_add(&place->states, bytes);
		note_unsynced(e->platform, place);
	} else if (slot == STORE_VTPM_VOLATILE) {
		history_add(&place->volatiles, bytes);
	}
	return TCB_OK;
}

/* The last step that is not durable is lost. */
static void lose_step(struct platform *p)
{
	size_t at = 0, last = 0;

	while (at < p->steps.size) {
		const uint8_t *size = p->steps.data + at + 1;

		last = at;
		at += 5 + ((size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 |
			   size[3]);
	}
	if (last >= p->steps_synced)
		p->steps.size = last;
}

static void lose(struct platform *p, const struct unsynced *u)
{
	if (u->place == NULL)
		lose_step(p);
	else if (u->place->states.count > 0)
		bytes_free(&u->place->states.list[--u->place->states.count]);
}

static void kill_place(struct place *place)
{
	for (unsigned i = 0; i < PLACE_ENCLAVES; i++) {
		if (place->enclaves[i] == NULL)
			continue;
		enclave_kill(place->enclaves[i]);
		enclave_release(place->enclaves[i]);
		place->enclaves[i] = NULL;
	}
}

static void kill_service(struct enclave **e)
{
	if (*e == NULL)
		return;
	enclave_kill(*e);
	enclave_release(*e);
	*e = NULL;
}

static void kill_services(struct platform *p)
{
	kill_service(&p->pse);
	kill_service(&p->mige);
	p->up = false;
	network_cut(p);
}

void platform_power_cut(struct platform *p, unsigned kept)
{
	trace_event("power-cut at=%s unsynced=%u kept=%u", p->name, p->unsynced_count, kept);
	kill_services(p);
	for (unsigned m = 0; m < MACHINES_MAX; m++)
		kill_place(&p->places[m]);
	while (p->unsynced_count > kept)
		lose(p, &p->unsynced[--p->unsynced_count]);
	p->unsynced_count = 0;
	p->steps_synced = p->steps.size;
}

/* ---- platforms ---- */

static enum tcb_error start_pse(struct platform *p, struct diagnosis *d)
{
	uint8_t *ledger_bytes = frame_take(), *body_bytes = frame_take();
	struct writer ledger = writer_of(ledger_bytes, LIMIT_FRAME),
		      w = writer_of(body_bytes, LIMIT_FRAME);
	struct pse_start m = {.platform_name = span_of_text(p->name)};
	enum tcb_error error;
	struct span body;

	if (p->snapshot.size > 0) {
		writer_u8(&ledger, STORE_PSE_LEDGER);
		writer_sized(&ledger, bytes_span(&p->snapshot));
	}
	writer_bytes(&ledger, bytes_span(&p->steps));
	error = writer_end(&ledger, &m.stored_ledger);
	if (error == TCB_OK) {
		pse_start_encode(&w, &m);
		error = writer_end(&w, &body);
	}
	if (error == TCB_OK)
		error = host_ecall(p->pse, CALL_PSE_START, body, NULL, d);
	frame_give(ledger_bytes);
	frame_give(body_bytes);
	return error;
}

static enum tcb_error start_mige(struct platform *p, const struct bytes *journal,
				 struct diagnosis *d)
{
	struct mige_start m = {.address = span_of_text(p->address),
			       .platform_name = span_of_text(p->name),
			       .sealed_journal = bytes_span(journal)};
	uint8_t *body_bytes = frame_take();
	struct writer w = writer_of(body_bytes, LIMIT_FRAME);
	enum tcb_error error;
	struct span body;

	mige_start_encode(&w, &m);
	error = writer_end(&w, &body);
	if (error == TCB_OK)
		error = host_ecall(p->mige, CALL_MIGE_START, body, NULL, d);
	frame_give(body_bytes);
	return error;
}

static bool start_services(struct platform *p, const struct bytes *journal, struct diagnosis *d)
{
	struct enclave *pse, *mige;

	if (!module_has(ROLE_PSE) || !module_has(ROLE_MIGE))
		return false;
	p->pse = pse = enclave_start(p, &p->processor, ROLE_PSE, SERVICE_SVN, 0);
	if (start_pse(p, d) != TCB_OK || p->pse != pse)
		return false;
	p->mige = mige = enclave_start(p, &p->processor, ROLE_MIGE, SERVICE_SVN, 0);
	return start_mige(p, journal, d) == TCB_OK && p->mige == mige;
}

static bool start_anew(struct platform *p, const struct bytes *journal, struct diagnosis *d)
{
	uint64_t started = ++p->started;

	kill_services(p);
	p->starting = true;
	p->up = start_services(p, journal, d) &&
		p->started == started; /* another may have started it anew meanwhile */
	if (p->started == started)
		p->starting = false;
	trace_event("restart at=%s up=%d", p->name, p->up);
	return p->up;
}

bool platform_restart(struct platform *p, struct diagnosis *d)
{
	struct bytes journal =
	    bytes_of(bytes_span(&p->journal)); /* a MigE that starts may store another */
	bool up = start_anew(p, &journal, d);

	bytes_free(&journal);
	return up;
}

bool platform_restart_with(struct platform *p, const struct bytes *journal)
{
	struct bytes copy = bytes_of(bytes_span(journal)),
		     newest = bytes_of(bytes_span(&p->journal));
	uint64_t started = p->started + 1;
	bool up = start_anew(p, &copy, NULL);

	bytes_free(&copy);
	if (!up && p->started == started) { /* the newest is still there; a start meanwhile may have
					     * stored a newer one */
		replace(&p->journal, bytes_span(&newest));
		network_cut(p);
	}
	bytes_free(&newest);
	return up;
}

void platform_mend(struct platform *p, struct diagnosis *d)
{
	bool runs = p->up && p->pse->alive && p->mige->alive;

	if (!runs && !p->starting)
		(void)platform_restart(p, d);
}

struct place *place_of(struct platform *p, struct machine *m)
{
	struct place *place = &p->places[m->index];

	place->platform = p;
	place->machine = m;
	return place;
}

struct machine *world_add_machine(const struct uuid *id, const char *policy)
{
	struct machine *m;

	if (world.machine_count == MACHINES_MAX)
		return NULL;
	m = &world.machines[world.machine_count];
	m->index = world.machine_count++;
	m->id = *id;
	m->policy = policy;
	return m;
}

/* ---- made once ---- */

static void fuse(struct platform *p, const char *dir)
{
	char path[128], pki[96], sig[96], collateral[160];

	(void)snprintf(path, sizeof path, "%s/%s", dir, p->name);
	(void)snprintf(pki, sizeof pki, "%s/pki", dir);
	(void)snprintf(sig, sizeof sig, "%s/acm.sig", dir);
	must(mkdir(path, 0700) == 0 && processor_fuse(path, pki, sig, NULL) == TCB_OK, "no fuses");
	must(processor_reset(&p->processor, path, NULL) == TCB_OK, "no processor");
	(void)snprintf(collateral, sizeof collateral, "%s/collateral.cbor", path);
	must(file_read(collateral, &p->collateral, NULL) == TCB_OK, "no collateral");
}

static void make_ak(struct platform *p)
{
	struct writer w = WRITER_OF(p->processor.bank.ak_public);

	must(crypto_p256_new(&p->ak) == TCB_OK && fake_ak_public(p->ak, &w) == TCB_OK, "no AK");
	p->processor.bank.size = w.size;
	p->processor.bank.locked = true;
}

static void make_root(char *dir)
{
	static const uint8_t signature_file[SIGSTRUCT_SIZE];
	struct pki_collateral_options options;
	char path[96];

	must(mkdtemp(dir) != NULL, "no temporary directory");
	(void)snprintf(path, sizeof path, "%s/acm.sig", dir);
	must(file_write(path, SPAN_OF(signature_file), 0600, NULL) == TCB_OK, "no ACM");
	(void)snprintf(path, sizeof path, "%s/pki", dir);
	must(pki_init(path, NULL) == TCB_OK, "no root");
	pki_collateral_defaults(&options);
	world.base_time_s = (uint64_t)options.issued_s + 3600;
}

static void boot(void)
{
	struct diagnosis d = {0};

	network_reset();
	world.platform_count = PLATFORMS_MAX;
	for (unsigned i = 0; i < PLATFORMS_MAX; i++)
		make_ak(&world.platforms[i]);
	for (unsigned i = 0; i < PLATFORMS_MAX; i++)
		if (!platform_restart(&world.platforms[i], &d)) {
			(void)fprintf(stderr, "simulate: platform %u does not start: %s: %s\n", i,
				      d.code, d.found);
			exit(2);
		}
}

void world_make(const char *module_dir, const char *suffix)
{
	static const struct {
		enum enclave_role role;
		const char *name;
		unsigned count;
	} modules[] = {
	    {ROLE_PSE, "pse", 6},
	    {ROLE_MIGE, "mige", 6},
	    {ROLE_VTPM, "vtpm", 40},
	};
	char dir[64] = "/tmp/tcbind-simulate.XXXXXX", path[512], command[128];

	random_entropy(BOOT_SEED);
	make_root(dir);
	for (unsigned i = 0; i < PLATFORMS_MAX; i++) {
		struct platform *p = &world.platforms[i];

		p->index = i;
		p->isv_svn = VTPM_SVN_MAX;
		(void)snprintf(p->name, sizeof p->name, "%c", 'A' + (int)i);
		(void)snprintf(p->address, sizeof p->address, "%c:1", 'A' + (int)i);
		fuse(p, dir);
	}
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	must(system(command) == 0, "rm");
	crypto_prepare();
	for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/simulate_%s%s.so", module_dir,
			       modules[i].name, suffix);
		module_load(modules[i].role, path, modules[i].count);
	}
	boot();
}
