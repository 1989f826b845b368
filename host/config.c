// SPDX-License-Identifier: MIT
/* A platform's settings: read, written, and judged in one place for `init` and `run`. */
#include "host/config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "core/utf8.h"
#include "host/address.h"
#include "host/paths.h"

static enum tcb_error bad_config(const char *path, const char *found, struct diagnosis *d)
{
	return diagnose_found(d, TCB_MALFORMED, "platform.config", "a directory made by `tcbind platform init`",
			      "name the platform's directory, or correct the file", "%s: %s", path, found);
}

static enum tcb_error not_ours(const char *path, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "platform.permission", "a platform that this user may open",
			      "run the command as the platform's owner", "%s: %s", path, strerror(errno));
}

/* ---- what a platform's settings must be ---- */

static enum tcb_error check_name(const char *name, struct diagnosis *d)
{
	if (name[0] != '\0' && utf8_is_printable(span_of_text(name)))
		return TCB_OK;
	return diagnose(d, TCB_MALFORMED, "platform.name", name[0] == '\0' ? "an empty name" : "a name with control characters, or not in UTF-8",
			"printable UTF-8 text of at most 64 bytes", "choose another name, with --name or in platform.json");
}

static bool is_stand_in(const struct platform_config *config)
{
	return strcmp(config->ptpm, "swtpm") == 0;
}

enum tcb_error config_check(const struct platform_config *config, struct diagnosis *d)
{
	TRY(check_name(config->name, d));
	TRY(address_check(span_of_text(config->listen), d));
	return config->ptpm[0] != '\0' && utf8_is_printable(span_of_text(config->ptpm))
		       ? TCB_OK
		       : diagnose(d, TCB_MALFORMED, "platform.ptpm", "an empty TCTI, or one with control characters",
				  "`swtpm`, or a TCTI of tpm2-tss", "correct --ptpm, or `ptpm` in platform.json");
}

static enum tcb_error bad_tcti(const struct platform_config *config, const char *found, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "platform.ptpm", "`swtpm`, or a TCTI of tpm2-tss such as device:/dev/tpmrm0",
			      "correct --ptpm; `man tss2-tctildr` has the names", "'%s': %s", config->ptpm, found);
}

enum tcb_error config_check_tcti(const struct platform_config *config, struct diagnosis *d)
{
	size_t size = strcspn(config->ptpm, ":");
	const char *path = config->ptpm + size + 1;
	TSS2_TCTI_INFO *info = NULL;
	char name[sizeof config->ptpm];
	struct stat st;

	if (is_stand_in(config))
		return TCB_OK;
	(void)snprintf(name, sizeof name, "%.*s", (int)size, config->ptpm);
	(void)setenv("TSS2_LOG", "all+none", 0); /* the refusal below says it in our words */
	if (Tss2_TctiLdr_GetInfo(name, &info) != TSS2_RC_SUCCESS)
		return bad_tcti(config, "tpm2-tss has no such TCTI", d);
	Tss2_TctiLdr_FreeInfo(&info);
	if (strcmp(name, "device") == 0 && config->ptpm[size] == ':' && stat(path, &st) != 0)
		return bad_tcti(config, strerror(errno), d);
	if (strcmp(name, "device") == 0 && config->ptpm[size] == ':' && !S_ISCHR(st.st_mode))
		return bad_tcti(config, "no device", d);
	return TCB_OK;
}

/* ---- the file ---- */

static bool take(const json_t *object, const char *name, char *ret_text, size_t capacity)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL && (size_t)snprintf(ret_text, capacity, "%s", text) < capacity;
}

static enum tcb_error read_members(const json_t *object, const char *path, struct platform_config *ret_config,
				   struct diagnosis *d)
{
	if (!take(object, "name", ret_config->name, sizeof ret_config->name) ||
	    !take(object, "listen", ret_config->listen, sizeof ret_config->listen) ||
	    !take(object, "ptpm", ret_config->ptpm, sizeof ret_config->ptpm))
		return bad_config(path, "one of `name`, `listen` and `ptpm` is missing or too long", d);
	return config_check(ret_config, d);
}

