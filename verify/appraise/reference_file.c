// SPDX-License-Identifier: MIT
/* Files of reference values, read. Never linked into an enclave: an owner's policy that travels with a vTPM has no files. */
#include "verify/appraise/reference.h"

#include "core/json.h"
#include "verify/appraise/corim.h"

struct reading {
	struct reference_values *values;
	const struct policy_reference *source;
	struct span text;
	struct diagnosis *d;
};

static enum tcb_error refuse(struct reading *x, struct span at, const char *wanted)
{
	unsigned line, column;

	json_locate(x->text, at.data, &line, &column);
	return diagnose_found(x->d, TCB_MALFORMED, "reference.malformed", wanted, "see docs/policy.md", "%s: line %u, column %u: '%.*s'",
			      x->source->file, line, column, at.size < 40 ? (int)at.size : 40, (const char *)at.data);
}

static enum tcb_error full(struct reading *x)
{
	return diagnose(x->d, TCB_LIMIT, "reference.limit", x->source->file, "at most 512 PCR values and 8192 events a layer",
			"leave out what the policy does not need");
}

static enum tcb_error read_events(struct reading *x, struct span array)
{
	struct span rest = array, value;
	struct digest256 digest;

	if (!json_opens_array(array))
		return refuse(x, array, "an array of SHA-256 digests");
	while (json_next_element(&rest, &value)) {
		if (json_hex(value, digest.bytes, sizeof digest.bytes) != TCB_OK)
			return refuse(x, value, "an SHA-256 digest, 64 hexadecimal digits");
		if (reference_add_event(x->values, x->source->layer, &digest) != TCB_OK)
			return full(x);
	}
	return TCB_OK;
}

static enum tcb_error read_pcrs(struct reading *x, struct span object)
{
	struct span rest = object, name, values, list, value;
	struct digest256 digest;
	uint64_t pcr;

	if (!json_opens_object(object))
		return refuse(x, object, "an object of PCRs");
	while (json_next_member(&rest, &name, &values)) {
		if (json_uint(name, LIMIT_PCRS - 1, &pcr) != TCB_OK || !json_opens_array(values))
			return refuse(x, name, "a PCR from 0 to 23, and an array of its values");
		list = values;
		while (json_next_element(&list, &value)) {
			if (json_hex(value, digest.bytes, sizeof digest.bytes) != TCB_OK)
				return refuse(x, value, "an SHA-256 value, 64 hexadecimal digits");
			if (reference_add_pcr(x->values, x->source->layer, (uint8_t)pcr, &digest) != TCB_OK)
				return full(x);
		}
	}
	return TCB_OK;
}

static enum tcb_error read_json(struct reading *x)
{
	struct span rest, name, value;
	uint64_t version = 0;

	if (x->source->has_signer)
		return diagnose(x->d, TCB_CRYPTO, "reference.signature", x->source->file, "a CoRIM signed by the policy's signer",
				"get the signed file, or leave the signer out");
	TRY(json_check(x->text, x->d));
	rest = json_value(x->text);
	if (!json_opens_object(rest))
		return refuse(x, rest, "an object");
	while (json_next_member(&rest, &name, &value)) {
		if (span_is_text(name, "version") && json_uint(value, 1, &version) == TCB_OK && version == 1)
			continue;
		if (span_is_text(name, "pcrs"))
			TRY(read_pcrs(x, value));
		else if (span_is_text(name, "events"))
			TRY(read_events(x, value));
		else
			return refuse(x, name, "version (1), pcrs or events");
	}
	return version == 1 ? TCB_OK : refuse(x, json_value(x->text), "an object with version 1");
}

static enum tcb_error read_corim(struct reading *x)
{
	enum tcb_error error = corim_take(x->text, x->source->has_signer ? &x->source->signer : NULL, x->source->layer, x->values);
	const char *file = x->source->file;

	switch (error) {
	case TCB_OK: return TCB_OK;
	case TCB_LIMIT: return full(x);
	case TCB_CRYPTO:
		return diagnose(x->d, error, "reference.signature", file, "a CoRIM signed by the policy's signer",
				"get the right file; treat it as altered");
	case TCB_REFUSED:
		return diagnose(x->d, error, "reference.expired", file, "a CoRIM that is valid now", "get a newer one; check the clock");
	case TCB_WRONG_STATE:
		return diagnose(x->d, TCB_REFUSED, "reference.profile", file, "a CoRIM without a profile",
				"get one that means what the base document says");
	default:
		return diagnose(x->d, error, "reference.malformed", file,
				x->source->has_signer ? "a signed CoRIM with SHA-256 reference values"
						      : "JSON, or an unsigned CoRIM with SHA-256 reference values",
				x->source->has_signer ? "check the file" : "check the file; name the signer of a signed one in the policy");
	}
}

enum tcb_error reference_add(struct reference_values *values, const struct policy_reference *source, struct span file,
			     struct diagnosis *d)
{
	struct reading x = { .values = values, .source = source, .text = file, .d = d };
	struct span value = json_value(file);

	if (file.size > LIMIT_REFERENCE_FILE)
		return diagnose(d, TCB_LIMIT, "reference.limit", source->file, "a file of at most 4 MiB", "split it");
	return value.size > 0 && value.data[0] == '{' ? read_json(&x) : read_corim(&x);
}
