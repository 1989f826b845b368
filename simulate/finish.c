// SPDX-License-Identifier: MIT
/* Honest hosts from now on (I4): every vTPM that ever answered must be able to go on at one place.
 */
#include <stdio.h>

#include "simulate/moves.h"
#include "simulate/oracle.h"

enum { ROUNDS = 2, BLOBS_TRIED = 4, STATES_TRIED = 8 /* in the second round; all in the first */ };

static char last_refusals[160];

/* For the place where a vTPM can go on. */
struct search {
	const struct identity *identity; /* NULL: any TPM that answers will do */
	struct platform *found_at;
};

static bool is_over(const struct search *search)
{
	return search->identity != NULL ? search->identity->goes_on : search->found_at != NULL;
}

static void note_refusal(const struct platform *p, const struct diagnosis *d)
{
	size_t used = strlen(last_refusals);

	if (d->code[0] != '\0' && used + 40 < sizeof last_refusals)
		(void)snprintf(last_refusals + used, sizeof last_refusals - used, " %s:%s", p->name,
			       d->code);
}

static bool goes_on(struct enclave *e, struct search *search)
{
	struct diagnosis d = {0};

	if (vtpm_use(e, USE_INCREMENT, &d) == TCB_OK)
		search->found_at = e->platform;
	note_refusal(e->platform, &d);
	return is_over(search);
}

/* Blobs are brought to every platform in turn. */
static bool try_blobs(struct machine *m, const struct blobs *blobs, struct search *search)
{
	for (unsigned q = 0; q < world.platform_count && !is_over(search); q++) {
		struct diagnosis d = {0};
		struct enclave *e = vtpm_ready_for_import(place_of(&world.platforms[q], m), &d);

		if (e == NULL) {
			note_refusal(&world.platforms[q], &d);
			continue;
		}
		if (vtpm_import(e, blobs, &d) == TCB_OK)
			(void)goes_on(e, search);
		else
			note_refusal(&world.platforms[q], &d);
		enclave_release(e);
	}
	return is_over(search);
}

/* Blobs that an enclave still gives, or makes again for a hand-over that has not come. */
static bool try_export(struct machine *m, struct enclave *e, struct search *search)
{
	struct blobs blobs = {0};

	if (vtpm_export(e, &blobs, NULL) != TCB_OK)
		return false;
	(void)try_blobs(m, &blobs, search);
	blobs_free(&blobs);
	return is_over(search);
}

static bool try_enclave(struct machine *m, struct enclave *e, struct search *search)
{
	enclave_hold(e); /* others may kill it meanwhile */
	(void)!vtpm_call(e, CALL_VTPM_STATUS, NULL, NULL);
	(void)!vtpm_call(e, CALL_VTPM_RESUME, NULL, NULL);
	if (!goes_on(e, search))
		(void)try_export(m, e, search);
	enclave_release(e);
	return is_over(search);
}

/* With the enclaves that run. */
static bool try_running(struct machine *m, struct search *search)
{
	for (unsigned p = 0; p < world.platform_count; p++) {
		struct place *place = place_of(&world.platforms[p], m);

		for (unsigned i = 0; i < PLACE_ENCLAVES && place->enclaves[i] != NULL; i++)
			if (try_enclave(m, place->enclaves[i], search))
				return true;
	}
	return false;
}

static void kill_all(struct machine *m)
{
	for (unsigned p = 0; p < world.platform_count; p++) {
		struct place *place = place_of(&world.platforms[p], m);

		while (place->enclaves[0] != NULL)
			vtpm_kill(place->enclaves[0]);
	}
}

/* From one stored state; blobs of a hand-over that has not come are made again. */
static bool try_state(struct machine *m, struct place *place, unsigned back, struct search *search)
{
	struct diagnosis d = {0};
	struct enclave *e = vtpm_open(place, back, NULL, &d);

	if (e != NULL && vtpm_init(e, 0, &d) == TCB_OK)
		(void)goes_on(e, search);
	note_refusal(place->platform, &d);
	if (e == NULL)
		return false;
	if (!is_over(search) && vtpm_call(e, CALL_VTPM_STATUS, NULL, NULL) == TCB_OK)
		(void)try_export(m, e, search);
	vtpm_kill(e);
	enclave_release(e);
	return is_over(search);
}

/* The newest is tried first; a copy that was superseded may have stored after it. */
static bool try_stored(struct machine *m, struct platform *p, unsigned limit, struct search *search)
{
	struct place *place = place_of(p, m);
	unsigned count =
	    place->states
		.count; /* more are stored meanwhile: those are tried again in the next round */

	for (unsigned i = 0; i < limit && i < count && i < place->states.count; i++)
		if (try_state(m, place,
			      place->states.count > count ? place->states.count - count + i : i,
			      search))
			return true;
	return false;
}

