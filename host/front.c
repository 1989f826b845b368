/* The front that QEMU sees: swtpm's control protocol and data channel (shared notes, section 1), one table row a command. Fed by:
 * whoever may open the socket. Everything that matters is judged again in the enclave. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vtpms.h"

enum {
	RES_SUCCESS = 0, RES_BAD_PARAMETER = 0x3, RES_FAIL = 0x9, RES_BAD_ORDINAL = 0xa, RES_IOERROR = 0x1f,
	RES_BAD_LOCALITY = 0x3d, RES_DECRYPT_ERROR = 0x21, RES_NON_FATAL = 0x800, RES_INIT_FAILURE = 0x101,
	CAPABILITIES = 0x1ffff,
	FLAG_ENCRYPTED = 2,
	PATIENCE_MS = 500, /* from a request's first byte to its last */
	TPM_HEADER_SIZE = 10,
	PREFIX_SIZE = 9, /* TCG_SEND_COMMAND_HEADER: u32 code, u8 locality, u32 size */
	CC_SEND_COMMAND_HEADER = 8,
};

struct front {
	struct host_vtpm *v;
	int control_fd, data_fd; /* data_fd -1: none */
	int received_fd;         /* came with the request being read */
	bool running, end;
	uint8_t locality;
	uint8_t *bytes;    /* LIMIT_FRAME: body of a request */
	uint8_t *answer;   /* LIMIT_FRAME */
};

/* One request's body and the answer in the making. */
struct exchange {
	struct front *f;
	struct span body;
	struct writer answer;
};

static void log_refusal(const struct front *f, const struct diagnosis *d)
{
	if (d->code[0] != '\0')
		log_diagnosis(f->v->id_text, d);
}

static uint32_t result_of(enum tcb_error error)
{
	switch (error) {
	case TCB_OK: return RES_SUCCESS;
	case TCB_MALFORMED: return RES_BAD_PARAMETER;
	case TCB_WRONG_STATE: return RES_BAD_ORDINAL;
	case TCB_CRYPTO: return RES_DECRYPT_ERROR;
	default: return RES_FAIL;
	}
}

static uint32_t ask(struct exchange *x, enum call call, struct span body, struct writer *ret)
{
	struct diagnosis d = {0};
	enum tcb_error error = vtpm_ask(x->f->v, call, body, ret, &d);

	log_refusal(x->f, &d);
	return result_of(error);
}

static uint32_t ask_status(struct exchange *x, enum call call, struct span body)
{
	struct diagnosis d = {0};
	enum tcb_error error = vtpm_ask_status(x->f->v, call, body, &d);

	log_refusal(x->f, &d);
	return result_of(error);
}

/* ---- handlers: return the result; members after it are written to x->answer ---- */

static uint32_t do_capability(struct exchange *x) { writer_u32(&x->answer, CAPABILITIES); return RES_SUCCESS; }

static uint32_t do_init(struct exchange *x)
{
	uint32_t result = ask_status(x, CALL_VTPM_INIT, x->body);

	x->f->running = result == RES_SUCCESS;
	return result == RES_SUCCESS ? RES_SUCCESS : RES_INIT_FAILURE;
}

static uint32_t do_stop(struct exchange *x)
{
	x->f->running = false;
	return ask_status(x, CALL_VTPM_STOP, x->body);
}

static uint32_t do_shutdown(struct exchange *x)
{
	x->f->end = true;
	return RES_SUCCESS; /* the state is saved when the connection ends, which is now */
}

static uint32_t do_get_established(struct exchange *x)
{
	uint32_t result = ask(x, CALL_VTPM_GET_ESTABLISHED, x->body, &x->answer);

	writer_zeros(&x->answer, result == RES_SUCCESS ? 3 : 0);
	return result;
}

static uint32_t do_set_locality(struct exchange *x)
{
	if (x->body.data[0] > 4)
		return RES_BAD_LOCALITY;
	x->f->locality = x->body.data[0];
	return RES_SUCCESS;
}

static uint32_t do_reset_established(struct exchange *x)
{
	if (x->body.data[0] > 4)
		return RES_BAD_LOCALITY;
	return ask(x, CALL_VTPM_RESET_ESTABLISHED, span_of(x->body.data, 1), NULL);
}

