// SPDX-License-Identifier: MIT
/* One vTPM as the host has it: its place, and its enclave while one is needed. DIR/vtpm/UUID/meta.json keeps what to show of a vTPM whose
 * enclave does not run. */
#ifndef TCBIND_HOST_VTPM_ENCLAVE_H
#define TCBIND_HOST_VTPM_ENCLAVE_H

#include <stdatomic.h>

#include "edge/data_channel.h"
#include "host/daemon.h"
#include "host/place.h"
#include "host/uuid.h"

struct external; /* external.h: of a vTPM in a user's directory */

/* CALL_VTPM_SERVE, while it lasts and between. */
struct vtpm_serving {
	bool open, closed, refused;
	int fd; /* the front's data channel; -1: not handed on */
	uint8_t locality;
	struct data_channel pending;
};

struct host_vtpm {
	struct daemon *daemon;
	atomic_uint users; /* freed with the last: vtpms_release() */
	struct uuid id;
	char id_text[UUID_TEXT_SIZE], control_socket[108]; /* control_socket empty: an external one */
	pthread_mutex_t lock; /* of all below */
	struct place place;
	struct external *external;
	struct vtpm_status status;
	struct enclave_link link;
	bool loaded; /* the enclave holds this vTPM */
	bool meta_is_old; /* meta.json says something else than `status` and `refusal` */
	char refusal[DIAGNOSIS_CODE_MAX]; /* why its state was not opened when that was tried last; empty: it was, or was not tried */
	struct vtpm_serving serving;
	struct service_context context;
	int listen_fd;
	bool deleted;
	atomic_bool claims_place; /* vtpms_claim_place() */
};

/* One call of the enclave, which is launched and loaded if it must be; `ret` takes the answer's body. Any thread. */
enum tcb_error vtpm_ask(struct host_vtpm *v, enum call call, struct span body, struct writer *ret, struct diagnosis *d) MUST_USE;
/* The same for calls that return a vtpm_status, which is noted. */
enum tcb_error vtpm_ask_status(struct host_vtpm *v, enum call call, struct span body, struct diagnosis *d) MUST_USE;
/* Ends the enclave, after CALL_VTPM_SHUTDOWN. */
void vtpm_rest(struct host_vtpm *v);
/* What it is now; meta.json says so, too, on return. */
struct vtpm_status vtpm_look(struct host_vtpm *v);
/* Copies `refusal`. */
void vtpm_look_refusal(struct host_vtpm *v, char ret_code[DIAGNOSIS_CODE_MAX]);
/* meta.json is to be written, when there is time. */
bool vtpm_meta_is_old(struct host_vtpm *v);
const char *vtpm_state_name(enum vtpm_state state);
/* One line about this vTPM, for its operator. */
void vtpm_log(struct host_vtpm *v, const struct diagnosis *d);

/* ---- vtpm_serve.c: the data channel in the enclave's hands; the front's thread ---- */

/* Hands `fd` on, with what was read of it already. False: it cannot be; commands go by CALL_VTPM_COMMAND. */
bool vtpm_serve_start(struct host_vtpm *v, int fd, uint8_t locality, const struct data_channel *pending);
/* When the enclave's stream has something. Closed: the channel is at its end. Ended: for another reason; vtpm_serve_stop(). */
enum serve_state { SERVE_GOES_ON, SERVE_CLOSED, SERVE_ENDED } vtpm_serve_step(struct host_vtpm *v);
/* Cancels the command that the enclave works at, if it does. */
void vtpm_serve_cancel(struct host_vtpm *v);
/* Takes it back. False: it is at its end. */
bool vtpm_serve_stop(struct host_vtpm *v, uint8_t *ret_locality, struct data_channel *ret_pending);

/* ---- steps of the above, with the lock held ---- */

/* Makes room for another call; whether there was one to be resumed after it. */
bool vtpm_pause_serving(struct host_vtpm *v);
void vtpm_resume_serving(struct host_vtpm *v);

enum tcb_error vtpm_launch(struct host_vtpm *v, struct diagnosis *d) MUST_USE;
/* The newest state in the platform's own directory, in memory that free() releases; empty: none. */
enum tcb_error vtpm_read_state(struct host_vtpm *v, struct span *ret_sealed, struct diagnosis *d) MUST_USE;
enum tcb_error vtpm_load_state(struct host_vtpm *v, struct span sealed, struct diagnosis *d) MUST_USE;
enum tcb_error vtpm_create_state(struct host_vtpm *v, const struct vtpm_create *create, struct diagnosis *d) MUST_USE;
void vtpm_close_enclave(struct host_vtpm *v);
void vtpm_write_meta(struct host_vtpm *v);
void vtpm_read_meta(struct host_vtpm *v);

#endif