void recover(struct machine *m)
{
	struct search search = {0};

	for (unsigned p = 0; p < world.platform_count; p++)
		world.platforms[p].isv_svn =
		    VTPM_SVN_MAX; /* an operator would try the newest enclaves */
	(void)try_running(m, &search);
	for (unsigned p = 0; p < world.platform_count && !is_over(&search); p++)
		(void)try_stored(m, &world.platforms[p], STATES_TRIED, &search);
	if (search.found_at != NULL)
		m->at = search.found_at;
}

/* What an operator does where nothing else helps. */
static void restart_all(void)
{
	for (unsigned p = 0; p < world.platform_count; p++)
		(void)platform_restart(&world.platforms[p], NULL);
}

static void tidy_all(void)
{
	for (unsigned p = 0; p < world.platform_count; p++)
		tidy_platform(&world.platforms[p]);
}

static bool try_everything(struct machine *m, bool blobs_lost, struct search *search)
{
	if (try_running(m, search))
		return true;
	kill_all(m);
	tidy_all();
	for (int round = 0; round < ROUNDS; round++) {
		last_refusals[0] = '\0';
		for (unsigned p = 0; p < world.platform_count; p++)
			if (try_stored(m, &world.platforms[p],
				       round == 0 ? HISTORY_MAX : STATES_TRIED, search))
				return true;
		for (unsigned i = 0; !blobs_lost && i < BLOBS_TRIED && i < m->blob_count; i++)
			if (try_blobs(m, &m->blobs[m->blob_count - 1 - i], search))
				return true;
		restart_all();
		tidy_all();
	}
	return false;
}

/* In every place that was made for its id: it may have gone from one to another. */
static bool try_machines(const struct uuid *id, bool blobs_lost, const struct identity *identity)
{
	struct search search = {.identity = identity};

	for (unsigned i = 0; i < world.machine_count && !identity->goes_on; i++)
		if (memcmp(&world.machines[i].id, id, sizeof *id) == 0)
			(void)try_everything(&world.machines[i], blobs_lost, &search);
	return identity->goes_on;
}

/* Where another vTPM has been under the same id. */
static unsigned twins_were_at(const struct identity *identity)
{
	const struct uuid *id = &world.machines[identity->machine].id;
	unsigned platforms = 0;

	for (unsigned i = 0; i < oracle.identity_count; i++) {
		const struct identity *twin = &oracle.identities[i];

		if (twin != identity &&
		    memcmp(&world.machines[twin->machine].id, id, sizeof *id) == 0)
			platforms |= twin->answered_at;
	}
	return platforms;
}

/* The other has gone on before. Its operator deletes it wherever this one has not been. */
static bool try_without_twins(const struct uuid *id, bool blobs_lost,
			      const struct identity *identity)
{
	unsigned platforms = twins_were_at(identity) & ~identity->answered_at;

	for (unsigned p = 0; p < world.platform_count; p++)
		if ((platforms >> p & 1) != 0 && world.platforms[p].pse != NULL)
			(void)!host_ecall(world.platforms[p].pse, CALL_PSE_DROP, SPAN_OF(id->bytes),
					  NULL, NULL);
	return platforms != 0 && try_machines(id, blobs_lost, identity);
}

static bool is_lost(const struct identity *identity)
{
	return identity->served && !identity->goes_on;
}

void finish_all(void *context)
{
	struct finish *finish = context;
	struct diagnosis d = {0};

	for (unsigned p = 0; p < world.platform_count; p++) {
		platform_mend(&world.platforms[p], &d);
		if (!world.platforms[p].up)
			oracle_violate("I4", "platform %s does not start: %s: %s",
				       world.platforms[p].name, d.code, d.found);
	}
	for (unsigned i = 0; i < oracle.identity_count; i++)
		if (is_lost(&oracle.identities[i]))
			(void)try_machines(&world.machines[oracle.identities[i].machine].id,
					   finish->blobs_lost, &oracle.identities[i]);
	for (unsigned i = 0; i < oracle.identity_count; i++) {
		const struct identity *identity = &oracle.identities[i];
		const struct uuid *id = &world.machines[identity->machine].id;

		if (is_lost(identity) && !try_machines(id, finish->blobs_lost, identity) &&
		    !try_without_twins(id, finish->blobs_lost, identity))
			oracle_violate("I4", "machine %u is lost:%s", identity->machine,
				       last_refusals);
	}
	finish->done = true;
}
