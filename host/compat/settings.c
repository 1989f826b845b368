// SPDX-License-Identifier: MIT
#include "host/compat/settings.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/wipe.h"
#include "host/compat/sub_options.h"
#include "core/hex.h"

#define STATE_NAME "tpm2-00.permall"
#define VOLATILE_NAME "tpm2-00.volatilestate"

static bool complain(const char *what, const char *about)
{
	(void)fprintf(stderr, "swtpm: %s%s%s\n", what, about != NULL ? ": " : "", about != NULL ? about : "");
	return false;
}

static bool copy_text(char *ret_text, size_t capacity, const char *text)
{
	return (size_t)snprintf(ret_text, capacity, "%s", text) < capacity || complain("A parameter is too long", text);
}

/* ---- channels ---- */

static bool parse_ids(const struct sub_options *o, struct channel *c)
{
	bool ok = true;

	c->mode = (mode_t)sub_number(o, "mode", 8, 0770, &ok);
	c->uid = (uid_t)sub_number(o, "uid", 10, -1, &ok);
	c->gid = (gid_t)sub_number(o, "gid", 10, -1, &ok);
	return ok;
}

static bool parse_endpoint(const struct sub_options *o, const char *default_type, const char *option, struct channel *c)
{
	const char *type = sub_option(o, "type"), *path = sub_option(o, "path");
	bool ok = parse_ids(o, c);

	type = type != NULL ? type : default_type;
	c->fd = sub_number(o, "fd", 10, -1, &ok);
	c->port = sub_number(o, "port", 10, -1, &ok);
	if (!ok || type == NULL || (strcmp(type, "unixio") != 0 && strcmp(type, "tcp") != 0))
		return ok && complain("Missing or unknown type parameter", option);
	if (c->fd >= 0) {
		c->kind = CHANNEL_FD;
		return fcntl(c->fd, F_GETFD) >= 0 || complain("The given file descriptor is not open", option);
	}
	if (strcmp(type, "unixio") == 0) {
		c->kind = CHANNEL_UNIX;
		return path != NULL ? copy_text(c->path, sizeof c->path, path) : complain("Missing path parameter", option);
	}
	c->kind = CHANNEL_TCP;
	if (c->port < 0 || c->port > 65535)
		return complain("Missing or bad port parameter", option);
	return copy_text(c->address, sizeof c->address, sub_option(o, "bindaddr") != NULL ? sub_option(o, "bindaddr") : "127.0.0.1") &&
	       copy_text(c->interface, sizeof c->interface, sub_option(o, "ifname") != NULL ? sub_option(o, "ifname") : "");
}

static bool parse_control(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "type", "path", "port", "bindaddr", "ifname", "fd", "clientfd", "mode", "uid",
					       "gid", "terminate", NULL };
	struct sub_options o;
	bool ok = true;

	if (!sub_options_parse("ctrl", text, allowed, &o))
		return false;
	s->control.ends_with_client = sub_flag(&o, "terminate");
	if (sub_option(&o, "clientfd") == NULL)
		return parse_endpoint(&o, NULL, "--ctrl", &s->control);
	s->control.kind = CHANNEL_CONNECTED;
	s->control.fd = sub_number(&o, "clientfd", 10, -1, &ok);
	return ok && (fcntl(s->control.fd, F_GETFD) >= 0 || complain("The given file descriptor is not open", "--ctrl"));
}

static bool parse_server(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "type", "path", "port", "bindaddr", "ifname", "fd", "disconnect", "mode", "uid", "gid",
					       NULL };
	struct sub_options o;

	if (!sub_options_parse("server", text, allowed, &o))
		return false;
	s->data.one_command = sub_flag(&o, "disconnect");
	return parse_endpoint(&o, "tcp", "--server", &s->data);
}

static bool parse_port(const char *text, struct settings *s)
{
	char *end;
	long port = strtol(text, &end, 10);

	s->data = (struct channel){ .kind = CHANNEL_TCP, .port = (int)port, .address = "127.0.0.1", .one_command = true, .fd = -1,
				    .uid = (uid_t)-1, .gid = (gid_t)-1 };
	return (*end == '\0' && *text != '\0' && port >= 0 && port <= 65535) || complain("Cannot parse the port number", text);
}

