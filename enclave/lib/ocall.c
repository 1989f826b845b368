// SPDX-License-Identifier: MIT
#include "enclave/lib/ocall.h"

#include "edge/frame.h"
#include "enclave/lib/dispatch.h"
#include "enclave/lib/outbox.h"
#include "enclave/tee/tee.h"

static uint8_t answer_bytes[LIMIT_FRAME];

static void put_call(enum frame_kind kind, enum call call, const struct span *parts, size_t count)
{
	struct frame_head head = { .kind = kind, .call = (uint16_t)call };
	uint8_t head_bytes[FRAME_HEAD_SIZE];
	struct writer w = WRITER_OF(head_bytes);
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].size;
	if (size > LIMIT_FRAME)
		tee_abort("a call to the host is larger than a frame");
	head.body_size = (uint32_t)size;
	frame_head_encode(&w, &head);
	outbox_put(SPAN_OF(head_bytes));
	for (size_t i = 0; i < count; i++)
		outbox_put(parts[i]);
}

enum tcb_error host_call(enum call call, const struct span *parts, size_t count, struct span *ret_body,
			 struct diagnosis *d)
{
	uint8_t head_bytes[FRAME_HEAD_SIZE];
	struct diagnosis from_host;
	struct frame_head head;
	struct reader r;

	put_call(FRAME_OCALL, call, parts, count);
	outbox_send(span_of(NULL, 0));
	do {
		tee_stream_read(head_bytes, sizeof head_bytes);
		if (frame_head_decode(SPAN_OF(head_bytes), &head) != TCB_OK)
			tee_abort("the host sent something that is no frame");
	} while (enclave_interrupt_take(&head)); /* it crossed our call */
	if (head.kind != FRAME_OCALL_RETURN ||
	    head.call != (uint16_t)call)
		tee_abort("the host answered something else");
	tee_stream_read(answer_bytes, head.body_size);
	r = reader_of(span_of(answer_bytes, head.body_size));
	if (head.error == TCB_OK) {
		if (ret_body != NULL)
			*ret_body = r.rest;
		return TCB_OK;
	}
	if (diagnosis_decode(&r, &from_host) != TCB_OK || reader_end(&r) != TCB_OK)
		tee_abort("the host's error has no diagnosis");
	return diagnose_again(d, head.error, &from_host);
}

/* What a host answered is not what it should be: an error, since the enclave can still go on. */
static enum tcb_error bad_answer(struct diagnosis *d)
{
	return diagnose(d, TCB_PLATFORM, "host.answer.malformed", "an answer of the host that does not decode",
			"a body as edge/calls.h gives it", "check that tcbindd and the enclaves are of one version");
}

/* A body that is one sized field. */
static enum tcb_error take_sized(struct span body, size_t max, struct span *ret_bytes, struct diagnosis *d)
{
	struct reader r = reader_of(body);

	if (reader_sized(&r, max, ret_bytes) != TCB_OK || reader_end(&r) != TCB_OK)
		return bad_answer(d);
	return TCB_OK;
}

/* u8 slot or role | sized bytes, in two parts: the bytes are not copied. */
static void tagged_parts(uint8_t tag, struct span bytes, uint8_t head_bytes[5], struct span ret_parts[2])
{
	struct writer w = writer_of(head_bytes, 5);

	writer_u8(&w, tag);
	writer_u32(&w, (uint32_t)bytes.size);
	ret_parts[0] = span_of(head_bytes, w.size);
	ret_parts[1] = bytes;
}

enum tcb_error host_store(enum store_slot slot, struct span bytes, struct diagnosis *d)
{
	uint8_t head_bytes[5];
	struct span parts[2];

	tagged_parts((uint8_t)slot, bytes, head_bytes, parts);
	return host_call(CALL_HOST_STORE, parts, 2, NULL, d);
}

void host_store_posted(enum store_slot slot, struct span bytes)
{
	uint8_t head_bytes[5];
	struct span parts[2];

	tagged_parts((uint8_t)slot, bytes, head_bytes, parts);
	put_call(FRAME_OCALL_POSTED, CALL_HOST_STORE, parts, 2);
}

enum tcb_error host_peer(enum enclave_role role, struct span message, struct span *ret_reply, struct diagnosis *d)
{
	uint8_t head_bytes[5];
	struct span parts[2], body;

	tagged_parts((uint8_t)role, message, head_bytes, parts);
	TRY(host_call(CALL_HOST_PEER, parts, 2, &body, d));
	return take_sized(body, LIMIT_LOCAL_MESSAGE, ret_reply, d);
}

enum tcb_error host_platform_quote(const struct digest256 *commitment, struct host_platform_quote *ret_quote,
				   struct diagnosis *d)
{
	const struct span part = SPAN_OF(commitment->bytes);
	struct span body;

	TRY(host_call(CALL_HOST_PTPM_QUOTE, &part, 1, &body, d));
	return host_platform_quote_decode(body, ret_quote) == TCB_OK ? TCB_OK : bad_answer(d);
}

enum tcb_error host_time(uint64_t *ret_seconds, struct diagnosis *d)
{
	struct span body;
	struct reader r;
	uint64_t seconds;

	TRY(host_call(CALL_HOST_TIME, NULL, 0, &body, d));
	r = reader_of(body);
	if (reader_u64(&r, &seconds) != TCB_OK || reader_end(&r) != TCB_OK)
		return bad_answer(d);
	*ret_seconds = seconds;
	return TCB_OK;
}

enum tcb_error host_collateral(struct span *ret_collateral, struct diagnosis *d)
{
	struct span body;

	TRY(host_call(CALL_HOST_COLLATERAL, NULL, 0, &body, d));
	return take_sized(body, LIMIT_COLLATERAL, ret_collateral, d);
}
