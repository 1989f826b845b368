// SPDX-License-Identifier: MIT
/* tcbindd: the untrusted daemon of one platform. It launches PSE and MigE, gives every vTPM a thread and a control socket, and serves
 * what enclaves ask of a host. Nothing that it holds is a secret. */
#ifndef TCBIND_HOST_DAEMON_H
#define TCBIND_HOST_DAEMON_H

#include <pthread.h>

#include "edge/vtpm.h"
#include "host/config.h"
#include "host/enclave_link.h"
#include "host/log.h"
#include "host/place.h"
#include "host/ptpm.h"

/* An architectural enclave, shared by all threads. */
struct service_enclave {
	pthread_mutex_t lock;
	struct enclave_link link;
};

struct daemon {
	struct platform_config config;
	struct ptpm *ptpm;
	struct service_enclave pse, mige;
	char store_dir[PATH_MAX], vtpm_dir[PATH_MAX];
	char vtpm_image[PATH_MAX];
	struct store_log *log;
	struct place journal; /* the MigE's, in the log as a vTPM's state is */
	struct vtpm_table *vtpms;
	struct span certified_ak; /* as the PSE returned it; owned */
};

/* services.c: launches PSE and MigE and starts them from their stores. */
enum tcb_error services_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;
/* What an enclave whose link has this context may ask for; `context` is a struct service_context. */
enclave_service services_serve;

struct service_context {
	struct daemon *daemon;
	struct enclave_link *link; /* of the enclave that asks */
	struct place *place; /* a vTPM's; NULL: PSE and MigE, whose slots are in the platform's store */
};

/* Ends the daemon if this enclave, PSE or MigE, has ended. */
void services_check(const struct service_enclave *enclave, const char *name);

/* Tells PSE and MigE that an enclave is gone. */
void services_forget(struct daemon *daemon, uint64_t session);

/* A thread that is never waited for. Code: daemon.thread. */
enum tcb_error services_thread(void *(*run)(void *context), void *context, struct diagnosis *d) MUST_USE;

/* One line on stderr: who, and the diagnosis. */
void log_diagnosis(const char *who, const struct diagnosis *d);

#endif
