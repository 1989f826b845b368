// SPDX-License-Identifier: MIT
/* TCG event logs. Everything in a log is its writer's word until the PCRs that it leads to are found in a quote. */
#include "verify/appraise/event_log.h"

#include "core/reader.h"
#include "crypto/crypto.h"

enum {
	EV_NO_ACTION = 3,
	ALG_SHA256 = 0x000b,
	SHA1_SIZE = 20,
	PCR_NONE = -1, /* of EV_NO_ACTION events that are about no PCR */
	DYNAMIC_FIRST = 17,
	DYNAMIC_LAST = 22,
};

#define EV_EFI_HCRTM_EVENT 0x80000010u
#define DYNAMIC_PCRS 0x7e0000u

/* TPM_ALG_ID and digest size, of algorithms whose size we know (TPM 2.0 Part 2, 6.3). */
static const uint16_t known_sizes[][2] = {
	{0x0004, 20}, {0x000b, 32}, {0x000c, 48}, {0x000d, 64}, {0x0012, 32}, {0x0027, 32}, {0x0028, 48}, {0x0029, 64},
};

static bool size_fits(uint16_t id, uint16_t size)
{
	for (size_t i = 0; i < sizeof known_sizes / sizeof known_sizes[0]; i++)
		if (known_sizes[i][0] == id)
			return known_sizes[i][1] == size;
	return size > 0 && size <= 64;
}

static size_t find_algorithm(const struct event_algorithms *algorithms, uint16_t id)
{
	size_t i = 0;

	while (i < algorithms->count && algorithms->id[i] != id)
		i++;
	return i;
}

/* TCG_PCR_EVENT: the form of the first event, and of every event of the older logs. */
static enum tcb_error read_first(struct reader *r, uint32_t *ret_pcr, uint32_t *ret_type, struct span *ret_digest,
				 struct span *ret_event)
{
	uint32_t size;

	TRY(reader_u32_le(r, ret_pcr));
	TRY(reader_u32_le(r, ret_type));
	TRY(reader_bytes(r, SHA1_SIZE, ret_digest));
	TRY(reader_u32_le(r, &size));
	return reader_bytes(r, size, ret_event);
}

/* TCG_EfiSpecIDEvent behind its signature (section 10.4.5.1): platform class, version 2.x, size of UINTN, algorithms, vendor's bytes. */
static enum tcb_error read_spec_id(struct reader *e, struct event_algorithms *ret_algorithms)
{
	struct event_algorithms a = {0};
	uint32_t platform_class, count;
	uint8_t minor, major, errata, word_size, vendor_size;
	struct span vendor;

	TRY(reader_u32_le(e, &platform_class));
	TRY(reader_u8(e, &minor));
	TRY(reader_u8(e, &major));
	TRY(reader_u8(e, &errata));
	TRY(reader_u8(e, &word_size));
	TRY(reader_u32_le(e, &count));
	if (platform_class > 1 || major != 2 || word_size < 1 || word_size > 2 || count == 0 || count > EVENT_ALGORITHMS_MAX)
		return TCB_MALFORMED;
	for (; a.count < count; a.count++) {
		TRY(reader_u16_le(e, &a.id[a.count]));
		TRY(reader_u16_le(e, &a.size[a.count]));
		if (find_algorithm(&a, a.id[a.count]) != a.count || !size_fits(a.id[a.count], a.size[a.count]))
			return TCB_MALFORMED;
	}
	TRY(reader_u8(e, &vendor_size));
	TRY(reader_bytes(e, vendor_size, &vendor));
	TRY(reader_end(e));
	*ret_algorithms = a;
	return TCB_OK;
}

enum tcb_error event_log_open(struct span log, struct event_log *ret_log)
{
	static const char agile[16] = "Spec ID Event03", older[16] = "Spec ID Event02", oldest[16] = "Spec ID Event00";
	static const uint8_t zeros[SHA1_SIZE];
	struct reader r = reader_of(log), e;
	struct span digest, event, signature;
	struct event_algorithms algorithms;
	uint32_t pcr, type;

	if (log.size > LIMIT_EVENT_LOG)
		return TCB_LIMIT;
	TRY(read_first(&r, &pcr, &type, &digest, &event));
	e = reader_of(event);
	if (pcr >= LIMIT_PCRS)
		return TCB_MALFORMED;
	if (type != EV_NO_ACTION) /* whole, and of the form that had nothing but SHA-1 */
		return TCB_REFUSED;
	TRY(reader_bytes(&e, sizeof agile, &signature));
	if (span_equal(signature, SPAN_OF(older)) || span_equal(signature, SPAN_OF(oldest)))
		return TCB_REFUSED;
	if (pcr != 0 || !span_equal(digest, SPAN_OF(zeros)) || !span_equal(signature, SPAN_OF(agile)))
		return TCB_MALFORMED;
	TRY(read_spec_id(&e, &algorithms));
	if (find_algorithm(&algorithms, ALG_SHA256) == algorithms.count)
		return TCB_REFUSED;
	*ret_log = (struct event_log){ .rest = r.rest, .algorithms = algorithms };
	return TCB_OK;
}

