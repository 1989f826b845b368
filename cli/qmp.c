// SPDX-License-Identifier: MIT
#include "cli/qmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 1 << 20, PATIENCE_S = 30 };

struct qmp {
	FILE *stream;
	char *line;
	size_t capacity;
};

static enum tcb_error broken(struct diagnosis *d)
{
	return diagnose(d, TCB_PLATFORM, "qmp.broken", "something that is not QMP, or silence", "one JSON object a line",
			"check that the socket is QEMU's -qmp socket, and that nothing else uses it");
}

/* One message; NULL: the end, or no JSON. */
static json_t *read_message(struct qmp *q)
{
	ssize_t size = getline(&q->line, &q->capacity, q->stream);

	return size > 0 && size < LINE_MAX_SIZE ? json_loadb(q->line, (size_t)size, 0, NULL) : NULL;
}

static FILE *connect_stream(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	FILE *stream = NULL;
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return NULL;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		stream = fdopen(fd, "r+");
	if (fd >= 0 && stream == NULL)
		(void)close(fd);
	return stream;
}

enum tcb_error qmp_open(const char *socket_path, struct qmp **ret_qmp, struct diagnosis *d)
{
	struct qmp *q = calloc(1, sizeof *q);
	enum tcb_error error = TCB_OK;
	json_t *greeting;

	if (q == NULL)
		return TCB_INTERNAL;
	q->stream = connect_stream(socket_path);
	if (q->stream == NULL) {
		error = diagnose_found(d, TCB_PLATFORM, "qmp.connect", "QEMU's -qmp unix socket", "check the path",
				       "%s: %s", socket_path, strerror(errno));
	} else {
		greeting = read_message(q);
		if (json_object_get(greeting, "QMP") == NULL)
			error = broken(d);
		json_decref(greeting);
	}
	if (error == TCB_OK)
		error = qmp_execute(q, "qmp_capabilities", NULL, NULL, d);
	if (error != TCB_OK) {
		qmp_close(q);
		return error;
	}
	*ret_qmp = q;
	return TCB_OK;
}

void qmp_close(struct qmp *q)
{
	if (q->stream != NULL)
		(void)fclose(q->stream);
	free(q->line);
	free(q);
}

static enum tcb_error take_answer(json_t *message, json_t **ret_answer, struct diagnosis *d)
{
	const char *text = json_string_value(json_object_get(json_object_get(message, "error"), "desc"));

	if (text != NULL)
		return diagnose(d, TCB_REFUSED, "qmp.refused", text, "a command that QEMU carries out", "see QEMU's own log");
	if (ret_answer != NULL)
		*ret_answer = json_incref(json_object_get(message, "return"));
	return TCB_OK;
}

enum tcb_error qmp_execute(struct qmp *q, const char *command, json_t *arguments, json_t **ret_answer,
			   struct diagnosis *d)
{
	json_t *request = json_pack("{s:s}", "execute", command), *message;
	enum tcb_error error;

	if (arguments != NULL)
		(void)json_object_set_new(request, "arguments", arguments);
	error = json_dumpf(request, q->stream, JSON_COMPACT) == 0 && fputc('\n', q->stream) != EOF &&
				fflush(q->stream) == 0
			? TCB_OK
			: broken(d);
	json_decref(request);
	while (error == TCB_OK) {
		message = read_message(q);
		if (!json_is_object(message)) {
			json_decref(message);
			return broken(d);
		}
		if (json_object_get(message, "event") == NULL) {
			error = take_answer(message, ret_answer, d);
			json_decref(message);
			break;
		}
		json_decref(message);
	}
	return error;
}

pid_t qmp_peer(const struct qmp *q)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return getsockopt(fileno(q->stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}
