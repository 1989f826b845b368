// SPDX-License-Identifier: MIT
/* Reference values out of a CoRIM. Hostile bytes unless a signature was checked; never linked into an enclave. */
#include "verify/appraise/corim.h"

#include "core/cbor.h"
#include "crypto/crypto.h"

enum {
	TAG_SIGN1 = 18, TAG_CORIM = 501, TAG_COMID = 506, TAG_TIME = 1,
	CORIM_TAGS = 1, CORIM_PROFILE = 3, CORIM_VALIDITY = 4, COMID_TRIPLES = 4, TRIPLES_REFERENCE = 0,
	MEASUREMENT_KEY = 0, MEASUREMENT_VALUE = 1, VALUE_DIGESTS = 2, VALUE_REGISTERS = 14,
	HEADER_ALGORITHM = 1, HEADER_CRITICAL = 2, HEADER_CONTENT_TYPE = 3, HEADER_META = 8, META_VALIDITY = 1, ES256 = -7,
	NAMED_SHA256 = 1, ITEMS_MAX = 65536, DEPTH_MAX = 16,
};

struct taking {
	struct reference_values *values;
	enum policy_layer layer;
	size_t taken;                 /* reference values so far */
	bool algorithm, content_type; /* of the header: as they should be */
};

/* ---- CBOR that is not ours ---- */

/* One item of any kind, tags and what is in it included. */
static enum tcb_error skip(struct reader *r, unsigned depth)
{
	uint8_t head = r->rest.size > 0 ? r->rest.data[0] : 0;
	unsigned major = head >> 5;
	struct span bytes;
	int64_t number;
	uint64_t tag;
	size_t count;

	if (r->rest.size == 0 || depth == DEPTH_MAX)
		return TCB_MALFORMED;
	switch (major) {
	case 0:
	case 1: return cbor_read_int(r, &number);
	case 2: return cbor_read_bytes(r, &bytes);
	case 3: return cbor_read_text(r, &bytes);
	case 4: TRY(cbor_read_array(r, ITEMS_MAX, &count)); break;
	case 5:
		TRY(cbor_read_map(r, ITEMS_MAX, &count));
		count *= 2;
		break;
	case 6:
		TRY(cbor_read_any_tag(r, &tag));
		count = 1;
		break;
	default: /* false, true, null */
		return head >= 0xf4 && head <= 0xf6 ? reader_bytes(r, 1, &bytes) : TCB_MALFORMED;
	}
	for (size_t i = 0; i < count; i++)
		TRY(skip(r, depth + 1));
	return TCB_OK;
}

typedef enum tcb_error taker(struct taking *t, struct reader *r);

/* A map with labels of any kind: the values of the given integer labels go to their takers, the others are passed over. */
struct label {
	int64_t label;
	taker *take;
};

static enum tcb_error take_map(struct taking *t, struct reader *r, const struct label *labels, size_t label_count)
{
	size_t count, known;
	unsigned major;
	int64_t label;

	TRY(cbor_read_map(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		known = label_count;
		TRY(cbor_peek_major(r, &major));
		if (major > 1) {
			TRY(skip(r, 0));
		} else {
			TRY(cbor_read_int(r, &label));
			for (known = 0; known < label_count && labels[known].label != label; known++)
				;
		}
		TRY(known < label_count ? labels[known].take(t, r) : skip(r, 0));
	}
	return TCB_OK;
}

static enum tcb_error take_array(struct taking *t, struct reader *r, taker *take)
{
	size_t count;

	TRY(cbor_read_array(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++)
		TRY(take(t, r));
	return TCB_OK;
}

#define LABELS(array) (array), sizeof(array) / sizeof((array)[0])

/* ---- measurements ---- */

/* One [alg, bstr]. */
static enum tcb_error read_digest(struct reader *r, bool *ret_is_sha256, struct digest256 *ret_digest)
{
	struct span name = {0}, bytes;
	unsigned major;
	int64_t id = 0;
	bool sha256;

	TRY(cbor_read_array_of(r, 2));
	TRY(cbor_peek_major(r, &major));
	if (major == 3)
		TRY(cbor_read_text(r, &name));
	else
		TRY(cbor_read_int(r, &id));
	TRY(cbor_read_bytes(r, &bytes));
	sha256 = major == 3 ? span_is_text(name, "sha-256") : id == NAMED_SHA256;
	if (sha256 && bytes.size != SHA256_SIZE)
		return TCB_MALFORMED;
	if (sha256)
		memcpy(ret_digest->bytes, bytes.data, SHA256_SIZE);
	*ret_is_sha256 = sha256;
	return TCB_OK;
}

/* Digests of one thing, each of them a state that it may be in: a PCR (0..23), or an event. */
static enum tcb_error take_digests(struct taking *t, struct reader *r, bool is_pcr, uint64_t pcr)
{
	struct digest256 digest;
	bool sha256;
	size_t count;

