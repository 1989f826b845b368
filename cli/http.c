// SPDX-License-Identifier: MIT
#include "cli/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"
#include "host/config.h"
#include "host/paths.h"

enum { ANSWER_MAX = LIMIT_FRAME };

static size_t collect(char *data, size_t one, size_t size, void *context)
{
	struct span *answer = context;
	uint8_t *grown = answer->size + size <= ANSWER_MAX
				 ? realloc((void *)(uintptr_t)answer->data, answer->size + size + 1)
				 : NULL;

	(void)one;
	if (grown == NULL)
		return 0;
	memcpy(grown + answer->size, data, size);
	*answer = span_of(grown, answer->size + size);
	return size;
}

static enum tcb_error class_of(const char *name)
{
	for (unsigned e = TCB_MALFORMED; e <= TCB_INTERNAL; e++)
		if (name != NULL && strcmp(tcb_error_name((enum tcb_error)e), name) == 0)
			return (enum tcb_error)e;
	return TCB_PLATFORM;
}

static const char *member(const json_t *error, const char *name)
{
	const char *text = json_string_value(json_object_get(error, name));

	return text != NULL ? text : "?";
}

/* The daemon's own words. */
static enum tcb_error refused(struct span answer, struct diagnosis *d)
{
	json_t *object = json_loadb((const char *)answer.data, answer.size, 0, NULL);
	const json_t *error = json_object_get(object, "error");
	enum tcb_error class = class_of(json_string_value(json_object_get(error, "class")));

	(void)diagnose(d, class, member(error, "code"), member(error, "found"), member(error, "wanted"),
		       member(error, "action"));
	json_decref(object);
	return class;
}

/* Seconds for one request. A vTPM's first keys and a slow TPM's quotes take their time. */
static long patience_s(void)
{
	const char *text = getenv("TCBIND_TIMEOUT");
	long seconds = text != NULL ? strtol(text, NULL, 10) : 0;

	return seconds > 0 ? seconds : 120;
}

static CURLcode perform(const char *socket_path, const char *method, const char *path, const char *body,
			struct span *ret_answer, long *ret_status)
{
	CURL *curl = curl_easy_init();
	char url[1024];
	CURLcode code = CURLE_OUT_OF_MEMORY;

	(void)snprintf(url, sizeof url, "http://tcbindd%s", path);
	if (curl != NULL && curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT, patience_s()) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer) == CURLE_OK &&
	    (body == NULL || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK))
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	return code;
}

/* Why nobody answers at the socket: the error number of a connection to it, 0 if there is one. */
static int try_connect(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	error = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
	if (fd >= 0)
		(void)close(fd);
	return error;
}

static enum tcb_error not_allowed(const char *socket_path, struct diagnosis *d)
{
	const struct passwd *user;
	char owner[64] = "another user";
	struct stat st;

	if (stat(socket_path, &st) == 0) {
		user = getpwuid(st.st_uid);
		if (user != NULL)
			(void)snprintf(owner, sizeof owner, "%s", user->pw_name);
		else
			(void)snprintf(owner, sizeof owner, "uid %u", (unsigned)st.st_uid);
	}
	return diagnose_found(d, TCB_PLATFORM, "daemon.permission", "a platform that this user may use",
			      "run the command as the platform's owner", "%s: permission denied to uid %u; it is of %s",
			      socket_path, (unsigned)geteuid(), owner);
}

static enum tcb_error unreachable(const char *platform_dir, const char *socket_path, CURLcode code, struct diagnosis *d)
{
	struct platform_config config;
	int error;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return diagnose_found(d, TCB_PLATFORM, "daemon.silent", "a daemon that answers (TCBIND_TIMEOUT sets how soon)",
				      "see what `tcbind platform run` printed; end it with SIGTERM and run it again",
				      "%s: no answer in %ld seconds", socket_path, patience_s());
	error = try_connect(socket_path);
	if (error == EACCES || error == EPERM)
		return not_allowed(socket_path, d);
	if (error == ENOENT)
		TRY(config_read(platform_dir, &config, d));
	if (error == 0)
		return diagnose_found(d, TCB_PLATFORM, "daemon.unreachable", "a daemon that answers",
				      "try again, and see what `tcbind platform run` printed", "%s: %s", socket_path,
				      curl_easy_strerror(code));
	return diagnose_found(d, TCB_PLATFORM, "daemon.unreachable", "a platform that runs",
			      "start it with `tcbind platform run`", "%s: %s", socket_path, strerror(error));
}

enum tcb_error http_request(const char *platform_dir, const char *method, const char *path, const json_t *body,
			    struct span *ret_answer, struct diagnosis *d)
{
	char socket_path[sizeof((struct sockaddr_un *)NULL)->sun_path], *text;
	struct span answer = {0};
	long status = 0;
	CURLcode code;
	enum tcb_error error = TCB_OK;

	TRY(path_in(platform_dir, "run/tcbindd.sock", socket_path, sizeof socket_path, d));
	text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	code = perform(socket_path, method, path, text, &answer, &status);
	if (code != CURLE_OK)
		error = unreachable(platform_dir, socket_path, code, d);
	else if (status < 200 || status > 299)
		error = refused(answer, d);
	free(text);
	if (error != TCB_OK) {
		free((void *)(uintptr_t)answer.data);
		return error;
	}
	*ret_answer = answer;
	return TCB_OK;
}

enum tcb_error http_json(const char *platform_dir, const char *method, const char *path, const json_t *body,
			 json_t **ret_answer, struct diagnosis *d)
{
	struct span answer;
	json_t *object;

	TRY(http_request(platform_dir, method, path, body, &answer, d));
	object = json_loadb((const char *)answer.data, answer.size, JSON_REJECT_DUPLICATES, NULL);
	free((void *)(uintptr_t)answer.data);
	if (!json_is_object(object)) {
		json_decref(object);
		return diagnose(d, TCB_MALFORMED, "daemon.answer", "an answer that is no JSON object", "one of docs/daemon-api.md",
				"use tcbind and tcbindd of one version");
	}
	*ret_answer = object;
	return TCB_OK;
}
