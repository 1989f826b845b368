// SPDX-License-Identifier: MIT
/* Control commands, one table row each (shared notes on swtpm's interface, section 1). */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/descriptors.h"
#include "host/accept.h"
#include "host/front.h"
#include "host/io.h"
#include "host/scratch.h"

enum {
	CAPABILITIES = 0x1ffff,
	FLAG_ENCRYPTED = 2,
	RESULT_SIZE = 4,
	PATIENCE_MS = 500, /* from a request's first byte to its last */
	CMD_CANCEL = 0x09,
};

/* One request's body and the answer in the making. */
struct exchange {
	struct front *f;
	struct front_client *client;
	struct span body;
	struct writer answer;
};

static enum front_result result_of(enum tcb_error error, const struct diagnosis *d)
{
	if (error == TCB_REFUSED && strcmp(d->code, "swtpm.key") == 0)
		return RES_KEYNOTFOUND;
	switch (error) {
	case TCB_OK: return RES_SUCCESS;
	case TCB_MALFORMED: return RES_BAD_PARAMETER;
	case TCB_WRONG_STATE: return RES_BAD_ORDINAL;
	case TCB_CRYPTO: return RES_DECRYPT_ERROR;
	default: return RES_FAIL;
	}
}

static enum front_result ask(struct exchange *x, enum call call, struct span body, struct writer *ret)
{
	struct diagnosis d = {0};
	enum tcb_error error = vtpm_ask(x->f->v, call, body, ret, &d);

	front_log(x->f, error, &d);
	return result_of(error, &d);
}

static enum front_result ask_status(struct exchange *x, enum call call, struct span body)
{
	struct diagnosis d = {0};
	enum tcb_error error = vtpm_ask_status(x->f->v, call, body, &d);

	front_log(x->f, error, &d);
	return result_of(error, &d);
}

/* ---- handlers: return the result; members after it are written to x->answer ---- */

static enum front_result do_capability(struct exchange *x) { writer_u32(&x->answer, CAPABILITIES); return RES_SUCCESS; }

static enum front_result do_init(struct exchange *x)
{
	struct reader r = reader_of(x->body);
	uint32_t flags;

	return reader_u32(&r, &flags) == TCB_OK ? front_initialise(x->f, flags) : RES_BAD_PARAMETER;
}

static enum front_result do_stop(struct exchange *x)
{
	x->f->running = false;
	return ask_status(x, CALL_VTPM_STOP, x->body);
}

static enum front_result do_shutdown(struct exchange *x)
{
	x->f->shutdown = true;
	return RES_SUCCESS; /* a user's state is in its place before the answer */
}

static enum front_result do_get_established(struct exchange *x)
{
	enum front_result result = ask(x, CALL_VTPM_GET_ESTABLISHED, x->body, &x->answer);

	writer_zeros(&x->answer, result == RES_SUCCESS ? 3 : 0);
	return result;
}

static enum front_result do_set_locality(struct exchange *x)
{
	if (x->body.data[0] > (x->f->options->reject_locality_4 ? 3 : 4))
		return RES_BAD_LOCALITY;
	x->f->locality = x->body.data[0];
	return RES_SUCCESS;
}

static enum front_result do_reset_established(struct exchange *x)
{
	if (x->body.data[0] != 3 && x->body.data[0] != 4) /* the two that a TPM 2 lets do this */
		return RES_BAD_LOCALITY;
	return ask(x, CALL_VTPM_RESET_ESTABLISHED, span_of(x->body.data, 1), NULL);
}

static enum front_result do_hash_start(struct exchange *x) { return ask(x, CALL_VTPM_HASH_START, x->body, NULL); }
static enum front_result do_hash_data(struct exchange *x) { return ask(x, CALL_VTPM_HASH_DATA, x->body, NULL); }
static enum front_result do_hash_end(struct exchange *x) { return ask(x, CALL_VTPM_HASH_END, x->body, NULL); }
/* Where commands come by calls, this is read after the one that it means. */
static enum front_result do_cancel(struct exchange *x)
{
	vtpm_serve_cancel(x->f->v);
	return RES_SUCCESS;
}
static enum front_result do_store_volatile(struct exchange *x) { return ask(x, CALL_VTPM_STORE_VOLATILE, x->body, NULL); }
static enum front_result do_get_config(struct exchange *x) 
{
	writer_u32(&x->answer, x->f->options->config_flags);
	return RES_SUCCESS;
}

static enum front_result do_lock_storage(struct exchange *x) { return ask_status(x, CALL_VTPM_RESUME, span_of(NULL, 0)); }

static enum front_result do_set_datafd(struct exchange *x)
{
	struct front *f = x->f;

	if (f->data.fd >= 0 || f->options->data_fixed)
		return RES_IOERROR;
	if (x->client->no_room) {
		struct diagnosis d = {0};

		front_log(f, accept_no_descriptors(&d), &d);
		return RES_IOERROR;
	}
	if (x->client->received_fd < 0)
		return RES_BAD_PARAMETER;
	f->data = (struct front_data){ .fd = x->client->received_fd }; /* a VM's: without prefixes */
	f->had_machine = true;
	x->client->received_fd = -1;
	return RES_SUCCESS;
}

