// SPDX-License-Identifier: MIT
#include "host/compat/setup_options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool setup_fail(const struct setup_options *o, const char *format, ...)
{
	char line[2 * PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%s\n", line);
	if (o->log != NULL)
		(void)fprintf(o->log, "%s\n", line);
	return false;
}

static bool fail_access(const struct setup_options *o, const char *user_name, const char *what, const char *path)
{
	return setup_fail(o, "User %s cannot %s %s.", user_name, what, path);
}

/* ---- the table ---- */

enum { OPTION_FLAG = 256, OPTION_TEXT, OPTION_KEY_FD, OPTION_PASSPHRASE_FD, OPTION_IGNORED, OPTION_CONFIG_FILES, OPTION_TPM, OPTION_PROFILE, OPTION_PROFILE_NAME };

/* What an option sets: the address of a bool or of a text in the only struct setup_options of this process. */
static struct setup_options given;

static const struct {
	struct option option;
	void *target;
} table[] = {
	{ {"tpm2", 0, NULL, OPTION_FLAG}, &given.tpm2 },
	{ {"tpm-state", 1, NULL, OPTION_TEXT}, &given.state },
	{ {"tpmstate", 1, NULL, OPTION_TEXT}, &given.state },
	{ {"tpm", 1, NULL, OPTION_TPM}, NULL },
	{ {"swtpm_ioctl", 1, NULL, OPTION_IGNORED}, NULL },
	{ {"createek", 0, NULL, OPTION_FLAG}, &given.create_ek },
	{ {"create-ek-cert", 0, NULL, OPTION_FLAG}, &given.create_certificates },
	{ {"create-platform-cert", 0, NULL, OPTION_FLAG}, &given.platform_certificate },
	{ {"create-spk", 0, NULL, OPTION_FLAG}, &given.create_storage_key },
	{ {"allow-signing", 0, NULL, OPTION_FLAG}, &given.allow_signing },
	{ {"decryption", 0, NULL, OPTION_FLAG}, &given.decryption },
	{ {"ecc", 0, NULL, OPTION_FLAG}, &given.ecc },
	{ {"lock-nvram", 0, NULL, OPTION_FLAG}, &given.lock_nvram },
	{ {"take-ownership", 0, NULL, OPTION_FLAG}, &given.take_ownership },
	{ {"ownerpass", 1, NULL, OPTION_IGNORED}, NULL },
	{ {"owner-well-known", 0, NULL, OPTION_IGNORED}, NULL },
	{ {"srkpass", 1, NULL, OPTION_IGNORED}, NULL },
	{ {"srk-well-known", 0, NULL, OPTION_IGNORED}, NULL },
	{ {"runas", 1, NULL, OPTION_TEXT}, &given.user },
	{ {"config", 1, NULL, OPTION_TEXT}, &given.config_file },
	{ {"logfile", 1, NULL, OPTION_TEXT}, &given.log_file },
	{ {"keyfile", 1, NULL, OPTION_TEXT}, &given.key_file },
	{ {"keyfile-fd", 1, NULL, OPTION_KEY_FD}, NULL },
	{ {"pwdfile", 1, NULL, OPTION_TEXT}, &given.passphrase_file },
	{ {"pwdfile-fd", 1, NULL, OPTION_PASSPHRASE_FD}, NULL },
	{ {"cipher", 1, NULL, OPTION_TEXT}, &given.cipher },
	{ {"overwrite", 0, NULL, OPTION_FLAG}, &given.overwrite },
	{ {"not-overwrite", 0, NULL, OPTION_FLAG}, &given.not_overwrite },
	{ {"vmid", 1, NULL, OPTION_IGNORED}, NULL },
	{ {"pcr-banks", 1, NULL, OPTION_TEXT}, &given.pcr_banks },
	{ {"rsa-keysize", 1, NULL, OPTION_TEXT}, &given.rsa_size },
	{ {"write-ek-cert-files", 1, NULL, OPTION_TEXT}, &given.certificate_dir },
	{ {"tcsd-system-ps-file", 1, NULL, OPTION_IGNORED}, NULL },
	{ {"reconfigure", 0, NULL, OPTION_FLAG}, &given.reconfigure },
	{ {"display", 0, NULL, OPTION_FLAG}, &given.display },
	{ {"profile", 1, NULL, OPTION_PROFILE}, NULL },
	{ {"profile-name", 1, NULL, OPTION_PROFILE_NAME}, NULL },
	{ {"print-profiles", 0, NULL, OPTION_FLAG}, &given.print_profiles },
	{ {"print-capabilities", 0, NULL, OPTION_FLAG}, &given.print_capabilities },
	{ {"create-config-files", 2, NULL, OPTION_CONFIG_FILES}, NULL },
	{ {"version", 0, NULL, OPTION_FLAG}, &given.version },
	{ {"help", 0, NULL, OPTION_FLAG}, &given.help },
};

enum { OPTIONS = sizeof table / sizeof table[0] };

static bool parse_fd(const char *text, int *ret_fd)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || fd < 0 || fcntl((int)fd, F_GETFD) < 0)
		return setup_fail(&given, "Invalid file descriptor '%s'", text);
	*ret_fd = (int)fd;
	return true;
}

