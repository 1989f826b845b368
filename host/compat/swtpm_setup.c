// SPDX-License-Identifier: MIT
/* swtpm_setup, as libvirt and people start it: has the platform's daemon make a vTPM in a directory, with endorsement keys and their certificates,
 * and sends the TPM what remains to be set. An RSA key is made after this program's end where nothing here needs it. Rights: its user's, or
 * --runas'. Secrets: none kept. Fed by: its command line; the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/wipe.h"
#include "edge/vtpm.h"
#include "host/compat/client.h"
#include "host/compat/platform.h"
#include "host/compat/report.h"
#include "host/compat/setup_options.h"
#include "host/compat/setup_tpm.h"
#include "host/compat/state_file.h"
#include "host/compat/user.h"
#include "host/io.h"
#include "host/registration.h"

#define BANKS_DEFAULT "sha256"
#define CERTIFICATE_MAX 2048

/* An endorsement key as this run makes it. */
struct ek {
	char key[32]; /* external.h's name */
	const char *title, *file;
	uint32_t handle, certificate_index, template_index;
};

struct setup {
	struct setup_options o;
	struct settings place; /* state_* of it */
	struct platform platform;
	int state_fd, file_fd, tpm_fd; /* file_fd: -1 unless the state is a file:// */
	struct ek rsa, ecc;
	char banks[512];
};

static void say(const struct setup *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct setup *s, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vfprintf(s->o.log != NULL ? s->o.log : stdout, format, arguments);
	va_end(arguments);
}

static bool fail_diagnosis(const struct setup *s, const char *code, const char *found, const char *wanted, const char *action)
{
	return setup_fail(&s->o, "%s: found %s; wanted %s; %s", code, found, wanted, action);
}

static bool fail_daemon(const struct setup *s)
{
	return setup_fail(&s->o, "compat.platform: the platform's daemon has ended.");
}

static bool fail_with(const struct setup *s, const struct diagnosis *d)
{
	return fail_diagnosis(s, d->code[0] != '\0' ? d->code : "setup", d->found, d->wanted, d->action);
}

/* ---- before anything is changed ---- */

static const char *user_name(void)
{
	const struct passwd *user = getpwuid(geteuid());

	return user != NULL ? user->pw_name : "unknown";
}

static bool open_log(struct setup *s)
{
	int fd;

	if (s->o.log_file == NULL)
		return true;
	fd = open(s->o.log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 && errno == ELOOP)
		return setup_fail(&s->o, "Logfile must not be a symlink.");
	s->o.log = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (s->o.log == NULL)
		return setup_fail(&s->o, "Error opening file %s: %s", s->o.log_file, strerror(errno));
	(void)setvbuf(s->o.log, NULL, _IOLBF, 0);
	return true;
}

/* --tpm names a program that makes other TPMs than this platform's: those are not ours to make. */
static bool check_executable(const struct setup *s)
{
	char line[128] = "", command[PATH_MAX + 16];
	FILE *output;

	if (s->o.executable == NULL)
		return true;
	if (strchr(s->o.executable, '\'') != NULL || (strchr(s->o.executable, '/') != NULL && access(s->o.executable, X_OK) != 0))
		return setup_fail(&s->o, "swtpm at %s is not an executable.", s->o.executable);
	(void)snprintf(command, sizeof command, "'%s' --version", s->o.executable);
	output = popen(command, "re");
	if (output != NULL) {
		(void)!fgets(line, sizeof line, output);
		(void)pclose(output);
	}
	return strstr(line, "(tcbind)") != NULL ||
	       setup_fail(&s->o, "%s is not tcbind's swtpm: use the swtpm_setup that came with it.", s->o.executable);
}

static bool set_place(struct setup *s)
{
	char text[PATH_MAX + 32], path[PATH_MAX + 128];

	s->place = (struct settings){ .state_name = "tpm2-00.permall", .volatile_name = "tpm2-00.volatilestate" };
	(void)snprintf(text, sizeof text, "%s%s", strstr(s->o.state, "://") != NULL ? "backend-uri=" : "dir=", s->o.state);
	if (!settings_parse_state(text, &s->place))
		return false;
	if (state_file_open(&s->place, &s->state_fd, &s->file_fd, path))
		return true;
	if (s->file_fd < 0 && s->state_fd >= 0 && s->place.state_is_file)
		return setup_fail(&s->o, "User %s cannot access the state file %s: %s", user_name(), path, strerror(errno));
	return setup_fail(&s->o, "User %s cannot access directory %s. Make sure it exists and is a directory.", user_name(), path);
}

