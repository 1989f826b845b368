#include "verify/appraise/event_log.h"

#include "core/reader.h"
#include "crypto/crypto.h"

enum { EV_NO_ACTION = 3, ALG_SHA256 = 0x000b, ALGORITHMS_MAX = 8 };

/* Digest sizes that the log's first event declares. */
struct algorithms {
	size_t count;
	uint16_t id[ALGORITHMS_MAX], size[ALGORITHMS_MAX];
};

static enum tcb_error read_spec_id(struct reader *r, struct algorithms *ret_algorithms)
{
	static const char signature[16] = "Spec ID Event03";
	struct span digest, event, text, skip;
	struct reader e;
	uint32_t pcr, type, size, count;
	uint8_t vendor_size;

	TRY(reader_u32_le(r, &pcr));
	TRY(reader_u32_le(r, &type));
	TRY(reader_bytes(r, 20, &digest));
	TRY(reader_u32_le(r, &size));
	TRY(reader_bytes(r, size, &event));
	e = reader_of(event);
	TRY(reader_bytes(&e, 16, &text));
	TRY(reader_bytes(&e, 8, &skip));
	TRY(reader_u32_le(&e, &count));
	if (pcr != 0 || type != EV_NO_ACTION || !span_equal(text, SPAN_OF(signature)) || count == 0 ||
	    count > ALGORITHMS_MAX)
		return TCB_MALFORMED;
	for (uint32_t i = 0; i < count; i++) {
		TRY(reader_u16_le(&e, &ret_algorithms->id[i]));
		TRY(reader_u16_le(&e, &ret_algorithms->size[i]));
	}
	ret_algorithms->count = count;
	TRY(reader_u8(&e, &vendor_size));
	TRY(reader_bytes(&e, vendor_size, &skip));
	return reader_end(&e);
}

/* One digest for each algorithm, each once; the SHA-256 one is wanted. */
static enum tcb_error read_digests(struct reader *r, const struct algorithms *algorithms, struct span *ret_sha256)
{
	struct span digest;
	uint32_t count;
	uint16_t id;

	*ret_sha256 = span_of(NULL, 0);
	TRY(reader_u32_le(r, &count));
	if (count == 0 || count > algorithms->count)
		return TCB_MALFORMED;
	for (uint32_t i = 0; i < count; i++) {
		size_t known = 0;

		TRY(reader_u16_le(r, &id));
		while (known < algorithms->count && algorithms->id[known] != id)
			known++;
		if (known == algorithms->count)
			return TCB_MALFORMED;
		TRY(reader_bytes(r, algorithms->size[known], &digest));
		if (id == ALG_SHA256 && (digest.size != SHA256_SIZE || ret_sha256->size != 0))
			return TCB_MALFORMED;
		if (id == ALG_SHA256)
			*ret_sha256 = digest;
	}
	return ret_sha256->size == SHA256_SIZE ? TCB_OK : TCB_MALFORMED;
}

/* "StartupLocality" and a locality: where PCR 0 starts from (PFP section 10.4.5.3). */
static void take_startup_locality(struct span event, struct digest256 *pcr0)
{
	static const char signature[16] = "StartupLocality";

	if (event.size == 17 && memcmp(event.data, signature, sizeof signature) == 0)
		pcr0->bytes[SHA256_SIZE - 1] = event.data[16];
}

static enum tcb_error replay_event(struct reader *r, const struct algorithms *algorithms, struct digest256 *pcrs)
{
	uint32_t pcr, type, size;
	struct span digest, event;

	TRY(reader_u32_le(r, &pcr));
	TRY(reader_u32_le(r, &type));
	TRY(read_digests(r, algorithms, &digest));
	TRY(reader_u32_le(r, &size));
	TRY(reader_bytes(r, size, &event));
	if (pcr >= LIMIT_PCRS)
		return TCB_MALFORMED;
	if (type == EV_NO_ACTION) {
		if (pcr == 0)
			take_startup_locality(event, &pcrs[0]);
		return TCB_OK;
	}
	return crypto_sha256_all((struct span[]){SPAN_OF(pcrs[pcr].bytes), digest}, 2, &pcrs[pcr]);
}

enum tcb_error event_log_replay(struct span log, struct digest256 ret_pcrs[LIMIT_PCRS])
{
	struct reader r = reader_of(log);
	struct algorithms algorithms;

	memset(ret_pcrs, 0, LIMIT_PCRS * sizeof ret_pcrs[0]);
	for (unsigned pcr = 17; pcr <= 22; pcr++) /* dynamic launch: all ones until then */
		memset(ret_pcrs[pcr].bytes, 0xff, SHA256_SIZE);
	TRY(read_spec_id(&r, &algorithms));
	while (r.rest.size > 0)
		TRY(replay_event(&r, &algorithms, ret_pcrs));
	return TCB_OK;
}
