// SPDX-License-Identifier: MIT
#include "host/front.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/accept.h"
#include "host/io.h"

/* What is refused and was not diagnosed has at least these words. */
static void complete(enum tcb_error error, struct diagnosis *d)
{
	(void)diagnose(d, error, "front.refused", tcb_error_name(error), "a request that this vTPM can take now",
		       "see the platform's log and `tcbind vtpm show`");
}

void front_log(const struct front *f, enum tcb_error error, struct diagnosis *d)
{
	if (error == TCB_OK)
		return;
	complete(error, d);
	vtpm_log(f->v, d);
}

static enum tcb_error initialise(struct front *f, uint32_t flags, struct diagnosis *d)
{
	uint8_t body_bytes[4];
	struct writer w = WRITER_OF(body_bytes);
	enum tcb_error error;

	writer_u32(&w, (flags & INIT_DELETE_VOLATILE) | (f->options->ends_hard ? INIT_NO_SHUTDOWN : 0u));
	error = vtpm_ask_status(f->v, CALL_VTPM_INIT, SPAN_OF(body_bytes), d);
	f->running = error == TCB_OK;
	return error;
}

enum front_result front_initialise(struct front *f, uint32_t flags)
{
	struct diagnosis d = {0};

	front_log(f, initialise(f, flags, &d), &d);
	return f->running ? RES_SUCCESS : RES_INIT_FAILURE;
}

/* ---- connections ---- */

static void close_client(struct front_client *client)
{
	io_close(&client->fd);
	io_close(&client->received_fd);
}

static bool has_client(const struct front *f)
{
	for (size_t i = 0; i < FRONT_CLIENTS; i++)
		if (f->clients[i].fd >= 0)
			return true;
	return false;
}

/* An empty place has its enclave started with the machine that comes, not while that machine is stopped. What goes wrong is said when
 * the state comes. */
static void expect_arrival(struct front *f)
{
	if (vtpm_look(f->v).state == VTPM_INCOMING)
		(void)!vtpm_ask_status(f->v, CALL_VTPM_STATUS, span_of(NULL, 0), NULL);
}

static void accept_client(struct front *f)
{
	int fd = accept_connection(f->options->control_listener, NULL);

	for (size_t i = 0; fd >= 0 && i < FRONT_CLIENTS; i++) {
		if (f->clients[i].fd < 0) {
			f->clients[i].fd = fd;
			expect_arrival(f);
			return;
		}
	}
	io_close(&fd); /* more clients than anyone has */
}

static void accept_data(struct front *f)
{
	int fd = accept_connection(f->options->data_listener, NULL);

	if (fd >= 0)
		f->data = (struct front_data){ .fd = fd, .channel = { .prefixes = true } };
}

static void end_data(struct front *f)
{
	io_close(&f->data.fd);
	f->end |= f->options->ends_with_data;
}

/* The machine is off: the TPM too. */
static void rest(struct front *f)
{
	front_data_take_back(f);
	io_close(&f->data.fd);
	f->running = false;
	f->locality = 0;
	vtpm_rest(f->v);
}

static void end_client(struct front *f, struct front_client *client)
{
	close_client(client);
	f->end |= f->options->ends_with_control;
	if (f->options->rests_alone && !has_client(f))
		rest(f);
}

/* After CMD_SHUTDOWN. */
static void shut_down(struct front *f)
{
	f->shutdown = false;
	for (size_t i = 0; i < FRONT_CLIENTS; i++)
		close_client(&f->clients[i]);
	if (f->options->rests_alone)
		rest(f);
	else
		f->end = true;
}

/* ---- the loop ---- */

enum { SLOT_CONTROL, SLOT_DATA_LISTENER, SLOT_DATA, SLOT_ENCLAVE, SLOT_OWNER, SLOT_CLIENTS, SLOTS = SLOT_CLIENTS + FRONT_CLIENTS };

static void fill_slots(const struct front *f, struct pollfd ret_slots[SLOTS])
{
	ret_slots[SLOT_CONTROL].fd = f->options->control_listener;
	ret_slots[SLOT_DATA_LISTENER].fd = f->data.fd < 0 ? f->options->data_listener : -1;
	ret_slots[SLOT_DATA].fd = f->data.handed_on ? -1 : f->data.fd;
	ret_slots[SLOT_ENCLAVE].fd = f->data.handed_on ? f->v->link.fd : -1;
	ret_slots[SLOT_OWNER].fd = f->options->owner;
	for (size_t i = 0; i < FRONT_CLIENTS; i++)
		ret_slots[SLOT_CLIENTS + i].fd = f->clients[i].fd;
	for (size_t i = 0; i < SLOTS; i++) {
		ret_slots[i].events = POLLIN;
		ret_slots[i].revents = 0; /* a negative descriptor is passed over */
	}
}

/* Anything but the data channel. */
static bool is_control(const struct pollfd slots[SLOTS])
{
	for (size_t i = 0; i < SLOTS; i++)
		if (i != SLOT_DATA && i != SLOT_ENCLAVE && slots[i].revents != 0)
			return true;
	return false;
}