/* `*ret_done`: there is a state, and it is to be left alone. */
static bool check_present(const struct setup *s, bool *ret_done)
{
	struct state_sizes sizes;
	bool present;

	if (!state_file_sizes(&s->place, &sizes))
		return setup_fail(&s->o, "The state in %s cannot be read: %s", s->place.state_dir, strerror(errno));
	present = sizes.permanent > 0;
	*ret_done = present && s->o.not_overwrite && !s->o.reconfigure;
	if (*ret_done)
		say(s, "Not overwriting existing state file.\n");
	if (!present || s->o.reconfigure || s->o.overwrite || s->o.not_overwrite)
		return true;
	return setup_fail(&s->o, "Found existing TPM state 'permall'.");
}

static bool choose_banks(struct setup *s)
{
	if (s->o.pcr_banks != NULL)
		(void)snprintf(s->banks, sizeof s->banks, "%s", s->o.pcr_banks);
	else if (!setup_options_configured_banks(&s->o, s->banks, sizeof s->banks))
		(void)snprintf(s->banks, sizeof s->banks, BANKS_DEFAULT);
	if (strcmp(s->banks, "-") == 0)
		s->banks[0] = '\0';
	return s->banks[0] == '\0' || setup_tpm_known_banks(s->banks) > 0 ||
	       setup_fail(&s->o, "No PCR banks could be allocated. None of the selected algorithms are supported.");
}

static void choose_keys(struct setup *s)
{
	const char *use = !s->o.allow_signing ? "" : s->o.decryption ? "-both" : "-signs";
	bool large = s->o.rsa_bits == 3072;

	s->ecc = (struct ek){ .title = "ECC", .file = "ek-secp384r1.crt", .handle = 0x81010016, .certificate_index = 0x01c00016,
			      .template_index = 0x01c00017 };
	s->rsa = large ? (struct ek){ .title = "RSA 3072", .file = "ek-rsa3072.crt", .handle = 0x8101001c, .certificate_index = 0x01c0001c,
				      .template_index = 0x01c0001d }
		       : (struct ek){ .title = "RSA 2048", .file = "ek-rsa2048.crt", .handle = 0x81010001, .certificate_index = 0x01c00002,
				      .template_index = 0x01c00004 };
	(void)snprintf(s->ecc.key, sizeof s->ecc.key, "p384%s", use);
	(void)snprintf(s->rsa.key, sizeof s->rsa.key, "rsa%u%s", s->o.rsa_bits, use);
}

/* ---- the vTPM ---- */

static bool needs_rsa_now(const struct setup *s)
{
	return s->o.certificate_dir != NULL || s->o.allow_signing || s->o.display;
}

/* A new TPM has its banks from the start; one that is there is told. */
static bool needs_tpm(const struct setup *s)
{
	return s->o.reconfigure || s->o.create_storage_key || (s->o.create_ek && (s->o.allow_signing || s->o.certificate_dir != NULL));
}

static json_t *create_json(const struct setup *s)
{
	json_t *now = json_array(), *later = json_array();

	if (s->o.create_ek) {
		(void)json_array_append_new(now, json_string(s->ecc.key));
		(void)json_array_append_new(needs_rsa_now(s) ? now : later, json_string(s->rsa.key));
	}
	return json_pack("{s:o, s:o, s:i}", "keys", now, "later", later, "pcr_banks", (int)setup_tpm_known_banks(s->banks));
}

static enum tcb_error request(struct setup *s, struct diagnosis *d)
{
	int pair[2] = { -1, -1 }, fds[3] = { s->state_fd, s->file_fd, -1 };
	json_t *names = json_array(), *message;
	enum tcb_error error;

	(void)json_array_append_new(names, json_string("state_dir"));
	if (s->file_fd >= 0)
		(void)json_array_append_new(names, json_string("state_file"));
	if (needs_tpm(s)) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			return TCB_PLATFORM;
		(void)json_array_append_new(names, json_string("data_client"));
		fds[json_array_size(names) - 1] = pair[1];
		s->tpm_fd = pair[0];
	}
	message = json_pack("{s:o, s:s, s:s, s:i, s:{s:b, s:i, s:b, s:b}}", "fds", names, "state", s->place.state_name, "volatile",
			    s->place.volatile_name, "mode", (int)s->place.state_mode, "options", "initialise", 1, "startup", 0,
			    "data_fixed", 1, "ends_with_data", 1);
	if (!s->o.reconfigure)
		(void)json_object_set_new(message, "create", create_json(s));
	platform_add_key(message, "file_key", &s->o.key); /* the TPM's state opens only with it from then on */
	error = platform_register(&s->platform, message, fds, json_array_size(names), d);
	json_decref(message);
	if (pair[1] >= 0)
		(void)close(pair[1]);
	return error;
}