static bool parse_data_fd(const char *text, struct settings *s)
{
	char *end;
	long fd = strtol(text, &end, 10);

	s->terminate = true;
	s->data = (struct channel){ .kind = CHANNEL_CONNECTED, .fd = (int)fd };
	return (*end == '\0' && *text != '\0' && fd >= 0 && fcntl((int)fd, F_GETFD) >= 0) ||
	       complain("Cannot use the file descriptor", text);
}

/* ---- state, log, pid ---- */

/* backend-uri=file://F: the state is that very file. */
static bool set_state_file(struct settings *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash != NULL ? (size_t)(slash - path) : 0;

	if (slash == NULL || size == 0 || size >= sizeof s->state_dir)
		return complain("A state file needs an absolute path", path);
	s->state_is_file = true;
	memcpy(s->state_dir, path, size);
	s->state_dir[size] = '\0';
	(void)snprintf(s->volatile_name, sizeof s->volatile_name, "%s.volatile", slash + 1);
	return copy_text(s->state_name, sizeof s->state_name, slash + 1);
}

/* What can be asked of a backend. Each state has one process at a time and is durable before a command is answered,
 * whether that is asked for or not. */
static bool check_state_flags(const struct sub_options *o)
{
	if (sub_given(o, "lock") && !sub_flag(o, "lock"))
		return complain("lock=false is not supported: a state has one process at a time", NULL);
	if (sub_flag(o, "backup"))
		return complain("backup is not supported: an older state does not open, and the platform's log brings a torn one back", NULL);
	return true;
}

bool settings_parse_state(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "dir", "mode", "backend-uri", "lock", "fsync", "backup", NULL };
	const char *dir, *uri;
	struct sub_options o;
	bool ok = true;

	if (!sub_options_parse("tpmstate", text, allowed, &o))
		return false;
	if (!check_state_flags(&o))
		return false;
	dir = sub_option(&o, "dir");
	uri = sub_option(&o, "backend-uri");
	s->state_mode = (mode_t)sub_number(&o, "mode", 8, 0640, &ok);
	if (!ok)
		return false;
	if (uri != NULL && strncmp(uri, "file://", 7) == 0)
		return set_state_file(s, uri + 7);
	if (uri != NULL && strncmp(uri, "dir://", 6) == 0)
		dir = uri + 6;
	else if (uri != NULL)
		return complain("Unsupported backend-uri", uri);
	return dir != NULL ? copy_text(s->state_dir, sizeof s->state_dir, dir)
			   : complain("The tpmstate option requires a directory or a backend-uri", NULL);
}

static bool parse_log(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "file", "fd", "level", "prefix", "truncate", NULL };
	struct sub_options o;
	bool ok = true;

	if (!sub_options_parse("log", text, allowed, &o))
		return false;
	s->log_level = sub_number(&o, "level", 10, 0, &ok);
	s->log_fd = sub_number(&o, "fd", 10, -1, &ok);
	s->log_truncate = sub_flag(&o, "truncate");
	s->log_silent = sub_option(&o, "file") != NULL && strcmp(sub_option(&o, "file"), "-") == 0;
	if (!ok || (s->log_fd >= 0 && fcntl(s->log_fd, F_GETFD) < 0))
		return complain("The log option's file descriptor or level is wrong", text);
	return copy_text(s->log_file, sizeof s->log_file, sub_option(&o, "file") != NULL ? sub_option(&o, "file") : "") &&
	       copy_text(s->log_prefix, sizeof s->log_prefix, sub_option(&o, "prefix") != NULL ? sub_option(&o, "prefix") : "");
}

static bool parse_pid(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "file", "fd", NULL };
	struct sub_options o;
	bool ok = true;

	if (!sub_options_parse("pid", text, allowed, &o))
		return false;
	s->pid_fd = sub_number(&o, "fd", 10, -1, &ok);
	if (s->pid_fd >= 0 || !ok)
		return ok;
	return sub_option(&o, "file") != NULL ? copy_text(s->pid_file, sizeof s->pid_file, sub_option(&o, "file"))
					      : complain("The file parameter is required for the pid option", NULL);
}

/* ---- keys ---- */

static bool read_all(const struct sub_options *o, const char *file_name, const char *fd_name, char *ret_text, size_t capacity,
		     size_t *ret_size)
{
	const char *path = sub_option(o, file_name);
	bool ok = true;
	int fd = sub_number(o, fd_name, 10, -1, &ok);
	ssize_t got;

	if (path != NULL)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	got = ok && fd >= 0 ? read(fd, ret_text, capacity) : -1;
	if (path != NULL && fd >= 0)
		(void)close(fd);
	if (got <= 0)
		return complain("Could not read the key or passphrase", path);
	if ((size_t)got == capacity)
		return complain("The key or passphrase is too long", path);
	if (path != NULL && sub_flag(o, "remove"))
		(void)unlink(path);
	ret_text[got] = '\0';
	*ret_size = (size_t)got;
	return true;
}