/* "EXE socket ...": the program of it. */
static void set_executable(char *text)
{
	text[strcspn(text, " ")] = '\0';
	given.executable = text;
}

static bool is_null_profile(const char *name)
{
	return strcmp(name, "null") == 0 || setup_fail(&given, "Unsupported profile %s: there is only 'null'.", name);
}

static bool is_null_profile_json(const char *text)
{
	json_t *profile = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(profile, "Name"));
	bool ok = is_null_profile(name != NULL && json_object_size(profile) == 1 ? name : text);

	json_decref(profile);
	return ok;
}

static bool take_option(int option, int index)
{
	switch (option) {
	case OPTION_FLAG: *(bool *)table[index].target = true; return true;
	case OPTION_TEXT: *(const char **)table[index].target = optarg; return true;
	case OPTION_KEY_FD: return parse_fd(optarg, &given.key_fd);
	case OPTION_PASSPHRASE_FD: return parse_fd(optarg, &given.passphrase_fd);
	case OPTION_TPM: set_executable(optarg); return true;
	case OPTION_CONFIG_FILES: given.create_config_files = true; return true;
	case OPTION_PROFILE: return is_null_profile_json(optarg);
	case OPTION_PROFILE_NAME: return is_null_profile(optarg);
	case OPTION_IGNORED: return true;
	case 'h': given.help = true; return true;
	default: setup_options_usage(); return false; /* getopt has said what it is */
	}
}

/* ---- checks ---- */

static bool check_rsa_size(struct setup_options *o)
{
	o->rsa_bits = 2048;
	if (o->rsa_size == NULL || strcmp(o->rsa_size, "2048") == 0)
		return true;
	o->rsa_bits = 3072;
	return strcmp(o->rsa_size, "3072") == 0 || strcmp(o->rsa_size, "max") == 0 ||
	       setup_fail(o, "Unsupported RSA key size %s.", o->rsa_size);
}

static bool check_combination(const struct setup_options *o)
{
	if (o->cipher != NULL && strcmp(o->cipher, "aes-cbc") != 0 && strcmp(o->cipher, "aes-128-cbc") != 0 &&
	    strcmp(o->cipher, "aes-256-cbc") != 0)
		return setup_fail(o, "Unsupported cipher %s.", o->cipher);
	if (!o->tpm2 && o->create_storage_key)
		return setup_fail(o, "--create-spk requires --tpm2.");
	if (!o->tpm2 && o->reconfigure)
		return setup_fail(o, "--reconfigure requires --tpm2.");
	if (!o->tpm2)
		return setup_fail(o, "swtpm at %s does not support TPM 1.2; add --tpm2", o->executable != NULL ? o->executable : "hand");
	if (o->take_ownership)
		return setup_fail(o, "Taking ownership is not supported for TPM 2.");
	if (o->reconfigure && (o->create_ek || o->create_storage_key))
		return setup_fail(o, "Reconfiguration is not supported with creation of EK or certificates");
	return true;
}

bool setup_options_parse(int argc, char **argv, struct setup_options *ret_options)
{
	struct option options[OPTIONS + 1] = {0};
	int option, index = 0;

	given.key_fd = given.passphrase_fd = -1;
	for (size_t i = 0; i < OPTIONS; i++)
		options[i] = table[i].option;
	while ((option = getopt_long(argc, argv, "h", options, &index)) != -1)
		if (!take_option(option, index))
			return false;
	given.create_certificates |= given.platform_certificate;
	given.create_ek |= given.create_certificates;
	*ret_options = given;
	return true;
}

static bool read_key(struct setup_options *o, const char *kind, const char *value)
{
	char text[PATH_MAX + 64];

	(void)snprintf(text, sizeof text, "%s=%s,mode=%s", kind, value, o->cipher != NULL ? o->cipher : "aes-cbc");
	return settings_parse_key("key", text, &o->key);
}