static void tell_diagnosis(void *context, const json_t *d)
{
	(void)fail_diagnosis(context, json_string_value(json_object_get(d, "code")), json_string_value(json_object_get(d, "found")),
			     json_string_value(json_object_get(d, "wanted")), json_string_value(json_object_get(d, "action")));
}

/* Until the daemon says that the vTPM is there. */
static bool wait_made(struct setup *s)
{
	json_t *answer = platform_answer(s->platform.connection, -1, tell_diagnosis, s);
	const json_t *refusal = json_object_get(answer, "error");
	bool ready = json_is_true(json_object_get(answer, "ready"));

	if (refusal != NULL)
		tell_diagnosis(s, refusal);
	else if (!ready)
		(void)fail_daemon(s);
	else if (s->o.display && json_object_get(answer, "id") != NULL)
		say(s, "vTPM %s\n", json_string_value(json_object_get(answer, "id")));
	json_decref(answer);
	return ready;
}

static void tell_key(const struct setup *s, const struct ek *ek, bool made)
{
	say(s, made ? "Successfully created %s EK with handle 0x%x.\n" : "%s EK with handle 0x%x: made before the TPM is first used.\n",
	    ek->title, ek->handle);
	if (s->o.create_certificates)
		say(s, made ? "Successfully created NVRAM area 0x%x for %s EK certificate.\n"
			    : "NVRAM area 0x%x for %s EK certificate: the same.\n", ek->certificate_index, ek->title);
}

static void tell_keys(const struct setup *s)
{
	if (!s->o.create_ek)
		return;
	tell_key(s, &s->rsa, needs_rsa_now(s));
	tell_key(s, &s->ecc, true);
	if (s->o.platform_certificate)
		say(s, "Successfully created NVRAM area 0x1c08000 for platform certificate.\n");
}

/* ---- what the TPM is told ---- */

static bool make_storage_key(const struct setup *s)
{
	struct diagnosis d = {0};

	if (setup_tpm_storage_key(s->tpm_fd, s->o.ecc ? 0 : s->o.rsa_bits, &d) != TCB_OK)
		return fail_with(s, &d);
	say(s, "Successfully created storage primary key with handle 0x%x.\n", 0x81000001);
	return true;
}

static bool write_template(const struct setup *s, const struct ek *ek)
{
	struct diagnosis d = {0};

	if (setup_tpm_template(s->tpm_fd, ek->handle, ek->template_index, s->o.lock_nvram, &d) != TCB_OK)
		return fail_with(s, &d);
	say(s, "Successfully created NVRAM area 0x%x for %s EK template.\n", ek->template_index, ek->title);
	return true;
}

static bool write_certificate(const struct setup *s, const struct ek *ek)
{
	char path[PATH_MAX + 32];
	uint8_t bytes[CERTIFICATE_MAX];
	struct diagnosis d = {0};
	size_t size;
	bool ok;
	int fd;

	if (setup_tpm_read(s->tpm_fd, ek->certificate_index, bytes, sizeof bytes, &size, &d) != TCB_OK)
		return fail_with(s, &d);
	(void)snprintf(path, sizeof path, "%s/%s", s->o.certificate_dir, ek->file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	ok = fd >= 0 && io_write(fd, span_of(bytes, size));
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok || setup_fail(&s->o, "Could not write %s.", path);
}

static void tell_banks(const struct setup *s, const char *active, const char *all)
{
	say(s, "Successfully activated PCR banks %s among %s.\n", active, all);
}

static bool set_banks(const struct setup *s)
{
	char active[PCR_BANKS_TEXT], all[PCR_BANKS_TEXT];
	struct diagnosis d = {0};

	if (!s->o.reconfigure) {
		setup_tpm_bank_names(setup_tpm_known_banks(s->banks), active);
		setup_tpm_bank_names(BANKS_ALL, all);
		tell_banks(s, active, all);
		return true;
	}
	if (setup_tpm_banks(s->tpm_fd, s->banks, active, all, &d) != TCB_OK)
		return fail_with(s, &d);
	tell_banks(s, active, all);
	return true;
}

static bool tell_tpm(const struct setup *s)
{
	if (s->o.create_storage_key && !make_storage_key(s))
		return false;
	if (s->o.create_ek && s->o.allow_signing && (!write_template(s, &s->rsa) || !write_template(s, &s->ecc)))
		return false;
	if (s->o.create_ek && s->o.certificate_dir != NULL && (!write_certificate(s, &s->rsa) || !write_certificate(s, &s->ecc)))
		return false;
	return true;
}

/* What it was told is in its file then, and nothing more is written, but for a key that is made later. */
static bool wait_saved(struct setup *s)
{
	bool ended = s->tpm_fd < 0, gone = false;

	if (s->tpm_fd >= 0)
		(void)close(s->tpm_fd);
	s->tpm_fd = -1;
	while (!ended && !gone) {
		json_t *message = platform_receive(s->platform.connection);

		gone = message == NULL;
		ended = json_is_true(json_object_get(message, "end"));
		json_decref(message);
	}
	return ended || fail_daemon(s);
}

/* ---- the run ---- */

static const char *time_text(char *ret_text, size_t capacity)
{
	time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local) == NULL || strftime(ret_text, capacity, "%a %d %h %Y %I:%M:%S %p %Z", &local) == 0)
		ret_text[0] = '\0';
	return ret_text;
}

