// SPDX-License-Identifier: MIT
/* The data channel in the enclave's hands (CALL_VTPM_SERVE): a call that lasts, until its channel ends or somebody has another call to make. */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/vtpm_enclave.h"

static enum tcb_error open_call(struct host_vtpm *v, struct diagnosis *d)
{
	static _Thread_local uint8_t body_bytes[DATA_PENDING_MAX + 8];
	struct vtpm_serving *s = &v->serving;
	const struct vtpm_serve m = { .locality = s->locality, .prefixes = s->pending.prefixes, .pending = span_of(s->pending.bytes, s->pending.size) };
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	vtpm_serve_encode(&w, &m);
	TRY(writer_end(&w, &body));
	TRY(enclave_link_send(&v->link, CALL_VTPM_SERVE, body, s->fd, d));
	s->open = true;
	return TCB_OK;
}

/* The call has returned. */
static void note_served(struct host_vtpm *v, enum tcb_error error, struct span body, const struct diagnosis *d)
{
	struct vtpm_serving *s = &v->serving;
	struct vtpm_served m;

	s->open = false;
	s->pending.size = 0;
	if (error == TCB_OK)
		error = vtpm_served_decode(body, &m);
	if (error != TCB_OK) {
		s->closed = v->link.fd < 0; /* what it had read is lost with it: an answer would be taken for another command's */
		s->refused = strcmp(d->code, "vtpm.serve") == 0 || error == TCB_PLATFORM;
		if (!s->refused)
			vtpm_log(v, d);
		return;
	}
	s->closed = m.closed;
	s->locality = m.locality;
	s->pending.size = m.pending.size;
	if (m.pending.size > 0)
		memcpy(s->pending.bytes, m.pending.data, m.pending.size);
}

/* One frame. */
static void step(struct host_vtpm *v)
{
	struct diagnosis d = {0};
	struct span body = {0};
	bool returned;
	enum tcb_error error = enclave_link_step(&v->link, CALL_VTPM_SERVE, &returned, &body, &d);

	if (returned)
		note_served(v, error, body, &d);
}

bool vtpm_pause_serving(struct host_vtpm *v)
{
	if (!v->serving.open)
		return false;
	enclave_link_interrupt(&v->link);
	while (v->serving.open)
		step(v);
	return true;
}

void vtpm_resume_serving(struct host_vtpm *v)
{
	struct vtpm_serving *s = &v->serving;

	if (s->fd >= 0 && !s->closed && !s->refused && v->loaded && v->status.state != VTPM_MOVED && open_call(v, NULL) != TCB_OK)
		s->refused = true;
}

bool vtpm_serve_start(struct host_vtpm *v, int fd, uint8_t locality, const struct data_channel *pending)
{
	static const struct timeval moment = { .tv_usec = 1000 }; /* for which the enclave may wait for the channel alone: tee_data_read() */
	struct vtpm_serving *s = &v->serving;
	bool ok;

	(void)pthread_mutex_lock(&v->lock);
	ok = v->loaded && v->link.fd >= 0 && !s->open && !v->link.by_frames;
	if (ok) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment); /* without it we wait for who waits */
		*s = (struct vtpm_serving){ .fd = fd, .locality = locality, .pending = *pending };
		ok = open_call(v, NULL) == TCB_OK;
	}
	if (!ok)
		s->fd = -1;
	(void)pthread_mutex_unlock(&v->lock);
	return ok;
}

enum serve_state vtpm_serve_step(struct host_vtpm *v)
{
	struct vtpm_serving *s = &v->serving;
	enum serve_state state;

	(void)pthread_mutex_lock(&v->lock);
	if (s->open && enclave_link_receive(&v->link)) /* the front waits for the next frame, among all else */
		step(v);
	state = s->open ? SERVE_GOES_ON : s->closed ? SERVE_CLOSED : SERVE_ENDED;
	(void)pthread_mutex_unlock(&v->lock);
	return state;
}

void vtpm_serve_cancel(struct host_vtpm *v)
{
	(void)pthread_mutex_lock(&v->lock);
	if (v->serving.open)
		enclave_link_cancel(&v->link);
	(void)pthread_mutex_unlock(&v->lock);
}

bool vtpm_serve_stop(struct host_vtpm *v, uint8_t *ret_locality, struct data_channel *ret_pending)
{
	struct vtpm_serving *s = &v->serving;
	bool closed;

	(void)pthread_mutex_lock(&v->lock);
	(void)vtpm_pause_serving(v);
	*ret_locality = s->locality;
	*ret_pending = s->pending;
	closed = s->closed;
	v->link.by_frames |= s->refused;
	s->fd = -1;
	(void)pthread_mutex_unlock(&v->lock);
	return !closed;
}
