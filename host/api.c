// SPDX-License-Identifier: MIT
#include "host/api.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "host/certificates.h"
#include "host/directories.h"
#include "core/hex.h"
#include "host/paths.h"

enum { BODY_MAX = LIMIT_POLICY * 2 };

/* A request whose body is being collected. */
struct upload {
	size_t size;
	bool too_large;
	char body[BODY_MAX + 1];
};

struct reply {
	unsigned status;
	json_t *json;       /* or */
	struct span bytes;  /* owned */
};

static unsigned status_of(enum tcb_error error)
{
	switch (error) {
	case TCB_MALFORMED: return 400;
	case TCB_REFUSED: return 403;
	case TCB_WRONG_STATE: return 409;
	case TCB_LIMIT: return 413;
	default: return 500;
	}
}

static struct reply reply_error(enum tcb_error error, struct diagnosis *d)
{
	(void)diagnose(d, error, "api.request", tcb_error_name(error), "a request of docs/daemon-api.md", "see docs/daemon-api.md");
	return (struct reply){
		.status = status_of(error),
		.json = json_pack("{s:{s:s, s:s, s:s, s:s, s:s}}", "error", "class", tcb_error_name(error), "code", d->code,
				  "found", d->found, "wanted", d->wanted, "action", d->action),
	};
}

static json_t *vtpm_json(struct host_vtpm *v)
{
	const struct vtpm_status status = vtpm_look(v);
	char refusal[DIAGNOSIS_CODE_MAX];
	json_t *json;

	vtpm_look_refusal(v, refusal);
	json = json_pack("{s:s, s:s, s:I, s:s, s:s}", "id", v->id_text, "state",
			 refusal[0] != '\0' ? "refused" : vtpm_state_name(status.state), "generation",
			 (json_int_t)status.generation, "control_socket", v->control_socket, "platform", v->daemon->config.name);
	if (refusal[0] != '\0')
		(void)json_object_set_new(json, "refusal", json_string(refusal));
	return json;
}

static json_t *vtpm_json_whole(struct host_vtpm *v)
{
	json_t *json = vtpm_json(v);

	(void)json_object_set_new(json, "ek_certificates", certificates_json(&v->place));
	return json;
}

static json_t *hex_json(struct span bytes)
{
	char text[2 * 64 + 1];

	hex_encode(span_of(bytes.data, bytes.size < 64 ? bytes.size : 64), text);
	return json_string(text);
}

static json_t *enclave_json(const struct enclave_identity *e)
{
	return json_pack("{s:o, s:o, s:i}", "mrenclave", hex_json(SPAN_OF(e->mrenclave)), "mrsigner",
			 hex_json(SPAN_OF(e->mrsigner)), "isv_svn", (int)e->isv_svn);
}

static struct reply get_platform(struct daemon *daemon)
{
	struct certified_ak ak;
	struct tpm_name name;
	struct diagnosis d = {0};

	if (certified_ak_decode(daemon->certified_ak, &ak) != TCB_OK || tpm_name_of(ak.ak_public, &name) != TCB_OK)
		return reply_error(TCB_INTERNAL, &d);
	return (struct reply){
		.status = 200,
		.json = json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:i, s:i}", "name", daemon->config.name, "ak_name",
				  hex_json(SPAN_OF(name.bytes)), "ak_source",
				  ak.ak_source == AK_SOURCE_MSR ? "msr" : "enrolled", "boot_epoch",
				  hex_json(SPAN_OF(ak.epoch.bytes)), "mige_address", daemon->config.listen, "pse",
				  enclave_json(&daemon->pse.link.identity), "mige",
				  enclave_json(&daemon->mige.link.identity), "vtpms", (int)daemon->vtpms->count,
				  "ptpm_quotes", (int)ptpm_quote_count(daemon->ptpm)),
	};
}

