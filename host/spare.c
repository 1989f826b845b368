// SPDX-License-Identifier: MIT
#include "host/spare.h"

#include <poll.h>
#include <time.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool wanted, ready;
	struct enclave_link link;
	struct service_context context;
} spare = { .lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER, .wanted = true };

static void discard(struct enclave_link *link)
{
	services_forget(spare.context.daemon, link->session);
	enclave_link_close(link);
}

static enum tcb_error make(struct diagnosis *d)
{
	const struct daemon *daemon = spare.context.daemon;
	enum tcb_error error;

	TRY(enclave_link_open(daemon->config.dir, daemon->vtpm_image, services_serve, &spare.context, &spare.link, d));
	error = enclave_link_call(&spare.link, CALL_VTPM_STANDBY, span_of(NULL, 0), NULL, d);
	if (error != TCB_OK)
		discard(&spare.link);
	return error;
}

/* Makes one when one was asked for, and none has been for a moment: not while machines start, which need the processor themselves. */
static void *work(void *unused)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };

	(void)unused;
	(void)pthread_mutex_lock(&spare.lock);
	for (;;) {
		struct diagnosis d = {0};
		enum tcb_error error;

		while (!spare.wanted || spare.ready)
			(void)pthread_cond_wait(&spare.asked, &spare.lock);
		while (spare.wanted) {
			spare.wanted = false;
			(void)pthread_mutex_unlock(&spare.lock);
			(void)nanosleep(&moment, NULL);
			(void)pthread_mutex_lock(&spare.lock);
		}
		(void)pthread_mutex_unlock(&spare.lock);
		error = make(&d); /* nobody else looks at spare.link before it is ready */
		if (error != TCB_OK)
			log_diagnosis("spare", &d);
		(void)pthread_mutex_lock(&spare.lock);
		spare.ready = error == TCB_OK;
	}
	return NULL;
}

/* It says nothing unasked: what can be read of it is its end. */
static bool has_ended(const struct enclave_link *link)
{
	struct pollfd ready = { .fd = link->fd, .events = POLLIN };

	return poll(&ready, 1, 0) != 0;
}

bool spare_take(struct enclave_link *ret_link)
{
	struct enclave_link link = { .fd = -1 };
	bool taken;

	(void)pthread_mutex_lock(&spare.lock);
	taken = spare.ready;
	if (taken)
		link = spare.link;
	spare.ready = false;
	spare.wanted = true;
	(void)pthread_cond_signal(&spare.asked);
	(void)pthread_mutex_unlock(&spare.lock);
	if (taken && has_ended(&link)) {
		discard(&link);
		taken = false;
	}
	if (taken)
		*ret_link = link;
	return taken;
}

enum tcb_error spare_start(struct daemon *daemon, struct diagnosis *d)
{
	spare.context = (struct service_context){ .daemon = daemon, .link = &spare.link };
	return services_thread(work, NULL, d);
}
