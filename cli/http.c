// SPDX-License-Identifier: MIT
#include "cli/http.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
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
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer) == CURLE_OK &&
	    (body == NULL || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK))
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	return code;
}

enum tcb_error http_request(const char *platform_dir, const char *method, const char *path, const json_t *body,
			    struct span *ret_answer, struct diagnosis *d)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct span answer = {0};
	char socket_path[PATH_MAX];
	long status = 0;
	CURLcode code;
	enum tcb_error error = path_in(platform_dir, "run/tcbindd.sock", socket_path, sizeof socket_path, d);

	if (error == TCB_OK) {
		code = perform(socket_path, method, path, text, &answer, &status);
		if (code != CURLE_OK)
			error = diagnose_found(d, TCB_PLATFORM, "daemon.unreachable", "a platform that runs",
					       "start it with `tcbind platform run`", "%s: %s", socket_path,
					       curl_easy_strerror(code));
		else if (status < 200 || status > 299)
			error = refused(answer, d);
	}
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