static struct reply list_vtpms(struct daemon *daemon)
{
	struct host_vtpm **vtpms = calloc(VTPMS_MAX, sizeof *vtpms);
	size_t count = vtpms != NULL ? vtpms_list(daemon, vtpms) : 0;
	json_t *list = json_array();
	static const struct uuid nobody;

	for (size_t i = 0; i < count; i++) {
		if (memcmp(&vtpms[i]->id, &nobody, sizeof nobody) != 0) /* one that was not needed yet */
			(void)json_array_append_new(list, vtpm_json(vtpms[i]));
		vtpms_release(vtpms[i]);
	}
	free(vtpms);
	return (struct reply){ .status = 200, .json = json_pack("{s:o}", "vtpms", list) };
}

static enum tcb_error bad_member(const char *name, const char *wanted, struct diagnosis *d)
{
	return diagnose_found(d, TCB_MALFORMED, "api.member", wanted, "see docs/daemon-api.md", "a bad `%s`", name);
}

static struct reply create_vtpm(struct daemon *daemon, const json_t *body)
{
	const char *id = json_string_value(json_object_get(body, "id"));
	const char *recovery = json_string_value(json_object_get(body, "recovery_key"));
	const json_t *policy = json_object_get(body, "policy");
	uint8_t recovery_bytes[P256_POINT_SIZE];
	struct vtpm_create create = { .incoming = json_is_true(json_object_get(body, "incoming")) };
	struct diagnosis d = {0};
	struct host_vtpm *v = NULL;
	json_t *body_json;
	char *policy_text = NULL;
	enum tcb_error error = TCB_OK;
	size_t size = 0;

	if (id == NULL)
		error = uuid_random(&create.id);
	else if (!uuid_parse(id, &create.id))
		error = bad_member("id", "a UUID", &d);
	if (error == TCB_OK && recovery != NULL &&
	    (!hex_decode(recovery, recovery_bytes, sizeof recovery_bytes, &size) || size != sizeof recovery_bytes))
		error = bad_member("recovery_key", "a P-256 point, 128 hex digits", &d);
	create.recovery_key = span_of(recovery_bytes, size);
	if (error == TCB_OK && policy != NULL) {
		policy_text = json_dumps(policy, JSON_COMPACT);
		if (policy_text != NULL)
			create.policy = span_of_text(policy_text);
		if (policy_text == NULL || create.policy.size > LIMIT_POLICY)
			error = bad_member("policy", "a policy of at most 16 KiB", &d);
	}
	if (error == TCB_OK)
		error = vtpms_create(daemon, &create, &v, &d);
	free(policy_text);
	if (error != TCB_OK)
		return reply_error(error, &d);
	body_json = vtpm_json(v);
	vtpms_release(v);
	return (struct reply){ .status = 201, .json = body_json };
}

/* A vTPM that has moved away says that it does not run, which its owner would take for a VM to be started here. */
static enum tcb_error why_no_evidence(struct host_vtpm *v, enum tcb_error error, const struct diagnosis *refusal, struct diagnosis *d)
{
	if (refusal->code[0] != '\0' && vtpm_look(v).state == VTPM_MOVED)
		return diagnose_found(d, TCB_REFUSED, "vtpm.moved", "a vTPM that runs on this platform",
				      "ask the platform that it was moved to", "vTPM %s, which was handed over to another platform",
				      v->id_text);
	return diagnose_again(d, error, refusal);
}

static struct reply make_evidence(struct host_vtpm *v, const json_t *body)
{
	const char *nonce = json_string_value(json_object_get(body, "nonce"));
	uint8_t nonce_bytes[LIMIT_NONCE], call_bytes[LIMIT_NONCE + 4];
	struct writer call = WRITER_OF(call_bytes), answer = writer_of(malloc(LIMIT_FRAME), LIMIT_FRAME);
	struct diagnosis d = {0}, refusal = {0};
	enum tcb_error error = TCB_OK;
	struct span evidence, call_body;
	struct reader r;
	size_t size = 0;