static bool key_of_hex(const char *text, size_t size, struct key_option *ret_key)
{
	char digits[2 * 32 + 1];

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	(void)snprintf(digits, 2 * size + 1, "%s", text); /* what follows the digits that are wanted is passed over */
	if (!hex_decode(digits, ret_key->secret, size, &ret_key->secret_size) || ret_key->secret_size != size)
		return complain("The key is too short or not in hex", NULL);
	return true;
}

static bool key_of_file(const struct sub_options *o, struct key_option *ret_key)
{
	const char *format = sub_option(o, "format");
	char text[REGISTRATION_SECRET_MAX];
	size_t got;
	bool ok = read_all(o, "file", "fd", text, sizeof text, &got);

	if (ok && (format == NULL || strcmp(format, "hex") == 0)) {
		ok = key_of_hex(text, ret_key->size, ret_key);
	} else if (ok && got != ret_key->size) {
		ok = complain("The key file has the wrong size for its mode", NULL);
	} else if (ok) {
		memcpy(ret_key->secret, text, got);
		ret_key->secret_size = got;
	}
	wipe(text, sizeof text);
	return ok;
}

static bool make_key(const struct sub_options *o, struct key_option *ret_key)
{
	const char *format = sub_option(o, "format"), *kdf = sub_option(o, "kdf");

	if (kdf != NULL && strcmp(kdf, "pbkdf2") != 0 && strcmp(kdf, "sha512") != 0)
		return complain("Unknown key derivation", kdf);
	if (format != NULL && strcmp(format, "hex") != 0 && strcmp(format, "binary") != 0)
		return complain("Unknown key format", format);
	if (sub_option(o, "pwdfile") == NULL && sub_option(o, "pwdfd") == NULL)
		return key_of_file(o, ret_key);
	ret_key->kdf = kdf == NULL || strcmp(kdf, "pbkdf2") == 0 ? "pbkdf2" : "sha512";
	/* all of the file, a newline at its end too: swtpm derives its key from that */
	return read_all(o, "pwdfile", "pwdfd", (char *)ret_key->secret, sizeof ret_key->secret, &ret_key->secret_size);
}

bool settings_parse_key(const char *option, const char *text, struct key_option *ret_key)
{
	static const char *const allowed[] = { "file", "fd", "format", "mode", "remove", "pwdfile", "pwdfd", "kdf", NULL };
	struct sub_options o;
	const char *mode;

	if (!sub_options_parse(option, text, allowed, &o))
		return false;
	if (sub_option(&o, "file") == NULL && sub_option(&o, "fd") == NULL && sub_option(&o, "pwdfile") == NULL &&
	    sub_option(&o, "pwdfd") == NULL)
		return complain("Either file, fd, pwdfile, or pwdfd is required for the key option", NULL);
	mode = sub_option(&o, "mode");
	if (mode != NULL && strcmp(mode, "aes-cbc") != 0 && strcmp(mode, "aes-128-cbc") != 0 && strcmp(mode, "aes-256-cbc") != 0)
		return complain("Unknown encryption mode", mode);
	*ret_key = (struct key_option){ .size = mode != NULL && strcmp(mode, "aes-256-cbc") == 0 ? 32 : 16 };
	return make_key(&o, ret_key);
}

/* ---- the rest ---- */

static bool parse_flags(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "not-need-init", "startup-clear", "startup-state", "startup-none", "startup-deactivated",
					       "disable-auto-shutdown", NULL };
	struct sub_options o;

	if (!sub_options_parse("flags", text, allowed, &o))
		return false;
	if (sub_flag(&o, "startup-deactivated"))
		return complain("startup-deactivated is not supported for a TPM 2", NULL);
	s->startup = sub_flag(&o, "startup-clear") ? 0 : sub_flag(&o, "startup-state") ? 1 : -1;
	s->initialise = sub_flag(&o, "not-need-init") || s->startup >= 0 || sub_flag(&o, "startup-none");
	s->ends_hard = sub_flag(&o, "disable-auto-shutdown");
	return true;
}

