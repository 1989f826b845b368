// SPDX-License-Identifier: MIT
#include "enclave/lib/dispatch.h"

#include "edge/frame.h"
#include "enclave/lib/outbox.h"
#include "enclave/tee/tee.h"

static uint8_t call_bytes[LIMIT_FRAME];   /* the host's body, copied in once */
static uint8_t return_frame[FRAME_HEAD_SIZE + LIMIT_FRAME]; /* ours, its head before it: one write wakes the host once */

static struct { bool allowed, came, cancelled; } interrupt;

void enclave_interrupt_begin(void)
{
	interrupt.allowed = true;
	interrupt.came = false;
}

bool enclave_interrupted(void)
{
	return interrupt.came;
}

bool enclave_interrupt_take(const struct frame_head *head)
{
	if (head->kind != FRAME_INTERRUPT && head->kind != FRAME_CANCEL)
		return false;
	if (!interrupt.allowed || head->body_size != 0)
		tee_abort("an interrupt of nothing");
	if (head->kind == FRAME_CANCEL) {
		interrupt.cancelled = true;
		return true;
	}
	interrupt.allowed = false;
	interrupt.came = true;
	return true;
}

static void read_head(struct frame_head *ret_head)
{
	uint8_t head_bytes[FRAME_HEAD_SIZE];

	tee_stream_read(head_bytes, sizeof head_bytes);
	if (frame_head_decode(SPAN_OF(head_bytes), ret_head) != TCB_OK)
		tee_abort("the host sent something that is no frame");
}

void enclave_interrupt_read(void)
{
	struct frame_head head;

	read_head(&head);
	if (!enclave_interrupt_take(&head))
		tee_abort("the host sent something that is not an interrupt");
}

void enclave_cancel_clear(void)
{
	interrupt.cancelled = false;
}

bool enclave_cancelled(void)
{
	while (interrupt.allowed && tee_stream_pending())
		enclave_interrupt_read();
	return interrupt.cancelled;
}

static void read_call(struct frame_head *ret_head, struct span *ret_body)
{
	do
		read_head(ret_head);
	while (enclave_interrupt_take(ret_head)); /* it crossed the return */
	if (ret_head->kind != FRAME_ECALL)
		tee_abort("the host sent something that is not a call");
	tee_stream_read(call_bytes, ret_head->body_size);
	*ret_body = span_of(call_bytes, ret_head->body_size);
}

/* `body` stands behind the head's place in return_frame. */
static void write_return(enum call call, enum tcb_error error, struct span body)
{
	const struct frame_head head = {
		.body_size = (uint32_t)body.size,
		.kind = FRAME_ECALL_RETURN,
		.call = (uint16_t)call,
		.error = error,
	};
	struct writer w = writer_of(return_frame, FRAME_HEAD_SIZE);

	frame_head_encode(&w, &head);
	outbox_send(span_of(return_frame, FRAME_HEAD_SIZE + body.size));
}

static const struct enclave_call *find_call(const struct enclave_call *table, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].call == number)
			return &table[i];
	return NULL;
}

void enclave_serve_one(const struct enclave_call *table, size_t count, void *state)
{
	struct writer answer = writer_of(return_frame + FRAME_HEAD_SIZE, LIMIT_FRAME);
	struct diagnosis d = {0};
	const struct enclave_call *call;
	struct frame_head head;
	struct span body, answer_body;
	enum tcb_error error;

	read_call(&head, &body);
	call = find_call(table, count, head.call);
	if (call == NULL)
		tee_abort("the host sent a call that this enclave does not have");
	error = call->handle(state, body, &answer, &d);
	if (error == TCB_OK)
		error = writer_end(&answer, &answer_body);
	if (error != TCB_OK) {
		(void)diagnose(&d, error, "enclave.error", tcb_error_name(error), "a call that can be answered",
			       "report this with the daemon's log");
		answer = writer_of(return_frame + FRAME_HEAD_SIZE, LIMIT_FRAME);
		diagnosis_encode(&answer, &d);
		if (writer_end(&answer, &answer_body) != TCB_OK)
			tee_abort("a diagnosis does not fit a frame");
	}
	write_return(call->call, error, answer_body);
}

_Noreturn void enclave_serve(const struct enclave_call *table, size_t count, void *state)
{
	for (;;)
		enclave_serve_one(table, count, state);
}