static uint32_t do_hash_start(struct exchange *x) { return ask(x, CALL_VTPM_HASH_START, x->body, NULL); }
static uint32_t do_hash_data(struct exchange *x) { return ask(x, CALL_VTPM_HASH_DATA, x->body, NULL); }
static uint32_t do_hash_end(struct exchange *x) { return ask(x, CALL_VTPM_HASH_END, x->body, NULL); }
static uint32_t do_cancel(struct exchange *x) { (void)x; return RES_SUCCESS; } /* read after the command it means */
static uint32_t do_store_volatile(struct exchange *x) { return ask(x, CALL_VTPM_STORE_VOLATILE, x->body, NULL); }
static uint32_t do_get_config(struct exchange *x) { writer_u32(&x->answer, 0); return RES_SUCCESS; }
static uint32_t do_lock_storage(struct exchange *x) { return ask_status(x, CALL_VTPM_RESUME, span_of(NULL, 0)); }

static uint32_t do_set_datafd(struct exchange *x)
{
	struct front *f = x->f;

	if (f->received_fd < 0)
		return RES_BAD_PARAMETER;
	if (f->data_fd >= 0)
		return RES_IOERROR;
	f->data_fd = f->received_fd;
	f->received_fd = -1;
	return RES_SUCCESS;
}

static uint32_t do_buffer_size(struct exchange *x)
{
	struct reader r = reader_of(x->body);
	uint32_t wanted = 0;

	if (reader_u32(&r, &wanted) == TCB_OK && wanted != 0 && x->f->running)
		return RES_BAD_ORDINAL;
	return ask(x, CALL_VTPM_BUFFER_SIZE, x->body, &x->answer);
}

/* u32 flags, u32 type, u32 offset -> u32 flags, u32 total, u32 length, data */
static uint32_t do_get_blob(struct exchange *x)
{
	static _Thread_local uint8_t blob_bytes[LIMIT_FRAME];
	struct writer w = WRITER_OF(blob_bytes);
	struct reader r = reader_of(x->body);
	struct span blob = {0};
	uint32_t flags, type, offset, result;

	if (reader_u32(&r, &flags) != TCB_OK || reader_u32(&r, &type) != TCB_OK || reader_u32(&r, &offset) != TCB_OK)
		return RES_BAD_PARAMETER;
	result = ask(x, CALL_VTPM_GET_BLOB, span_of(x->body.data + 4, 4), &w);
	r = reader_of(span_of(blob_bytes, w.size));
	if (result == RES_SUCCESS && reader_sized(&r, LIMIT_STATE, &blob) != TCB_OK)
		result = RES_FAIL;
	if (result == RES_SUCCESS && blob.size == 0)
		result = RES_NON_FATAL;
	blob = offset < blob.size ? span_of(blob.data + offset, blob.size - offset) : span_of(NULL, 0);
	writer_u32(&x->answer, FLAG_ENCRYPTED);
	writer_u32(&x->answer, (uint32_t)blob.size);
	writer_sized(&x->answer, blob);
	return result;
}

static uint32_t do_set_blob(struct exchange *x)
{
	/* flags | type | length | data: the enclave's call takes the rest as it is */
	return ask(x, CALL_VTPM_SET_BLOB, span_of(x->body.data + 4, x->body.size - 4), NULL);
}

/* u64 flags, u32 offset, u32 pad -> u32 total, u32 length, JSON with its NUL */
static uint32_t do_info(struct exchange *x)
{
	enum { PIECE_MAX = 3072 };
	static _Thread_local uint8_t info_bytes[65536];
	struct writer w = WRITER_OF(info_bytes);
	struct reader r = reader_of(x->body);
	struct span json;
	uint64_t flags;
	uint32_t offset, result;
	size_t length;

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
	if (offset + 1 >= json.size)
		return RES_BAD_PARAMETER;
	length = json.size - offset < PIECE_MAX ? json.size - offset : PIECE_MAX;
	writer_u32(&x->answer, (uint32_t)json.size);
	writer_sized(&x->answer, span_of(json.data + offset, length));
	return RES_SUCCESS;
}

enum need { NEED_NOTHING, NEED_RUNNING, NEED_STOPPED };

