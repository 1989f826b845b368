// SPDX-License-Identifier: MIT
#include "tests/host/fake_vtpm.h"

#include <stdlib.h>

#include "host/vtpms.h"

static int refuses_init;
static char logged[DIAGNOSIS_CODE_MAX];

void fake_vtpm_refuse_init(int refuse)
{
	refuses_init = refuse;
}

static void put_many(struct writer *w, size_t size)
{
	writer_u32(w, (uint32_t)size);
	for (size_t i = 0; i < size; i++)
		writer_u8(w, (uint8_t)('a' + i % 26));
}

static void put_response(struct writer *w)
{
	static const uint8_t success[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0, 0 };

	writer_sized(w, SPAN_OF(success));
}

enum tcb_error vtpm_ask(struct host_vtpm *v, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	(void)v;
	(void)body;
	(void)d;
	if (ret == NULL)
		return TCB_OK;
	switch (call) {
	case CALL_VTPM_GET_BLOB: put_many(ret, FAKE_BLOB_SIZE); break;
	case CALL_VTPM_INFO: put_many(ret, FAKE_INFO_SIZE); break;
	case CALL_VTPM_COMMAND: put_response(ret); break;
	case CALL_VTPM_GET_ESTABLISHED: writer_u8(ret, 1); break;
	case CALL_VTPM_BUFFER_SIZE: writer_zeros(ret, 12); break;
	default: break;
	}
	return TCB_OK;
}

enum tcb_error vtpm_ask_status(struct host_vtpm *v, enum call call, struct span body, struct diagnosis *d)
{
	(void)v;
	(void)body;
	if (call == CALL_VTPM_INIT && refuses_init)
		return diagnose(d, TCB_MALFORMED, "test.init", "a state that is none", "a state", "nothing");
	return TCB_OK;
}

struct vtpm_status vtpm_look(struct host_vtpm *v)
{
	return v->status;
}

void vtpm_rest(struct host_vtpm *v)
{
	(void)v;
}

bool vtpm_meta_is_old(struct host_vtpm *v)
{
	(void)v;
	return false;
}

void vtpm_log(struct host_vtpm *v, const struct diagnosis *d)
{
	(void)v;
	memcpy(logged, d->code, sizeof logged);
}

const char *fake_vtpm_logged(void)
{
	return logged;
}

bool vtpm_serve_start(struct host_vtpm *v, int fd, uint8_t locality, const struct data_channel *pending)
{
	(void)v;
	(void)fd;
	(void)locality;
	(void)pending;
	return false;
}

enum serve_state vtpm_serve_step(struct host_vtpm *v)
{
	(void)v;
	return SERVE_ENDED;
}

void vtpm_serve_cancel(struct host_vtpm *v)
{
	(void)v;
}

bool vtpm_serve_stop(struct host_vtpm *v, uint8_t *ret_locality, struct data_channel *ret_pending)
{
	(void)v;
	(void)ret_locality;
	(void)ret_pending;
	return false;
}
