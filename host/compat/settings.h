// SPDX-License-Identifier: MIT
/* `swtpm socket`'s command line, parsed and checked: nothing is opened or changed by it. */
#ifndef TCBIND_HOST_COMPAT_SETTINGS_H
#define TCBIND_HOST_COMPAT_SETTINGS_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "host/compat/sandbox.h"
#include "host/registration.h"

#define SWTPM_VERSION "0.7.1" /* whose command line and capabilities this is */

enum channel_kind { CHANNEL_NONE, CHANNEL_UNIX, CHANNEL_TCP, CHANNEL_FD, CHANNEL_CONNECTED };

/* A control or data channel. */
struct channel {
	enum channel_kind kind;
	char path[108], address[64], interface[32];
	int port, fd;
	mode_t mode;
	uid_t uid; /* (uid_t)-1: as it is */
	gid_t gid;
	bool one_command, ends_with_client;
};

/* What --key or --migration-key gives; the daemon makes the AES key of it. */
struct key_option {
	size_t size;     /* of that key, bytes: 16, 32; 0: not given */
	const char *kdf; /* of a passphrase: "pbkdf2", "sha512"; NULL: `secret` is the key */
	size_t secret_size;
	uint8_t secret[REGISTRATION_SECRET_MAX];
};

struct settings {
	bool tpm2, daemonize, print_capabilities, print_states, print_profiles, help, terminate;
	struct channel control, data;
	char state_dir[PATH_MAX], state_name[64], volatile_name[80];
	bool state_is_file; /* --tpmstate backend-uri=file://: `state_name` in `state_dir` is a file or a device */
	mode_t state_mode;
	char log_file[PATH_MAX], log_prefix[64], pid_file[PATH_MAX];
	int log_fd, pid_fd; /* -1: none */
	int log_level;
	bool log_truncate, log_silent;
	const char *user, *chroot_dir;
	bool incoming; /* --migration incoming */
	struct key_option file_key, migration_key;
	bool reject_locality_4, allow_set_locality, initialise, ends_hard;
	int startup; /* -1: none */
	enum sandbox_action seccomp;
};

/* False: said why on stderr. */
bool settings_parse(int argc, char **argv, struct settings *ret_settings);
/* What --tpmstate and --key take, for swtpm_setup; into `state_*` and the key. */
bool settings_parse_state(const char *text, struct settings *ret_settings);
bool settings_parse_key(const char *option, const char *text, struct key_option *ret_key);
void settings_usage(FILE *file, const char *program);

#endif