/* Body: `size` bytes; a command with a `length_at` has a u32 there that says how many more follow. */
static const struct command {
	uint32_t code;
	uint32_t size, optional; /* `optional` more bytes are taken if they come at once */
	int length_at;
	enum need need;
	uint32_t (*handle)(struct exchange *x);
} commands[] = {
	{ 0x01, 0, 0, -1, NEED_NOTHING, do_capability },
	{ 0x02, 4, 0, -1, NEED_NOTHING, do_init },
	{ 0x03, 0, 0, -1, NEED_NOTHING, do_shutdown },
	{ 0x04, 0, 0, -1, NEED_RUNNING, do_get_established },
	{ 0x05, 1, 3, -1, NEED_NOTHING, do_set_locality },
	{ 0x06, 0, 0, -1, NEED_RUNNING, do_hash_start },
	{ 0x07, 4, 0, 0, NEED_RUNNING, do_hash_data },
	{ 0x08, 0, 0, -1, NEED_RUNNING, do_hash_end },
	{ 0x09, 0, 0, -1, NEED_RUNNING, do_cancel },
	{ 0x0a, 0, 0, -1, NEED_RUNNING, do_store_volatile },
	{ 0x0b, 1, 3, -1, NEED_RUNNING, do_reset_established },
	{ 0x0c, 12, 0, -1, NEED_RUNNING, do_get_blob },
	{ 0x0d, 12, 0, 8, NEED_STOPPED, do_set_blob },
	{ 0x0e, 0, 0, -1, NEED_NOTHING, do_stop },
	{ 0x0f, 0, 0, -1, NEED_NOTHING, do_get_config },
	{ 0x10, 0, 0, -1, NEED_NOTHING, do_set_datafd },
	{ 0x11, 4, 0, -1, NEED_NOTHING, do_buffer_size },
	{ 0x12, 16, 0, -1, NEED_NOTHING, do_info },
	{ 0x13, 4, 0, -1, NEED_NOTHING, do_lock_storage },
};

/* ---- control channel ---- */

/* Exactly `size` bytes in time; a descriptor that comes along is kept. */
static bool read_control(struct front *f, uint8_t *ret_bytes, size_t size)
{
	while (size > 0) {
		union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
		struct iovec iov = { .iov_base = ret_bytes, .iov_len = size };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
					  .msg_controllen = sizeof control.bytes };
		struct pollfd ready = { .fd = f->control_fd, .events = POLLIN };
		struct cmsghdr *c;
		ssize_t got;

		if (poll(&ready, 1, PATIENCE_MS) <= 0)
			return false;
		got = recvmsg(f->control_fd, &message, MSG_CMSG_CLOEXEC);
		if (got <= 0)
			return false;
		c = CMSG_FIRSTHDR(&message);
		if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int))) {
			if (f->received_fd >= 0)
				(void)close(f->received_fd);
			memcpy(&f->received_fd, CMSG_DATA(c), sizeof(int));
		}
		ret_bytes += got;
		size -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = span_of(bytes.data + n, bytes.size - (size_t)n);
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

/* The body of `command` into f->bytes; false: the connection is over. `*ret_too_large` where it says more than fits. */
static bool read_body(struct front *f, const struct command *command, struct span *ret_body, bool *ret_too_large)
{
	size_t size = command->size;
	uint32_t more = 0;

	*ret_too_large = false;
	if (!read_control(f, f->bytes, size))
		return false;
	if (command->length_at >= 0) {
		struct reader r = reader_of(span_of(f->bytes + command->length_at, 4));

		if (reader_u32(&r, &more) != TCB_OK || more > LIMIT_STATE) {
			*ret_too_large = true;
			return true;
		}
		if (!read_control(f, f->bytes + size, more))
			return false;
	}
	if (command->optional > 0) {
		ssize_t got = recv(f->control_fd, f->bytes + size, command->optional, MSG_DONTWAIT);

		(void)got; /* QEMU pads a locality to four bytes; the padding says nothing */
	}
	*ret_body = span_of(f->bytes, size + more);
	return true;
}

static bool answer_control(struct front *f, uint32_t result, struct span rest)
{
	uint8_t bytes[4];
	struct writer w = WRITER_OF(bytes);

	writer_u32(&w, result);
	return write_all(f->control_fd, SPAN_OF(bytes)) && write_all(f->control_fd, rest);
}

static bool permitted(const struct front *f, const struct command *command)
{
	return command->need == NEED_NOTHING || (command->need == NEED_RUNNING) == f->running;
}

static bool serve_control(struct front *f)
{
	struct exchange x = { .f = f, .answer = writer_of(f->answer, LIMIT_FRAME) };
	struct reader r = reader_of(span_of(f->bytes, 4));
	const struct command *command;
	uint32_t code, result;
	bool too_large;

	if (!read_control(f, f->bytes, 4) || reader_u32(&r, &code) != TCB_OK)
		return false;
	command = find_command(code);
	if (command == NULL)
		return answer_control(f, RES_BAD_ORDINAL, span_of(NULL, 0));
	if (!read_body(f, command, &x.body, &too_large))
		return false;
	if (too_large) /* what follows cannot be told from a next request */
		return answer_control(f, RES_FAIL, span_of(NULL, 0)) && false;
	result = permitted(f, command) ? command->handle(&x) : (uint32_t)RES_BAD_ORDINAL;
	if (result != RES_SUCCESS && result != RES_NON_FATAL && code != 0x0c)
		x.answer.size = 0;
	return answer_control(f, result, span_of(f->answer, x.answer.size)) && !f->end;
}