static bool parse_locality(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "reject-locality-4", "allow-set-locality", NULL };
	struct sub_options o;

	if (!sub_options_parse("locality", text, allowed, &o))
		return false;
	s->reject_locality_4 = sub_flag(&o, "reject-locality-4");
	s->allow_set_locality = sub_flag(&o, "allow-set-locality");
	return true;
}

static bool parse_seccomp(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "action", NULL };
	struct sub_options o;
	const char *action;

	if (!sub_options_parse("seccomp", text, allowed, &o))
		return false;
	action = sub_option(&o, "action");
	if (action == NULL || strcmp(action, "kill") == 0)
		s->seccomp = SECCOMP_KILL;
	else if (strcmp(action, "log") == 0)
		s->seccomp = SECCOMP_LOG;
	else if (strcmp(action, "none") == 0)
		s->seccomp = SECCOMP_OFF;
	else
		return complain("Unsupported seccomp action", action);
	return true;
}

/* Nothing is opened before CMD_INIT, with `incoming` or without it; with it, only a hand-over of tcbind
 * fills the place. `release-lock-outgoing` holds in any case: CMD_GET_STATEBLOB lets go of the state, and
 * what the source writes later does not touch what the destination has written into a shared directory. */
static bool parse_migration(const char *text, struct settings *s)
{
	static const char *const allowed[] = { "incoming", "release-lock-outgoing", NULL };
	struct sub_options o;

	if (!sub_options_parse("migration", text, allowed, &o))
		return false;
	s->incoming = sub_flag(&o, "incoming");
	return true;
}

/* libtpms' "null" profile is what a TPM here has, with every release of libtpms. */
static bool parse_profile(const char *text)
{
	static const char *const allowed[] = { "name", "profile", "file", "fd", "remove-disabled", NULL };
	struct sub_options o;
	const char *name;

	if (!sub_options_parse("profile", text, allowed, &o))
		return false;
	name = sub_option(&o, "name");
	return (name != NULL && strcmp(name, "null") == 0 && o.count == 1) ||
	       complain("Only the profile name=null is supported: all of libtpms' algorithms and commands", text);
}

enum { OPTION_CTRL = 256, OPTION_SERVER, OPTION_STATE, OPTION_LOG, OPTION_PID, OPTION_KEY, OPTION_MIGRATION_KEY, OPTION_TPM2,
       OPTION_LOCALITY, OPTION_FLAGS, OPTION_SECCOMP, OPTION_MIGRATION, OPTION_CAPABILITIES, OPTION_STATES, OPTION_PROFILE, OPTION_PROFILES };

static const struct option options[] = {
	{"port", 1, NULL, 'p'}, {"fd", 1, NULL, 'f'}, {"terminate", 0, NULL, 't'}, {"daemon", 0, NULL, 'd'}, {"help", 0, NULL, 'h'},
	{"runas", 1, NULL, 'r'}, {"chroot", 1, NULL, 'R'}, {"ctrl", 1, NULL, OPTION_CTRL}, {"server", 1, NULL, OPTION_SERVER},
	{"profile", 1, NULL, OPTION_PROFILE}, {"print-profiles", 0, NULL, OPTION_PROFILES},
	{"tpmstate", 1, NULL, OPTION_STATE}, {"log", 1, NULL, OPTION_LOG}, {"pid", 1, NULL, OPTION_PID}, {"key", 1, NULL, OPTION_KEY},
	{"migration-key", 1, NULL, OPTION_MIGRATION_KEY}, {"tpm2", 0, NULL, OPTION_TPM2}, {"locality", 1, NULL, OPTION_LOCALITY},
	{"flags", 1, NULL, OPTION_FLAGS}, {"seccomp", 1, NULL, OPTION_SECCOMP}, {"migration", 1, NULL, OPTION_MIGRATION},
	{"print-capabilities", 0, NULL, OPTION_CAPABILITIES}, {"print-states", 0, NULL, OPTION_STATES}, {0},
};

