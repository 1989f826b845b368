// SPDX-License-Identifier: MIT
/* Decoding of a registration. No threads, no sockets: nothing happens but that descriptors get their
 * names, or are closed. */
#include "host/registration.h"

#include <jansson.h>
#include <stdio.h>

#include "core/hex.h"
#include "core/wipe.h"
#include "host/io.h"
#include "host/key_name.h"

static const char *const fd_names[REGISTRATION_FD_NAMES] = {
	[FD_STATE_DIR] = "state_dir",
	[FD_STATE_FILE] = "state_file",
	[FD_CONTROL_LISTENER] = "control_listener",
	[FD_CONTROL_CLIENT] = "control_client",
	[FD_DATA_LISTENER] = "data_listener",
	[FD_DATA_CLIENT] = "data_client",
};

/* The place of the descriptor with that name, if it is still free. */
static int *find_fd(struct registration *r, const char *name)
{
	for (size_t i = 0; name != NULL && i < REGISTRATION_FD_NAMES; i++)
		if (strcmp(fd_names[i], name) == 0)
			return r->fds[i] < 0 ? &r->fds[i] : NULL;
	return NULL;
}

/* Each descriptor has one name, and each name one descriptor. */
static bool read_fds(const json_t *names, struct descriptors *came, struct registration *r)
{
	size_t named = 0;

	if (!json_is_array(names) || json_array_size(names) != came->count)
		return false;
	for (; named < came->count; named++) {
		int *place = find_fd(r, json_string_value(json_array_get(names, named)));

		if (place == NULL)
			break;
		*place = came->fds[named];
		came->fds[named] = -1;
	}
	return named == came->count;
}

static bool read_name(const json_t *given, char ret_name[REGISTRATION_NAME_MAX])
{
	const char *name = json_string_value(given);

	return name != NULL && name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strchr(name, '/') == NULL &&
	       snprintf(ret_name, REGISTRATION_NAME_MAX, "%s", name) < REGISTRATION_NAME_MAX;
}

/* An integer from `least` to `most`; where there is none, `*ret_value` stays. */
static bool read_number(const json_t *object, const char *name, int least, int most, int *ret_value)
{
	const json_t *given = json_object_get(object, name);

	if (given == NULL)
		return true;
	if (!json_is_integer(given) || json_integer_value(given) < least || json_integer_value(given) > most)
		return false;
	*ret_value = (int)json_integer_value(given);
	return true;
}

/* ---- keys that protect files ---- */

/* The key itself, or the one that swtpm derives from a passphrase. */
static bool make_key(struct span secret, const char *kdf, size_t size, struct swtpm_key *ret_key)
{
	if (kdf != NULL)
		return (strcmp(kdf, "pbkdf2") == 0 || strcmp(kdf, "sha512") == 0) &&
		       swtpm_key_derive(secret, strcmp(kdf, "pbkdf2") == 0, size, ret_key) == TCB_OK;
	if ((size != 16 && size != 32) || secret.size != size)
		return false;
	memcpy(ret_key->bytes, secret.data, size);
	ret_key->size = size;
	return true;
}

static bool read_key(const json_t *message, const char *name, struct swtpm_key *ret_key)
{
	const json_t *given = json_object_get(message, name), *kdf = json_object_get(given, "kdf");
	const char *hex = json_string_value(json_object_get(given, "secret"));
	uint8_t secret[REGISTRATION_SECRET_MAX];
	int size = 0;
	size_t got;
	bool ok;

	if (given == NULL)
		return true;
	ok = hex != NULL && (kdf == NULL || json_is_string(kdf)) && read_number(given, "size", 1, 32, &size) &&
	     hex_decode(hex, secret, sizeof secret, &got) &&
	     make_key(span_of(secret, got), json_string_value(kdf), (size_t)size, ret_key);
	wipe(secret, sizeof secret);
	return ok;
}

/* ---- options ---- */

static bool read_options(const json_t *options, struct registration *r)
{
	const struct {
		const char *name;
		bool *value;
	} flags[] = {
		{"one_command", &r->one_command},
		{"data_fixed", &r->data_fixed},
		{"ends_with_data", &r->ends_with_data},
		{"ends_with_control", &r->ends_with_control},
		{"reject_locality_4", &r->reject_locality_4},
		{"allow_set_locality", &r->allow_set_locality},
		{"initialise", &r->initialise},
		{"ends_hard", &r->ends_hard},
		{"incoming", &r->incoming},
	};
	int config_flags = 0;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		const json_t *given = json_object_get(options, flags[i].name);

		if (given != NULL && !json_is_boolean(given))
			return false;
		*flags[i].value = json_is_true(given);
	}
	if ((options != NULL && !json_is_object(options)) ||
	    !read_number(options, "config_flags", 0, INT_MAX, &config_flags) ||
	    !read_number(options, "startup", -1, 1, &r->startup))
		return false;
	r->config_flags = (uint32_t)config_flags;
	return true;
}