static enum front_result do_buffer_size(struct exchange *x)
{
	struct reader r = reader_of(x->body);
	uint32_t wanted = 0;

	if (reader_u32(&r, &wanted) == TCB_OK && wanted != 0 && x->f->running)
		return RES_BAD_ORDINAL;
	return ask(x, CALL_VTPM_BUFFER_SIZE, x->body, &x->answer);
}

/* u32 flags, u32 type, u32 offset -> u32 flags, u32 total, u32 length, data */
static enum front_result do_get_blob(struct exchange *x)
{
	uint8_t *SCRATCH(blob_bytes, LIMIT_FRAME);
	struct writer w = writer_of(blob_bytes, LIMIT_FRAME);
	struct reader r = reader_of(x->body);
	struct span blob = {0};
	uint32_t flags, type, offset;
	enum front_result result;

	if (reader_u32(&r, &flags) != TCB_OK || reader_u32(&r, &type) != TCB_OK || reader_u32(&r, &offset) != TCB_OK)
		return RES_BAD_PARAMETER;
	result = ask(x, CALL_VTPM_GET_BLOB, span_of(x->body.data + 4, 4), &w);
	r = reader_of(span_of(blob_bytes, w.size));
	if (result == RES_SUCCESS && reader_sized(&r, LIMIT_STATE, &blob) != TCB_OK)
		result = RES_FAIL;
	if (result == RES_SUCCESS && blob.size == 0)
		result = RES_NON_FATAL;
	blob = span_from(blob, offset);
	writer_u32(&x->answer, FLAG_ENCRYPTED);
	writer_u32(&x->answer, (uint32_t)blob.size);
	writer_sized(&x->answer, blob);
	return result;
}

static enum front_result do_set_blob(struct exchange *x)
{
	/* flags | type | length | data: the enclave's call takes the rest as it is */
	return ask(x, CALL_VTPM_SET_BLOB, span_from(x->body, 4), NULL);
}

/* u64 flags, u32 offset, u32 pad -> u32 total, u32 length, JSON with its NUL */
static enum front_result do_info(struct exchange *x)
{
	enum { PIECE_MAX = 3072 };
	uint8_t *SCRATCH(info_bytes, 65536);
	struct writer w = writer_of(info_bytes, 65536);
	struct reader r = reader_of(x->body);
	struct span json, piece;
	uint64_t flags;
	uint32_t offset;
	enum front_result result;

	if (reader_u64(&r, &flags) != TCB_OK || reader_u32(&r, &offset) != TCB_OK)
		return RES_BAD_PARAMETER;
	result = ask(x, CALL_VTPM_INFO, span_of(x->body.data, 8), &w);
	if (result != RES_SUCCESS)
		return result;
	writer_u8(&w, 0);
	r = reader_of(span_of(info_bytes, w.size));
	if (writer_end(&w, NULL) != TCB_OK || reader_u32(&r, &(uint32_t){0}) != TCB_OK)
		return RES_FAIL;
	json = r.rest;
	piece = span_from(json, offset);
	if (piece.size <= 1) /* at most the NUL is left */
		return RES_BAD_PARAMETER;
	piece.size = piece.size < PIECE_MAX ? piece.size : PIECE_MAX;
	writer_u32(&x->answer, (uint32_t)json.size);
	writer_sized(&x->answer, piece);
	return RES_SUCCESS;
}

/* One that has moved does not run, and yet may have its blobs to give: where they have not come. */
enum need { NEED_NOTHING, NEED_RUNNING, NEED_RUNNING_OR_MOVED, NEED_STOPPED };

/* Body: `size` bytes; a command with a `length_at` has a u32 there that says how many more follow. */
static const struct command {
	uint32_t code;
	uint32_t size, optional; /* `optional` more bytes are taken if they come at once */
	int length_at;
	enum need need;
	enum front_result (*handle)(struct exchange *x);
} commands[] = {
	{ 0x01, 0, 0, -1, NEED_NOTHING, do_capability },
	{ 0x02, 4, 0, -1, NEED_NOTHING, do_init },
	{ 0x03, 0, 0, -1, NEED_NOTHING, do_shutdown },
	{ 0x04, 0, 0, -1, NEED_RUNNING, do_get_established },
	{ 0x05, 1, 3, -1, NEED_NOTHING, do_set_locality },
	{ 0x06, 0, 0, -1, NEED_RUNNING, do_hash_start },
	{ 0x07, 4, 0, 0, NEED_RUNNING, do_hash_data },
	{ 0x08, 0, 0, -1, NEED_RUNNING, do_hash_end },
	{ CMD_CANCEL, 0, 0, -1, NEED_RUNNING, do_cancel },
	{ 0x0a, 0, 0, -1, NEED_RUNNING, do_store_volatile },
	{ 0x0b, 1, 3, -1, NEED_RUNNING, do_reset_established },
	{ 0x0c, 12, 0, -1, NEED_RUNNING_OR_MOVED, do_get_blob },
	{ 0x0d, 12, 0, 8, NEED_STOPPED, do_set_blob },
	{ 0x0e, 0, 0, -1, NEED_NOTHING, do_stop },
	{ 0x0f, 0, 0, -1, NEED_NOTHING, do_get_config },
	{ 0x10, 0, 0, -1, NEED_NOTHING, do_set_datafd },
	{ 0x11, 4, 0, -1, NEED_NOTHING, do_buffer_size },
	{ 0x12, 16, 0, -1, NEED_NOTHING, do_info },
	{ 0x13, 4, 0, -1, NEED_NOTHING, do_lock_storage },
};

