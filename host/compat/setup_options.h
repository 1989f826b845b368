// SPDX-License-Identifier: MIT
/* swtpm_setup's command line, parsed and checked: nothing is opened for writing or changed by it. */
#ifndef TCBIND_HOST_COMPAT_SETUP_OPTIONS_H
#define TCBIND_HOST_COMPAT_SETUP_OPTIONS_H

#include <stdio.h>

#include "host/compat/settings.h"

struct setup_options {
	bool tpm2, create_ek, create_certificates, platform_certificate, create_storage_key, ecc, lock_nvram, allow_signing, decryption;
	bool take_ownership, overwrite, not_overwrite, reconfigure, display, help, version, print_capabilities, print_profiles, create_config_files;
	const char *state, *user, *log_file, *config_file, *pcr_banks, *certificate_dir, *executable;
	const char *key_file, *passphrase_file, *cipher, *rsa_size; /* NULL: not given */
	int key_fd, passphrase_fd;                                  /* -1: not given */
	unsigned rsa_bits;
	struct key_option key; /* by setup_options_check() */
	FILE *log;            /* where libvirt looks for what was wrong; the caller's. NULL: none */
};

/* Says what is wrong, a line on stderr and in the log; always false. */
bool setup_fail(const struct setup_options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False in each of these: said why. */
bool setup_options_parse(int argc, char **argv, struct setup_options *ret_options);
/* What cannot be together, and as the user that this runs as: files, keys. */
bool setup_options_check(struct setup_options *o, const char *user_name);
/* Apart, since a state that is left alone needs no configuration. */
bool setup_options_check_config(const struct setup_options *o, const char *user_name);
void setup_options_usage(void);
/* `active_pcr_banks` of the configuration file that is in force, if it says so. */
bool setup_options_configured_banks(const struct setup_options *o, char *ret_names, size_t capacity);

#endif
