// SPDX-License-Identifier: MIT
/* A quote before anything of it is believed: structure, chain, and its own signatures under whatever root it has; then without collateral, and with
 * none that fits. Must reach: quote_parts_decode(), quote_peek_root(), quote_appraise() and, in it, pck_chain_decode(), pck_facts_decode(),
 * x509_is_issued(), crypto_verify(). Properties: the parts close exactly; no quote is trusted without collateral. */
#include "crypto/crypto.h"
#include "fuzz/target.h"
#include "verify/appraise/quote.h"
#include "verify/appraise/quote_format.h"

static void check_parts(struct span quote, const struct quote_parts *p)
{
	const uint8_t *end = quote.data + quote.size;

	MUST_HOLD(p->signed_bytes.data == quote.data && p->signed_bytes.size < quote.size);
	MUST_HOLD(p->body.data + p->body.size == quote.data + p->signed_bytes.size);
	MUST_HOLD(p->qe_report.size == 384 && p->qe_report.data > p->body.data && p->qe_report.data + 384 < end);
	MUST_HOLD(p->pck_chain.data + p->pck_chain.size == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy;
	static struct checks checks;
	static struct quote_claims claims;
	struct collateral none = {0};
	struct quote_parts parts;
	struct span quote = span_of(data, size);

	if (quote_parts_decode(quote, &parts) == TCB_OK)
		check_parts(quote, &parts);
	policy = (struct policy){ .root_count = 1, .accepted_statuses = ~0u };
	if (quote_peek_root(quote, &policy.roots[0]) != TCB_OK)
		policy.root_count = 0;
	checks = (struct checks){0};
	MUST_HOLD(quote_appraise(quote, NULL, &policy, FUZZ_NOW_S, &checks, &claims) != TCB_OK);
	checks = (struct checks){0};
	MUST_HOLD(quote_appraise(quote, &none, &policy, FUZZ_NOW_S, &checks, &claims) != TCB_OK);
	MUST_HOLD(checks_first_failure(&checks) != NULL);
	return 0;
}
