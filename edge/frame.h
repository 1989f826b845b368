// SPDX-License-Identifier: MIT
/* The host stream of an enclave: frames, strictly nested calls.
 *
 *   frame = u32 body size | u8 kind | u8 0 | u16 call | u32 error class | body
 *
 * The host calls the enclave (ecall) and gets one return. Before it returns, the enclave may call the
 * host (ocall), once at a time, and gets one return for each. Nothing else is ever in flight, but for a call that
 * lasts (CALL_VTPM_SERVE): cancels, and at their end one interrupt, which may cross an ocall or the return. It is SGX's own
 * model, so that an enclave is a state machine which can be driven frame by frame.
 * A posted ocall has no return of its own: the frame after it, an ocall or the ecall's return, has that too. If the host
 * could not do what was posted, the ocall is not served, and its return is that error; the ecall has failed with it.
 * In an ecall or ocall the error class is 0. In a return it is an enum tcb_error; if that is not TCB_OK
 * the body is an encoded diagnosis. A frame that breaks these rules ends the enclave (the host lied) or,
 * seen by the host, the connection (the enclave is broken). */
#ifndef TCBIND_EDGE_FRAME_H
#define TCBIND_EDGE_FRAME_H

#include "core/error.h"
#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

#define FRAME_HEAD_SIZE 12

enum frame_kind {
	FRAME_ECALL = 1,
	FRAME_ECALL_RETURN = 2,
	FRAME_OCALL = 3,
	FRAME_OCALL_RETURN = 4,
	FRAME_INTERRUPT = 5, /* host to enclave, empty, of CALL_VTPM_SERVE: the host wants it to return */
	FRAME_CANCEL = 6,    /* the same: the TPM command that runs now, if one does, is to end without a result */
	FRAME_OCALL_POSTED = 7,
};

struct frame_head {
	uint32_t body_size; /* bytes, at most LIMIT_FRAME */
	enum frame_kind kind;
	uint16_t call; /* enum call, see edge/calls.h */
	enum tcb_error error;
};

void frame_head_encode(struct writer *w, const struct frame_head *head);
/* Judges kind, size and error class before anything of the body is read. */
enum tcb_error frame_head_decode(struct span bytes, struct frame_head *ret_head) MUST_USE;

/* A diagnosis as it crosses the boundary: four u16-sized texts, printable ASCII, cut to their fields. */
void diagnosis_encode(struct writer *w, const struct diagnosis *d);
enum tcb_error diagnosis_decode(struct reader *r, struct diagnosis *ret_d) MUST_USE;

#endif
