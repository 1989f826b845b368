// SPDX-License-Identifier: MIT
#include "host/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/paths.h"

static enum tcb_error bad_config(const char *found, const char *dir, struct diagnosis *d)
{
	return diagnose_found(d, TCB_MALFORMED, "platform.config", "a directory made by `tcbind platform init`",
			      "name the platform's directory", "%s: %s", dir, found);
}

static bool take(const json_t *object, const char *name, char *ret_text, size_t capacity)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL && strlen(text) > 0 && (size_t)snprintf(ret_text, capacity, "%s", text) < capacity;
}

enum tcb_error config_read(const char *dir, struct platform_config *ret_config, struct diagnosis *d)
{
	struct platform_config config;
	json_error_t error;
	json_t *object;
	char path[PATH_MAX];
	bool ok;

	if (realpath(dir, config.dir) == NULL)
		return bad_config("no such directory", dir, d);
	TRY(path_in(config.dir, "platform.json", path, sizeof path, d));
	object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		return bad_config(error.text, path, d);
	ok = take(object, "name", config.name, sizeof config.name) &&
	     take(object, "listen", config.listen, sizeof config.listen) &&
	     take(object, "ptpm", config.ptpm, sizeof config.ptpm);
	json_decref(object);
	if (!ok)
		return bad_config("a member is missing or too long", path, d);
	*ret_config = config;
	return TCB_OK;
}

enum tcb_error config_write(const struct platform_config *config, struct diagnosis *d)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "name", config->name, "listen", config->listen, "ptpm",
				   config->ptpm);
	char path[PATH_MAX];
	enum tcb_error error = path_in(config->dir, "platform.json", path, sizeof path, d);

	if (error == TCB_OK && json_dump_file(object, path, JSON_INDENT(1)) != 0)
		error = bad_config("cannot be written", path, d);
	json_decref(object);
	return error;
}

enum tcb_error config_tcti(const struct platform_config *config, char *ret_tcti, size_t capacity, struct diagnosis *d)
{
	bool stand_in = strcmp(config->ptpm, "swtpm") == 0;
	int n = stand_in ? snprintf(ret_tcti, capacity, "swtpm:path=%s/run/ptpm.sock", config->dir)
			 : snprintf(ret_tcti, capacity, "%s", config->ptpm);

	return n > 0 && (size_t)n < capacity
		       ? TCB_OK
		       : diagnose(d, TCB_LIMIT, "path.long", "a TCTI that does not fit", "a shorter one",
				  "use a shorter platform directory");
}
