// SPDX-License-Identifier: MIT
/* tcbind show FILE: what evidence, a quote, a certificate, a policy or a log says, for people. Nothing is judged: that is `verify`. */
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/hex_json.h"
#include "cli/show_custody.h"
#include "cli/show_events.h"
#include "crypto/tpm_name.h"
#include "edge/certified_ak.h"
#include "edge/cose.h"
#include "edge/endorsement.h"
#include "edge/evidence.h"
#include "sgxsim/file.h"
#include "verify/appraise/event_log.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/ima.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/pem.h"
#include "verify/appraise/policy.h"
#include "verify/appraise/quote_format.h"

static json_t *show_exact_quote(struct span bytes)
{
	struct quote_parts p;

	if (quote_parts_decode(bytes, &p) != TCB_OK)
		return NULL;
	if (p.tdx)
		return json_pack("{s:s, s:i, s:s, s:o, s:o}", "kind", "quote", "version", (int)p.version, "tee", "TDX", "mr_td",
				 hex_json(span_of(p.body.data + 136, 48)), "report_data", hex_json(span_of(p.body.data + 520, 64)));
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:i, s:b, s:o}", "kind", "quote", "version", (int)p.version, "tee",
			 "SGX", "mrenclave", hex_json(span_of(p.body.data + 64, 32)), "mrsigner",
			 hex_json(span_of(p.body.data + 128, 32)), "isv_prod_id", p.body.data[256] | p.body.data[257] << 8,
			 "isv_svn", p.body.data[258] | p.body.data[259] << 8, "debug", (p.body.data[48] & SGX_FLAG_DEBUG) != 0,
			 "report_data", hex_json(span_of(p.body.data + 320, 64)));
}

static size_t size_without_zeros(struct span bytes)
{
	size_t size = bytes.size;

	while (size > 0 && bytes.data[size - 1] == 0)
		size--;
	return size;
}

/* Kernels and cloud services hand quotes out in buffers that are filled up with zeros; the quote's own last byte may be one, too. */
static json_t *show_quote(struct span bytes)
{
	size_t size = size_without_zeros(bytes);
	json_t *shown = show_exact_quote(bytes);

	for (size_t end = size; shown == NULL && end <= size + 1 && end < bytes.size; end++) {
		shown = show_exact_quote(span_of(bytes.data, end));
		if (shown != NULL)
			(void)json_object_set_new(shown, "padding_bytes", json_integer((json_int_t)(bytes.size - end)));
	}
	return shown;
}

static json_t *show_certified_ak(struct span bytes)
{
	struct certified_ak ak;
	struct tpm_name name;

	if (certified_ak_decode(bytes, &ak) != TCB_OK || tpm_name_of(ak.ak_public, &name) != TCB_OK)
		return json_string("does not decode");
	return json_pack("{s:s%, s:o, s:s, s:o, s:o}", "platform", ak.platform_name.data, ak.platform_name.size, "ak_name",
			 hex_json(SPAN_OF(name.bytes)), "ak_source", ak.ak_source == AK_SOURCE_MSR ? "msr" : "enrolled",
			 "boot_epoch", hex_json(SPAN_OF(ak.epoch.bytes)), "quote", show_quote(ak.quote));
}

static json_t *show_endorsement(struct span bytes)
{
	char owner_policy[CHECK_TEXT_MAX];
	struct p256_signature signature;
	struct endorsement e;
	struct span payload;

	if (cose_sign1_decode(bytes, ENDORSEMENT_TYPE, &payload, &signature) != TCB_OK ||
	    endorsement_decode(payload, &e) != TCB_OK)
		return json_string("does not decode");
	owner_policy_text(&e.policy_digest, owner_policy);
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:i, s:s, s:s}", "vtpm", hex_json(SPAN_OF(e.id.bytes)), "generation",
			 (json_int_t)e.generation, "ek_name", hex_json(SPAN_OF(e.ek_name.bytes)), "ak_name",
			 hex_json(SPAN_OF(e.ak_name.bytes)), "mrenclave", hex_json(SPAN_OF(e.enclave.mrenclave)), "isv_svn",
			 (int)e.enclave.isv_svn, "origin", e.origin == ORIGIN_MANUFACTURED ? "manufactured" : "imported", "owner_policy",
			 owner_policy);
}