/* What does not wait until the enclave gives the data channel back. */
static void serve_cancels(struct front *f, struct pollfd slots[SLOTS])
{
	for (size_t i = 0; i < FRONT_CLIENTS; i++) {
		struct front_client *client = &f->clients[i];

		if (slots[SLOT_CLIENTS + i].revents == 0 || client->fd < 0 || !front_control_is_cancel(client))
			continue;
		slots[SLOT_CLIENTS + i].revents = 0;
		if (!front_control_serve(f, client))
			end_client(f, client);
	}
}

static void serve_slots(struct front *f, struct pollfd slots[SLOTS])
{
	if (f->data.handed_on)
		serve_cancels(f, slots);
	if (slots[SLOT_DATA].revents != 0 && !front_data_serve(f))
		end_data(f);
	if (slots[SLOT_ENCLAVE].revents != 0 && !front_data_step(f))
		end_data(f);
	if (is_control(slots))
		front_data_take_back(f);
	for (size_t i = 0; i < FRONT_CLIENTS && !f->shutdown; i++) {
		struct front_client *client = &f->clients[i];

		if (slots[SLOT_CLIENTS + i].revents != 0 && client->fd >= 0 && !front_control_serve(f, client))
			end_client(f, client);
	}
	if (slots[SLOT_CONTROL].revents & ~POLLIN)
		f->end = true; /* the listener was shut down: poll() says POLLIN beside POLLHUP then */
	else if (slots[SLOT_CONTROL].revents != 0)
		accept_client(f);
	if (slots[SLOT_DATA_LISTENER].revents & POLLIN)
		accept_data(f);
	if (slots[SLOT_OWNER].revents != 0)
		f->end = true;
}

/* What the options ask for before the first client is served. */
static enum tcb_error begin(struct front *f, struct diagnosis *d)
{
	if (!f->options->initialise)
		return TCB_OK;
	TRY(initialise(f, 0, d));
	if (f->options->startup < 0)
		return TCB_OK;
	return front_startup(f, (uint16_t)f->options->startup) == TCB_OK ? TCB_OK :
	       diagnose(d, TCB_REFUSED, "front.startup", "a TPM2_Startup that the TPM refuses", "a TPM that starts",
			"use --flags startup-clear, or none of the startup flags");
}

/* False: the TPM that was to be there from the start is not, and the front ends. */
static bool start(struct front *f)
{
	struct diagnosis d = {0};
	enum tcb_error error = begin(f, &d);

	if (error != TCB_OK)
		complete(error, &d);
	if (f->options->started != NULL)
		f->options->started(f->options->started_context, error, &d);
	else
		front_log(f, error, &d);
	return error == TCB_OK;
}

/* Its machine is gone, without the CMD_SHUTDOWN that a machine ends with: killed, that is. */
static bool is_left(const struct front *f)
{
	return f->had_machine && !f->options->rests_alone && f->data.fd < 0 && !has_client(f);
}

/* Who reconnects has this long; then what a dead machine left ends. */
static void end_left(struct front *f)
{
	struct diagnosis d = {0};
	enum tcb_error error = diagnose(&d, TCB_PLATFORM, "front.left", "a machine that went without switching its TPM off",
					"CMD_SHUTDOWN, or a new control client in time", "nothing: this process ends, the state is kept");

	front_log(f, error, &d);
	f->end = true;
}

static void serve(struct front *f)
{
	enum { LEFT_PATIENCE_MS = 2000, META_PATIENCE_MS = 50 };
	struct pollfd slots[SLOTS];

	if (!start(f))
		return;
	while (!f->end) {
		bool old;
		int got;

		front_data_hand_on(f);
		fill_slots(f, slots);
		old = vtpm_meta_is_old(f->v); /* what is waited for now says what silence means, whoever writes it meanwhile */
		got = poll(slots, SLOTS, old ? META_PATIENCE_MS : is_left(f) ? LEFT_PATIENCE_MS : -1);
		if (got < 0 && errno != EINTR)
			return;
		if (got == 0 && old) {
			(void)vtpm_look(f->v);
			continue;
		}
		if (got == 0) {
			end_left(f);
			return;
		}
		if (got > 0)
			serve_slots(f, slots);
		if (f->shutdown)
			shut_down(f);
	}
}

int front_run(struct host_vtpm *v, const struct front_options *options)
{
	struct front f = { .v = v, .options = options, .data = { .fd = options->data_client, .channel = { .prefixes = true } }, .last_client = -1,
			   .body = malloc(LIMIT_FRAME), .answer = malloc(LIMIT_FRAME) };

	for (size_t i = 0; i < FRONT_CLIENTS; i++)
		f.clients[i] = (struct front_client){ -1, -1 };
	f.clients[0].fd = options->control_client;
	if (f.body != NULL && f.answer != NULL)
		serve(&f);
	io_close(&f.data.fd);
	for (size_t i = 0; i < FRONT_CLIENTS; i++)
		close_client(&f.clients[i]);
	free(f.body);
	free(f.answer);
	vtpm_rest(v);
	return f.last_client;
}

void front_farewell(int client)
{
	static const uint8_t success[4] = {0};

	(void)io_send(client, SPAN_OF(success));
	(void)close(client);
}