	if (nonce == NULL || !hex_decode(nonce, nonce_bytes, sizeof nonce_bytes, &size) || size == 0)
		error = bad_member("nonce", "1 to 64 bytes in hex", &d);
	writer_sized(&call, span_of(nonce_bytes, size));
	if (error == TCB_OK)
		error = writer_end(&call, &call_body);
	if (error == TCB_OK)
		error = vtpm_ask(v, CALL_VTPM_ATTEST, call_body, &answer, &refusal);
	if (error != TCB_OK)
		error = why_no_evidence(v, error, &refusal, &d);
	r = reader_of(span_of(answer.data, answer.size));
	if (error == TCB_OK)
		error = reader_sized(&r, LIMIT_EVIDENCE, &evidence);
	if (error != TCB_OK) {
		free(answer.data);
		return reply_error(error, &d);
	}
	memmove(answer.data, evidence.data, evidence.size);
	return (struct reply){ .status = 200, .bytes = span_of(answer.data, evidence.size) };
}

static struct reply unknown_vtpm(void)
{
	struct diagnosis d = {0};
	struct reply reply = reply_error(diagnose(&d, TCB_REFUSED, "vtpm.unknown", "an id that this platform does not have",
						  "one that `tcbind vtpm list` shows", "check --platform and --id"),
					 &d);

	reply.status = 404;
	return reply;
}

static struct reply use_vtpm(struct daemon *daemon, struct host_vtpm *v, const char *method, const char *rest,
			     const json_t *body)
{
	struct diagnosis d = {0};
	enum tcb_error error;

	if (strcmp(method, "GET") == 0 && rest[0] == '\0')
		return (struct reply){ .status = 200, .json = vtpm_json_whole(v) };
	if (strcmp(method, "POST") == 0 && strcmp(rest, "/evidence") == 0)
		return make_evidence(v, body);
	if (strcmp(method, "DELETE") == 0 && rest[0] == '\0') {
		error = vtpms_delete(daemon, v, &d);
		return error == TCB_OK ? (struct reply){ .status = 204 } : reply_error(error, &d);
	}
	return reply_error(TCB_MALFORMED, &d);
}

/* The vTPM is only in the PSE's ledger: somebody removed its directory by hand. No state of that id
 * opens here afterwards, and the id is free. */
static struct reply delete_remembered(struct daemon *daemon, const struct uuid *id)
{
	static const struct digest256 of_no_state;
	struct diagnosis d = {0};
	bool is_unknown = true;
	enum tcb_error error;

	if (directories_know(daemon, id))
		return reply_error(diagnose(&d, TCB_WRONG_STATE, "vtpm.elsewhere",
					    "a vTPM in a directory that a user of swtpm named",
					    "a vTPM of the platform's own directory",
					    "remove that directory, then run `tcbind vtpm delete --gone`"),
				   &d);
	/* With a digest that no state has, the PSE drops nothing, and says whether there is something. */
	error = vtpms_drop(daemon, id, &of_no_state, &is_unknown, &d);
	if (error == TCB_OK && is_unknown)
		return unknown_vtpm();
	if (error == TCB_OK)
		error = vtpms_drop(daemon, id, NULL, NULL, &d);
	return error == TCB_OK ? (struct reply){.status = 204} : reply_error(error, &d);
}

static struct reply one_vtpm(struct daemon *daemon, const char *method, const char *path, const json_t *body)
{
	char id_text[UUID_TEXT_SIZE] = "";
	const char *rest = path;
	struct host_vtpm *v;
	struct reply reply;
	struct uuid id;

	if (strlen(path) >= UUID_TEXT_SIZE - 1) {
		memcpy(id_text, path, UUID_TEXT_SIZE - 1);
		rest = path + UUID_TEXT_SIZE - 1;
	}
	if (!uuid_parse(id_text, &id))
		return unknown_vtpm();
	v = vtpms_find(daemon, &id);
	if (v == NULL)
		return strcmp(method, "DELETE") == 0 && rest[0] == '\0' ? delete_remembered(daemon, &id) : unknown_vtpm();
	reply = use_vtpm(daemon, v, method, rest, body);
	vtpms_release(v);
	return reply;
}