static json_t *show_evidence(struct span bytes)
{
	struct p256_signature signature;
	struct evidence_request request;
	struct evidence e;
	json_t *parts, *shown;
	struct span payload;

	if (cose_sign1_decode(bytes, EVIDENCE_TYPE, &payload, &signature) != TCB_OK ||
	    evidence_decode(payload, &e) != TCB_OK ||
	    evidence_request_decode(e.parts[EVIDENCE_REQUEST], &request) != TCB_OK)
		return NULL;
	parts = json_object();
	for (unsigned label = EVIDENCE_REQUEST; label < EVIDENCE_LABELS_END; label++)
		if (e.parts[label].data != NULL)
			(void)json_object_set_new(parts, evidence_label_name((enum evidence_label)label),
						  json_integer((json_int_t)e.parts[label].size));
	shown = json_pack("{s:s, s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "kind", "evidence", "bytes", (json_int_t)bytes.size,
			 "nonce", hex_json(request.nonce), "vtpm", hex_json(SPAN_OF(request.id.bytes)), "generation",
			 (json_int_t)request.generation, "certified_ak", show_certified_ak(e.parts[EVIDENCE_CERTIFIED_AK]),
			 "endorsement", show_endorsement(e.parts[EVIDENCE_ENDORSEMENT]), "part_bytes", parts);
	(void)json_object_set_new(shown, "custody", show_custody(e.parts[EVIDENCE_CUSTODY]));
	if (e.parts[EVIDENCE_PLATFORM_LOG].size > 0)
		(void)json_object_set_new(shown, "platform_log", show_event_log(e.parts[EVIDENCE_PLATFORM_LOG]));
	if (e.parts[EVIDENCE_PLATFORM_IMA].size > 0)
		(void)json_object_set_new(shown, "platform_ima", show_ima_log(e.parts[EVIDENCE_PLATFORM_IMA]));
	if (e.parts[EVIDENCE_VTPM_LOG].size > 0)
		(void)json_object_set_new(shown, "guest_log", show_event_log(e.parts[EVIDENCE_VTPM_LOG]));
	return shown;
}

/* A log by itself, as it comes from /sys/kernel/security: the firmware's, or IMA's. */
static json_t *show_log(struct span bytes)
{
	struct event_log log;
	struct ima_entry entry;
	struct span rest = bytes;
	bool end = false;

	if (event_log_open(bytes, &log) == TCB_OK)
		return json_pack("{s:s, s:o}", "kind", "event log", "events", show_event_log(bytes));
	if (bytes.size > 0 && ima_next(&rest, &end, &entry) == TCB_OK)
		return json_pack("{s:s, s:o}", "kind", "IMA log", "entries", show_ima_log(bytes));
	return NULL;
}

/* PEM is a text: a block between other bytes (a quote has its chain in PEM) does not make a file a certificate. DER is the whole file. */
static X509 *certificate_of(struct span bytes)
{
	bool is_text = bytes.size > 0 && memchr(bytes.data, 0, bytes.size) == NULL;
	BIO *in = is_text ? BIO_new_mem_buf(bytes.data, (int)bytes.size) : NULL;
	X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, pem_no_passphrase, NULL) : NULL;

	BIO_free(in);
	if (certificate == NULL && x509_decode(bytes, &certificate) != TCB_OK)
		return NULL;
	return certificate;
}

