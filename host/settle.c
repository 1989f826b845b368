// SPDX-License-Identifier: MIT
#include "host/settle.h"

#include <errno.h>
#include <time.h>

#include "host/agent.h"

enum { MOMENT_S = 2, PAUSE_S = 600 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool wanted;
} settle = { .lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER, .wanted = true };

void settle_soon(void)
{
	(void)pthread_mutex_lock(&settle.lock);
	settle.wanted = true;
	(void)pthread_cond_signal(&settle.asked);
	(void)pthread_mutex_unlock(&settle.lock);
}

/* Until somebody wants a round, or the pause is over; then the moment in which a machine that just moved has better use of processor and disk. */
static void await_round(void)
{
	const struct timespec moment = { .tv_sec = MOMENT_S };
	struct timespec end;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PAUSE_S;
	(void)pthread_mutex_lock(&settle.lock);
	while (!settle.wanted && pthread_cond_timedwait(&settle.asked, &settle.lock, &end) != ETIMEDOUT)
		;
	(void)pthread_mutex_unlock(&settle.lock);
	(void)nanosleep(&moment, NULL);
	(void)pthread_mutex_lock(&settle.lock);
	settle.wanted = false;
	(void)pthread_mutex_unlock(&settle.lock);
}

/* Who cannot be told now is told in a later round: no error. */
static void *work(void *daemon)
{
	for (uint64_t round = 1;; round++) {
		struct diagnosis d = {0};
		enum tcb_error error = TCB_OK;
		bool done = false;

		await_round();
		while (error == TCB_OK && !done)
			error = agent_tidy(daemon, round, &done, &d);
		if (error != TCB_OK)
			log_diagnosis("settle", &d);
	}
	return NULL;
}

enum tcb_error settle_start(struct daemon *daemon, struct diagnosis *d)
{
	return services_thread(work, daemon, d);
}