/* Without the member every address is a peer's. */
static enum tcb_error read_peers(const json_t *peers, const char *path, struct platform_config *config, struct diagnosis *d)
{
	const json_t *peer;
	size_t i;

	config->has_peers = peers != NULL;
	if (peers != NULL && (!json_is_array(peers) || json_array_size(peers) > PEERS_MAX))
		return bad_config(path, "`peers` is no array, or has more than 64 members", d);
	json_array_foreach(peers, i, peer) {
		const char *text = json_string_value(peer);

		if (text == NULL)
			return bad_config(path, "a member of `peers` is no HOST:PORT", d);
		TRY(address_check(span_of_text(text), d));
		(void)snprintf(config->peers[i], sizeof config->peers[i], "%s", text);
	}
	config->peer_count = json_array_size(peers);
	return TCB_OK;
}

enum tcb_error config_check_peer(const struct platform_config *config, struct span address, struct diagnosis *d)
{
	for (size_t i = 0; i < config->peer_count; i++)
		if (span_is_text(address, config->peers[i]))
			return TCB_OK;
	if (!config->has_peers)
		return TCB_OK;
	return diagnose_found(d, TCB_REFUSED, "agent.peer", "an address that stands in `peers` of platform.json",
			      "add it if that platform is yours, and run the platform again; else look for who "
			      "altered the migration stream",
			      "a hand-over that names '%.*s'", (int)address.size, (const char *)address.data);
}

/* A file that is there and is no JSON: where it is not. */
static enum tcb_error bad_json(const char *path, const json_error_t *where, struct diagnosis *d)
{
	char text[JSON_ERROR_TEXT_LENGTH + 32];

	(void)snprintf(text, sizeof text, "%d:%d: %s", where->line, where->column, where->text);
	return bad_config(path, text, d);
}

enum tcb_error config_read(const char *dir, struct platform_config *ret_config, struct diagnosis *d)
{
	struct platform_config config;
	json_error_t where;
	json_t *object;
	char path[PATH_MAX];
	enum tcb_error error;

	if (realpath(dir, config.dir) == NULL)
		return errno == EACCES ? not_ours(dir, d) : bad_config(dir, strerror(errno), d);
	TRY(path_in(config.dir, "platform.json", path, sizeof path, d));
	if (access(path, R_OK) != 0)
		return errno == EACCES ? not_ours(path, d) : bad_config(path, strerror(errno), d);
	object = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	if (object == NULL)
		return bad_json(path, &where, d);
	error = read_members(object, path, &config, d);
	if (error == TCB_OK)
		error = read_peers(json_object_get(object, "peers"), path, &config, d);
	json_decref(object);
	if (error == TCB_OK)
		*ret_config = config;
	return error;
}

enum tcb_error config_write(const char *dir, const struct platform_config *config, struct diagnosis *d)
{
	json_t *object;
	char path[PATH_MAX];
	enum tcb_error error;

	TRY(config_check(config, d));
	TRY(path_in(dir, "platform.json", path, sizeof path, d));
	object = json_pack("{s:s, s:s, s:s}", "name", config->name, "listen", config->listen, "ptpm", config->ptpm);
	error = json_dump_file(object, path, JSON_INDENT(1)) == 0 ? TCB_OK : bad_config(path, strerror(errno), d);
	json_decref(object);
	return error;
}

enum tcb_error config_tcti(const struct platform_config *config, char *ret_tcti, size_t capacity, struct diagnosis *d)
{
	int n = is_stand_in(config) ? snprintf(ret_tcti, capacity, "swtpm:path=%s/run/ptpm.sock", config->dir)
			 : snprintf(ret_tcti, capacity, "%s", config->ptpm);

	return n > 0 && (size_t)n < capacity
		       ? TCB_OK
		       : diagnose(d, TCB_LIMIT, "path.long", "a TCTI that does not fit", "a shorter one",
				  "use a shorter platform directory");
}
