// SPDX-License-Identifier: MIT
/* The host's end of one enclave's stream: launch, calls, and the services that the enclave asks for meanwhile. What the enclave
 * sends is judged like anything else from outside: a broken enclave costs its own link only. */
#ifndef TCBIND_HOST_ENCLAVE_LINK_H
#define TCBIND_HOST_ENCLAVE_LINK_H

#include <pthread.h>

#include "core/ids.h"
#include "core/span.h"
#include "core/writer.h"
#include "edge/calls.h"

/* Serves one call of an enclave; the answer's body goes to `ret`. */
typedef enum tcb_error enclave_service(void *context, enum call call, struct span body, struct writer *ret,
				       struct diagnosis *d);

struct enclave_link {
	int fd; /* -1: no enclave, or one that has ended */
	bool by_frames; /* it takes no data channel: CALL_VTPM_SERVE is not for it */
	uint64_t session; /* number of this enclave process, unique in this daemon; 0: none */
	struct enclave_identity identity;
	enclave_service *serve;
	void *context; /* of serve */
	struct { enum tcb_error error; struct diagnosis d; } posted; /* what the enclave posted, and we could not do: the next frame's, edge/frame.h */
	size_t got, used; /* bytes of `frame`: that came, and that the frame takes of them */
	uint8_t *frame; /* FRAME_HEAD_SIZE + LIMIT_FRAME: what the enclave sent last */
	uint8_t *answer; /* LIMIT_FRAME: what we answer */
};

/* Has the processor at DIR/run/sgx.sock launch the image. Codes: those of the processor; enclave.launch. */
enum tcb_error enclave_link_open(const char *platform_dir, const char *image, enclave_service *serve, void *context,
				 struct enclave_link *ret_link, struct diagnosis *d) MUST_USE;
/* The same for an enclave that is launched: the descriptor is the link's from now on, also if this fails. */
enum tcb_error enclave_link_attach(int fd, const struct enclave_identity *identity, enclave_service *serve, void *context,
				   struct enclave_link *ret_link) MUST_USE;
void enclave_link_close(struct enclave_link *link);

/* One call. `ret_body` is borrowed until the next. TCB_PLATFORM with enclave.dead: the enclave has ended; the link has no fd any more, but what else it
 * has until enclave_link_close(): whoever knew the enclave by its session is to be told. */
enum tcb_error enclave_link_call(struct enclave_link *link, enum call call, struct span body, struct span *ret_body,
				 struct diagnosis *d) MUST_USE;

/* The same in steps, for a call that lasts: the call, with a descriptor that the enclave gets a copy of; */
enum tcb_error enclave_link_send(struct enclave_link *link, enum call call, struct span body, int fd, struct diagnosis *d) MUST_USE;
/* whether the enclave has sent something, or has ended: what came is kept for the step (does not block); */
bool enclave_link_receive(struct enclave_link *link);
/* one frame of the enclave (blocks), with what was posted before it: a service is served; `*ret_returned`: the call has returned, so; */
enum tcb_error enclave_link_step(struct enclave_link *link, enum call call, bool *ret_returned, struct span *ret_body,
				 struct diagnosis *d) MUST_USE;
/* and that it should return. */
void enclave_link_interrupt(struct enclave_link *link);
/* The TPM command that runs within it, if one does, is to end without a result. */
void enclave_link_cancel(struct enclave_link *link);

#endif