/* One digest for each algorithm at most, each once; the SHA-256 one is wanted. */
static enum tcb_error read_digests(struct reader *r, const struct event_algorithms *algorithms, struct span *ret_sha256)
{
	struct span sha256 = {0}, digest;
	unsigned seen = 0;
	uint32_t count;
	uint16_t id;

	TRY(reader_u32_le(r, &count));
	if (count == 0 || count > algorithms->count)
		return TCB_MALFORMED;
	for (uint32_t i = 0; i < count; i++) {
		size_t known;

		TRY(reader_u16_le(r, &id));
		known = find_algorithm(algorithms, id);
		if (known == algorithms->count || (seen & 1u << known) != 0)
			return TCB_MALFORMED;
		seen |= 1u << known;
		TRY(reader_bytes(r, algorithms->size[known], &digest));
		if (id == ALG_SHA256)
			sha256 = digest;
	}
	if (sha256.size != SHA256_SIZE)
		return TCB_MALFORMED;
	*ret_sha256 = sha256;
	return TCB_OK;
}

enum tcb_error event_log_next(struct event_log *log, bool *ret_end, struct log_event *ret_event)
{
	struct reader r = reader_of(log->rest);
	struct log_event e;
	uint32_t size;

	if (log->rest.size == 0) {
		*ret_end = true;
		return TCB_OK;
	}
	TRY(reader_u32_le(&r, &e.pcr));
	TRY(reader_u32_le(&r, &e.type));
	TRY(read_digests(&r, &log->algorithms, &e.digest));
	TRY(reader_u32_le(&r, &size));
	TRY(reader_bytes(&r, size, &e.data));
	e.extends = e.type != EV_NO_ACTION;
	if (e.pcr >= LIMIT_PCRS && (e.extends || e.pcr != (uint32_t)PCR_NONE))
		return TCB_MALFORMED;
	log->rest = r.rest;
	*ret_event = e;
	*ret_end = false;
	return TCB_OK;
}

/* ---- replay ---- */

void pcrs_reset(struct digest256 ret_pcrs[LIMIT_PCRS])
{
	memset(ret_pcrs, 0, LIMIT_PCRS * sizeof ret_pcrs[0]);
	for (unsigned pcr = DYNAMIC_FIRST; pcr <= DYNAMIC_LAST; pcr++)
		memset(ret_pcrs[pcr].bytes, 0xff, SHA256_SIZE);
}

struct replay {
	struct digest256 pcrs[LIMIT_PCRS];
	uint32_t extended; /* bit i: PCR i */
	bool locality_told;
};

/* "StartupLocality" and a locality: where PCR 0 starts from. */
static enum tcb_error take_locality(struct replay *p, const struct log_event *e)
{
	static const char signature[16] = "StartupLocality";
	uint8_t locality;

	if (e->data.size < sizeof signature || memcmp(e->data.data, signature, sizeof signature) != 0)
		return TCB_OK; /* it tells of something else */
	if (e->pcr != 0 || e->data.size != sizeof signature + 1 || p->locality_told || (p->extended & 1) != 0)
		return TCB_MALFORMED;
	locality = e->data.data[sizeof signature];
	if (locality != 0 && locality != 3 && locality != 4)
		return TCB_MALFORMED;
	p->pcrs[0].bytes[SHA256_SIZE - 1] = locality;
	p->locality_told = true;
	return TCB_OK;
}

static enum tcb_error take_event(struct replay *p, const struct log_event *e)
{
	uint32_t bit = 1u << (e->pcr % 32);

	if (!e->extends)
		return take_locality(p, e);
	if (e->pcr == 0 && e->type == EV_EFI_HCRTM_EVENT && (p->extended & 1) == 0)
		p->pcrs[0].bytes[SHA256_SIZE - 1] = 4;
	if ((bit & DYNAMIC_PCRS) != 0 && (p->extended & DYNAMIC_PCRS) == 0)
		memset(&p->pcrs[DYNAMIC_FIRST], 0, (DYNAMIC_LAST - DYNAMIC_FIRST + 1) * sizeof p->pcrs[0]);
	p->extended |= bit;
	return crypto_sha256_all((struct span[]){SPAN_OF(p->pcrs[e->pcr].bytes), e->digest}, 2, &p->pcrs[e->pcr]);
}

static enum tcb_error replay(struct span bytes, struct replay *p)
{
	struct event_log log;
	struct log_event e;
	bool end = false;

	pcrs_reset(p->pcrs);
	TRY(event_log_open(bytes, &log));
	for (;;) {
		TRY(event_log_next(&log, &end, &e));
		if (end)
			return TCB_OK;
		TRY(take_event(p, &e));
	}
}

enum tcb_error event_log_replay(struct span log, struct digest256 ret_pcrs[LIMIT_PCRS])
{
	struct replay p = {0};

	TRY(replay(log, &p));
	memcpy(ret_pcrs, p.pcrs, sizeof p.pcrs);
	return TCB_OK;
}

uint32_t event_log_pcrs(struct span bytes)
{
	uint32_t extended = 0;
	struct event_log log;
	struct log_event e;
	bool end = false;

	if (event_log_open(bytes, &log) != TCB_OK)
		return 0;
	while (event_log_next(&log, &end, &e) == TCB_OK && !end)
		if (e.extends)
			extended |= 1u << e.pcr;
	return extended;
}