/* ---- control channel ---- */

/* Reads exactly `size` bytes, or returns false when they do not come in time. One descriptor may come with them, and is kept. */
static bool read_control(struct front_client *client, uint8_t *ret_bytes, size_t size)
{
	while (size > 0) {
		struct pollfd ready = { .fd = client->fd, .events = POLLIN };
		struct descriptors came;
		ssize_t got;

		if (poll(&ready, 1, PATIENCE_MS) <= 0)
			return false;
		got = receive_descriptors(client->fd, ret_bytes, size, 1, &came);
		client->no_room |= came.no_room;
		if (came.count == 1) {
			io_close(&client->received_fd);
			client->received_fd = came.fds[0];
		}
		if (got <= 0)
			return false;
		ret_bytes += got;
		size -= (size_t)got;
	}
	return true;
}

static const struct command *find_command(uint32_t code)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

/* The body of `command` into f->body; false: the connection is over. `*ret_too_large` where it says more than fits. */
static bool read_body(struct front *f, struct front_client *client, const struct command *command, struct span *ret_body, bool *ret_too_large)
{
	size_t size = command->size;
	uint32_t more = 0;

	*ret_too_large = false;
	if (!read_control(client, f->body, size))
		return false;
	if (command->length_at >= 0) {
		struct reader r = reader_of(span_of(f->body + command->length_at, 4));

		if (reader_u32(&r, &more) != TCB_OK || more > LIMIT_STATE) {
			*ret_too_large = true;
			return true;
		}
		if (!read_control(client, f->body + size, more))
			return false;
	}
	if (command->optional > 0) {
		ssize_t got = recv(client->fd, f->body + size, command->optional, MSG_DONTWAIT);

		(void)got; /* QEMU pads a locality to four bytes; the padding says nothing */
	}
	*ret_body = span_of(f->body, size + more);
	return true;
}

/* One write: swtpm_ioctl takes what the first read brings. The members stand behind room for the result. */
static bool answer_control(struct front *f, const struct front_client *client, enum front_result result, size_t members_size)
{
	struct writer w = writer_of(f->answer, RESULT_SIZE);

	writer_u32(&w, (uint32_t)result);
	return io_send(client->fd, span_of(f->answer, RESULT_SIZE + members_size));
}

static bool permitted(const struct front *f, const struct command *command)
{
	switch (command->need) {
	case NEED_NOTHING: break;
	case NEED_RUNNING: return f->running;
	case NEED_RUNNING_OR_MOVED: return f->running || vtpm_look(f->v).state == VTPM_MOVED;
	case NEED_STOPPED: return !f->running;
	}
	return true;
}

bool front_control_is_cancel(const struct front_client *client)
{
	static const uint8_t cancel[4] = { 0, 0, 0, CMD_CANCEL };
	uint8_t code[4];

	return recv(client->fd, code, sizeof code, MSG_PEEK | MSG_DONTWAIT) == sizeof code && memcmp(code, cancel, sizeof code) == 0;
}

static bool serve_request(struct front *f, struct front_client *client)
{
	struct exchange x = { .f = f, .client = client, .answer = writer_of(f->answer + RESULT_SIZE, LIMIT_FRAME - RESULT_SIZE) };
	struct reader r = reader_of(span_of(f->body, 4));
	const struct command *command;
	enum front_result result;
	uint32_t code;
	bool too_large;

	if (!read_control(client, f->body, 4) || reader_u32(&r, &code) != TCB_OK)
		return false;
	command = find_command(code);
	if (command == NULL)
		return answer_control(f, client, RES_BAD_ORDINAL, 0);
	if (!read_body(f, client, command, &x.body, &too_large))
		return false;
	if (too_large) /* what follows cannot be told from a next request */
		return answer_control(f, client, RES_FAIL, 0) && false;
	result = permitted(f, command) ? command->handle(&x) : RES_BAD_ORDINAL;
	if (result != RES_SUCCESS && result != RES_NON_FATAL && code != 0x0c)
		x.answer.size = 0;
	if (f->shutdown && !f->options->rests_alone) {
		f->last_client = client->fd; /* its answer says that another can be started in this place */
		client->fd = -1;
		return false;
	}
	return answer_control(f, client, result, x.answer.size) && !f->shutdown;
}

bool front_control_serve(struct front *f, struct front_client *client)
{
	bool goes_on;

	client->no_room = false;
	goes_on = serve_request(f, client);

	io_close(&client->received_fd); /* what no command took came with the wrong one */
	return goes_on;
}
