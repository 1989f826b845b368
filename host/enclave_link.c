// SPDX-License-Identifier: MIT
#include "host/enclave_link.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "edge/descriptors.h"
#include "edge/frame.h"
#include "edge/launch.h"
#include "host/accept.h"
#include "host/io.h"
#include "host/paths.h"

/* ---- launch ---- */

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static enum tcb_error read_answer(struct span bytes, struct enclave_identity *ret_identity, struct diagnosis *d)
{
	struct reader r = reader_of(bytes);
	struct diagnosis from_processor;
	uint32_t pid;
	uint8_t error;

	TRY(reader_u8(&r, &error));
	if (error > TCB_INTERNAL)
		return TCB_MALFORMED;
	if (error != TCB_OK) {
		TRY(diagnosis_decode(&r, &from_processor));
		return diagnose_again(d, (enum tcb_error)error, &from_processor);
	}
	TRY(enclave_identity_decode(&r, ret_identity));
	TRY(reader_u32(&r, &pid));
	return reader_end(&r);
}

static enum tcb_error launch(const char *platform_dir, const char *image, struct enclave_identity *ret_identity,
			     int *ret_fd, struct diagnosis *d)
{
	uint8_t request[2 + LAUNCH_PATH_MAX], answer[LAUNCH_ANSWER_MAX + 1024];
	struct writer w = WRITER_OF(request);
	struct descriptors came;
	char path[108];
	ssize_t got;
	enum tcb_error error;
	int fd;

	TRY(path_in(platform_dir, "run/sgx.sock", path, sizeof path, d));
	writer_tpm2b(&w, span_of_text(image));
	TRY(writer_end(&w, NULL));
	fd = connect_unix(path);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return accept_no_descriptors(d);
	if (fd < 0 || send(fd, request, w.size, MSG_NOSIGNAL) != (ssize_t)w.size) {
		if (fd >= 0)
			(void)close(fd);
		return diagnose_found(d, TCB_PLATFORM, "enclave.launch", "a processor that listens",
				      "start the platform with `tcbind platform run`", "%s: %s", path, strerror(errno));
	}
	got = receive_descriptors(fd, answer, sizeof answer, 1, &came);
	(void)close(fd);
	error = read_answer(span_of(answer, got > 0 ? (size_t)got : 0), ret_identity, d);
	if (error == TCB_OK && came.count == 0)
		error = came.no_room ? accept_no_descriptors(d) : TCB_MALFORMED;
	if (error != TCB_OK)
		close_descriptors(&came);
	else
		*ret_fd = came.fds[0];
	return error;
}

enum tcb_error enclave_link_attach(int fd, const struct enclave_identity *identity, enclave_service *serve, void *context,
				   struct enclave_link *ret_link)
{
	static _Atomic uint64_t sessions = 1;
	struct enclave_link link = { .fd = fd, .identity = *identity, .serve = serve, .context = context,
				     .session = atomic_fetch_add(&sessions, 1) };

	link.frame = malloc(FRAME_HEAD_SIZE + LIMIT_FRAME);
	link.answer = malloc(LIMIT_FRAME);
	if (link.frame == NULL || link.answer == NULL) {
		enclave_link_close(&link);
		return TCB_INTERNAL;
	}
	*ret_link = link;
	return TCB_OK;
}

enum tcb_error enclave_link_open(const char *platform_dir, const char *image, enclave_service *serve, void *context,
				 struct enclave_link *ret_link, struct diagnosis *d)
{
	struct enclave_identity identity;
	int fd;

	TRY(launch(platform_dir, image, &identity, &fd, d));
	return enclave_link_attach(fd, &identity, serve, context, ret_link);
}

void enclave_link_close(struct enclave_link *link)
{
	if (link->fd >= 0)
		(void)close(link->fd);
	free(link->frame);
	free(link->answer);
	*link = (struct enclave_link){ .fd = -1 };
}

/* ---- frames ---- */