static bool make(struct setup *s)
{
	struct diagnosis d = {0};

	if (request(s, &d) != TCB_OK)
		return fail_with(s, &d);
	if (!wait_made(s))
		return false;
	tell_keys(s);
	return (s->tpm_fd < 0 || tell_tpm(s)) && (s->banks[0] == '\0' || set_banks(s)) && wait_saved(s);
}

static bool run(struct setup *s)
{
	const struct group *group = getgrgid(getegid());
	char text[64];
	bool ok;

	say(s, "Starting vTPM %s as %s:%s @ %s\n", s->o.reconfigure ? "reconfiguration" : "manufacturing", user_name(),
	    group != NULL ? group->gr_name : "unknown", time_text(text, sizeof text));
	ok = make(s);
	if (ok)
		say(s, "Successfully authored TPM state.\n");
	else
		(void)setup_fail(&s->o, "An error occurred. Authoring the TPM state failed.");
	say(s, "Ending vTPM manufacturing @ %s\n", time_text(text, sizeof text));
	return ok;
}

/* As whoever started this, before --runas. */
static bool find_platform(struct setup *s)
{
	struct diagnosis d = {0};

	return (platform_begin(&s->platform, &d) == TCB_OK && platform_await(&s->platform, -1, &d) == TCB_OK) || fail_with(s, &d);
}

static bool prepare(struct setup *s, bool *ret_done)
{
	struct runas who;

	if (s->o.user != NULL && !find_platform(s))
		return false;
	if (s->o.user != NULL && !(user_find_runas("swtpm_setup", s->o.user, &who) && user_become("swtpm_setup", &who)))
		return false;
	if (!open_log(s) || !setup_options_check(&s->o, user_name()) || !check_executable(s) || !set_place(s) ||
	    !check_present(s, ret_done))
		return false;
	choose_keys(s);
	return *ret_done || (setup_options_check_config(&s->o, user_name()) && choose_banks(s) &&
			     (s->platform.connection >= 0 || find_platform(s)));
}

/* libvirt and the tools look for these words, in this order; "tpm-1.2" is not among them. */
static void print_capabilities(void)
{
	(void)puts("{ \"type\": \"swtpm_setup\", \"features\": [ \"tpm-2.0\", \"cmdarg-keyfile-fd\", \"cmdarg-pwdfile-fd\", "
		   "\"tpm12-not-need-root\", \"cmdarg-write-ek-cert-files\", \"cmdarg-create-config-files\", "
		   "\"cmdarg-reconfigure-pcr-banks\", \"tpm2-rsa-keysize-2048\", \"tpm2-rsa-keysize-3072\" ], "
		   "\"version\": \"" SWTPM_VERSION "\" }");
}

/* Options after which nothing is made. */
static bool answers_only(const struct setup_options *o)
{
	if (o->help)
		setup_options_usage();
	else if (o->version)
		(void)puts("TPM emulator setup tool version " SWTPM_VERSION " (tcbind)");
	else if (o->print_capabilities)
		print_capabilities();
	else if (o->print_profiles)
		(void)report_profiles();
	else if (o->create_config_files)
		(void)puts("No configuration files are needed: this platform's PSE issues the certificates.");
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static struct setup s = { .state_fd = -1, .file_fd = -1, .platform = PLATFORM_NONE, .tpm_fd = -1 };
	bool done = false;

	io_fill_standard();
	(void)signal(SIGPIPE, SIG_IGN);
	if (!setup_options_parse(argc, argv, &s.o))
		return EXIT_FAILURE;
	if (answers_only(&s.o))
		return EXIT_SUCCESS;
	if (!prepare(&s, &done))
		return EXIT_FAILURE;
	return done || run(&s) ? EXIT_SUCCESS : EXIT_FAILURE;
}
