// SPDX-License-Identifier: MIT
/* The front that QEMU, libvirt and swtpm's tools see: swtpm's control protocol and data channel. front.c is the loop over connections,
 * front_control.c the table of control commands, front_data.c the TPM commands. Fed by: whoever may open the sockets. Everything
 * that matters is judged again in the enclave. */
#ifndef TCBIND_HOST_FRONT_H
#define TCBIND_HOST_FRONT_H

#include "host/vtpms.h"

#define FRONT_CLIENTS 8

/* Results of control commands (TPM 1.2 codes, whatever the TPM is). */
enum front_result {
	RES_SUCCESS = 0, RES_BAD_PARAMETER = 0x3, RES_FAIL = 0x9, RES_BAD_ORDINAL = 0xa, RES_KEYNOTFOUND = 0xd, RES_IOERROR = 0x1f,
	RES_DECRYPT_ERROR = 0x21, RES_BAD_LOCALITY = 0x3d, RES_INIT_FAILURE = 0x101, RES_NON_FATAL = 0x800,
};

struct front_options {
	int control_listener, data_listener; /* -1: none */
	int control_client, data_client;     /* connected already; -1: none */
	int owner;                           /* a connection whose end ends the front; -1: none */
	bool rests_alone;                    /* without a control client the TPM is switched off, and the front goes on listening */
	bool one_command;                    /* a data connection is closed after its answer */
	bool data_fixed;                     /* SET_DATAFD is refused: there is a server for data */
	bool ends_with_data, ends_with_control;
	bool reject_locality_4, allow_set_locality;
	uint32_t config_flags;               /* what GET_CONFIG answers */
	bool initialise;                     /* as if CMD_INIT had come */
	bool ends_hard;                      /* no TPM2_Shutdown is sent in place of a guest that sent none */
	int startup;                         /* TPM2_Startup type sent then; -1: none */
	/* Called once, when that is done or has failed; after a failure the front ends. NULL: nobody wants to know. */
	void (*started)(void *context, enum tcb_error error, const struct diagnosis *d);
	void *started_context;
};

struct front_client {
	int fd, received_fd; /* -1: none; received_fd came with the request being read */
	bool no_room;        /* a descriptor came with that request, and this process is out of descriptors */
};

/* The data channel, and what of it is not a whole command yet. */
struct front_data {
	int fd; /* -1: none */
	bool handed_on; /* the enclave reads it: vtpm_serve_start() */
	struct data_channel channel;
};

struct front {
	struct host_vtpm *v;
	const struct front_options *options;
	struct front_client clients[FRONT_CLIENTS];
	struct front_data data;
	bool running, shutdown, end; /* shutdown: CMD_SHUTDOWN has come */
	int last_client;             /* that sent it, and is answered when all is closed; -1: none */
	bool had_machine;            /* SET_DATAFD gave it a data channel, as QEMU does */
	uint8_t locality;
	uint8_t *body, *answer; /* LIMIT_FRAME each */
};

/* Serves until CMD_SHUTDOWN, the owner's end, or the listener's (native fronts: the last only). Returns a connection on which CMD_SHUTDOWN
 * is still to be answered, by front_farewell(), which closes it; -1: none. */
int front_run(struct host_vtpm *v, const struct front_options *options);
void front_farewell(int client);

/* One request of a client; false: close its connection. */
bool front_control_serve(struct front *f, struct front_client *client);
/* The next request is CMD_CANCEL_TPM_CMD, which does not wait for the command that it means. */
bool front_control_is_cancel(const struct front_client *client);
/* What can be read now, and all commands that are whole with it; false: close the channel. */
bool front_data_serve(struct front *f);
/* Hands the channel on to the enclave, if that can be; and takes it back, before anything else is done. */
void front_data_hand_on(struct front *f);
void front_data_take_back(struct front *f);
/* When the enclave that has the channel wants something; false: close the channel. */
bool front_data_step(struct front *f);

/* CMD_INIT with these flags, and TPM2_Startup. */
enum front_result front_initialise(struct front *f, uint32_t flags);
enum tcb_error front_startup(struct front *f, uint16_t type);

/* What is refused is said in words, whatever the client makes of its number. */
void front_log(const struct front *f, enum tcb_error error, struct diagnosis *d);

#endif