/* ---- a new vTPM ---- */

static enum tcb_error read_key_name(const json_t *name, enum vtpm_key *ret_key, struct diagnosis *d)
{
	if (json_is_string(name) && key_of_name(span_of_text(json_string_value(name)), ret_key) == TCB_OK)
		return TCB_OK;
	return diagnose(d, TCB_MALFORMED, "registrar.key", "a key with a name that this daemon does not know",
			"a name of host/key_name.h", "use programs of one release");
}

/* The names are checked and stand one a line in r->later. */
static enum tcb_error read_later(const json_t *names, struct registration *r, struct diagnosis *d)
{
	const json_t *name;
	enum vtpm_key key;
	size_t i, size = 0;

	json_array_foreach(names, i, name) {
		TRY(read_key_name(name, &key, d));
		size += (size_t)snprintf(r->later + size, sizeof r->later - size, "%s%s", i > 0 ? "\n" : "",
					 json_string_value(name));
		if (size >= sizeof r->later)
			return TCB_LIMIT;
	}
	return TCB_OK;
}

static enum tcb_error read_create(const json_t *wanted, struct registration *r, struct diagnosis *d)
{
	const json_t *name;
	enum vtpm_key key;
	int banks = 0;
	size_t i;

	if (wanted == NULL)
		return TCB_OK;
	if (!json_is_object(wanted) || !read_number(wanted, "pcr_banks", 0, BANKS_ALL, &banks))
		return TCB_MALFORMED;
	r->creates = true;
	r->pcr_banks = (uint8_t)banks;
	json_array_foreach(json_object_get(wanted, "keys"), i, name) {
		TRY(read_key_name(name, &key, d));
		r->keys = (uint16_t)(r->keys | 1u << key);
	}
	return read_later(json_object_get(wanted, "later"), r, d);
}

/* ---- the message ---- */

static enum tcb_error read_message(const json_t *message, struct descriptors *came, struct registration *r,
				   struct diagnosis *d)
{
	int mode = 0;

	if (!read_fds(json_object_get(message, "fds"), came, r) || r->fds[FD_STATE_DIR] < 0 ||
	    !read_name(json_object_get(message, "state"), r->state) ||
	    !read_name(json_object_get(message, "volatile"), r->volatile_state) ||
	    !read_number(message, "mode", 0, INT_MAX, &mode) || !read_key(message, "file_key", &r->file_key) ||
	    !read_key(message, "migration_key", &r->migration_key) ||
	    !read_options(json_object_get(message, "options"), r))
		return TCB_MALFORMED;
	r->mode = (unsigned)mode & 0777;
	return read_create(json_object_get(message, "create"), r, d);
}

void registration_init(struct registration *ret_r)
{
	*ret_r = (struct registration){.startup = -1};
	for (size_t i = 0; i < REGISTRATION_FD_NAMES; i++)
		ret_r->fds[i] = -1;
}

enum tcb_error registration_read(struct span text, struct descriptors *came, struct registration *ret_r,
				 struct diagnosis *d)
{
	struct registration r;
	enum tcb_error error;
	json_t *message;

	registration_init(&r);
	message = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	error = read_message(message, came, &r, d);
	json_decref(message);
	for (size_t i = 0; i < came->count; i++)
		io_close(&came->fds[i]); /* came without a name */
	came->count = 0;
	*ret_r = r;
	wipe(&r, sizeof r);
	if (error == TCB_OK)
		return TCB_OK;
	return diagnose(d, error, "registrar.message", "a registration that this daemon does not understand",
			"a message of host/registration.h", "use programs of one release");
}

int registration_take(struct registration *r, enum registration_fd name)
{
	int fd = r->fds[name];

	r->fds[name] = -1;
	return fd;
}

bool registration_has_channel(const struct registration *r)
{
	for (size_t i = FD_CONTROL_LISTENER; i < REGISTRATION_FD_NAMES; i++)
		if (r->fds[i] >= 0)
			return true;
	return false;
}

void registration_end(struct registration *r)
{
	for (size_t i = 0; i < REGISTRATION_FD_NAMES; i++)
		io_close(&r->fds[i]);
	wipe(&r->file_key, sizeof r->file_key);
	wipe(&r->migration_key, sizeof r->migration_key);
}
