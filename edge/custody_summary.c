// SPDX-License-Identifier: MIT
/* The folded part of a custody chain (edge/custody_summary.h). */
#include "edge/custody_summary.h"

#include "edge/cose.h"

static void stay_encode(struct writer *w, const struct custody_stay *stay)
{
	cbor_write_array(w, 3);
	cbor_write_text(w, stay->name);
	cbor_write_bytes(w, SPAN_OF(stay->ak.bytes));
	cbor_write_uint(w, stay->count);
}

static enum tcb_error stay_decode(struct reader *r, struct custody_stay *ret_stay)
{
	TRY(cbor_read_array_of(r, 3));
	TRY(cbor_read_text(r, &ret_stay->name));
	TRY(cbor_read_fixed(r, ret_stay->ak.bytes, sizeof ret_stay->ak.bytes));
	TRY(cbor_read_uint(r, &ret_stay->count));
	return ret_stay->name.size <= LIMIT_NAME ? TCB_OK : TCB_LIMIT;
}

static enum tcb_error stays_decode(struct reader *r, struct custody_summary *ret_s)
{
	TRY(cbor_read_array(r, LIMIT_CUSTODY_STAYS, &ret_s->stay_count));
	for (size_t i = 0; i < ret_s->stay_count; i++) {
		TRY(stay_decode(r, &ret_s->stays[i]));
		for (size_t k = 0; k < i; k++)
			if (memcmp(&ret_s->stays[k].ak, &ret_s->stays[i].ak,
				   sizeof ret_s->stays[i].ak) == 0)
				return TCB_MALFORMED;
	}
	return TCB_OK;
}

/* Each hand-over is counted once; no sum wraps. */
static bool adds_up(const struct custody_summary *s)
{
	uint64_t left;

	if (s->first_generation == 0 || s->last_generation < s->first_generation ||
	    s->last_generation == UINT64_MAX)
		return false;
	left = s->last_generation - s->first_generation + 1;
	for (size_t i = 0; i < s->stay_count; i++) {
		if (s->stays[i].count == 0 || s->stays[i].count > left)
			return false;
		left -= s->stays[i].count;
	}
	return left == s->others;
}

void custody_summary_encode(struct writer *w, const struct custody_summary *s)
{
	cbor_write_map(w, 11);
	cbor_write_uint(w, 1);
	cbor_write_bytes(w, SPAN_OF(s->id.bytes));
	cbor_write_uint(w, 2);
	cbor_write_uint(w, s->first_generation);
	cbor_write_uint(w, 3);
	cbor_write_uint(w, s->last_generation);
	cbor_write_uint(w, 4);
	cbor_write_uint(w, s->first_time_s);
	cbor_write_uint(w, 5);
	cbor_write_uint(w, s->last_time_s);
	cbor_write_uint(w, 6);
	cbor_write_array(w, s->stay_count);
	for (size_t i = 0; i < s->stay_count; i++)
		stay_encode(w, &s->stays[i]);
	cbor_write_uint(w, 7);
	cbor_write_uint(w, s->others);
	cbor_write_uint(w, 8);
	cbor_write_bytes(w, SPAN_OF(s->last.bytes));
	cbor_write_uint(w, 9);
	cbor_write_bytes(w, SPAN_OF(s->at_ak.bytes));
	cbor_write_uint(w, 10);
	cbor_write_bytes(w, SPAN_OF(s->at_ppid));
	cbor_write_uint(w, 11);
	cbor_write_bytes(w, SPAN_OF(s->mige_key.bytes));
}

enum tcb_error custody_summary_decode(struct span payload, struct custody_summary *ret_s)
{
	struct reader r = reader_of(payload);
	struct custody_summary s = {0};

	TRY(cbor_read_map_of(&r, 11));
	TRY(cbor_read_key(&r, 1));
	TRY(cbor_read_fixed(&r, s.id.bytes, sizeof s.id.bytes));
	TRY(cbor_read_key(&r, 2));
	TRY(cbor_read_uint(&r, &s.first_generation));
	TRY(cbor_read_key(&r, 3));
	TRY(cbor_read_uint(&r, &s.last_generation));
	TRY(cbor_read_key(&r, 4));
	TRY(cbor_read_uint(&r, &s.first_time_s));
	TRY(cbor_read_key(&r, 5));
	TRY(cbor_read_uint(&r, &s.last_time_s));
	TRY(cbor_read_key(&r, 6));
	TRY(stays_decode(&r, &s));
	TRY(cbor_read_key(&r, 7));
	TRY(cbor_read_uint(&r, &s.others));
	TRY(cbor_read_key(&r, 8));
	TRY(cbor_read_fixed(&r, s.last.bytes, sizeof s.last.bytes));
	TRY(cbor_read_key(&r, 9));
	TRY(cbor_read_fixed(&r, s.at_ak.bytes, sizeof s.at_ak.bytes));
	TRY(cbor_read_key(&r, 10));
	TRY(cbor_read_fixed(&r, s.at_ppid, sizeof s.at_ppid));
	TRY(cbor_read_key(&r, 11));
	TRY(cbor_read_fixed(&r, s.mige_key.bytes, sizeof s.mige_key.bytes));
	TRY(reader_end(&r));
	if (!adds_up(&s))
		return TCB_MALFORMED;
	*ret_s = s;
	return TCB_OK;
}

enum tcb_error custody_summary_read(struct span signed_summary, struct custody_summary *ret_s)
{
	struct p256_signature signature;
	struct span payload;

	TRY(cose_sign1_decode(signed_summary, CUSTODY_SUMMARY_TYPE, &payload, &signature));
	return custody_summary_decode(payload, ret_s);
}