	TRY(cbor_read_array(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(read_digest(r, &sha256, &digest));
		if (!sha256)
			continue;
		t->taken++;
		TRY(is_pcr ? reference_add_pcr(t->values, t->layer, (uint8_t)pcr, &digest)
			   : reference_add_event(t->values, t->layer, &digest));
	}
	return TCB_OK;
}

/* 14: {+ register => digests}; a register with a name is no PCR. */
static enum tcb_error take_registers(struct taking *t, struct reader *r)
{
	uint64_t pcr;
	size_t count;

	TRY(cbor_read_map(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		if (cbor_read_uint(r, &pcr) == TCB_OK && pcr < LIMIT_PCRS) {
			TRY(take_digests(t, r, true, pcr));
			continue;
		}
		if (r->rest.size > 0 && r->rest.data[0] >> 5 == 3)
			TRY(skip(r, 0)); /* the name */
		TRY(skip(r, 0));
	}
	return TCB_OK;
}

static enum tcb_error take_value(struct taking *t, struct reader *r, bool is_pcr, uint64_t pcr)
{
	int64_t label;
	size_t count;

	TRY(cbor_read_map(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(cbor_read_int(r, &label));
		if (label == VALUE_DIGESTS)
			TRY(take_digests(t, r, is_pcr, pcr));
		else if (label == VALUE_REGISTERS)
			TRY(take_registers(t, r));
		else
			TRY(skip(r, 0));
	}
	return TCB_OK;
}

/* {? 0: key, 1: value, ...}: in a deterministic map the key stands before the value. */
static enum tcb_error take_measurement(struct taking *t, struct reader *r)
{
	uint64_t label, newest = 0, pcr = 0;
	bool is_pcr = false;
	size_t count;

	TRY(cbor_read_map(r, ITEMS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(cbor_read_uint(r, &label));
		if (i > 0 && label <= newest)
			return TCB_MALFORMED;
		newest = label;
		if (label == MEASUREMENT_KEY && cbor_read_uint(r, &pcr) == TCB_OK)
			is_pcr = true;
		else
			TRY(label == MEASUREMENT_VALUE ? take_value(t, r, is_pcr, pcr) : skip(r, 0));
		if (is_pcr && pcr >= LIMIT_PCRS)
			return TCB_MALFORMED;
	}
	return TCB_OK;
}

/* [environment, [+ measurement]] */
static enum tcb_error take_triple(struct taking *t, struct reader *r)
{
	TRY(cbor_read_array_of(r, 2));
	TRY(skip(r, 0));
	return take_array(t, r, take_measurement);
}

static enum tcb_error take_reference_triples(struct taking *t, struct reader *r) { return take_array(t, r, take_triple); }

static enum tcb_error take_triples(struct taking *t, struct reader *r)
{
	static const struct label labels[] = { {TRIPLES_REFERENCE, take_reference_triples} };

	return take_map(t, r, LABELS(labels));
}

/* ---- the document ---- */

static enum tcb_error take_tag(struct taking *t, struct reader *r)
{
	static const struct label labels[] = { {COMID_TRIPLES, take_triples} };
	struct reader comid;
	struct span bytes;

	if (cbor_read_tag(r, TAG_COMID) != TCB_OK)
		return skip(r, 0);
	TRY(cbor_read_bytes(r, &bytes));
	comid = reader_of(bytes);
	TRY(take_map(t, &comid, LABELS(labels)));
	return reader_end(&comid);
}

static enum tcb_error take_tags(struct taking *t, struct reader *r) { return take_array(t, r, take_tag); }

/* {? 0: not before, 1: not after}: all that is taken is valid only then. */
static enum tcb_error take_validity(struct taking *t, struct reader *r)
{
	uint64_t label, time_s;
	size_t count;

