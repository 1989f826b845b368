// SPDX-License-Identifier: MIT
/* The data channel (edge/data_channel.h): handed on to the enclave, which spares each command the way through this process; or, where that cannot
 * be, read here, each command a call. */
#include <errno.h>
#include <sys/socket.h>

#include "host/front.h"
#include "host/io.h"

enum { CC_SET_LOCALITY = 0x20001000 /* Linux' vTPM proxy: u8 locality */ };

/* A locality that the vTPM proxy sets, if that is allowed. */
static bool is_set_locality(const struct front *f, struct span command, uint8_t *ret_locality)
{
	struct reader r = reader_of(command);
	struct span skip;
	uint32_t code;

	return f->options->allow_set_locality && reader_bytes(&r, 6, &skip) == TCB_OK && reader_u32(&r, &code) == TCB_OK &&
	       code == CC_SET_LOCALITY && reader_u8(&r, ret_locality) == TCB_OK;
}

static struct span process(struct front *f, struct span command)
{
	static _Thread_local uint8_t body_bytes[LIMIT_TPM_COMMAND + 32], answer_bytes[LIMIT_TPM_COMMAND + 64];
	static _Thread_local uint8_t status_bytes[DATA_STATUS_SIZE];
	struct writer w = WRITER_OF(body_bytes), answer = WRITER_OF(answer_bytes);
	struct diagnosis d = {0};
	struct span body, response;
	enum tcb_error error;
	struct reader r;
	uint8_t locality;

	if (!f->running)
		return data_status(status_bytes, DATA_RC_FAILURE);
	if (is_set_locality(f, command, &locality)) {
		f->locality = locality <= 4 ? locality : f->locality;
		return data_status(status_bytes, locality <= 4 ? 0 : DATA_RC_FAILURE);
	}
	writer_u8(&w, f->locality);
	writer_sized(&w, command);
	error = writer_end(&w, &body);
	if (error == TCB_OK)
		error = vtpm_ask(f->v, CALL_VTPM_COMMAND, body, &answer, &d);
	if (error != TCB_OK) {
		front_log(f, error, &d);
		return data_status(status_bytes, DATA_RC_FAILURE);
	}
	r = reader_of(span_of(answer_bytes, answer.size));
	return reader_sized(&r, LIMIT_TPM_COMMAND, &response) == TCB_OK ? response : data_status(status_bytes, DATA_RC_FAILURE);
}

static bool answer_data(struct front *f, struct span response, bool prefixed)
{
	uint8_t bytes[LIMIT_TPM_COMMAND + 8];
	struct writer w = WRITER_OF(bytes);
	struct span whole;

	data_answer(&w, response, prefixed);
	return writer_end(&w, &whole) == TCB_OK && io_send(f->data.fd, whole);
}

/* All commands that are whole. */
static bool serve_commands(struct front *f)
{
	struct data_channel *c = &f->data.channel;
	uint8_t status[DATA_STATUS_SIZE];
	struct span command;
	bool prefixed;

	for (;;) {
		switch (data_find(c, &command, &prefixed, &f->locality)) {
		case DATA_INCOMPLETE: return true;
		case DATA_BAD:
			c->size = 0;
			return answer_data(f, data_status(status, DATA_RC_COMMAND_SIZE), false);
		case DATA_COMMAND: break;
		}
		if (!answer_data(f, process(f, command), prefixed) || f->options->one_command)
			return false;
		data_drop(c, command);
	}
}

bool front_data_serve(struct front *f)
{
	struct data_channel *c = &f->data.channel;
	ssize_t got = recv(f->data.fd, c->bytes + c->size, sizeof c->bytes - c->size, MSG_DONTWAIT);

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	c->size += (size_t)got;
	return serve_commands(f);
}

void front_data_hand_on(struct front *f)
{
	struct front_data *data = &f->data;

	if (data->fd >= 0 && !data->handed_on && f->running && !f->shutdown && !f->options->one_command && !f->options->allow_set_locality)
		data->handed_on = vtpm_serve_start(f->v, data->fd, f->locality, &data->channel);
}

void front_data_take_back(struct front *f)
{
	if (!f->data.handed_on)
		return;
	f->data.handed_on = false;
	if (!vtpm_serve_stop(f->v, &f->locality, &f->data.channel) || (f->data.channel.size > 0 && !serve_commands(f))) { /* its end is seen when it is read */
		(void)shutdown(f->data.fd, SHUT_RDWR);
		f->data.channel.size = 0;
	}
}

bool front_data_step(struct front *f)
{
	switch (vtpm_serve_step(f->v)) {
	case SERVE_GOES_ON: return true;
	case SERVE_CLOSED:
	case SERVE_ENDED: break;
	}
	f->data.handed_on = false;
	return vtpm_serve_stop(f->v, &f->locality, &f->data.channel);
}

enum tcb_error front_startup(struct front *f, uint16_t type)
{
	const uint8_t command[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, (uint8_t)(type >> 8), (uint8_t)type };
	struct span response = process(f, SPAN_OF(command));
	struct reader r = reader_of(response);
	struct span skip;
	uint32_t code;

	TRY(reader_bytes(&r, 6, &skip));
	TRY(reader_u32(&r, &code));
	return code == 0 || code == 0x100 ? TCB_OK : TCB_REFUSED; /* TPM_RC_INITIALIZE: a resumed TPM is started already */
}
