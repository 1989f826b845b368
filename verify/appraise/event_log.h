// SPDX-License-Identifier: MIT
/* TCG crypto-agile event logs (PC Client Platform Firmware Profile, section 10): walked event by event, and replayed in the SHA-256 bank. */
#ifndef TCBIND_VERIFY_APPRAISE_EVENT_LOG_H
#define TCBIND_VERIFY_APPRAISE_EVENT_LOG_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"

#define EVENT_ALGORITHMS_MAX 8

/* What a log's first event, the Spec ID event, declares: the digests of each later event. */
struct event_algorithms {
	size_t count;
	uint16_t id[EVENT_ALGORITHMS_MAX], size[EVENT_ALGORITHMS_MAX];
};

/* A walk through a log, which it borrows. */
struct event_log {
	struct span rest; /* events that are still to come */
	struct event_algorithms algorithms;
};

struct log_event {
	uint32_t pcr, type;
	bool extends;       /* false: EV_NO_ACTION, which tells and measures nothing */
	struct span digest; /* SHA-256, 32 bytes */
	struct span data;   /* whatever the one who measured wrote; NOT vouched for by the digest (event_text.h tells when it is) */
};

/* Takes the first event. TCB_REFUSED: a log of the older, SHA-1 format, or a crypto-agile one without SHA-256. TCB_MALFORMED: no log,
 * a version we do not know, an algorithm twice, or a digest size that is not the algorithm's. */
enum tcb_error event_log_open(struct span log, struct event_log *ret_log) MUST_USE;
/* The next event; *ret_end at the end of the log, and then no event. TCB_MALFORMED: an event that does not fit in what is left, has a
 * digest of an undeclared algorithm, twice the same or no SHA-256 one, or an impossible PCR. */
enum tcb_error event_log_next(struct event_log *log, bool *ret_end, struct log_event *ret_event) MUST_USE;

/* PCR 0..23 as a reset leaves them: zeros, but ones in 17..22 until a dynamic launch. */
void pcrs_reset(struct digest256 ret_pcrs[LIMIT_PCRS]);

/* What PCR 0..23 are after the log's events, from a reset:
 *   EV_NO_ACTION extends nothing. Its StartupLocality (section 10.4.5.3; 0, 3 or 4, once, before PCR 0 is extended) is where PCR 0 starts
 *   from; EV_EFI_HCRTM_EVENT as the first in PCR 0 means 4, whatever StartupLocality says. The first event in one of PCR 17..22 tells of a dynamic launch, which has set
 *   all six to zeros.
 * Errors of event_log_open() and event_log_next(); TCB_MALFORMED for a StartupLocality out of place. */
enum tcb_error event_log_replay(struct span log, struct digest256 ret_pcrs[LIMIT_PCRS]) MUST_USE;
/* Bit i: the log has an event that extends PCR i. 0 for what is no log. */
uint32_t event_log_pcrs(struct span log);

#endif
