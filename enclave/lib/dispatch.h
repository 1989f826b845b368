// SPDX-License-Identifier: MIT
/* The main loop of every enclave: one permit table, one call at a time (edge/frame.h).
 * A call that the table does not hold, or a frame that breaks the rules, ends the enclave: the host lied. */
#ifndef TCBIND_ENCLAVE_LIB_DISPATCH_H
#define TCBIND_ENCLAVE_LIB_DISPATCH_H

#include "core/error.h"
#include "core/span.h"
#include "core/writer.h"
#include "edge/calls.h"

struct enclave_call {
	enum call call;
	/* `body` is the enclave's own copy and valid until the handler returns. What it writes to `ret` is the
	 * answer if it returns TCB_OK; otherwise `d` is. Decodes first, then acts. */
	enum tcb_error (*handle)(void *state, struct span body, struct writer *ret, struct diagnosis *d);
};

/* For a call that lasts: from begin on, the host may send FRAME_CANCELs and then one FRAME_INTERRUPT, which may come as late as after the return. */
void enclave_interrupt_begin(void);
/* Whether it has come. */
bool enclave_interrupted(void);
/* Reads a frame that must be one of these; ends the enclave otherwise. */
void enclave_interrupt_read(void);
/* What runs now is not what a cancel that came before meant. */
void enclave_cancel_clear(void);
/* Whether what runs now is cancelled; reads what the host has sent meanwhile. Outside of such a call: no. */
bool enclave_cancelled(void);
/* For readers of other frames (ocall.c): takes it if `head` is one of these. */
struct frame_head;
bool enclave_interrupt_take(const struct frame_head *head);

/* Reads one call from the host stream, handles it, answers. */
void enclave_serve_one(const struct enclave_call *table, size_t count, void *state);

/* Forever; the process ends when the host stream does. */
_Noreturn void enclave_serve(const struct enclave_call *table, size_t count, void *state);

#endif