	TRY(cbor_read_map(r, 2, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(cbor_read_uint(r, &label));
		TRY(cbor_read_tag(r, TAG_TIME));
		TRY(cbor_read_uint(r, &time_s));
		if (label > 1)
			return TCB_MALFORMED;
		reference_narrow(t->values, label == 0 ? time_s : 0, label == 1 ? time_s : UINT64_MAX);
	}
	return TCB_OK;
}

/* A profile could give all of it another meaning. Who does not know it must not go on. */
static enum tcb_error refuse_profile(struct taking *t, struct reader *r)
{
	(void)t;
	(void)r;
	return TCB_WRONG_STATE;
}

static enum tcb_error take_corim(struct taking *t, struct span bytes)
{
	static const struct label labels[] = {
		{CORIM_TAGS, take_tags}, {CORIM_PROFILE, refuse_profile}, {CORIM_VALIDITY, take_validity},
	};
	struct reader r = reader_of(bytes);

	TRY(cbor_read_tag(&r, TAG_CORIM));
	TRY(take_map(t, &r, LABELS(labels)));
	TRY(reader_end(&r));
	return t->taken > 0 ? TCB_OK : TCB_MALFORMED;
}

/* corim-meta: who signs, and until when the signature is valid. */
static enum tcb_error check_meta(struct taking *t, struct reader *r)
{
	static const struct label labels[] = { {META_VALIDITY, take_validity} };
	struct reader meta;
	struct span bytes;

	TRY(cbor_read_bytes(r, &bytes));
	meta = reader_of(bytes);
	TRY(take_map(t, &meta, LABELS(labels)));
	return reader_end(&meta);
}

static enum tcb_error check_algorithm(struct taking *t, struct reader *r)
{
	int64_t value;

	TRY(cbor_read_int(r, &value));
	t->algorithm = value == ES256;
	return TCB_OK;
}

static enum tcb_error check_content_type(struct taking *t, struct reader *r)
{
	struct span text;

	TRY(cbor_read_text(r, &text));
	t->content_type = span_is_text(text, "application/rim+cbor");
	return TCB_OK;
}

/* crit: something that we would have to know. */
static enum tcb_error refuse_critical(struct taking *t, struct reader *r)
{
	(void)t;
	(void)r;
	return TCB_MALFORMED;
}

/* ES256 and the right content type; what else the header has is signed, and passed over. */
static enum tcb_error check_header(struct taking *t, struct span header)
{
	static const struct label labels[] = {
		{HEADER_ALGORITHM, check_algorithm}, {HEADER_CRITICAL, refuse_critical},
		{HEADER_CONTENT_TYPE, check_content_type}, {HEADER_META, check_meta},
	};
	struct reader r = reader_of(header);

	TRY(take_map(t, &r, LABELS(labels)));
	TRY(reader_end(&r));
	return t->algorithm && t->content_type ? TCB_OK : TCB_MALFORMED;
}

/* COSE_Sign1: the payload, if it is signed by `signer`. */
static enum tcb_error open_signed(struct taking *t, struct span bytes, const struct p256_point *signer, struct span *ret_payload)
{
	struct reader r = reader_of(bytes);
	struct p256_signature signature;
	struct span header, payload, parts[2];
	uint8_t head_bytes[8192]; /* a header may bring certificates */
	struct writer w = WRITER_OF(head_bytes);

	TRY(cbor_read_tag(&r, TAG_SIGN1));
	TRY(cbor_read_array_of(&r, 4));
	TRY(cbor_read_bytes(&r, &header));
	TRY(skip(&r, 0)); /* unprotected: nothing of it is used */
	TRY(cbor_read_bytes(&r, &payload));
	TRY(cbor_read_fixed(&r, signature.bytes, sizeof signature.bytes));
	TRY(reader_end(&r));
	cbor_write_array(&w, 4); /* Sig_structure, up to the payload's bytes */
	cbor_write_text(&w, span_of_text("Signature1"));
	cbor_write_bytes(&w, header);
	cbor_write_bytes(&w, span_of(NULL, 0));
	cbor_write_bytes_head(&w, payload.size);
	TRY(writer_end(&w, &parts[0]));
	parts[1] = payload;
	if (crypto_verify_all(signer, parts, 2, &signature) != TCB_OK)
		return TCB_CRYPTO;
	TRY(check_header(t, header));
	*ret_payload = payload;
	return TCB_OK;
}

enum tcb_error corim_take(struct span bytes, const struct p256_point *signer, enum policy_layer layer, struct reference_values *values)
{
	struct taking t = { .values = values, .layer = layer };
	struct span corim = bytes;

	if (signer != NULL)
		TRY(open_signed(&t, bytes, signer, &corim));
	return take_corim(&t, corim);
}