/* vTPMs whose users' directories are gone: which, or away with them. */
static struct reply gone_vtpms(struct daemon *daemon, const char *method)
{
	struct diagnosis d = {0};
	json_t *list = NULL;
	enum tcb_error error = TCB_MALFORMED;

	if (strcmp(method, "GET") == 0) {
		list = directories_gone(daemon);
		error = TCB_OK;
	} else if (strcmp(method, "DELETE") == 0) {
		error = directories_drop_gone(daemon, &list, &d);
	}
	return error == TCB_OK ? (struct reply){ .status = 200, .json = json_pack("{s:o}", "gone", list) } : reply_error(error, &d);
}

static struct reply route(struct daemon *daemon, const char *method, const char *url, const json_t *body)
{
	static const char one[] = "/v1/vtpms/";
	struct diagnosis d = {0};

	if (strcmp(url, "/v1/platform") == 0 && strcmp(method, "GET") == 0)
		return get_platform(daemon);
	if (strcmp(url, "/v1/vtpms") == 0 && strcmp(method, "GET") == 0)
		return list_vtpms(daemon);
	if (strcmp(url, "/v1/vtpms") == 0 && strcmp(method, "POST") == 0)
		return create_vtpm(daemon, body);
	if (strcmp(url, "/v1/vtpms/gone") == 0)
		return gone_vtpms(daemon, method);
	if (strncmp(url, one, sizeof one - 1) == 0)
		return one_vtpm(daemon, method, url + sizeof one - 1, body);
	return reply_error(TCB_MALFORMED, &d);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, const struct reply *reply)
{
	char *text = reply->json != NULL ? json_dumps(reply->json, JSON_INDENT(1)) : NULL;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (text != NULL)
		response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	else
		response = MHD_create_response_from_buffer(reply->bytes.size, (void *)(uintptr_t)reply->bytes.data,
							   MHD_RESPMEM_MUST_FREE);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      text != NULL ? "application/json" : "application/octet-stream");
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	json_decref(reply->json);
	return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *data, size_t *data_size, void **request)
{
	struct upload *upload = *request;
	struct diagnosis d = {0};
	struct reply reply;
	json_t *body;

	(void)version;
	if (upload == NULL) {
		*request = calloc(1, sizeof *upload);
		return *request != NULL ? MHD_YES : MHD_NO;
	}
	if (*data_size > 0) {
		upload->too_large |= *data_size > BODY_MAX - upload->size;
		if (!upload->too_large) {
			memcpy(upload->body + upload->size, data, *data_size);
			upload->size += *data_size;
		}
		*data_size = 0;
		return MHD_YES;
	}
	body = upload->size > 0 ? json_loadb(upload->body, upload->size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (upload->too_large)
		reply = reply_error(TCB_LIMIT, &d);
	else if (upload->size > 0 && !json_is_object(body))
		reply = reply_error(bad_member("body", "a JSON object", &d), &d);
	else
		reply = route(context, method, url, body);
	json_decref(body);
	return send_reply(connection, &reply);
}

static void completed(void *context, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	free(*request);
}

enum tcb_error api_start(struct daemon *daemon, struct diagnosis *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TRY(path_in(daemon->config.dir, "run/tcbindd.sock", address.sun_path, sizeof address.sun_path, d));
	(void)unlink(address.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(fd, 64) != 0 ||
	    MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
			     handle, daemon, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, completed,
			     NULL, MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END) == NULL)
		return diagnose_found(d, TCB_PLATFORM, "api.socket", "a socket that can be made", "check DIR/run",
				      "%s: %s", address.sun_path, strerror(errno));
	return TCB_OK;
}