static json_t *show_certificate(struct span bytes)
{
	BIO *out = BIO_new(BIO_s_mem());
	X509 *certificate = certificate_of(bytes);
	json_t *shown = NULL;
	char *text = NULL;
	long size;

	if (certificate != NULL && X509_print(out, certificate) == 1) {
		size = BIO_get_mem_data(out, &text);
		shown = json_pack("{s:s, s:s%}", "kind", "certificate", "text", text, (size_t)size);
	}
	X509_free(certificate);
	BIO_free(out);
	return shown;
}

static json_t *show_policy(struct span bytes)
{
	static struct policy policy;
	json_t *shown;

	if (policy_decode(bytes, &policy, NULL) != TCB_OK)
		return NULL;
	shown = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
	(void)json_object_set_new(shown, "kind", json_string("policy"));
	return shown;
}

/* An event or an entry of a log, in a line. */
static void print_event(const json_t *e, int depth)
{
	const json_t *vouched = json_object_get(e, "vouched"), *type = json_object_get(e, "type");
	const char *text = json_string_value(json_object_get(e, "text"));

	(void)printf("%*sPCR %2d  %-32s %.16s  %s%s%s\n", 2 * depth, "", (int)json_integer_value(json_object_get(e, "pcr")),
		     type != NULL ? json_string_value(type) : "IMA", json_string_value(json_object_get(e, "digest")), text,
		     text[0] != '\0' && json_is_false(vouched) ? "  (said, not measured)" : "",
		     json_is_true(json_object_get(e, "violation")) ? "  (written while it was measured)" : "");
}

/* "name: value", nested by two spaces. */
static void print_text(const json_t *value, const char *name, int depth)
{
	const char *key;
	const json_t *member;
	size_t i;

	(void)printf("%*s%s", 2 * depth, "", name);
	if (json_is_string(value))
		(void)printf("%s%s\n", name[0] != '\0' ? ": " : "", json_string_value(value));
	else if (json_is_integer(value))
		(void)printf(": %lld\n", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		(void)printf(": %s\n", json_is_true(value) ? "yes" : "no");
	else if (depth > 0)
		(void)printf(":\n");
	if (json_is_array(value)) {
		json_array_foreach(value, i, member) {
			if (json_is_string(json_object_get(member, "text")))
				print_event(member, depth + 1);
			else
				print_text(member, "-", depth + 1);
		}
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		print_text(member, key, depth + 1);
	}
}

struct options {
	const char *file;
	bool json;
};

static const struct argument show_arguments[] = {
	{NULL, "FILE", ARGUMENT_OPERAND, offsetof(struct options, file), "evidence, a quote, a certificate, a policy or a log"},
	{"--json", NULL, ARGUMENT_FLAG, offsetof(struct options, json), "the same as JSON"},
	{0},
};

static int show(const struct command *command, int argc, char **argv)
{
	static json_t *(*const readers[])(struct span) = { show_evidence, show_quote, show_certificate, show_policy, show_log };
	struct file_bytes file = {0};
	struct diagnosis d = {0};
	json_t *shown = NULL;
	struct options o = {0};

	if (!arguments_parse(command, argc, argv, &o))
		return EXIT_USAGE;
	if (file_read(o.file, &file, &d) != TCB_OK)
		return report_failure(TCB_PLATFORM, &d);
	for (size_t i = 0; shown == NULL && i < sizeof readers / sizeof readers[0]; i++)
		shown = readers[i](file_span(&file));
	file_free(&file);
	if (shown == NULL)
		return report_failure(diagnose_found(&d, TCB_MALFORMED, "show.unknown",
						     "evidence, a quote, a certificate (PEM or DER), a policy, an event log or an IMA list",
						     "check the file", "%s is none of these", o.file),
				      &d);
	if (o.json) {
		(void)json_dumpf(shown, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else {
		print_text(shown, "", 0);
	}
	json_decref(shown);
	return 0;
}

const struct command show_commands[] = {
	{"show", "what a file says, for people; nothing is judged", show_arguments, show},
	{0},
};
