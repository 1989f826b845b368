/* The data channel: TPM commands, collected by their size field however they were cut or joined, each with or without the TCG prefix
 * (u32 8, u8 locality, u32 size; then the answer is u32 size, response, u32 0). */
#include <errno.h>
#include <sys/socket.h>

#include "host/front.h"

enum {
	TPM_HEADER_SIZE = 10,
	PREFIX_SIZE = 9,
	CC_SEND_COMMAND_HEADER = 8,
	CC_SET_LOCALITY = 0x20001000, /* Linux' vTPM proxy: u8 locality */
	RC_FAILURE = 0x101,
	RC_COMMAND_SIZE = 0x142,
};

static struct span status_response(uint8_t ret_bytes[TPM_HEADER_SIZE], uint32_t code)
{
	struct writer w = writer_of(ret_bytes, TPM_HEADER_SIZE);

	writer_u16(&w, 0x8001);
	writer_u32(&w, TPM_HEADER_SIZE);
	writer_u32(&w, code);
	return span_of(ret_bytes, TPM_HEADER_SIZE);
}

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
	static _Thread_local uint8_t status_bytes[TPM_HEADER_SIZE];
	struct writer w = WRITER_OF(body_bytes), answer = WRITER_OF(answer_bytes);
	struct diagnosis d = {0};
	struct span body, response;
	struct reader r;
	uint8_t locality;

	if (!f->running)
		return status_response(status_bytes, RC_FAILURE);
	if (is_set_locality(f, command, &locality)) {
		f->locality = locality <= 4 ? locality : f->locality;
		return status_response(status_bytes, locality <= 4 ? 0 : RC_FAILURE);
	}
	writer_u8(&w, f->locality);
	writer_sized(&w, command);
	if (writer_end(&w, &body) != TCB_OK || vtpm_ask(f->v, CALL_VTPM_COMMAND, body, &answer, &d) != TCB_OK) {
		front_log(f, &d);
		return status_response(status_bytes, RC_FAILURE);
	}
	r = reader_of(span_of(answer_bytes, answer.size));
	return reader_sized(&r, LIMIT_TPM_COMMAND, &response) == TCB_OK ? response : status_response(status_bytes, RC_FAILURE);
}

static bool answer_data(struct front *f, struct span response, bool prefixed)
{
	uint8_t bytes[LIMIT_TPM_COMMAND + 8];
	struct writer w = WRITER_OF(bytes);
	struct span whole;

	if (!prefixed)
		return front_write(f->data.fd, response);
	writer_sized(&w, response);
	writer_u32(&w, 0);
	return writer_end(&w, &whole) == TCB_OK && front_write(f->data.fd, whole);
}

/* The first command in the buffer, if it is whole. */
static bool find_command(struct front *f, struct span *ret_command, bool *ret_prefixed, bool *ret_bad)
{
	struct reader r = reader_of(span_of(f->data.bytes, f->data.size));
	uint32_t code = 0, size = 0;
	struct span start;
	uint8_t locality;
	uint16_t tag;

	*ret_bad = *ret_prefixed = false;
	if (f->data.size >= 4 && f->data.bytes[0] == 0) {
		if (r.rest.size < PREFIX_SIZE + TPM_HEADER_SIZE)
			return false;
		*ret_prefixed = reader_u32(&r, &code) == TCB_OK && code == CC_SEND_COMMAND_HEADER &&
				reader_u8(&r, &locality) == TCB_OK && reader_u32(&r, &size) == TCB_OK;
		*ret_bad = !*ret_prefixed;
		if (*ret_prefixed && locality <= 4)
			f->locality = locality;
	}
	start = r.rest;
	if (!*ret_bad && start.size < TPM_HEADER_SIZE)
		return false;
	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || size < TPM_HEADER_SIZE || size > LIMIT_TPM_COMMAND)
		*ret_bad = true;
	if (*ret_bad || start.size < size)
		return false;
	*ret_command = span_of(start.data, size);
	return true;
}

static bool answer_bad_size(struct front *f)
{
	uint8_t bytes[TPM_HEADER_SIZE];

	f->data.size = 0; /* nobody can tell where the next command starts */
	return answer_data(f, status_response(bytes, RC_COMMAND_SIZE), false);
}

bool front_data_serve(struct front *f)
{
	struct front_data *data = &f->data;
	ssize_t got = recv(data->fd, data->bytes + data->size, sizeof data->bytes - data->size, MSG_DONTWAIT);
	struct span command;
	bool prefixed, bad;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	data->size += (size_t)got;
	while (find_command(f, &command, &prefixed, &bad)) {
		size_t used = (size_t)(command.data - data->bytes) + command.size;

		if (!answer_data(f, process(f, command), prefixed) || f->options->one_command)
			return false;
		data->size -= used;
		memmove(data->bytes, data->bytes + used, data->size);
	}
	return !bad || answer_bad_size(f);
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