/* ---- data channel ---- */

static bool read_data(struct front *f, uint8_t *ret_bytes, size_t size)
{
	/* A recv() of nothing would wait for the next command. */
	return size == 0 || recv(f->data_fd, ret_bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static struct span not_running(void)
{
	static const uint8_t response[] = {0x80, 0x01, 0, 0, 0, 0x0a, 0, 0, 0x01, 0x01};

	return SPAN_OF(response);
}

/* The TCG prefix, if there is one: locality and then a plain command, which is read anew into `bytes`. */
static bool read_prefix(struct front *f, uint8_t *bytes, bool *ret_prefixed)
{
	struct reader r = reader_of(span_of(bytes, TPM_HEADER_SIZE));
	uint32_t code;
	uint8_t locality;

	*ret_prefixed = bytes[0] == 0 && reader_u32(&r, &code) == TCB_OK && code == CC_SEND_COMMAND_HEADER;
	if (!*ret_prefixed)
		return true;
	if (reader_u8(&r, &locality) != TCB_OK)
		return false;
	f->locality = locality <= 4 ? locality : f->locality;
	bytes[0] = bytes[PREFIX_SIZE];
	return read_data(f, bytes + 1, TPM_HEADER_SIZE - 1);
}

static struct span process(struct front *f, struct span command)
{
	static _Thread_local uint8_t body_bytes[LIMIT_TPM_COMMAND + 32], answer_bytes[LIMIT_TPM_COMMAND + 64];
	struct writer w = WRITER_OF(body_bytes), answer = WRITER_OF(answer_bytes);
	struct diagnosis d = {0};
	struct span body, response;
	struct reader r;

	if (!f->running)
		return not_running();
	writer_u8(&w, f->locality);
	writer_sized(&w, command);
	if (writer_end(&w, &body) != TCB_OK || vtpm_ask(f->v, CALL_VTPM_COMMAND, body, &answer, &d) != TCB_OK) {
		log_refusal(f, &d);
		return not_running();
	}
	r = reader_of(span_of(answer_bytes, answer.size));
	return reader_sized(&r, LIMIT_TPM_COMMAND, &response) == TCB_OK ? response : not_running();
}

static bool answer_data(struct front *f, struct span response, bool prefixed)
{
	uint8_t head[4];
	static const uint8_t trailer[4];
	struct writer w = WRITER_OF(head);

	writer_u32(&w, (uint32_t)response.size);
	return (!prefixed || write_all(f->data_fd, SPAN_OF(head))) && write_all(f->data_fd, response) &&
	       (!prefixed || write_all(f->data_fd, SPAN_OF(trailer)));
}

/* One TPM command, collected by its size field however it was cut. */
static bool serve_data(struct front *f)
{
	uint8_t bytes[LIMIT_TPM_COMMAND + 16];
	struct reader r;
	uint32_t size;
	uint16_t tag;
	bool prefixed;

	if (!read_data(f, bytes, TPM_HEADER_SIZE) || !read_prefix(f, bytes, &prefixed))
		return false;
	r = reader_of(span_of(bytes, TPM_HEADER_SIZE));
	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || size < TPM_HEADER_SIZE ||
	    size > LIMIT_TPM_COMMAND || !read_data(f, bytes + TPM_HEADER_SIZE, size - TPM_HEADER_SIZE))
		return false;
	return answer_data(f, process(f, span_of(bytes, size)), prefixed);
}

/* ---- one connection ---- */

static void serve(struct front *f)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = f->control_fd, .events = POLLIN },
					 { .fd = f->data_fd, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents != 0 && !serve_data(f)) {
			(void)close(f->data_fd);
			f->data_fd = -1;
		}
		if (fds[0].revents != 0 && !serve_control(f))
			return;
	}
}

void front_serve(struct host_vtpm *v, int control_fd)
{
	struct front f = { .v = v, .control_fd = control_fd, .data_fd = -1, .received_fd = -1,
			   .bytes = malloc(LIMIT_FRAME), .answer = malloc(LIMIT_FRAME) };

	if (f.bytes != NULL && f.answer != NULL)
		serve(&f);
	if (f.data_fd >= 0)
		(void)close(f.data_fd);
	if (f.received_fd >= 0)
		(void)close(f.received_fd);
	free(f.bytes);
	free(f.answer);
	vtpm_rest(v);
}