/* Until so many bytes of link->frame are there. What comes with them is kept: mostly one read is all that was sent at once. */
static bool fill(struct enclave_link *link, size_t size)
{
	while (link->got < size) {
		ssize_t got = recv(link->fd, link->frame + link->got, FRAME_HEAD_SIZE + LIMIT_FRAME - link->got, 0);

		if (got == 0 || (got < 0 && errno != EINTR))
			return false;
		link->got += got > 0 ? (size_t)got : 0;
	}
	return true;
}

bool enclave_link_receive(struct enclave_link *link)
{
	ssize_t got;

	if (link->got > link->used)
		return true;
	got = recv(link->fd, link->frame, FRAME_HEAD_SIZE + LIMIT_FRAME, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	link->used = 0;
	link->got = got > 0 ? (size_t)got : 0;
	return true;
}

static bool write_frame(struct enclave_link *link, const struct frame_head *head, struct span body)
{
	uint8_t bytes[FRAME_HEAD_SIZE + 256]; /* short ones in one piece */
	struct writer w = WRITER_OF(bytes);
	bool is_short = body.size <= sizeof bytes - FRAME_HEAD_SIZE;

	frame_head_encode(&w, head);
	if (is_short)
		writer_bytes(&w, body);
	return io_send(link->fd, span_of(bytes, w.size)) && (is_short || io_send(link->fd, body));
}

/* `ret_body` is borrowed until the next. After anything but what is posted, an enclave waits for us: more than that is a broken one's. */
static bool read_frame(struct enclave_link *link, struct frame_head *ret_head, struct span *ret_body)
{
	link->got -= link->used;
	memmove(link->frame, link->frame + link->used, link->got);
	link->used = 0;
	if (!fill(link, FRAME_HEAD_SIZE) || frame_head_decode(span_of(link->frame, FRAME_HEAD_SIZE), ret_head) != TCB_OK ||
	    !fill(link, FRAME_HEAD_SIZE + ret_head->body_size))
		return false;
	link->used = FRAME_HEAD_SIZE + ret_head->body_size;
	*ret_body = span_of(link->frame + FRAME_HEAD_SIZE, ret_head->body_size);
	return ret_head->kind == FRAME_OCALL_POSTED || link->got == link->used;
}

/* What was posted and failed, once. */
static enum tcb_error take_posted(struct enclave_link *link, struct diagnosis *d)
{
	enum tcb_error error = link->posted.error;

	link->posted.error = TCB_OK;
	return error == TCB_OK ? TCB_OK : diagnose_again(d, error, &link->posted.d);
}

static void serve_posted(struct enclave_link *link, const struct frame_head *call, struct span body)
{
	struct writer w = writer_of(link->answer, LIMIT_FRAME);
	struct diagnosis d = {0};
	enum tcb_error error;

	if (link->posted.error != TCB_OK)
		return; /* the first is told */
	error = link->serve(link->context, (enum call)call->call, body, &w, &d);
	if (error == TCB_OK)
		return;
	(void)diagnose(&d, error, "host.service", tcb_error_name(error), "a service of edge/calls.h", "see tcbindd's log");
	link->posted.error = error;
	link->posted.d = d;
}

static bool serve_ocall(struct enclave_link *link, const struct frame_head *call, struct span body)
{
	struct writer w = writer_of(link->answer, LIMIT_FRAME);
	struct frame_head head = { .kind = FRAME_OCALL_RETURN, .call = call->call };
	struct diagnosis d = {0};
	struct span answer;

	head.error = take_posted(link, &d);
	if (head.error == TCB_OK)
		head.error = link->serve(link->context, (enum call)call->call, body, &w, &d);
	if (head.error == TCB_OK)
		head.error = writer_end(&w, &answer);
	if (head.error != TCB_OK) {
		(void)diagnose(&d, head.error, "host.service", tcb_error_name(head.error), "a service of edge/calls.h",
			       "see tcbindd's log");
		w = writer_of(link->answer, LIMIT_FRAME);
		diagnosis_encode(&w, &d);
		if (writer_end(&w, &answer) != TCB_OK)
			return false;
	}
	head.body_size = (uint32_t)answer.size;
	return write_frame(link, &head, answer);
}

static enum tcb_error dead(struct enclave_link *link, struct diagnosis *d)
{
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	return diagnose(d, TCB_PLATFORM, "enclave.dead", "an enclave that has ended", "one that answers",
			"it is started again at the next use; its sealed state is as it was acknowledged last");
}

static enum tcb_error read_return(struct enclave_link *link, struct span body, enum tcb_error error, struct span *ret_body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct diagnosis from_enclave;

	TRY(take_posted(link, d));
	if (error == TCB_OK) {
		if (ret_body != NULL)
			*ret_body = body;
		return TCB_OK;
	}
	TRY(diagnosis_decode(&r, &from_enclave));
	return diagnose_again(d, error, &from_enclave);
}

/* A frame; a descriptor goes with its head. */
static bool write_call(struct enclave_link *link, enum call call, struct span body, int fd)
{
	const struct frame_head head = { .body_size = (uint32_t)body.size, .kind = FRAME_ECALL, .call = (uint16_t)call };
	union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = {0};
	uint8_t bytes[FRAME_HEAD_SIZE];
	struct iovec parts[2] = { { .iov_base = bytes, .iov_len = sizeof bytes },
				  { .iov_base = (void *)(uintptr_t)body.data, .iov_len = body.size } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = body.size > 0 ? 2 : 1 };
	struct writer w = WRITER_OF(bytes);
	ssize_t put;

	frame_head_encode(&w, &head);
	if (fd >= 0) {
		struct cmsghdr *c;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		put = sendmsg(link->fd, &message, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < (ssize_t)sizeof bytes)
		return false; /* the head goes whole: there is room, since nothing else is on its way */
	if (body.size == 0)
		return true;
	return io_send(link->fd, span_from(body, (size_t)put - sizeof bytes));
}

enum tcb_error enclave_link_send(struct enclave_link *link, enum call call, struct span body, int fd, struct diagnosis *d)
{
	if (body.size > LIMIT_FRAME)
		return TCB_LIMIT;
	return link->fd >= 0 && write_call(link, call, body, fd) ? TCB_OK : dead(link, d);
}

enum tcb_error enclave_link_step(struct enclave_link *link, enum call call, bool *ret_returned, struct span *ret_body,
				 struct diagnosis *d)
{
	struct frame_head head;
	struct span got;

	*ret_returned = true;
	do {
		if (link->fd < 0 || !read_frame(link, &head, &got))
			return dead(link, d);
		if (head.kind == FRAME_OCALL_POSTED)
			serve_posted(link, &head, got);
	} while (head.kind == FRAME_OCALL_POSTED); /* the frame after it has its outcome */
	if (head.kind == FRAME_ECALL_RETURN && head.call == (uint16_t)call)
		return read_return(link, got, head.error, ret_body, d);
	if (head.kind != FRAME_OCALL || !serve_ocall(link, &head, got))
		return dead(link, d);
	*ret_returned = false;
	return TCB_OK;
}

static void signal_call(struct enclave_link *link, enum frame_kind kind)
{
	const struct frame_head head = { .kind = kind };

	if (link->fd >= 0)
		(void)write_frame(link, &head, span_of(NULL, 0)); /* if it is dead, the next step shows it */
}

void enclave_link_interrupt(struct enclave_link *link)
{
	signal_call(link, FRAME_INTERRUPT);
}

void enclave_link_cancel(struct enclave_link *link)
{
	signal_call(link, FRAME_CANCEL);
}

enum tcb_error enclave_link_call(struct enclave_link *link, enum call call, struct span body, struct span *ret_body,
				 struct diagnosis *d)
{
	enum tcb_error error;
	bool returned;

	TRY(enclave_link_send(link, call, body, -1, d));
	do
		error = enclave_link_step(link, call, &returned, ret_body, d);
	while (!returned);
	return error;
}
