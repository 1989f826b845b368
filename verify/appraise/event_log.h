/* TCG crypto-agile event logs (PC Client Platform Firmware Profile, section 10), replayed in the SHA-256 bank. */
#ifndef TCBIND_VERIFY_APPRAISE_EVENT_LOG_H
#define TCBIND_VERIFY_APPRAISE_EVENT_LOG_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"

/* What PCR 0..23 are after the log's events, from a reset. TCB_MALFORMED: not such a log, or without SHA-256 digests. */
enum tcb_error event_log_replay(struct span log, struct digest256 ret_pcrs[LIMIT_PCRS]) MUST_USE;

#endif
