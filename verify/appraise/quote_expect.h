// SPDX-License-Identifier: MIT
/* What a caller expects of a quote that quote_appraise() has judged: fields by name. For callers that have no enclave or TD policy of their own. */
#ifndef TCBIND_VERIFY_APPRAISE_QUOTE_EXPECT_H
#define TCBIND_VERIFY_APPRAISE_QUOTE_EXPECT_H

#include "verify/appraise/quote.h"

/* `name` a field of docs/dcap.md ("mrenclave", "mrtd", "reportdata", "min-isvsvn"), `text` its value: hexadecimal digits for the whole of it, or
 * a decimal number. TCB_MALFORMED: no such field, or no such value; no check is added. Code of the check: quote.expected; a field of the other
 * TEE fails. */
enum tcb_error quote_expect(const struct quote_claims *claims, const char *name, struct span text, struct checks *checks,
			    bool *ret_passed) MUST_USE;

/* None of the advisories applies; code: quote.advisory. */
bool quote_expect_no_advisory(const struct quote_claims *claims, const char *advisory, struct checks *checks);

/* An SGX enclave as our own are: its loader has set nothing that the measurement does not cover (CONFIGID, CONFIGSVN, ISVEXTPRODID, ISVFAMILYID). */
bool quote_expect_plain(const struct quote_claims *claims, const char *layer, const char *code, struct checks *checks);

#endif
