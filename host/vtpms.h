/* The vTPMs of a platform, as the host has them: a directory, a control socket with its thread, an enclave while one is
 * needed. DIR/vtpm/UUID/meta.json keeps what to show of a vTPM whose enclave does not run. */
#ifndef TCBIND_HOST_VTPMS_H
#define TCBIND_HOST_VTPMS_H

#include "host/daemon.h"

#define UUID_TEXT_SIZE 37
#define VTPMS_MAX 1024

struct host_vtpm {
	struct daemon *daemon;
	struct uuid id;
	char id_text[UUID_TEXT_SIZE], dir[PATH_MAX], control_socket[108];
	pthread_mutex_t lock; /* of all below */
	struct vtpm_status status;
	struct enclave_link link;
	struct service_context context;
	int listen_fd;
	bool deleted;
};

struct vtpm_table {
	pthread_mutex_t lock;
	size_t count;
	struct host_vtpm *entries[VTPMS_MAX];
};

bool uuid_parse(const char *text, struct uuid *ret_id);
void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_SIZE]);

/* Reads DIR/vtpm and opens every control socket. */
enum tcb_error vtpms_start(struct daemon *daemon, struct diagnosis *d) MUST_USE;
/* Codes: vtpm.exists, vtpm.limit. */
enum tcb_error vtpms_create(struct daemon *daemon, const struct vtpm_create *create, struct host_vtpm **ret_vtpm,
			    struct diagnosis *d) MUST_USE;
/* Code: vtpm.unknown. A vTPM that runs is not deleted: vtpm.busy. */
enum tcb_error vtpms_delete(struct daemon *daemon, const struct uuid *id, struct diagnosis *d) MUST_USE;
struct host_vtpm *vtpms_find(struct daemon *daemon, const struct uuid *id);

/* One call of the enclave, which is launched and loaded if it must be; `ret` takes the answer's body. Any thread. */
enum tcb_error vtpm_ask(struct host_vtpm *v, enum call call, struct span body, struct writer *ret, struct diagnosis *d) MUST_USE;
/* The same for calls that return a vtpm_status, which is noted. */
enum tcb_error vtpm_ask_status(struct host_vtpm *v, enum call call, struct span body, struct diagnosis *d) MUST_USE;
/* Ends the enclave, after CALL_VTPM_SHUTDOWN. */
void vtpm_rest(struct host_vtpm *v);

/* What it is now. */
struct vtpm_status vtpm_look(struct host_vtpm *v);

const char *vtpm_state_name(enum vtpm_state state);

/* One line about this vTPM, for its operator. */
void vtpm_log(struct host_vtpm *v, const struct diagnosis *d);

#endif
