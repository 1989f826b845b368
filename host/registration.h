// SPDX-License-Identifier: MIT
/* The message by which a process that speaks swtpm's command line (host/compat/) brings its vTPM to
 * the daemon. It comes through DIR/run/registrar.sock, SOCK_SEQPACKET. One connection is one vTPM,
 * for as long as it stays open. The client sends one JSON object, with its descriptors:
 *   "fds"        names of the descriptors, in the order of SCM_RIGHTS, each once: state_dir,
 *                state_file (a file or device that the state is written into, "state" in
 *                state_dir), control_listener, control_client, data_listener, data_client
 *   "state", "volatile"   file names in state_dir
 *   "mode"       int, of the state file, optional
 *   "file_key", "migration_key"   optional: {"size": of the AES key, "secret": hex,
 *                "kdf": "pbkdf2" or "sha512" where the secret is a passphrase}
 *   "options"    optional: {"one_command", "data_fixed", "ends_with_data", "ends_with_control",
 *                "reject_locality_4", "allow_set_locality", "initialise", "ends_hard",
 *                "incoming": bool;
 *                "config_flags", "startup": int}
 *   "create"     optional: {"keys": [NAME...], "pcr_banks": enum pcr_bank, "later": [NAME...]}
 *                makes a new vTPM now, whatever is there, with these keys (host/key_name.h) and
 *                banks. The keys of "later" are made after the answer, or before the vTPM is next
 *                used. The vTPM is then served if there is a channel.
 * The daemon answers {"ready": true, "id": ...} or {"error": {code, found, wanted, action}}, and
 * {"log": {...}} before and after whenever there is something to say. It sends {"end": true} when
 * the front has ended: the state is then durable and closed. A new vTPM without a channel is
 * durable with the answer, but for its later keys. */
#ifndef TCBIND_HOST_REGISTRATION_H
#define TCBIND_HOST_REGISTRATION_H

#include <limits.h>

#include "core/error.h"
#include "edge/descriptors.h"
#include "host/swtpm_state.h"

#define REGISTRATION_MAX 8192
#define REGISTRATION_FDS 8
#define REGISTRATION_SECRET_MAX 1024 /* a passphrase */
#define REGISTRATION_NAME_MAX (NAME_MAX - 16)
#define REGISTRATION_LATER_MAX 128

/* The descriptors by their names. */
enum registration_fd {
	FD_STATE_DIR,
	FD_STATE_FILE,
	FD_CONTROL_LISTENER,
	FD_CONTROL_CLIENT,
	FD_DATA_LISTENER,
	FD_DATA_CLIENT,
	REGISTRATION_FD_NAMES,
};

/* A message, decoded. */
struct registration {
	int fds[REGISTRATION_FD_NAMES]; /* -1: did not come, or somebody took it */
	char state[REGISTRATION_NAME_MAX], volatile_state[REGISTRATION_NAME_MAX];
	unsigned mode; /* 0: none was given */
	struct swtpm_key file_key, migration_key;
	bool one_command, data_fixed, ends_with_data, ends_with_control;
	bool reject_locality_4, allow_set_locality, initialise, ends_hard;
	bool incoming; /* the place waits for a hand-over: another program's blob is refused */
	uint32_t config_flags;
	int startup; /* TPM2_Startup type; -1: none */
	bool creates;
	uint16_t keys;     /* creates: 1 << enum vtpm_key */
	uint8_t pcr_banks; /* creates: enum pcr_bank; 0: those that a new vTPM has */
	char later[REGISTRATION_LATER_MAX]; /* creates: names of keys, one a line */
};

/* A registration without anything. */
void registration_init(struct registration *ret_r);
/* Decodes a message. The descriptors in `came` are the registration's afterwards; registration_end()
 * closes them, also after a failure. Codes: registrar.message, registrar.key. */
enum tcb_error registration_read(struct span text, struct descriptors *came, struct registration *ret_r,
				 struct diagnosis *d) MUST_USE;
/* The descriptor of that name, which is the caller's from now on; -1: it did not come. */
int registration_take(struct registration *r, enum registration_fd name);
/* Whether a channel came: the vTPM is to be served. */
bool registration_has_channel(const struct registration *r);
/* Closes what nobody took, and wipes the keys. */
void registration_end(struct registration *r);

#endif