static bool parse_one(int option, struct settings *s)
{
	switch (option) {
	case 'p': return parse_port(optarg, s);
	case 'f': return parse_data_fd(optarg, s);
	case 't': s->terminate = true; return true;
	case 'd': s->daemonize = true; return true;
	case 'h': s->help = true; return true;
	case 'r': s->user = optarg; return true;
	case 'R': s->chroot_dir = optarg; return true;
	case OPTION_CTRL: return parse_control(optarg, s);
	case OPTION_SERVER: return parse_server(optarg, s);
	case OPTION_STATE: return settings_parse_state(optarg, s);
	case OPTION_LOG: return parse_log(optarg, s);
	case OPTION_PID: return parse_pid(optarg, s);
	case OPTION_KEY: return settings_parse_key("key", optarg, &s->file_key);
	case OPTION_MIGRATION_KEY: return settings_parse_key("migration-key", optarg, &s->migration_key);
	case OPTION_TPM2: s->tpm2 = true; return true;
	case OPTION_LOCALITY: return parse_locality(optarg, s);
	case OPTION_FLAGS: return parse_flags(optarg, s);
	case OPTION_SECCOMP: return parse_seccomp(optarg, s);
	case OPTION_MIGRATION: return parse_migration(optarg, s);
	case OPTION_CAPABILITIES: s->print_capabilities = true; return true;
	case OPTION_STATES: s->print_states = true; return true;
	case OPTION_PROFILE: return parse_profile(optarg);
	case OPTION_PROFILES: s->print_profiles = true; return true;
	default: settings_usage(stderr, "swtpm"); return false; /* getopt has said what it is */
	}
}

static bool check(struct settings *s)
{
	const char *path = getenv("TPM_PATH"), *port = getenv("TPM_PORT");

	if (s->help || s->print_capabilities || s->print_profiles)
		return true;
	if (s->state_dir[0] == '\0' && path != NULL && !copy_text(s->state_dir, sizeof s->state_dir, path))
		return false;
	if (s->state_dir[0] == '\0')
		return complain("Error: Missing --tpmstate option or TPM_PATH environment variable", NULL);
	if (!s->tpm2)
		return complain("This TPM is a TPM 2.0 and nothing else: add --tpm2", NULL);
	if (s->print_states)
		return true;
	if (s->data.kind == CHANNEL_NONE && port != NULL && !parse_port(port, s))
		return false;
	if (s->data.kind == CHANNEL_NONE && s->control.kind == CHANNEL_NONE)
		return complain("Error: Missing --server or --ctrl option: nobody could reach this TPM", NULL);
	return true;
}

bool settings_parse(int argc, char **argv, struct settings *ret_settings)
{
	struct settings *s = ret_settings;
	int option;

	*s = (struct settings){ .log_fd = -1, .pid_fd = -1, .startup = -1, .state_mode = 0640, .seccomp = SECCOMP_KILL,
				.state_name = STATE_NAME, .volatile_name = VOLATILE_NAME };
	while ((option = getopt_long(argc, argv, "p:f:tdhr:R:", options, NULL)) != -1)
		if (!parse_one(option, s))
			return false;
	if (optind < argc)
		return complain("Unexpected parameter", argv[optind]);
	return check(s);
}

void settings_usage(FILE *file, const char *program)
{
	(void)fprintf(file, "Usage: %s socket --tpm2 --tpmstate dir=DIR --ctrl type=unixio,path=PATH [options]\n\n"
		     "  --tpmstate dir=DIR|backend-uri=dir://DIR|backend-uri=file://FILE[,mode=0640][,lock][,fsync]\n"
		     "  --ctrl type=unixio|tcp,path=|port=|fd=|clientfd=[,bindaddr=,ifname=,mode=,uid=,gid=,terminate]\n"
		     "  --server [type=tcp|unixio,]port=|path=|fd=[,bindaddr=,ifname=,disconnect,mode=,uid=,gid=]\n"
		     "  -p|--port PORT   -f|--fd FD   -t|--terminate   -d|--daemon   -r|--runas USER   -R|--chroot DIR\n"
		     "  --log file=FILE|fd=FD[,level=N,prefix=TEXT,truncate]   --pid file=FILE|fd=FD\n"
		     "  --key, --migration-key file=|fd=[,format=hex|binary]|pwdfile=|pwdfd=[,kdf=pbkdf2|sha512][,mode=aes-cbc|aes-256-cbc][,remove]\n"
		     "      to take over a state that swtpm encrypted; what is written is sealed in any case\n"
		     "  --flags not-need-init,startup-clear|startup-state|startup-none,disable-auto-shutdown   --locality reject-locality-4,allow-set-locality\n"
		     "  --seccomp action=kill|log|none   --migration incoming,release-lock-outgoing\n"
		     "  --profile name=null\n"
		     "  --print-capabilities   --print-states   --print-profiles   -h|--help\n\n"
		     "The platform is TCBIND_PLATFORM's, else a private one of this user (CAVEATS.md says what its evidence is worth).\n",
		     program);
}