static bool check_keys(struct setup_options *o, const char *user_name)
{
	char number[16];

	if (o->key_file != NULL && access(o->key_file, R_OK) != 0)
		return fail_access(o, user_name, "read keyfile", o->key_file);
	if (o->passphrase_file != NULL && access(o->passphrase_file, R_OK) != 0)
		return fail_access(o, user_name, "read passphrase file", o->passphrase_file);
	if (o->key_file != NULL && !read_key(o, "file", o->key_file))
		return false;
	if (o->passphrase_file != NULL && !read_key(o, "pwdfile", o->passphrase_file))
		return false;
	(void)snprintf(number, sizeof number, "%d", o->key_fd >= 0 ? o->key_fd : o->passphrase_fd);
	if (o->key_fd >= 0)
		return read_key(o, "fd", number);
	return o->passphrase_fd < 0 || read_key(o, "pwdfd", number);
}

bool setup_options_check(struct setup_options *o, const char *user_name)
{
	if (o->state == NULL)
		return setup_fail(o, "--tpm-state must be provided");
	if (!check_rsa_size(o) || !check_combination(o))
		return false;
	if (o->certificate_dir != NULL && access(o->certificate_dir, W_OK | X_OK) != 0)
		return setup_fail(o, "User %s cannot access directory %s. Make sure it exists and is a directory.", user_name,
				o->certificate_dir);
	return check_keys(o, user_name);
}

bool setup_options_check_config(const struct setup_options *o, const char *user_name)
{
	return o->config_file == NULL || access(o->config_file, R_OK) == 0 ||
	       fail_access(o, user_name, "read config file", o->config_file);
}

/* ---- configuration file: only which banks are active by default ---- */

static FILE *open_config(const struct setup_options *o)
{
	const char *home = getenv("XDG_CONFIG_HOME");
	char path[PATH_MAX];
	FILE *file = NULL;

	if (o->config_file != NULL)
		return fopen(o->config_file, "re");
	if (home != NULL)
		(void)snprintf(path, sizeof path, "%s/swtpm_setup.conf", home);
	else
		(void)snprintf(path, sizeof path, "%s/.config/swtpm_setup.conf", getenv("HOME") != NULL ? getenv("HOME") : "");
	file = fopen(path, "re");
	return file != NULL ? file : fopen("/etc/swtpm_setup.conf", "re");
}

bool setup_options_configured_banks(const struct setup_options *o, char *ret_names, size_t capacity)
{
	static const char name[] = "active_pcr_banks";
	FILE *file = open_config(o);
	char line[512];
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
		char *at = line + strspn(line, " \t");

		if (strncmp(at, name, sizeof name - 1) != 0)
			continue;
		at += sizeof name - 1;
		at += strspn(at, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		at[strcspn(at, " \t\r\n")] = '\0';
		found = *at != '\0' && (size_t)snprintf(ret_names, capacity, "%s", at) < capacity;
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

void setup_options_usage(void)
{
	(void)printf("TPM emulator setup tool version " SWTPM_VERSION " (tcbind)\n"
		     "Usage: swtpm_setup --tpm2 --tpm-state DIR [options]\n\n"
		     "  --tpm-state DIR|dir://DIR|file://FILE   where the state is to be (--tpmstate means the same)\n"
		     "  --overwrite | --not-overwrite           what to do where one is already: replace it, or end without an error\n"
		     "  --reconfigure                           only change the active PCR banks of the one that is there\n"
		     "  --createek                              an RSA and an ECC endorsement key\n"
		     "  --create-ek-cert --create-platform-cert with certificates from this platform's PSE\n"
		     "  --allow-signing [--decryption]          EKs that sign; these are no standard EKs\n"
		     "  --rsa-keysize 2048|3072|max             of the RSA EK\n"
		     "  --create-spk [--ecc]                    a storage primary key, RSA or ECC\n"
		     "  --lock-nvram                            lock what was written (certificates are locked in any case)\n"
		     "  --pcr-banks NAMES                       banks to be active, as sha1,sha256; -: all. Default: the configuration's, or sha256\n"
		     "  --write-ek-cert-files DIR               the EK certificates as files too\n"
		     "  --keyfile FILE --keyfile-fd FD --pwdfile FILE --pwdfile-fd FD --cipher aes-128-cbc|aes-256-cbc\n"
		     "                                          the key without which the TPM is not started; the state is sealed in any case\n"
		     "  --runas USER --logfile FILE --config FILE --display --tpm EXECUTABLE --vmid ID\n"
		     "  --profile-name null                     the profile: all of libtpms' algorithms and commands\n"
		     "  --print-capabilities --print-profiles --create-config-files --version --help\n");
}
